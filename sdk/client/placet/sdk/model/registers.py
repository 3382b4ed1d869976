"""The registers of a controller: purposes, sites, devices, and what it attests of itself.

Times are microseconds since 1970 UTC or aware datetimes, None: not stated. Names are for people, never in the
ledger.
"""

from dataclasses import dataclass
from datetime import datetime

from placet.sdk.vocabulary import Inference, Operation, PlaceClass, RetentionAnchor, Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """Why faces are processed, and what that needs (law.md). `permit_lifetime` in seconds, 0: 60.

    When necessity, operations, inferences, storage or public safety change, the assessment has to be made again.
    """

    id: str
    name: str = ""
    necessity: str = ""
    operations: tuple[Operation, ...] = ()
    inferences: tuple[Inference, ...] = ()
    storage: Storage | None = None
    retention_days: int = 0
    assessment_sha256: bytes = b""
    assessment_valid_until: datetime | int | None = None
    reviewed_by: str = ""
    reviewed_at: datetime | int | None = None
    public_safety: bool = False
    alternative: str = ""
    permit_lifetime: int = 0
    retention_anchor: RetentionAnchor | None = None
    review_statement: str = ""
    ended_at: datetime | int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where devices stand."""

    id: str
    name: str = ""
    place_class: PlaceClass
    public_place: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A camera, its sign and the alternative offered beside it."""

    id: str
    name: str = ""
    site: str
    place_class: PlaceClass
    public_place: bool = False
    sign_sha256: bytes = b""
    sign_valid_until: datetime | int | None = None
    collection_area_set: bool = False
    alternative: str = ""
    sign_position: str = ""
    sign_languages: tuple[str, ...] = ()
    sign_checked_at: datetime | int | None = None
    collection_area: str = ""
    public_safety_need: str = ""
    retired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What the controller attests of itself: protection (R3), filing (R8), capture flow (R13).

    A registered `Deployment` counts instead of `protection_valid_until`, a `CaptureFlow` instead of the last three.
    """

    protection_valid_until: datetime | int | None = None
    filing_current: bool = False
    face_is_default: bool = False
    refusal_equal: bool = False
    choice_reset_by_update: bool = False
