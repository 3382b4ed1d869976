"""Registers to and from protobuf."""

from placet.api.permission.v1 import register_pb2 as pb
from placet.sdk.ids import coded_id, micros
from placet.sdk.model.registers import Attestation, Device, Purpose, Site
from placet.sdk.wire.consents import operations_to_pb
from placet.sdk.wire.words import INFERENCE, OPERATION, PLACE_CLASS, RETENTION_ANCHOR, STORAGE


def purpose_to_pb(purpose: Purpose) -> pb.Purpose:
    """Return the message of a purpose; raises Invalid naming the field."""
    return pb.Purpose(
        id=coded_id("purpose.id", purpose.id),
        name=purpose.name,
        necessity=purpose.necessity,
        operations=operations_to_pb(purpose.operations, "purpose.operations"),
        inferences=[INFERENCE.number("purpose.inferences", one) for one in purpose.inferences],
        storage=STORAGE.number("purpose.storage", purpose.storage),
        retention_days=purpose.retention_days,
        assessment_sha256=purpose.assessment_sha256,
        assessment_valid_until=micros("purpose.assessment_valid_until", purpose.assessment_valid_until),
        reviewed_by=purpose.reviewed_by,
        reviewed_at=micros("purpose.reviewed_at", purpose.reviewed_at),
        public_safety=purpose.public_safety,
        alternative=purpose.alternative,
        permit_lifetime=purpose.permit_lifetime,
        retention_anchor=RETENTION_ANCHOR.number("purpose.retention_anchor", purpose.retention_anchor),
        review_statement=purpose.review_statement,
        ended_at=micros("purpose.ended_at", purpose.ended_at),
    )


def purpose_of(purpose: pb.Purpose) -> Purpose:
    """Return a purpose."""
    return Purpose(
        id=purpose.id,
        name=purpose.name,
        necessity=purpose.necessity,
        operations=tuple(OPERATION.word(number) for number in purpose.operations),
        inferences=tuple(INFERENCE.word(number) for number in purpose.inferences),
        storage=STORAGE.word(purpose.storage) if purpose.storage else None,
        retention_days=purpose.retention_days,
        assessment_sha256=purpose.assessment_sha256,
        assessment_valid_until=purpose.assessment_valid_until or None,
        reviewed_by=purpose.reviewed_by,
        reviewed_at=purpose.reviewed_at or None,
        public_safety=purpose.public_safety,
        alternative=purpose.alternative,
        permit_lifetime=purpose.permit_lifetime,
        retention_anchor=RETENTION_ANCHOR.word(purpose.retention_anchor) if purpose.retention_anchor else None,
        review_statement=purpose.review_statement,
        ended_at=purpose.ended_at or None,
    )


def site_to_pb(site: Site) -> pb.Site:
    """Return the message of a site; raises Invalid naming the field."""
    return pb.Site(
        id=coded_id("site.id", site.id),
        name=site.name,
        place_class=PLACE_CLASS.number("site.place_class", site.place_class),
        public_place=site.public_place,
    )


def site_of(site: pb.Site) -> Site:
    """Return a site."""
    return Site(
        id=site.id, name=site.name, place_class=PLACE_CLASS.word(site.place_class), public_place=site.public_place
    )


def device_to_pb(device: Device) -> pb.Device:
    """Return the message of a device; raises Invalid naming the field."""
    return pb.Device(
        id=coded_id("device.id", device.id),
        name=device.name,
        site=coded_id("device.site", device.site),
        place_class=PLACE_CLASS.number("device.place_class", device.place_class),
        public_place=device.public_place,
        sign_sha256=device.sign_sha256,
        sign_valid_until=micros("device.sign_valid_until", device.sign_valid_until),
        collection_area_set=device.collection_area_set,
        alternative=device.alternative,
        sign_position=device.sign_position,
        sign_languages=device.sign_languages,
        sign_checked_at=micros("device.sign_checked_at", device.sign_checked_at),
        collection_area=device.collection_area,
        public_safety_need=device.public_safety_need,
        retired=device.retired,
    )


def device_of(device: pb.Device) -> Device:
    """Return a device."""
    return Device(
        id=device.id,
        name=device.name,
        site=device.site,
        place_class=PLACE_CLASS.word(device.place_class),
        public_place=device.public_place,
        sign_sha256=device.sign_sha256,
        sign_valid_until=device.sign_valid_until or None,
        collection_area_set=device.collection_area_set,
        alternative=device.alternative,
        sign_position=device.sign_position,
        sign_languages=tuple(device.sign_languages),
        sign_checked_at=device.sign_checked_at or None,
        collection_area=device.collection_area,
        public_safety_need=device.public_safety_need,
        retired=device.retired,
    )


def attestation_to_pb(attestation: Attestation) -> pb.Attestation:
    """Return the message of an attestation; raises Invalid naming the field."""
    return pb.Attestation(
        protection_valid_until=micros("attestation.protection_valid_until", attestation.protection_valid_until),
        filing_current=attestation.filing_current,
        face_is_default=attestation.face_is_default,
        refusal_equal=attestation.refusal_equal,
        choice_reset_by_update=attestation.choice_reset_by_update,
    )
