"""One scene for each reason of the admission rules: a log, and an event or use that is denied for exactly that.

The rules' tests run every scene through the sequencer's side, the verifier's tests prove each denial from a bundle and
catch the log that would have said allow. `EVENTS` and `USES` together name every `Reason` (a test counts).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fakes.evidence_drafts import (
    HOUR,
    consent,
    decision,
    event,
    forbidding,
    grant_approved,
    guardianship,
    legal_permission,
    permit,
)
from fakes.evidence_log import T0, MemoryLog

from placet.evidence.drafts import AmendDraft, DecisionDraft, EventDraft, UseDraft, WithdrawDraft
from placet.evidence.entries import Grant
from placet.evidence.reasons import Reason
from placet.evidence.terms import SECOND, EndedBy, Operation, Verdict

R = Reason


@dataclass(frozen=True)
class Scene:
    """What is asked, when, and every reason that the rules must give."""

    asked: EventDraft
    reasons: tuple[Reason, ...]
    decided: DecisionDraft
    t: int = T0


def _scene(asked: EventDraft, *reasons: Reason, decided: DecisionDraft | None = None, t: int = T0) -> Scene:
    return Scene(asked=asked, reasons=reasons, decided=decided or decision(), t=t)


def withdrawal(basis: int = 0) -> WithdrawDraft:
    return WithdrawDraft(basis=basis, by=EndedBy.DATA_SUBJECT, reason="no_longer_wanted")


def lawful(log: MemoryLog) -> Scene:
    log.submit(consent())
    return _scene(event(permit=permit()))


def basis_missing(log: MemoryLog) -> Scene:
    none = decision(context={"basis_form": "none"})
    return _scene(event(basis=None), R.BASIS_MISSING, decided=none)


def basis_unknown(log: MemoryLog) -> Scene:
    none = decision(context={"basis_form": "none"})
    return _scene(event(basis=5), R.BASIS_UNKNOWN, decided=none)


def basis_form(log: MemoryLog) -> Scene:
    log.submit(guardianship())
    reasons = (
        R.BASIS_FORM,
        R.PURPOSE_NOT_COVERED,
        R.OPERATION_NOT_COVERED,
        R.SITE_NOT_COVERED,
        R.DECISION_MISMATCH,
    )
    return _scene(event(), *reasons)


def basis_withdrawn(log: MemoryLog) -> Scene:
    log.submit(consent())
    log.submit(withdrawal())
    return _scene(event(permit=permit()), R.BASIS_WITHDRAWN)


def not_yet_valid(log: MemoryLog) -> Scene:
    log.submit(consent(not_before=T0 + HOUR))
    return _scene(event(), R.BASIS_NOT_YET_VALID)


def occurred_before_valid(log: MemoryLog) -> Scene:
    log.submit(consent())
    return _scene(event(occurred=T0 - SECOND), R.BASIS_NOT_YET_VALID)


def expired(log: MemoryLog) -> Scene:
    log.submit(consent(not_after=T0 + HOUR))
    return _scene(event(occurred=T0 + HOUR), R.BASIS_EXPIRED, t=T0 + HOUR)


def occurred_after_end(log: MemoryLog) -> Scene:
    log.submit(consent(not_after=T0 + HOUR))
    return _scene(event(occurred=T0 + HOUR), R.BASIS_EXPIRED, t=T0 + HOUR - SECOND)


def amended_to_expire(log: MemoryLog) -> Scene:
    log.submit(consent())
    log.submit(AmendDraft(basis=0, not_after=T0 + HOUR))
    return _scene(event(occurred=T0 + HOUR), R.BASIS_EXPIRED, t=T0 + HOUR)


def purpose(log: MemoryLog) -> Scene:
    log.submit(consent())
    return _scene(event(purpose="marketing"), R.PURPOSE_NOT_COVERED)


def amended_purpose(log: MemoryLog) -> Scene:
    log.submit(consent())
    log.submit(AmendDraft(basis=0, purposes=("payment",)))
    return _scene(event(), R.PURPOSE_NOT_COVERED)


def operation(log: MemoryLog) -> Scene:
    log.submit(consent())
    decided = decision(context={"operation": "analyse"})
    return _scene(event(operation=Operation.ANALYSE), R.OPERATION_NOT_COVERED, decided=decided)


def site(log: MemoryLog) -> Scene:
    log.submit(consent())
    return _scene(event(site="branch.9"), R.SITE_NOT_COVERED)


def egress(log: MemoryLog) -> Scene:
    log.submit(consent())
    return _scene(event(egress=True), R.EGRESS_NOT_COVERED, decided=decision(context={"egress": True}))


def amended_egress(log: MemoryLog) -> Scene:
    log.submit(consent(egress=True))
    log.submit(AmendDraft(basis=0, egress=False))
    return _scene(event(egress=True), R.EGRESS_NOT_COVERED, decided=decision(context={"egress": True}))


def needs_permission(log: MemoryLog) -> Scene:
    log.submit(consent(operations=("*",)))
    decided = decision(context={"operation": "identify"})
    return _scene(event(operation=Operation.IDENTIFY), R.OPERATION_NEEDS_PERMISSION, decided=decided)


def guardian_withdrawn(log: MemoryLog) -> Scene:
    log.submit(guardianship())
    log.submit(consent(needs=(0,)))
    log.submit(withdrawal(0))
    return _scene(event(basis=1), R.GUARDIAN_WITHDRAWN)


def one_of_two_guardians_withdrew(log: MemoryLog) -> Scene:
    log.submit(guardianship(), guardianship())
    log.submit(consent(needs=(0, 1)))
    log.submit(withdrawal(1))
    return _scene(event(basis=2), R.GUARDIAN_WITHDRAWN)


def one_of_two_guardians_expired(log: MemoryLog) -> Scene:
    log.submit(guardianship(), guardianship(not_after=T0 + HOUR))
    log.submit(consent(needs=(0, 1)))
    return _scene(event(basis=2, occurred=T0 + HOUR), R.GUARDIAN_EXPIRED, t=T0 + HOUR)


def guardian_withdrawn_and_expired(log: MemoryLog) -> Scene:
    log.submit(guardianship(not_after=T0 + HOUR))
    log.submit(consent(needs=(0,)))
    log.submit(withdrawal(0))
    return _scene(event(basis=1, occurred=T0 + HOUR), R.GUARDIAN_WITHDRAWN, R.GUARDIAN_EXPIRED, t=T0 + HOUR)


def clock_behind(log: MemoryLog) -> Scene:
    log.submit(consent())
    return _scene(event(), R.CLOCK_OUT_OF_RANGE, t=T0 + 120 * SECOND + 1)


def clock_ahead(log: MemoryLog) -> Scene:
    log.submit(consent())
    return _scene(event(occurred=T0 + 120 * SECOND + 1), R.CLOCK_OUT_OF_RANGE)


def offline_too_long(log: MemoryLog) -> Scene:
    log.submit(consent())
    return _scene(event(offline=True), R.CLOCK_OUT_OF_RANGE, t=T0 + 72 * HOUR + 1)


def offline_ahead(log: MemoryLog) -> Scene:
    log.submit(consent())
    return _scene(event(offline=True, occurred=T0 + 120 * SECOND + 1), R.CLOCK_OUT_OF_RANGE)


def exhausted(log: MemoryLog) -> Scene:
    log.submit(consent(max_events=2))
    log.submit(event(1), event(2), decision=decision())
    return _scene(event(3), R.EVENTS_EXHAUSTED)


def forbidden(log: MemoryLog) -> Scene:
    log.submit(consent())
    return _scene(event(permit=permit()), R.POLICY, decided=forbidding())


def policy_error(log: MemoryLog) -> Scene:
    log.submit(consent())
    broken = forbidding(permit=(), forbid=(), errors=("cn-2025/art-13:type",))
    return _scene(event(), R.POLICY, R.POLICY_ERROR, decided=broken)


def decided_for_other_operation(log: MemoryLog) -> Scene:
    log.submit(consent())
    return _scene(event(), R.DECISION_MISMATCH, decided=decision(context={"operation": "enrol"}))


def decided_for_other_egress(log: MemoryLog) -> Scene:
    log.submit(consent())
    return _scene(event(), R.DECISION_MISMATCH, decided=decision(context={"egress": True}))


def decided_for_other_form(log: MemoryLog) -> Scene:
    log.submit(consent())
    return _scene(event(), R.DECISION_MISMATCH, decided=decision(context={"basis_form": "legal_permission"}))


def seen_in_future(log: MemoryLog) -> Scene:
    log.submit(consent())
    return _scene(event(seen=log.size + 2), R.SEEN_IN_FUTURE)  # the decision goes before the event


def everything(log: MemoryLog) -> Scene:
    """Every reason that can stand beside the others, in the order of the rules."""
    log.submit(guardianship(not_after=T0 + HOUR))
    log.submit(consent(needs=(0,), max_events=1, not_after=T0 + HOUR))
    log.submit(event(1, basis=1), decision=decision())
    log.submit(withdrawal(0), withdrawal(1))
    asked = event(
        2,
        basis=1,
        purpose="search",
        operation=Operation.IDENTIFY,
        site="branch.9",
        egress=True,
        occurred=T0 - HOUR,
        seen=1_000,
    )
    reasons = (
        R.BASIS_WITHDRAWN,
        R.BASIS_NOT_YET_VALID,
        R.BASIS_EXPIRED,
        R.PURPOSE_NOT_COVERED,
        R.OPERATION_NOT_COVERED,
        R.SITE_NOT_COVERED,
        R.EGRESS_NOT_COVERED,
        R.OPERATION_NEEDS_PERMISSION,
        R.GUARDIAN_WITHDRAWN,
        R.GUARDIAN_EXPIRED,
        R.CLOCK_OUT_OF_RANGE,
        R.EVENTS_EXHAUSTED,
        R.POLICY,
        R.POLICY_ERROR,
        R.DECISION_MISMATCH,
        R.SEEN_IN_FUTURE,
    )
    broken = forbidding(errors=("cn-2025/art-13:type",))
    return _scene(asked, *reasons, decided=broken, t=T0 + HOUR)


def nothing_at_all(log: MemoryLog) -> Scene:
    """Without a basis, rules 2 to 5 and 7 are skipped and the others are not."""
    asked = event(basis=None, operation=Operation.IDENTIFY, egress=True, occurred=T0 - HOUR, seen=1_000)
    return _scene(
        asked,
        R.BASIS_MISSING,
        R.CLOCK_OUT_OF_RANGE,
        R.POLICY,
        R.DECISION_MISMATCH,
        R.SEEN_IN_FUTURE,
        decided=forbidding(),
    )


EVENTS: tuple[Callable[[MemoryLog], Scene], ...] = (
    basis_missing,
    basis_unknown,
    basis_form,
    basis_withdrawn,
    not_yet_valid,
    occurred_before_valid,
    expired,
    occurred_after_end,
    amended_to_expire,
    purpose,
    amended_purpose,
    operation,
    site,
    egress,
    amended_egress,
    needs_permission,
    guardian_withdrawn,
    one_of_two_guardians_withdrew,
    one_of_two_guardians_expired,
    guardian_withdrawn_and_expired,
    clock_behind,
    clock_ahead,
    offline_too_long,
    offline_ahead,
    exhausted,
    forbidden,
    policy_error,
    decided_for_other_operation,
    decided_for_other_egress,
    decided_for_other_form,
    seen_in_future,
    everything,
    nothing_at_all,
)


# What must be allowed, at the very edge of each rule.


def wildcard(log: MemoryLog) -> Scene:
    log.submit(consent(purposes=("*",), operations=("*",), sites=("*",)))
    return _scene(event(purpose="anything"))


def last_moment(log: MemoryLog) -> Scene:
    log.submit(consent(not_after=T0 + HOUR))
    return _scene(event(occurred=T0 + HOUR - 1), t=T0 + HOUR - 1)


def clock_edge(log: MemoryLog) -> Scene:
    log.submit(consent())
    return _scene(event(), t=T0 + 120 * SECOND)


def clock_edge_ahead(log: MemoryLog) -> Scene:
    log.submit(consent())
    return _scene(event(occurred=T0 + 120 * SECOND))


def offline_edge(log: MemoryLog) -> Scene:
    log.submit(consent())
    return _scene(event(offline=True, seen=4), t=T0 + 72 * HOUR)


def last_of_count(log: MemoryLog) -> Scene:
    log.submit(consent(max_events=2))
    log.submit(event(1), event(2, purpose="other"), decision=decision())  # the denied one does not count
    return _scene(event(3))


def under_guardian(log: MemoryLog) -> Scene:
    log.submit(guardianship())
    log.submit(consent(needs=(0,)))
    return _scene(event(basis=1, seen=6))


def under_legal_permission(log: MemoryLog) -> Scene:
    grant_approved(log, legal_permission())
    decided = decision(context={"operation": "identify", "basis_form": "legal_permission"})
    return _scene(event(purpose="search", operation=Operation.IDENTIFY), decided=decided)


def exported(log: MemoryLog) -> Scene:
    log.submit(consent(operations=("*",), egress=True, imported=True))
    decided = decision(context={"operation": "export", "egress": True})
    return _scene(event(operation=Operation.EXPORT, egress=True), decided=decided)


def seen_all(log: MemoryLog) -> Scene:
    log.submit(consent())
    return _scene(event(seen=log.size + 1))


def withdrawn_afterwards_and_amended(log: MemoryLog) -> Scene:
    log.submit(consent())
    log.submit(AmendDraft(basis=0, purposes=("login",), sites=("branch.1",)))
    return _scene(event(permit=permit(), seen=log.size))


ALLOWED: tuple[Callable[[MemoryLog], Scene], ...] = (
    lawful,
    wildcard,
    last_moment,
    clock_edge,
    clock_edge_ahead,
    offline_edge,
    last_of_count,
    under_guardian,
    under_legal_permission,
    exported,
    seen_all,
    withdrawn_afterwards_and_amended,
)


# Uses: an allowed event with a permit stands first; the scene says what happens before its use.


@dataclass(frozen=True)
class UseScene:
    """A use of `event`, and every reason that the rules must give."""

    event: int
    reasons: tuple[Reason, ...]
    n: int = 1
    t: int = T0


def permitted(log: MemoryLog, **changes: Any) -> int:
    """An allowed event with a permit under basis 0; returns its index."""
    log.submit(consent())
    return _permitted_event(log, **changes)


def _permitted_event(log: MemoryLog, **changes: Any) -> int:
    result = log.submit(event(1, **{"permit": permit(), **changes}), decision=decision())[0]
    assert result.verdict == Verdict.ALLOW  # type: ignore[union-attr]
    return int(result.i)  # type: ignore[union-attr]


def use_of_nothing(log: MemoryLog) -> UseScene:
    return UseScene(999, (R.PERMIT_UNKNOWN,))


def use_of_a_grant(log: MemoryLog) -> UseScene:
    log.submit(consent())
    return UseScene(2, (R.PERMIT_UNKNOWN,))


def use_without_permit(log: MemoryLog) -> UseScene:
    return UseScene(permitted(log, permit=None), (R.PERMIT_UNKNOWN,))


def use_of_denied_event(log: MemoryLog) -> UseScene:
    log.submit(consent())
    denied = log.submit(event(purpose="other", permit=permit()), decision=decision())[0]
    return UseScene(denied.i, (R.PURPOSE_NOT_COVERED, R.PERMIT_UNKNOWN))  # type: ignore[union-attr]


def use_of_event_without_basis(log: MemoryLog) -> UseScene:
    denied = log.submit(event(basis=None, permit=permit()), decision=decision())[0]
    return UseScene(denied.i, (R.PERMIT_UNKNOWN,))  # type: ignore[union-attr]


def used_up(log: MemoryLog) -> UseScene:
    index = permitted(log)
    log.submit(UseDraft(event=index, service="vault"))
    return UseScene(index, (R.PERMIT_EXHAUSTED,), n=2)


def used_up_and_denied_before(log: MemoryLog) -> UseScene:
    """A denied use does not count, but has the number that it would have had."""
    index = permitted(log)
    log.submit(*[UseDraft(event=index, service="vault")] * 3)
    return UseScene(index, (R.PERMIT_EXHAUSTED,), n=2)


def permit_expired(log: MemoryLog) -> UseScene:
    return UseScene(permitted(log), (R.PERMIT_EXPIRED,), t=T0 + 60 * SECOND)


def use_after_withdrawal(log: MemoryLog) -> UseScene:
    index = permitted(log)
    log.submit(withdrawal())
    return UseScene(index, (R.BASIS_WITHDRAWN,))


def use_after_expiry(log: MemoryLog) -> UseScene:
    log.submit(consent(not_after=T0 + 10 * SECOND))
    return UseScene(_permitted_event(log), (R.BASIS_EXPIRED,), t=T0 + 10 * SECOND)


def use_after_amend(log: MemoryLog) -> UseScene:
    index = permitted(log)
    log.submit(AmendDraft(basis=0, purposes=("payment",), operations=("enrol",), sites=("branch.2",)))
    return UseScene(index, (R.PURPOSE_NOT_COVERED, R.OPERATION_NOT_COVERED, R.SITE_NOT_COVERED))


def use_after_egress_ended(log: MemoryLog) -> UseScene:
    log.submit(consent(egress=True))
    asked = event(1)._replace(egress=True, permit=permit())
    allowed = log.submit(asked, decision=decision(context={"egress": True}))[0]
    log.submit(AmendDraft(basis=0, egress=False))
    return UseScene(allowed.i, (R.EGRESS_NOT_COVERED,))  # type: ignore[union-attr]


def use_after_guardian_withdrew(log: MemoryLog) -> UseScene:
    log.submit(guardianship())
    log.submit(consent(needs=(0,)))
    index = _permitted_event(log, basis=1)
    log.submit(withdrawal(0))
    return UseScene(index, (R.GUARDIAN_WITHDRAWN,))


def use_with_everything(log: MemoryLog) -> UseScene:
    index = permitted(log)
    log.submit(UseDraft(event=index, service="vault"))
    log.submit(withdrawal())
    return UseScene(index, (R.BASIS_WITHDRAWN, R.PERMIT_EXHAUSTED, R.PERMIT_EXPIRED), n=2, t=T0 + HOUR)


USES: tuple[Callable[[MemoryLog], UseScene], ...] = (
    use_of_nothing,
    use_of_a_grant,
    use_without_permit,
    use_of_denied_event,
    use_of_event_without_basis,
    used_up,
    used_up_and_denied_before,
    permit_expired,
    use_after_withdrawal,
    use_after_expiry,
    use_after_amend,
    use_after_egress_ended,
    use_after_guardian_withdrew,
    use_with_everything,
)


def allowed_use(log: MemoryLog) -> UseScene:
    return UseScene(permitted(log), (), t=T0 + 60 * SECOND - 1)


def second_of_two_uses(log: MemoryLog) -> UseScene:
    index = permitted(log, permit=permit(max_uses=2))
    log.submit(UseDraft(event=index, service="vault"))
    return UseScene(index, (), n=2)


ALLOWED_USES: tuple[Callable[[MemoryLog], UseScene], ...] = (allowed_use, second_of_two_uses)


# Entries that no rule was asked about.


def placed(at):
    return {"i": at.i, "t": at.t, "prev": at.prev}


def grant_entry(at, **changes):
    draft = consent(**changes)
    names = [name for name in Grant.__slots__ if hasattr(draft, name)]
    return Grant(**placed(at), basis=0, **{name: getattr(draft, name) for name in names})
