"""Purposes, sites, devices and what a controller attests of itself: one change is one ledger entry.

Owns: these items, their invariants, and the record of every item, those of `model.attestations` too: the canonical JSON
that the log commits to, held off-log. Never: names in the ledger (an entry holds the id and a salted commitment).
Source: law.md sections 1 and 5.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Any

from placet.evidence.canonical import b64url, decode, unb64url
from placet.permission.model.attestations import (
    Alternative,
    AlternativeUsage,
    Assessment,
    CaptureFlow,
    Deployment,
    Destruction,
    Incident,
    Measure,
    MeasureAttestation,
)
from placet.permission.model.events import MAX_PERMIT_LIFETIME
from placet.permission.model.fields import check_bytes, check_code, check_int, check_text, check_words
from placet.permission.model.filings import FROM_JSON as FILINGS_FROM_JSON
from placet.permission.model.filings import Filing, FilingFacts
from placet.permission.model.vocabulary import MAX_INT, Inference, Operation, PlaceClass, Storage

MAX_NAME = 200
MAX_NECESSITY = 4_000
MAX_RETENTION_DAYS = 36_500


class ItemKind(StrEnum):
    """What stands in a register; the value is part of the record type in the ledger (`register.device_put`)."""

    PURPOSE = "purpose"
    SITE = "site"
    DEVICE = "device"
    ATTESTATION = "attestation"
    ASSESSMENT = "assessment"
    DESTRUCTION = "destruction"
    INCIDENT = "incident"
    DEPLOYMENT = "deployment"
    CAPTURE_FLOW = "capture_flow"
    ALTERNATIVE = "alternative"
    ALTERNATIVE_USAGE = "alternative_usage"
    FILING = "filing"
    FILING_FACTS = "filing_facts"


class RetentionAnchor(StrEnum):
    """From when the days of a purpose's retention are counted."""

    PURPOSE_END = "purpose_end"
    LAST_INTERACTION = "last_interaction"
    WHICHEVER_FIRST = "whichever_first"


# Invariant: a field with a default was added later; it stands in the record only with another value, so that what was
# registered before keeps its record and its digest.
@dataclass(frozen=True, kw_only=True, slots=True)
class Purpose:
    """Why faces are processed. Times are microseconds since 1970 UTC, 0: none."""

    id: str
    name: str
    necessity: str
    operations: tuple[Operation, ...]
    inferences: tuple[Inference, ...]
    storage: Storage
    retention_days: int
    assessment_sha256: bytes
    assessment_valid_until: int
    reviewed_by: str
    reviewed_at: int
    public_safety: bool
    alternative: str
    permit_lifetime: int
    retention_anchor: RetentionAnchor | None = None
    review_statement: str = ""
    ended_at: int = 0

    def __post_init__(self) -> None:
        # Invariant: a coded id, at least one operation, each word once, hashes of 32 bytes or none, bounded texts.
        check_code("purpose.id", self.id)
        check_text("purpose.name", self.name, MAX_NAME)
        check_text("purpose.necessity", self.necessity, MAX_NECESSITY)
        check_words("purpose.operations", self.operations, needed=True)
        check_words("purpose.inferences", self.inferences, needed=False)
        check_int("purpose.retention_days", self.retention_days, MAX_RETENTION_DAYS)
        check_bytes("purpose.assessment_sha256", self.assessment_sha256, 32, optional=True)
        check_int("purpose.assessment_valid_until", self.assessment_valid_until, MAX_INT)
        check_code("purpose.reviewed_by", self.reviewed_by, optional=True)
        check_int("purpose.reviewed_at", self.reviewed_at, MAX_INT)
        check_text("purpose.alternative", self.alternative, MAX_NAME)
        check_int("purpose.permit_lifetime", self.permit_lifetime, MAX_PERMIT_LIFETIME)
        check_text("purpose.review_statement", self.review_statement, MAX_NECESSITY)
        check_int("purpose.ended_at", self.ended_at, MAX_INT)

    def ended(self, now: int) -> bool:
        """Tell whether the purpose has ended at `now`."""
        return 0 < self.ended_at <= now


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A place where devices stand."""

    id: str
    name: str
    place_class: PlaceClass
    public_place: bool

    def __post_init__(self) -> None:
        check_code("site.id", self.id)
        check_text("site.name", self.name, MAX_NAME)


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """A camera and the place it stands in."""

    id: str
    name: str
    site: str
    place_class: PlaceClass
    public_place: bool
    sign_sha256: bytes
    sign_valid_until: int
    collection_area_set: bool
    alternative: str
    sign_position: str = ""
    sign_languages: tuple[str, ...] = ()
    sign_checked_at: int = 0
    collection_area: str = ""
    public_safety_need: str = ""
    retired: bool = False

    def __post_init__(self) -> None:
        check_code("device.id", self.id)
        check_text("device.name", self.name, MAX_NAME)
        check_code("device.site", self.site)
        check_bytes("device.sign_sha256", self.sign_sha256, 32, optional=True)
        check_int("device.sign_valid_until", self.sign_valid_until, MAX_INT)
        check_text("device.alternative", self.alternative, MAX_NAME)
        check_text("device.sign_position", self.sign_position, MAX_NAME)
        check_words("device.sign_languages", self.sign_languages, needed=False)
        for at, language in enumerate(self.sign_languages):
            check_code(f"device.sign_languages[{at}]", language)
        check_int("device.sign_checked_at", self.sign_checked_at, MAX_INT)
        check_text("device.collection_area", self.collection_area, MAX_NECESSITY)
        check_text("device.public_safety_need", self.public_safety_need, MAX_NECESSITY)

    @property
    def area_set(self) -> bool:
        """Whether the collection area is set out."""
        return self.collection_area_set or bool(self.collection_area.strip())

    def sign_stands(self, now: int) -> bool:
        """Tell whether there is evidence of a sign at `now`."""
        return bool(self.sign_sha256) and self.sign_checked_at <= now < self.sign_valid_until


@dataclass(frozen=True, kw_only=True, slots=True)
class Attestation:
    """What the controller attests of its protection measures, its filing and its capture flow."""

    protection_valid_until: int
    filing_current: bool
    face_is_default: bool
    refusal_equal: bool
    choice_reset_by_update: bool

    def __post_init__(self) -> None:
        check_int("attestation.protection_valid_until", self.protection_valid_until, MAX_INT)


Item = (
    Purpose
    | Site
    | Device
    | Attestation
    | Assessment
    | Destruction
    | Incident
    | Deployment
    | CaptureFlow
    | Alternative
    | AlternativeUsage
    | Filing
    | FilingFacts
)

_CLASSES: Mapping[ItemKind, Callable[..., Item]] = {
    ItemKind.PURPOSE: Purpose,
    ItemKind.SITE: Site,
    ItemKind.DEVICE: Device,
    ItemKind.ATTESTATION: Attestation,
    ItemKind.ASSESSMENT: Assessment,
    ItemKind.DESTRUCTION: Destruction,
    ItemKind.INCIDENT: Incident,
    ItemKind.DEPLOYMENT: Deployment,
    ItemKind.CAPTURE_FLOW: CaptureFlow,
    ItemKind.ALTERNATIVE: Alternative,
    ItemKind.ALTERNATIVE_USAGE: AlternativeUsage,
    ItemKind.FILING: Filing,
    ItemKind.FILING_FACTS: FilingFacts,
}
_KINDS: Mapping[object, ItemKind] = {cls: kind for kind, cls in _CLASSES.items()}
# The attestation is the controller's only one.
ATTESTATION_ID = "attestation"


def kind_of(item: Item) -> ItemKind:
    """Return which register an item belongs to."""
    return register_of(type(item))


def register_of(cls: type[object]) -> ItemKind:
    """Return the register that holds items of this class."""
    return _KINDS[cls]


def id_of(item: Item) -> str:
    """Return the coded id of an item within its register."""
    match item:
        case Attestation():
            return ATTESTATION_ID
        case CaptureFlow():
            return item.purpose
        case _:
            return item.id


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One change of a register: the content, what opens its commitment in the log, and where it stands there.

    `version` counts the confirmed changes of the item up to this one, so that putting an old content back is a new
    change with a key of its own. `digest` is of the content alone.
    """

    kind: ItemKind
    id: str
    version: int
    digest: bytes
    record: bytes
    salt: bytes
    index: int | None = None

    def item(self) -> Item:
        """Return the content."""
        return item_of(self.kind, decode(self.record))


def record_of(item: Item) -> dict[str, object]:
    """Return the item's record: its fields as JSON values, which the log commits to in canonical form."""
    values = ((field, getattr(item, field.name)) for field in fields(item))
    return {field.name: _to_json(value) for field, value in values if value != field.default}


def item_of(kind: ItemKind, values: Mapping[str, Any]) -> Item:
    """Return the item that `record_of` described; raises ValueError, TypeError or Invalid if it is none."""
    return _CLASSES[kind](**_from_json(values))


def _to_json(value: object) -> object:
    if isinstance(value, bytes):
        return b64url(value)
    if isinstance(value, tuple):
        return [_to_json(one) for one in value]
    if is_dataclass(value):
        return {field.name: _to_json(getattr(value, field.name)) for field in fields(value)}
    return str(value) if isinstance(value, StrEnum) else value


def _from_json(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _FROM_JSON.get(name, _same)(value) for name, value in values.items()}


def _same(value: Any) -> Any:
    return value


_FROM_JSON: Mapping[str, Callable[[Any], Any]] = {
    "operations": lambda words: tuple(map(Operation, words)),
    "inferences": lambda words: tuple(map(Inference, words)),
    "storage": Storage,
    "place_class": PlaceClass,
    "retention_anchor": RetentionAnchor,
    "purposes": tuple,
    "sign_languages": tuple,
    "measure": Measure,
    "measures": lambda measures: tuple(MeasureAttestation(**_from_json(one)) for one in measures),
    "assessment_sha256": unb64url,
    "sign_sha256": unb64url,
    "report_sha256": unb64url,
    "evidence_sha256": unb64url,
    **FILINGS_FROM_JSON,
}
