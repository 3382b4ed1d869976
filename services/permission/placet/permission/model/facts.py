"""What a policy sees of purpose, device and controller: from register items at one moment to facts.

Owns: the facts and how they are read out of items. What is registered in detail counts instead of the controller's one
attestation: a capture flow for its purpose, deployments for the protection, alternatives for the text at purpose or
device. Never: a database, a clock, the order of entries (`model.assessing`). What is missing or has lapsed is false, so
that the policy denies. Source: law.md section 5.
"""

from collections.abc import Collection
from typing import NamedTuple

from placet.permission.model.attestations import Alternative, CaptureFlow, Deployment, Measure
from placet.permission.model.registers import Attestation, Device, Purpose, Site
from placet.permission.model.vocabulary import BANNED_INFERENCES, FORBIDDEN_PLACES, Inference, Operation, PlaceClass

ALL_MEASURES = frozenset(Measure)


class PurposeFacts(NamedTuple):
    """What a policy sees of a purpose.

    `retention_stated` is the half of `retention_within_limit` that is known without the event.
    """

    purpose_registered: bool = False
    necessity_stated: bool = False
    assessment_valid: bool = False
    purpose_reviewed: bool = False
    public_safety: bool = False
    retention_stated: bool = False


class DeviceFacts(NamedTuple):
    """What a policy sees of a device at its site."""

    place_class: str
    in_public_place: bool
    sign_valid: bool = False
    collection_area_set: bool = False
    alternative_available: bool = False


class FlowFacts(NamedTuple):
    """What a policy sees of the controller: capture flow, filing, protection."""

    face_is_default: bool
    refusal_equal: bool
    choice_reset_by_update: bool
    filing_current: bool
    protection_attested: bool


class PlaceShape(NamedTuple):
    """All that a policy sees besides the event and its basis: the key under which decisions are memoised."""

    purpose: PurposeFacts
    device: DeviceFacts
    flow: FlowFacts


def purpose_facts(
    purpose: Purpose | None, operation: Operation, inference: Inference | None, now: int, *, assessed: bool
) -> PurposeFacts:
    """Return the facts of a purpose; it counts as registered only for what it names, and until it ends."""
    if purpose is None:
        return PurposeFacts()
    named = operation in purpose.operations and _infers(purpose, inference)
    return PurposeFacts(
        purpose_registered=named and not purpose.ended(now),
        necessity_stated=bool(purpose.necessity.strip()),
        assessment_valid=assessed,
        purpose_reviewed=bool(purpose.reviewed_by) and 0 < purpose.reviewed_at <= now,
        public_safety=purpose.public_safety,
        retention_stated=purpose.retention_days > 0,
    )


def _infers(purpose: Purpose, inference: Inference | None) -> bool:
    asked = inference or Inference.NONE
    return asked is Inference.NONE or asked in purpose.inferences or asked in BANNED_INFERENCES


def device_facts(device: Device | None, site: Site | None, now: int, *, alternative: bool) -> DeviceFacts:
    """Return the facts of a device at its site; a forbidden class of the site is not mended by the device's own.

    Nobody knows where an unregistered device stands, so it counts as standing in a public place, without sign, area or
    alternative: no pack allows that, whatever the basis.
    """
    forbidden = site.place_class if site and site.place_class in FORBIDDEN_PLACES else None
    if device is None or site is None:
        return DeviceFacts((forbidden or PlaceClass.OTHER).value, in_public_place=True)
    return DeviceFacts(
        place_class=(forbidden or device.place_class).value,
        in_public_place=device.public_place or site.public_place,
        sign_valid=device.sign_stands(now),
        collection_area_set=device.area_set,
        alternative_available=alternative,
    )


def flow_facts(
    attestation: Attestation, flow: CaptureFlow | None, deployments: Collection[Deployment], now: int
) -> FlowFacts:
    """Return the facts of the controller for one purpose. A capture flow whose check does not stand proves nothing."""
    return FlowFacts(
        face_is_default=(flow.face_is_default or flow.face_is_first) if flow else attestation.face_is_default,
        refusal_equal=(flow.refusal_equal and flow.stands_at(now)) if flow else attestation.refusal_equal,
        choice_reset_by_update=flow.choice_reset_by_update if flow else attestation.choice_reset_by_update,
        filing_current=attestation.filing_current,
        protection_attested=protection_attested(attestation, deployments, now),
    )


def protection_attested(attestation: Attestation, deployments: Collection[Deployment], now: int) -> bool:
    """Tell whether every deployment in use has all measures; without any, what the controller attests counts."""
    if deployments:
        in_use = [one for one in deployments if not one.retired]
        return bool(in_use) and all(one.attested_at(now) == ALL_MEASURES for one in in_use)
    return attestation.protection_valid_until > now


def alternative_offered(
    device: Device | None, purpose: Purpose | None, registered: Collection[Alternative], now: int
) -> str:
    """Return what people may do instead of showing their face, "" if nothing is known to work (R9)."""
    if registered:
        return next((one.name for one in registered if one.works_at(now)), "")
    return (device.alternative if device else "") or (purpose.alternative if purpose else "")


def turns_of(
    attestation: Attestation,
    purpose: Purpose | None,
    device: Device | None,
    flow: CaptureFlow | None,
    deployments: Collection[Deployment],
    alternatives: Collection[Alternative],
) -> list[int]:
    """Return the moments at which a fact may change by itself."""
    turns = [attestation.protection_valid_until]
    if purpose:
        turns += [purpose.reviewed_at, purpose.ended_at]
    if device:
        turns += [device.sign_checked_at, device.sign_valid_until]
    if flow:
        turns += [flow.checked_at, flow.valid_until]
    for deployment in deployments:
        turns += [turn for one in deployment.measures for turn in (one.checked_at, one.valid_until)]
    for alternative in alternatives:
        turns += [alternative.checked_at, alternative.valid_until]
    return turns
