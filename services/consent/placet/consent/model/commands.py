"""What callers ask for. A command that exists is well-formed: its constructor names the field that is not.

Owns: the shape of every request and the digest that tells a repeated request from another one.
Never: looks anything up. Proto 0 and empty are `None` here where they mean "none".
"""

from dataclasses import dataclass
from datetime import date

from placet.consent.errors import Invalid, missing, too_large
from placet.consent.model import checks
from placet.consent.model.notices import NoticeContent
from placet.consent.model.vocabulary import (
    DEFAULT_ZONE,
    Channel,
    Choice,
    ConsentId,
    Controller,
    EndedBy,
    Expression,
    GuardianKind,
    GuardianshipId,
    Instant,
    Operation,
    ServedId,
    SubjectRef,
)

# What a person gives no reason for has this one: nobody need explain a withdrawal.
NO_REASON = "not_stated"


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishNotice:
    """Publish a version of a notice."""

    controller: Controller
    content: NoticeContent

    def __post_init__(self) -> None:
        checks.controller(self.controller)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordServed:
    """Record that a notice was shown to a person."""

    controller: Controller
    id: ServedId
    subject: SubjectRef
    notice_hash: bytes
    language: str
    channel: Channel
    device: str | None
    rendered_hash: bytes | None
    served_at: Instant

    def __post_init__(self) -> None:
        checks.controller(self.controller)
        checks.uuid("id", self.id)
        checks.subject("subject", self.subject)
        checks.sha256("notice_hash", self.notice_hash)
        checks.language("language", self.language)
        if self.device is not None:
            checks.code("device", self.device)
        checks.optional_sha256("rendered_hash", self.rendered_hash)
        checks.instant("served_at", self.served_at)


@dataclass(frozen=True, kw_only=True, slots=True)
class Capture:
    """Record a person's decision on one purpose."""

    controller: Controller
    id: ConsentId
    subject: SubjectRef
    purpose: str
    choice: Choice
    notice_hash: bytes
    notice_served: ServedId | None
    language: str
    operations: tuple[Operation, ...]
    sites: tuple[str, ...]
    egress: bool
    not_before: Instant | None
    not_after: Instant | None
    max_events: int | None
    channel: Channel
    expression: Expression
    expression_evidence: bytes | None
    alternative: str | None
    birth_date: date | None
    guardianships: tuple[GuardianshipId, ...]
    imported: bool
    zone: str = DEFAULT_ZONE

    def __post_init__(self) -> None:
        checks.controller(self.controller)
        checks.uuid("id", self.id)
        checks.subject("subject", self.subject)
        checks.code("purpose", self.purpose)
        checks.sha256("notice_hash", self.notice_hash)
        if self.notice_served is not None:
            checks.uuid("notice_served", self.notice_served)
        checks.language("language", self.language)
        if self.alternative is not None:
            checks.code("alternative", self.alternative)
        checks.optional_sha256("expression_evidence", self.expression_evidence)
        checks.count("max_events", self.max_events)
        checks.zone("zone", self.zone)
        self._scope()
        _guardianships(self.guardianships)
        object.__setattr__(self, "guardianships", tuple(sorted(self.guardianships)))

    def _scope(self) -> None:
        object.__setattr__(self, "operations", checks.operations("operations", self.operations, needed=True))
        object.__setattr__(self, "sites", checks.sites("sites", self.sites, needed=True))
        start = checks.optional_instant("not_before", self.not_before)
        end = checks.optional_instant("not_after", self.not_after)
        if start is not None and end is not None and end <= start:
            raise Invalid("not_after", "not_after is not later than not_before.")


def _guardianships(values: tuple[GuardianshipId, ...]) -> None:
    if len(values) > checks.MAX_GUARDIANSHIPS:
        raise too_large("guardianships", f"{checks.MAX_GUARDIANSHIPS} guardianships")
    for at, value in enumerate(values):
        checks.uuid(f"guardianships[{at}]", value)
    if len(set(values)) != len(values):
        raise Invalid("guardianships", "guardianships names the same guardianship twice.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Amend:
    """Narrow a consent. None or empty: unchanged."""

    controller: Controller
    id: ConsentId
    amendment: str
    operations: tuple[Operation, ...]
    sites: tuple[str, ...]
    end_egress: bool
    not_after: Instant | None

    def __post_init__(self) -> None:
        checks.controller(self.controller)
        checks.uuid("id", self.id)
        checks.uuid("amendment", self.amendment)
        object.__setattr__(self, "operations", checks.operations("operations", self.operations, needed=False))
        object.__setattr__(self, "sites", checks.sites("sites", self.sites, needed=False))
        checks.optional_instant("not_after", self.not_after)
        if not (self.operations or self.sites or self.end_egress or self.not_after):
            raise missing("operations", "what to narrow: operations, sites, end_egress or not_after")


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdraw:
    """Withdraw a consent."""

    controller: Controller
    id: ConsentId
    by: EndedBy
    reason: str = NO_REASON

    def __post_init__(self) -> None:
        checks.controller(self.controller)
        checks.uuid("id", self.id)
        _ending(self.by, self.reason)


def _ending(by: EndedBy, reason: str) -> None:
    if by is EndedBy.SYSTEM:
        raise Invalid("by", "by is SYSTEM, which only Placet itself states; say who withdraws.")
    checks.reason_code("reason", reason)


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenGuardianship:
    """State that the documents of guardian and minor were checked; `actor` is the token's sub."""

    controller: Controller
    id: GuardianshipId
    minor: SubjectRef
    guardian: SubjectRef
    kind: GuardianKind
    minor_birth_date: date
    proof_sha256: bytes
    not_after: Instant | None
    zone: str = DEFAULT_ZONE

    def __post_init__(self) -> None:
        checks.controller(self.controller)
        checks.uuid("id", self.id)
        checks.subject("minor", self.minor)
        checks.subject("guardian", self.guardian)
        if self.minor == self.guardian:
            raise Invalid("guardian", "guardian is the minor themselves; name another person.")
        checks.sha256("proof_sha256", self.proof_sha256)
        checks.zone("zone", self.zone)
        checks.optional_instant("not_after", self.not_after)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfirmGuardianship:
    """State, as a second person, that the documents were checked."""

    controller: Controller
    id: GuardianshipId

    def __post_init__(self) -> None:
        checks.controller(self.controller)
        checks.uuid("id", self.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawGuardianship:
    """End a guardianship: every consent that needs it stops."""

    controller: Controller
    id: GuardianshipId
    by: EndedBy
    reason: str = NO_REASON

    def __post_init__(self) -> None:
        checks.controller(self.controller)
        checks.uuid("id", self.id)
        _ending(self.by, self.reason)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lookup:
    """Which consents stand behind these persons and ordinals; from inside the mesh."""

    controller: Controller
    subjects: tuple[SubjectRef, ...]
    ordinals: tuple[int, ...]

    def __post_init__(self) -> None:
        checks.controller(self.controller)
        if len(self.subjects) + len(self.ordinals) > MAX_LOOKUP:
            raise too_large("subjects", f"{MAX_LOOKUP} subjects and ordinals together")


# Of an AuthorizeBatch (512), twice: by person and by the basis named.
MAX_LOOKUP = 1_024
