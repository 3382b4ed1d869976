"""What a service asks the sequencer to append: an entry without what the sequencer assigns.

`check_draft` is the gate for everything malformed; the rules (`placet.evidence.admission`) trust its result. The bounds
are narrower than what an entry may hold: coded ids only, so nothing personal gets in by way of an id, and sizes that
always fit an entry. Plain dataclasses with simple annotations, so that msgspec reads and writes them; the two of a
face event, of which a log has the most by far, are named tuples: made, written and read in a third of the time.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from placet.evidence.approvals import APPROVED, approval_of
from placet.evidence.canonical import encode, require
from placet.evidence.checks import (
    RECORD_TYPE,
    Check,
    ascending,
    boolean,
    byte_string,
    code,
    each,
    identifier,
    integer,
    json_object,
    matching,
    one_of,
    optional,
    scope,
    sha256_text,
    uuid,
    within,
)
from placet.evidence.entries import require_egress, require_vault_egress, to_json
from placet.evidence.errors import DraftError, EvidenceError, FieldError
from placet.evidence.kinds import PolicyRef
from placet.evidence.terms import (
    ANY,
    LOG_CREATED,
    MAX_INT,
    SECOND,
    BasisOrdinal,
    EndedBy,
    Form,
    LeafIndex,
    Micros,
    Operation,
    Verdict,
    value,
)

MAX_DRAFT_BYTES: Final = 64_000
"""What the sequencer adds to a draft needs less than the 1,535 bytes that are left."""
MAX_ITEMS: Final = 256
MAX_LINKS: Final = 16
MAX_PERMIT_USES: Final = 1_000
MAX_PERMIT_LIFETIME: Final = 24 * 3_600 * SECOND


@value
class GrantDraft:
    """A basis to be granted; `not_before` as asked, the sequencer may move it forward."""

    form: Form
    subject: str | None
    purposes: tuple[str, ...]
    operations: tuple[str, ...]
    sites: tuple[str, ...]
    egress: bool
    not_before: Micros
    not_after: Micros | None
    needs: tuple[BasisOrdinal, ...]
    max_events: int | None
    approvals: tuple[LeafIndex, ...]
    record: str
    notice: str | None
    law: str
    authority: str | None
    imported: bool = False


@value
class AmendDraft:
    """A basis to be made narrower; null leaves a field as it is."""

    basis: BasisOrdinal
    purposes: tuple[str, ...] | None = None
    operations: tuple[str, ...] | None = None
    sites: tuple[str, ...] | None = None
    egress: bool | None = None
    not_after: Micros | None = None


@value
class WithdrawDraft:
    """A basis to be ended."""

    basis: BasisOrdinal
    by: EndedBy
    reason: str


@value
class DecisionDraft:
    """What the policy packs said of one context."""

    policies: tuple[PolicyRef, ...]
    context: dict[str, Any]
    verdict: Verdict
    permit: tuple[str, ...]
    forbid: tuple[str, ...]
    errors: tuple[str, ...]


class PermitAsked(NamedTuple):
    """The permit wanted with an allow: how many uses, and how long after the event's `t` it lasts."""

    max_uses: int
    lifetime_us: int


class EventDraft(NamedTuple):
    """A face event; the index of its decision is handed to the rules besides."""

    # Invariant: the order of the fields is also that of the append request (ADR 0004).

    id: str
    frame: str | None
    basis: BasisOrdinal | None
    purpose: str
    operation: Operation
    device: str
    site: str
    egress: bool
    occurred: Micros
    offline: bool
    seen: int
    permit: PermitAsked | None


@value
class UseDraft:
    """A use about to be made of an event's permit."""

    event: LeafIndex
    service: str


@value
class OutcomeDraft:
    """What became of an event or a use."""

    of: LeafIndex
    result: str


@value
class RecordDraft:
    """A fact to be recorded."""

    type: str
    data: dict[str, Any]


Draft: TypeAlias = (
    GrantDraft | AmendDraft | WithdrawDraft | DecisionDraft | EventDraft | UseDraft | OutcomeDraft | RecordDraft
)


def scope_of(ids: Iterable[str]) -> tuple[str, ...]:
    """Return ids as a draft's scope wants them: ascending, each once, and `*` alone if it is among them."""
    found = set(ids)
    return ANY if "*" in found else tuple(sorted(found))


def check_draft(draft: Draft) -> None:
    """Raise DraftError, naming the field, unless a draft is well-formed and its entry is sure to fit 65,535 bytes.

    Whether it may be appended at this position is for the rules to say.
    """
    name = type(draft).__name__.removesuffix("Draft").lower()
    try:
        for field, check in _CHECKS[type(draft)]:
            check(field, getattr(draft, field))
        whole = _WHOLE.get(type(draft))
        if whole is not None:
            whole(draft)
    except EvidenceError as error:
        raise DraftError(error.reason, f"{name}.{error.field}", error.message) from error


def _check_grant(draft: GrantDraft) -> None:
    for field in ("purposes", "operations", "sites"):
        if draft.form != Form.GUARDIANSHIP and not getattr(draft, field):
            raise FieldError(field, 'must not be empty; "*" alone covers everything')
    _require_size(draft)


def _check_decision(draft: DecisionDraft) -> None:
    context = draft.context
    for field in sorted(context):
        if field in _NEVER_LOGGED:
            raise FieldError(f"context.{field}", "is never logged: a change of band tells a birthday; log `minor`")
        _LOGGED.get(field, _fact)(f"context.{field}", context[field])
    require_vault_egress(context)
    for field in _LOGGED:
        if field not in context:
            raise FieldError(f"context.{field}", "is missing; the context of a decision is total")
    if draft.verdict == Verdict.ALLOW and (draft.errors or draft.forbid):
        field = "errors" if draft.errors else "forbid"
        raise FieldError(field, "must be empty when the verdict is allow: an error or a forbidding article is a denial")
    _require_size(draft)


def _check_event(draft: EventDraft) -> None:
    require_egress(draft.operation, draft.egress)


def _check_record(draft: RecordDraft) -> None:
    require(draft.data, "data")
    if draft.type == APPROVED:
        approval_of(draft.data)
    if draft.type == LOG_CREATED:
        raise FieldError("type", f"{LOG_CREATED} is entry 0, which only the log itself writes")
    _require_size(draft)


def _require_size(draft: Draft) -> None:
    size = len(encode(to_json(draft)))
    if size > MAX_DRAFT_BYTES:
        raise FieldError("draft", f"has {size} bytes as JSON, at most {MAX_DRAFT_BYTES} fit an entry; make it smaller")


def _fact(field: str, fact: object) -> None:
    """Refuse what may be personal: only true, false, integers, codes and lists of codes are logged."""
    if isinstance(fact, str):
        code(field, fact)
    elif isinstance(fact, list | tuple):
        ascending(code, MAX_ITEMS)(field, fact)
    elif not isinstance(fact, bool):
        integer(field, fact)


def _policies(field: str, policies: object) -> None:
    found = each(_policy, MAX_ITEMS)(field, policies)
    ascending(code)(f"{field}.id", tuple(policy.id for policy in found))


def _policy(field: str, policy: object) -> PolicyRef:
    if not isinstance(policy, PolicyRef):
        raise FieldError(field, "must be a policy's id and hash")
    sha256_text(f"{field}.hash", policy.hash)
    return policy


def _permit_asked(field: str, asked: object) -> None:
    if not isinstance(asked, PermitAsked):
        raise FieldError(field, "must be a permit's max_uses and lifetime_us")
    within(1, MAX_PERMIT_USES)(f"{field}.max_uses", asked.max_uses)
    within(1, MAX_PERMIT_LIFETIME)(f"{field}.lifetime_us", asked.lifetime_us)


_NEVER_LOGGED: Final = frozenset({"age_band"})
_LOGGED: Final[Mapping[str, Check[object]]] = {
    "operation": one_of(Operation),
    "egress": boolean,
    "basis_form": matching(re.compile("none|consent|legal_permission"), "the form of a basis"),
    "minor": ascending(code, MAX_ITEMS),
}
_SCOPES: Final = (
    ("purposes", scope(identifier, MAX_ITEMS)),
    ("operations", scope(one_of(Operation))),
    ("sites", scope(identifier, MAX_ITEMS)),
    ("egress", boolean),
    ("not_after", optional(integer)),
)
_CHECKS: Final[Mapping[type, Sequence[tuple[str, Check[object]]]]] = {
    GrantDraft: (
        ("form", one_of(Form)),
        ("subject", optional(byte_string(16))),
        *_SCOPES,
        ("not_before", integer),
        ("needs", ascending(integer, MAX_LINKS)),
        ("max_events", optional(within(1, MAX_INT))),
        ("approvals", ascending(integer, MAX_LINKS)),
        ("record", sha256_text),
        ("notice", optional(sha256_text)),
        ("law", code),
        ("authority", optional(code)),
        ("imported", boolean),
    ),
    AmendDraft: (("basis", integer), *((field, optional(check)) for field, check in _SCOPES)),
    WithdrawDraft: (("basis", integer), ("by", one_of(EndedBy)), ("reason", code)),
    DecisionDraft: (
        ("policies", _policies),
        ("context", json_object),
        ("verdict", one_of(Verdict)),
        ("permit", ascending(code)),
        ("forbid", ascending(code)),
        ("errors", ascending(code)),
    ),
    EventDraft: (
        ("id", uuid),
        ("frame", optional(uuid)),
        ("basis", optional(integer)),
        ("purpose", identifier),
        ("operation", one_of(Operation)),
        ("device", identifier),
        ("site", identifier),
        ("egress", boolean),
        ("occurred", integer),
        ("offline", boolean),
        ("seen", integer),
        ("permit", optional(_permit_asked)),
    ),
    UseDraft: (("event", integer), ("service", code)),
    OutcomeDraft: (("of", integer), ("result", code)),
    RecordDraft: (("type", matching(RECORD_TYPE, "dotted noun.verb")), ("data", json_object)),
}
_WHOLE: Final[Mapping[type, Callable[[Any], None]]] = {
    GrantDraft: _check_grant,
    DecisionDraft: _check_decision,
    EventDraft: _check_event,
    RecordDraft: _check_record,
    AmendDraft: _require_size,
}
