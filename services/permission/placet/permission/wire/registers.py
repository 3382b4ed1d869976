"""Register items from and to protobuf, and the receipts that changes are answered with.

Owns: the mapping of every field; bounds and required fields are the model's. Never: fills in what the law asks for
(an unspecified place class is FIELD_MISSING); an unspecified storage means that nothing is kept.
"""

from placet.api.common.v1 import evidence_pb2
from placet.api.permission.v1 import register_pb2 as pb
from placet.permission.errors import missing
from placet.permission.model.receipts import Receipt
from placet.permission.model.registers import Attestation, Device, Purpose, Site
from placet.permission.model.vocabulary import Storage
from placet.permission.wire.words import (
    ANCHORS,
    INFERENCES,
    OPERATIONS,
    PLACE_CLASSES,
    STORAGES,
    number_of,
    number_or_0,
    word,
    word_or_none,
    words,
)


def purpose_from_pb(request: pb.PutPurposeRequest) -> Purpose:
    """Return the purpose of a request. Raises Invalid naming `purpose.<field>`."""
    if not request.HasField("purpose"):
        raise missing("purpose", "the purpose")
    purpose = request.purpose
    return Purpose(
        id=purpose.id,
        name=purpose.name,
        necessity=purpose.necessity,
        operations=words(OPERATIONS, purpose.operations, "purpose.operations"),
        inferences=words(INFERENCES, purpose.inferences, "purpose.inferences"),
        storage=word_or_none(STORAGES, purpose.storage, "purpose.storage") or Storage.NONE,
        retention_days=purpose.retention_days,
        assessment_sha256=purpose.assessment_sha256,
        assessment_valid_until=purpose.assessment_valid_until,
        reviewed_by=purpose.reviewed_by,
        reviewed_at=purpose.reviewed_at,
        public_safety=purpose.public_safety,
        alternative=purpose.alternative,
        permit_lifetime=purpose.permit_lifetime,
        retention_anchor=word_or_none(ANCHORS, purpose.retention_anchor, "purpose.retention_anchor"),
        review_statement=purpose.review_statement,
        ended_at=purpose.ended_at,
    )


def purpose_to_pb(purpose: Purpose) -> pb.Purpose:
    """Return a purpose as it travels."""
    return pb.Purpose(
        id=purpose.id,
        name=purpose.name,
        necessity=purpose.necessity,
        operations=[number_of(OPERATIONS, operation) for operation in purpose.operations],  # type: ignore[misc]
        inferences=[number_of(INFERENCES, inference) for inference in purpose.inferences],  # type: ignore[misc]
        storage=number_of(STORAGES, purpose.storage),  # type: ignore[arg-type]
        retention_days=purpose.retention_days,
        assessment_sha256=purpose.assessment_sha256,
        assessment_valid_until=purpose.assessment_valid_until,
        reviewed_by=purpose.reviewed_by,
        reviewed_at=purpose.reviewed_at,
        public_safety=purpose.public_safety,
        alternative=purpose.alternative,
        permit_lifetime=purpose.permit_lifetime,
        retention_anchor=number_or_0(ANCHORS, purpose.retention_anchor),  # type: ignore[arg-type]
        review_statement=purpose.review_statement,
        ended_at=purpose.ended_at,
    )


def site_from_pb(request: pb.PutSiteRequest) -> Site:
    """Return the site of a request. Raises Invalid naming `site.<field>`."""
    if not request.HasField("site"):
        raise missing("site", "the site")
    site = request.site
    return Site(
        id=site.id,
        name=site.name,
        place_class=word(PLACE_CLASSES, site.place_class, "site.place_class"),
        public_place=site.public_place,
    )


def site_to_pb(site: Site) -> pb.Site:
    """Return a site as it travels."""
    return pb.Site(
        id=site.id,
        name=site.name,
        place_class=number_of(PLACE_CLASSES, site.place_class),  # type: ignore[arg-type]
        public_place=site.public_place,
    )


def device_from_pb(request: pb.PutDeviceRequest) -> Device:
    """Return the device of a request. Raises Invalid naming `device.<field>`."""
    if not request.HasField("device"):
        raise missing("device", "the device")
    device = request.device
    return Device(
        id=device.id,
        name=device.name,
        site=device.site,
        place_class=word(PLACE_CLASSES, device.place_class, "device.place_class"),
        public_place=device.public_place,
        sign_sha256=device.sign_sha256,
        sign_valid_until=device.sign_valid_until,
        collection_area_set=device.collection_area_set,
        alternative=device.alternative,
        sign_position=device.sign_position,
        sign_languages=tuple(device.sign_languages),
        sign_checked_at=device.sign_checked_at,
        collection_area=device.collection_area,
        public_safety_need=device.public_safety_need,
        retired=device.retired,
    )


def device_to_pb(device: Device) -> pb.Device:
    """Return a device as it travels."""
    return pb.Device(
        id=device.id,
        name=device.name,
        site=device.site,
        place_class=number_of(PLACE_CLASSES, device.place_class),  # type: ignore[arg-type]
        public_place=device.public_place,
        sign_sha256=device.sign_sha256,
        sign_valid_until=device.sign_valid_until,
        collection_area_set=device.collection_area_set,
        alternative=device.alternative,
        sign_position=device.sign_position,
        sign_languages=device.sign_languages,
        sign_checked_at=device.sign_checked_at,
        collection_area=device.collection_area,
        public_safety_need=device.public_safety_need,
        retired=device.retired,
    )


def attestation_from_pb(request: pb.PutAttestationRequest) -> Attestation:
    """Return the attestation of a request. Raises Invalid naming `attestation.<field>`."""
    if not request.HasField("attestation"):
        raise missing("attestation", "the attestation")
    attestation = request.attestation
    return Attestation(
        protection_valid_until=attestation.protection_valid_until,
        filing_current=attestation.filing_current,
        face_is_default=attestation.face_is_default,
        refusal_equal=attestation.refusal_equal,
        choice_reset_by_update=attestation.choice_reset_by_update,
    )


def receipt_to_pb(receipt: Receipt) -> evidence_pb2.LedgerReceipt:
    """Return an entry, its inclusion proof and the checkpoint as they travel."""
    return evidence_pb2.LedgerReceipt(
        entry=evidence_pb2.ProvenEntry(
            index=receipt.index, entry=receipt.entry, leaf_hash=receipt.leaf, proof=receipt.proof
        ),
        checkpoint=evidence_pb2.Checkpoint(note=receipt.checkpoint, tree_size=receipt.size),
    )
