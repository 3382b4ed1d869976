"""What a controller states of itself: assessments, incidents, deployments, capture flows, alternatives and their use.

Owns: the items and their invariants; as records they go the way of every register item (`model.registers`).
Never: whether one still stands: that depends on the moment and on later entries (`model.assessing`, `model.facts`).
Times are microseconds since 1970 UTC. Source: law.md section 1 (R2, R3, R9, R13), Order 19 Art 9, 10, 12, 14.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from placet.permission.errors import Invalid, missing
from placet.permission.model.fields import check_bytes, check_code, check_int, check_text, check_words
from placet.permission.model.vocabulary import MAX_INT

MAX_NAME = 200
MAX_STATEMENT = 8_000
MAX_PURPOSES = 100
MAX_COUNT = 2**40
_match_period = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])").fullmatch


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """An impact assessment of purposes: Order 19 Art 9 (a) to (d), all four stated."""

    id: str
    purposes: tuple[str, ...]
    report_sha256: bytes
    lawfulness: str
    rights_impact: str
    risks: str
    protection: str
    assessor: str
    concluded_at: int
    valid_until: int

    def __post_init__(self) -> None:
        # Invariant: it names purposes and one report, says all four things, and ends after it was made.
        check_code("assessment.id", self.id)
        _check_purposes("assessment.purposes", self.purposes)
        check_bytes("assessment.report_sha256", self.report_sha256, 32)
        for name, article in zip(STATEMENTS, "abcd", strict=True):
            _check_statement(f"assessment.{name}", getattr(self, name), f"what Order 19 Art 9 ({article}) asks for")
        check_code("assessment.assessor", self.assessor)
        _check_span("assessment", "concluded_at", self.concluded_at, self.valid_until)


STATEMENTS = ("lawfulness", "rights_impact", "risks", "protection")


@dataclass(frozen=True, kw_only=True, slots=True)
class Destruction:
    """That the records of an assessment were destroyed: nothing is left but its entries in the log."""

    id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """A major security incident."""

    id: str
    noticed_at: int
    description: str
    report_sha256: bytes

    def __post_init__(self) -> None:
        check_code("incident.id", self.id)
        _check_moment("incident.noticed_at", self.noticed_at)
        _check_statement("incident.description", self.description, "what happened")
        check_bytes("incident.report_sha256", self.report_sha256, 32, optional=True)


class Measure(StrEnum):
    """The protection measures of Order 19 Art 14 (R3)."""

    ENCRYPTION = "encryption"
    SECURITY_AUDIT = "security_audit"
    ACCESS_CONTROL = "access_control"
    AUTHORISATION_MANAGEMENT = "authorisation_management"
    INTRUSION_DETECTION = "intrusion_detection"


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasureAttestation:
    """One measure, checked; the evidence is kept elsewhere and named by its hash."""

    measure: Measure
    evidence_sha256: bytes
    checked_at: int
    valid_until: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """A system that processes faces, and what protects it."""

    id: str
    name: str
    measures: tuple[MeasureAttestation, ...]
    retired: bool

    def __post_init__(self) -> None:
        # Invariant: each measure at most once, each with evidence and an end.
        check_code("deployment.id", self.id)
        check_text("deployment.name", self.name, MAX_NAME)
        check_words("deployment.measures", [one.measure for one in self.measures], needed=False)
        for at, one in enumerate(self.measures):
            field = f"deployment.measures[{at}]"
            check_bytes(f"{field}.evidence_sha256", one.evidence_sha256, 32)
            _check_span(field, "checked_at", one.checked_at, one.valid_until)

    def attested_at(self, now: int) -> frozenset[Measure]:
        """Return the measures that stand at `now`."""
        return frozenset(one.measure for one in self.measures if one.checked_at <= now < one.valid_until)


@dataclass(frozen=True, kw_only=True, slots=True)
class CaptureFlow:
    """How people are asked for their face, for one purpose (R13)."""

    purpose: str
    face_is_default: bool
    face_is_first: bool
    refusal_equal: bool
    choice_reset_by_update: bool
    evidence_sha256: bytes
    checked_at: int
    valid_until: int

    def __post_init__(self) -> None:
        check_code("flow.purpose", self.purpose)
        check_bytes("flow.evidence_sha256", self.evidence_sha256, 32)
        _check_span("flow", "checked_at", self.checked_at, self.valid_until)

    def stands_at(self, now: int) -> bool:
        """Tell whether the check covers this moment."""
        return self.checked_at <= now < self.valid_until


@dataclass(frozen=True, kw_only=True, slots=True)
class Alternative:
    """What people can do instead of showing their face (R9). `valid_until` 0: until it is registered otherwise."""

    id: str
    name: str
    purposes: tuple[str, ...]
    in_service: bool
    checked_at: int
    valid_until: int

    def __post_init__(self) -> None:
        check_code("alternative.id", self.id)
        if not check_text("alternative.name", self.name, MAX_NAME).strip():
            raise missing("alternative.name", "what people are offered, e.g. `card and PIN`")
        _check_purposes("alternative.purposes", self.purposes)
        if self.valid_until:
            _check_span("alternative", "checked_at", self.checked_at, self.valid_until)
        else:
            _check_moment("alternative.checked_at", self.checked_at)

    def works_at(self, now: int) -> bool:
        """Tell whether it is known to work at this moment."""
        return self.in_service and self.checked_at <= now < (self.valid_until or MAX_INT)


@dataclass(frozen=True, kw_only=True, slots=True)
class AlternativeUsage:
    """How many used the face and how many the alternative, in one month (YYYY-MM), as the controller counts them."""

    purpose: str
    period: str
    face: int
    alternative: int

    def __post_init__(self) -> None:
        check_code("usage.purpose", self.purpose)
        if not _match_period(self.period):
            raise Invalid("usage.period", "usage.period is no month. Give YYYY-MM, e.g. 2026-11.")
        check_int("usage.face", self.face, MAX_COUNT)
        check_int("usage.alternative", self.alternative, MAX_COUNT)

    @property
    def id(self) -> str:
        """Return the id in the register: the period has a fixed length, so no two purposes share one."""
        return f"{self.purpose}:{self.period}"


def _check_purposes(field: str, purposes: tuple[str, ...]) -> None:
    for at, purpose in enumerate(purposes):
        check_code(f"{field}[{at}]", purpose)
    check_words(field, purposes, needed=True)
    check_int(f"the length of {field}", len(purposes), MAX_PURPOSES)


def _check_statement(field: str, text: str, what: str) -> None:
    if not check_text(field, text, MAX_STATEMENT).strip():
        raise missing(field, what)


def _check_moment(field: str, moment: int) -> None:
    if not check_int(field, moment):
        raise missing(field, "when that was, in microseconds since 1970 UTC")


def _check_span(field: str, begin: str, made: int, until: int) -> None:
    _check_moment(f"{field}.{begin}", made)
    check_int(f"{field}.valid_until", until)
    if until <= made:
        raise Invalid(f"{field}.valid_until", f"{field}.valid_until is not after {begin}. Give a later moment.")
