"""What a controller states of itself beyond purposes, sites and devices (law.md, R2, R3, R9, R13).

Times are microseconds since 1970 UTC or aware datetimes, None: not stated. Texts are for people, never in the ledger.
"""

from dataclasses import dataclass
from datetime import datetime

from placet.sdk.vocabulary import Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """An impact assessment (Order 19 Art 9 a to d). It stands for what it assessed: a change needs another report."""

    id: str
    purposes: tuple[str, ...]
    report_sha256: bytes
    lawfulness: str
    rights_impact: str
    risks: str
    protection: str
    assessor: str
    concluded_at: datetime | int
    valid_until: datetime | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A major security incident: every assessment made before it has to be made again."""

    id: str
    noticed_at: datetime | int
    description: str
    report_sha256: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureAttestation:
    """One protection measure, checked, with the hash of its evidence."""

    measure: Measure
    evidence_sha256: bytes
    checked_at: datetime | int
    valid_until: datetime | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A system that processes faces; all five measures must stand while it is in use."""

    id: str
    name: str = ""
    measures: tuple[MeasureAttestation, ...] = ()
    retired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureFlow:
    """How people are asked for their face, for one purpose; checked on the real flow."""

    purpose: str
    face_is_default: bool = False
    face_is_first: bool = False
    refusal_equal: bool = False
    choice_reset_by_update: bool = False
    evidence_sha256: bytes
    checked_at: datetime | int
    valid_until: datetime | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """What people can do instead of showing their face. `valid_until` None: until it is registered otherwise."""

    id: str
    name: str
    purposes: tuple[str, ...]
    in_service: bool = True
    checked_at: datetime | int
    valid_until: datetime | int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlternativeUsage:
    """How many used the face and how many the alternative, in one month (`YYYY-MM`)."""

    purpose: str
    period: str
    face: int
    alternative: int
