"""The registers and legal permissions of one controller, in memory, as the hot path reads them.

Owns: `Book`: put an item, and ask for the `Place` of an event: the facts of its purpose, site, device and controller.
Never: reads a database or a clock. Something unregistered has false facts, so that the policy denies the event: it is
never an error. Source: law.md section 5, vault.md section 1.
"""

from typing import NamedTuple

from placet.permission.model.basis import BasisFacts, Scope, first_covering, newest_first
from placet.permission.model.events import DEFAULT_PERMIT_LIFETIME
from placet.permission.model.registers import Attestation, Device, Item, Purpose, Site
from placet.permission.model.vocabulary import (
    BANNED_INFERENCES,
    FORBIDDEN_PLACES,
    MAX_INT,
    Inference,
    Operation,
    PlaceClass,
    Storage,
)

UNKNOWN_SITE = "unknown"
_MAX_PLACES = 16_384
_NOTHING_ATTESTED = Attestation(
    protection_valid_until=0,
    filing_current=False,
    face_is_default=False,
    refusal_equal=False,
    choice_reset_by_update=False,
)


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


class Place(NamedTuple):
    """Where and why an event happens, resolved once and kept until a register changes or a fact lapses."""

    shape: PlaceShape
    site: str
    storage: Storage
    alternative: str
    permit_lifetime: int
    retention_days: int
    # The facts hold for since <= now < until.
    since: int
    until: int
    # The shape as text: a string remembers its hash, and this is looked up with every event.
    key: str


class Book:
    """What one controller has registered. Mutable; used by one event loop."""

    def __init__(self) -> None:
        self.purposes: dict[str, Purpose] = {}
        self.sites: dict[str, Site] = {}
        self.devices: dict[str, Device] = {}
        self.attestation = _NOTHING_ATTESTED
        self.permissions: dict[int, BasisFacts] = {}
        self._by_purpose: dict[str, tuple[BasisFacts, ...]] = {}
        self._places: dict[tuple[str, str, str, str, str | None], Place] = {}

    def put(self, item: Item) -> None:
        """Register an item, or replace it."""
        match item:
            case Purpose():
                self.purposes[item.id] = item
            case Site():
                self.sites[item.id] = item
            case Device():
                self.devices[item.id] = item
            case Attestation():
                self.attestation = item
        self._places.clear()

    def put_permission(self, permission: BasisFacts) -> None:
        """Take in an issued legal permission, or replace it when it was revoked."""
        self.permissions[permission.ordinal] = permission
        for purpose in permission.purposes:
            kept = (other for other in self._by_purpose.get(purpose, ()) if other.ordinal != permission.ordinal)
            self._by_purpose[purpose] = newest_first([permission, *kept])

    def permission_for(self, scope: Scope) -> BasisFacts | None:
        """Return the newest legal permission that covers an event."""
        of_purpose = self._by_purpose.get(scope.purpose)
        return first_covering(of_purpose, scope) if of_purpose else None

    def place(
        self, purpose: str, device: str, site: str, operation: Operation, inference: Inference | None, now: int
    ) -> Place:
        """Return the facts at `now` (microseconds); `site` "" means the one the device is registered at."""
        key = (purpose, device, site, operation, inference)
        place = self._places.get(key)
        if place is not None and place.since <= now < place.until:
            return place
        if len(self._places) >= _MAX_PLACES:
            self._places.clear()
        place = self._places[key] = self._resolve(purpose, device, site, operation, inference, now)
        return place

    def _resolve(
        self, purpose_id: str, device_id: str, site_id: str, operation: Operation, inference: Inference | None, now: int
    ) -> Place:
        purpose = self.purposes.get(purpose_id)
        device = self.devices.get(device_id)
        where = site_id or (device.site if device else UNKNOWN_SITE)
        site = self.sites.get(where)
        stands = device if device and site and device.site == where else None
        alternative = (stands.alternative if stands else "") or (purpose.alternative if purpose else "")
        shape = PlaceShape(
            _purpose_facts(purpose, operation, inference, now),
            _device_facts(stands, site, bool(stands and alternative), now),
            _flow_facts(self.attestation, now),
        )
        turns = _turns(self.attestation, purpose, stands)
        return Place(
            shape=shape,
            site=where,
            storage=purpose.storage if purpose else Storage.NONE,
            alternative=alternative,
            permit_lifetime=(purpose.permit_lifetime if purpose else 0) or DEFAULT_PERMIT_LIFETIME,
            retention_days=purpose.retention_days if purpose else 0,
            since=max((turn for turn in turns if turn <= now), default=0),
            until=min((turn for turn in turns if turn > now), default=MAX_INT),
            key=repr(shape),
        )


def _turns(attestation: Attestation, purpose: Purpose | None, device: Device | None) -> list[int]:
    """Return the moments at which a fact changes by itself."""
    turns = [attestation.protection_valid_until]
    if purpose:
        turns += [purpose.assessment_valid_until, purpose.reviewed_at]
    if device:
        turns.append(device.sign_valid_until)
    return turns


def _purpose_facts(
    purpose: Purpose | None, operation: Operation, inference: Inference | None, now: int
) -> PurposeFacts:
    """Return the facts of a purpose; it counts as registered only for the operations and inferences it names."""
    if purpose is None:
        return PurposeFacts()
    return PurposeFacts(
        purpose_registered=operation in purpose.operations and _infers(purpose, inference),
        necessity_stated=bool(purpose.necessity.strip()),
        assessment_valid=bool(purpose.assessment_sha256) and purpose.assessment_valid_until > now,
        purpose_reviewed=bool(purpose.reviewed_by) and 0 < purpose.reviewed_at <= now,
        public_safety=purpose.public_safety,
        retention_stated=purpose.retention_days > 0,
    )


def _infers(purpose: Purpose, inference: Inference | None) -> bool:
    asked = inference or Inference.NONE
    return asked is Inference.NONE or asked in purpose.inferences or asked in BANNED_INFERENCES


def _device_facts(device: Device | None, site: Site | None, alternative: bool, now: int) -> DeviceFacts:
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
        sign_valid=bool(device.sign_sha256) and device.sign_valid_until > now,
        collection_area_set=device.collection_area_set,
        alternative_available=alternative,
    )


def _flow_facts(attestation: Attestation, now: int) -> FlowFacts:
    return FlowFacts(
        face_is_default=attestation.face_is_default,
        refusal_equal=attestation.refusal_equal,
        choice_reset_by_update=attestation.choice_reset_by_update,
        filing_current=attestation.filing_current,
        protection_attested=attestation.protection_valid_until > now,
    )
