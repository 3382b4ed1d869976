"""The rules `placet/rules/1`: what may be appended at a position, and with which verdict (ledger.md section 5).

Pure functions of a draft, a position and a view of everything before it; sequencer, replay and verifier call the same
ones. A face event or a use is never refused: it is appended, as `deny` with *all* reasons that apply, in this order:

 1. a basis is named, exists, and its form is not guardianship     BASIS_MISSING BASIS_UNKNOWN BASIS_FORM
    (without a basis, rules 2 to 5 and 7 are skipped)
 2. it is not withdrawn                                             BASIS_WITHDRAWN
 3. not_before <= x < not_after, for x = t and x = occurred         BASIS_NOT_YET_VALID BASIS_EXPIRED
 4. purpose, operation, site and egress are within it               PURPOSE_/OPERATION_/SITE_/EGRESS_NOT_COVERED
    and identify stands only under a legal permission               OPERATION_NEEDS_PERMISSION
 5. every guardianship that it needs is active at t                 GUARDIAN_WITHDRAWN GUARDIAN_EXPIRED
 6. -120 s <= t - occurred <= 120 s (72 h if offline)               CLOCK_OUT_OF_RANGE
 7. fewer than max_events allowed events stand under it             EVENTS_EXHAUSTED
 8. the decision allows, and was made for this event                POLICY POLICY_ERROR DECISION_MISMATCH
 9. seen <= i                                                       SEEN_IN_FUTURE

A use is judged by rules 2, 3 (for t), 4 and 5 at its own position, and by its permit: it exists (PERMIT_UNKNOWN), has
uses left (PERMIT_EXHAUSTED) and has not ended (PERMIT_EXPIRED). Grants, amends and withdraws can be refused:
`placet.evidence.grants`. Left out: whether a draft is well-formed (`drafts.check_draft`); idempotency, clocks and
deadlines (the sequencer); what the law says (the decision).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from placet.evidence.drafts import (
    AmendDraft,
    DecisionDraft,
    Draft,
    EventDraft,
    GrantDraft,
    OutcomeDraft,
    RecordDraft,
    UseDraft,
    WithdrawDraft,
)
from placet.evidence.errors import MissingFact
from placet.evidence.grants import ALL, AlreadyEnded, admit_amend, admit_grant, admit_withdraw, valid_at
from placet.evidence.kinds import Decision, Entry, Event, EventPermit, Outcome, Record, State, Use
from placet.evidence.reasons import Reason
from placet.evidence.terms import SECOND, BasisOrdinal, Form, LeafIndex, Micros, Operation, Verdict
from placet.evidence.view import AskedEvent, Basis, DecisionFacts, EventFacts, Place, Position, View

__all__ = (
    "AlreadyEnded",
    "admit",
    "admit_amend",
    "admit_decision",
    "admit_event",
    "admit_grant",
    "admit_outcome",
    "admit_record",
    "admit_state",
    "admit_use",
    "admit_withdraw",
    "against_event",
    "against_use",
)

CLOCK_SKEW: Final = 120 * SECOND
OFFLINE_DELAY: Final = 72 * 3_600 * SECOND
_NO_FORM: Final = "none"
# Named once: to look a member of an enum up costs 0.2 us, and these are asked for with every event.
_GUARDIANSHIP: Final = Form.GUARDIANSHIP
_LEGAL_PERMISSION: Final = Form.LEGAL_PERMISSION
_IDENTIFY: Final = Operation.IDENTIFY
_ALLOW: Final = Verdict.ALLOW
_DENY: Final = Verdict.DENY


def admit(draft: Draft, at: Position, view: View, *, decision: LeafIndex | None = None) -> Entry | AlreadyEnded:
    """Return the entry of any draft at a position; an event needs the index of its `decision`.

    AlreadyEnded instead of an entry: the basis was withdrawn before, nothing is to be appended. Raises AdmissionRefused
    when the rules refuse the draft, ValueError for an event without a decision.
    """
    if isinstance(draft, EventDraft):
        if decision is None:
            raise ValueError("an event is admitted with the index of its decision")
        return admit_event(draft, at, view, decision)
    return _ADMIT[type(draft)](draft, at, view)


def admit_event(draft: EventDraft, at: Position, view: View, decision: LeafIndex) -> Event:
    """Return the event with the verdict of the rules at this position; `decision` is the index of its decision.

    Raises MissingFact if the view has no such decision or lacks a guardianship that the basis needs.
    """
    basis = None if draft.basis is None else view.basis(draft.basis)
    reasons = against_event(draft, at.i, at.t, basis, view, view.decision(decision))
    asked = draft.permit
    permit = None
    if asked is not None and not reasons:
        permit = EventPermit(max_uses=asked.max_uses, not_after=Micros(at.t + asked.lifetime_us))
    return Event(
        i=at.i,
        prev=at.prev,
        t=at.t,
        id=draft.id,
        frame=draft.frame,
        basis=None if basis is None else basis.ordinal,
        purpose=draft.purpose,
        operation=draft.operation,
        device=draft.device,
        site=draft.site,
        egress=draft.egress,
        occurred=draft.occurred,
        offline=draft.offline,
        seen=draft.seen,
        decision=decision,
        verdict=_DENY if reasons else _ALLOW,
        reasons=tuple(reasons),
        permit=permit,
    )


def admit_use(draft: UseDraft, at: Position, view: View) -> Use:
    """Return the use with the verdict of the rules at this position."""
    event = view.event(draft.event)
    n = 1 + (view.allowed_uses(draft.event) if event else 0)
    reasons = against_use(event, n, at, view)
    return Use(
        i=at.i,
        prev=at.prev,
        t=at.t,
        event=draft.event if event else None,
        n=n,
        service=draft.service,
        verdict=_DENY if reasons else _ALLOW,
        reasons=tuple(reasons),
    )


def admit_decision(draft: DecisionDraft, at: Position) -> Decision:
    """Return the decision at this position; always admitted."""
    return Decision(
        i=at.i,
        prev=at.prev,
        t=at.t,
        policies=draft.policies,
        context=draft.context,
        verdict=draft.verdict,
        permit=draft.permit,
        forbid=draft.forbid,
        errors=draft.errors,
    )


def admit_outcome(draft: OutcomeDraft, at: Position) -> Outcome:
    """Return the outcome at this position; always admitted."""
    return Outcome(i=at.i, prev=at.prev, t=at.t, of=draft.of, result=draft.result)


def admit_record(draft: RecordDraft, at: Position) -> Record:
    """Return the record at this position; always admitted."""
    return Record(i=at.i, prev=at.prev, t=at.t, type=draft.type, data=draft.data)


def admit_state(at: Position, *, prev_state: LeafIndex | None, bases: int, status_root: str) -> State:
    """Return the state that ends a batch: it covers everything after the previous state, itself included."""
    first = LeafIndex(0 if prev_state is None else prev_state + 1)
    return State(
        i=at.i,
        prev=at.prev,
        t=at.t,
        prev_state=prev_state,
        covers=(first, at.i),
        bases=bases,
        status_root=status_root,
    )


def against_event(
    draft: AskedEvent, i: LeafIndex, t: Micros, basis: Basis | None, view: View, decision: DecisionFacts
) -> list[Reason]:
    """Return every reason against an event at index `i` and time `t` (rules 1 to 9), in order; none is an allow.

    `basis` is the one that the draft names, None if there is none or it does not exist.
    """
    reasons: list[Reason] = []
    form: str = _NO_FORM
    if basis is None:
        reasons.append(Reason.BASIS_MISSING if draft.basis is None else Reason.BASIS_UNKNOWN)
    else:
        form = basis.form
        if form == _GUARDIANSHIP:
            reasons.append(Reason.BASIS_FORM)
        _against_basis(reasons, basis, draft, t, draft.occurred, view)
    late = t - draft.occurred
    if not -CLOCK_SKEW <= late <= (OFFLINE_DELAY if draft.offline else CLOCK_SKEW):
        reasons.append(Reason.CLOCK_OUT_OF_RANGE)
    if basis is not None and basis.max_events is not None and view.allowed_events(basis.ordinal) >= basis.max_events:
        reasons.append(Reason.EVENTS_EXHAUSTED)
    reasons.extend(decision.against)
    if decision.operation != draft.operation or decision.egress is not draft.egress or decision.basis_form != form:
        reasons.append(Reason.DECISION_MISMATCH)
    if draft.seen > i:
        reasons.append(Reason.SEEN_IN_FUTURE)
    return reasons


def against_use(event: EventFacts | None, n: int, at: Place, view: View) -> list[Reason]:
    """Return every reason against a use, in order: those of its event's basis, then those of its permit."""
    reasons: list[Reason] = []
    if event is None:
        return [Reason.PERMIT_UNKNOWN]
    if event.basis is not None:
        basis = view.basis(event.basis)
        if basis is None:
            raise MissingFact(f"basis {event.basis}", "an event names it: load it before its use is judged")
        _against_basis(reasons, basis, event, at.t, at.t, view)
    if event.max_uses is None or not event.allowed:
        reasons.append(Reason.PERMIT_UNKNOWN)
        return reasons
    if n > event.max_uses:
        reasons.append(Reason.PERMIT_EXHAUSTED)
    if at.t >= event.not_after:
        reasons.append(Reason.PERMIT_EXPIRED)
    return reasons


def _against_basis(
    reasons: list[Reason], basis: Basis, asked: AskedEvent | EventFacts, t: Micros, occurred: Micros, view: View
) -> None:
    """Add the reasons of rules 2 to 5 against what is asked under a basis."""
    if basis.ended is not None:
        reasons.append(Reason.BASIS_WITHDRAWN)
    if t < basis.not_before or occurred < basis.not_before:
        reasons.append(Reason.BASIS_NOT_YET_VALID)
    end = basis.not_after
    if end is not None and (t >= end or occurred >= end):
        reasons.append(Reason.BASIS_EXPIRED)
    if asked.purpose not in basis.purposes and ALL not in basis.purposes:
        reasons.append(Reason.PURPOSE_NOT_COVERED)
    if asked.operation not in basis.operations and ALL not in basis.operations:
        reasons.append(Reason.OPERATION_NOT_COVERED)
    if asked.site not in basis.sites and ALL not in basis.sites:
        reasons.append(Reason.SITE_NOT_COVERED)
    if asked.egress and not basis.egress:
        reasons.append(Reason.EGRESS_NOT_COVERED)
    if asked.operation == _IDENTIFY and basis.form != _LEGAL_PERMISSION:
        reasons.append(Reason.OPERATION_NEEDS_PERMISSION)
    if basis.needs:
        _against_guardians(reasons, basis, t, view)


def _against_guardians(reasons: list[Reason], basis: Basis, t: Micros, view: View) -> None:
    """Add the reasons of rule 5: a guardianship that the basis needs is withdrawn, or not valid at t."""
    guardians = [_guardian(ordinal, view) for ordinal in basis.needs]
    if any(guardian.ended is not None for guardian in guardians):
        reasons.append(Reason.GUARDIAN_WITHDRAWN)
    if not all(valid_at(guardian, t) for guardian in guardians):
        reasons.append(Reason.GUARDIAN_EXPIRED)


def _guardian(ordinal: BasisOrdinal, view: View) -> Basis:
    guardian = view.basis(ordinal)
    if guardian is None:
        raise MissingFact(f"basis {ordinal}", "a basis needs it: load it before the event is judged")
    return guardian


_ADMIT: Final[Mapping[type, Callable[[Any, Position, View], Entry | AlreadyEnded]]] = {
    GrantDraft: admit_grant,
    AmendDraft: admit_amend,
    WithdrawDraft: admit_withdraw,
    UseDraft: admit_use,
    DecisionDraft: lambda draft, at, _: admit_decision(draft, at),
    OutcomeDraft: lambda draft, at, _: admit_outcome(draft, at),
    RecordDraft: lambda draft, at, _: admit_record(draft, at),
}
