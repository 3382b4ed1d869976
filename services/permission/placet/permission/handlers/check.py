"""Check: what would Authorize say now? Nothing is appended, and the answer is not a permission.

Owns: the admission rules as far as they can be told without a position in the log, over the projected facts of the
basis: rules 1 to 6 and 8 of ledger.md section 5. Never: rule 7 (events counted) and rule 9 (positions), which only the
sequencer knows; a withdrawal on its way is not seen either. A test holds Check and Authorize together.
"""

from placet.evidence.reasons import Reason
from placet.permission.handlers.authorize import Desk
from placet.permission.handlers.bases import Case, choose
from placet.permission.handlers.rulings import Ruling
from placet.permission.model.basis import BasisFacts
from placet.permission.model.events import Asked, Checked, tolerated_delay
from placet.permission.model.vocabulary import CLOCK_TOLERANCE, BasisForm, Operation, Verdict


async def check(asked: Asked, desk: Desk, *, now: int, deadline: int) -> Checked:
    """Return what Authorize would say about the one event of a request at `now` (microseconds).

    Raises Unavailable when a lookup that is needed is not answered by `deadline`.
    """
    book = await desk.books.open(asked.controller, after=asked.after, now=now)
    cases = await choose(asked, book, projection=desk.projection, consents=desk.consents, now=now, deadline=deadline)
    case = cases[0]
    desk.rulings.begin(now)
    ruling = desk.rulings.ruling(case.place, case.basis, case.event, case.egress, now)
    reasons = tuple(reason.value for reason in _reasons(case, ruling, now))
    return Checked(
        verdict=Verdict.DENY if reasons else Verdict.ALLOW,
        reasons=reasons,
        permitted_by=ruling.decided.permitted_by,
        forbidden_by=ruling.decided.forbidden_by,
        alternative=case.place.alternative if reasons else "",
    )


def _reasons(case: Case, ruling: Ruling, now: int) -> list[Reason]:
    """Return every reason that can be told, in the order of the rules."""
    reasons: list[Reason] = []
    if case.basis is None:
        reasons.append(Reason.BASIS_MISSING if case.ordinal is None else Reason.BASIS_UNKNOWN)
    else:
        reasons += _against_basis(case, case.basis, now)
    if not -CLOCK_TOLERANCE <= now - case.occurred <= tolerated_delay(case.event):
        reasons.append(Reason.CLOCK_OUT_OF_RANGE)
    if ruling.draft.verdict != Verdict.ALLOW.value:
        reasons.append(Reason.POLICY)
    if ruling.draft.errors:
        reasons.append(Reason.POLICY_ERROR)
    return reasons


def _against_basis(case: Case, basis: BasisFacts, now: int) -> list[Reason]:
    event, earliest, latest = case.event, min(now, case.occurred), max(now, case.occurred)
    found = {
        Reason.BASIS_WITHDRAWN: basis.ended is not None,
        Reason.BASIS_NOT_YET_VALID: earliest < basis.not_before,
        Reason.BASIS_EXPIRED: latest >= basis.not_after,
        Reason.PURPOSE_NOT_COVERED: event.purpose not in basis.purposes,
        Reason.OPERATION_NOT_COVERED: event.operation not in basis.operations,
        Reason.SITE_NOT_COVERED: basis.sites is not None and case.place.site not in basis.sites,
        Reason.EGRESS_NOT_COVERED: case.egress and not basis.egress,
        Reason.OPERATION_NEEDS_PERMISSION: event.operation is Operation.IDENTIFY
        and basis.form is not BasisForm.LEGAL_PERMISSION,
        Reason.GUARDIAN_WITHDRAWN: bool(basis.needs) and not basis.guardian_active,
    }
    return [reason for reason, applies in found.items() if applies]
