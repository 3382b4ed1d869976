"""Judging an entry again at its own position: do the rules give this very one?

`readmit` decides that for every kind, and names what is wrong; the verifier uses it on the few entries of a bundle.
`event_stands` and `use_stands` are a shortcut for the frequent kinds, never a rule: the reasons come from
`placet.evidence.admission` too, only the draft and the entry that `readmit` makes and compares are left out. True is as
good as `readmit`, False means only that `readmit` has to be asked. A property holds the two together.
"""

from json import dumps
from typing import Final, NoReturn

from placet.evidence.admission import AlreadyEnded, admit, admit_state, against_event, against_use
from placet.evidence.entries import to_json
from placet.evidence.entryview import EventView, UseView
from placet.evidence.errors import AdmissionRefused, MissingFact, ReplayError
from placet.evidence.kinds import Entry, Event, State
from placet.evidence.reasons import Reason
from placet.evidence.redraft import redraft
from placet.evidence.terms import MAX_INT, BasisOrdinal
from placet.evidence.view import Position, View

_NEVER: Final = BasisOrdinal(MAX_INT)
"""An ordinal that no log reaches: a basis was named that did not exist."""


def readmit(entry: Entry, view: View) -> None:
    """Run the rules again on an entry at its own position, with everything before it in the view.

    Of a state this checks what it covers, not its root. Raises ReplayError, with the entry that the rules give instead,
    unless they give this very one.
    """
    try:
        again = _admit_again(entry, view)
    except (AdmissionRefused, MissingFact) as error:
        message = f"the rules refuse this {entry.kind}: {error.message}"
        raise ReplayError(error.reason, error.field, message, index=entry.i) from error
    if isinstance(again, AlreadyEnded):
        message = f"the basis had been withdrawn at entry {again.index} before"
        raise ReplayError("BASIS_ENDED", "withdraw.basis", message, index=entry.i)
    if again != entry:
        _refuse_difference(entry, again)
    if isinstance(entry, Event) and entry.permit is not None and entry.permit.not_after < entry.t:
        raise ReplayError("PERMIT", "event.permit.not_after", "the permit ends before its event", index=entry.i)


def _admit_again(entry: Entry, view: View) -> Entry | AlreadyEnded:
    at = Position(i=entry.i, t=entry.t, prev=entry.prev)
    if isinstance(entry, State):
        return admit_state(at, prev_state=entry.prev_state, bases=entry.bases, status_root=entry.status_root)
    if isinstance(entry, Event):
        return admit(redraft(entry), at, view, decision=entry.decision)
    return admit(redraft(entry), at, view)


def _refuse_difference(entry: Entry, again: Entry) -> NoReturn:
    written, expected = to_json(entry), to_json(again)
    names = [name for name in written if written[name] != expected[name]]
    words = ", ".join(
        f"{name} is {dumps(written[name])} where the rules give {dumps(expected[name])}" for name in names
    )
    raise ReplayError(
        "NOT_BY_THE_RULES", f"{entry.kind}.{names[0]}", f"{words}; the log is wrong", index=entry.i, expected=again
    )


def event_stands(event: EventView, view: View) -> bool:
    """Tell whether `readmit` is sure to accept an event at its own position."""
    asked, basis = event, None
    if event.basis is not None:
        basis = view.basis(event.basis)
        if basis is None:
            return False
    elif Reason.BASIS_UNKNOWN in event.reasons:
        asked = event._replace(basis=_NEVER)
    try:
        reasons = against_event(asked, event.i, event.t, basis, view, view.decision(event.decision))
    except MissingFact:
        return False
    if event.allowed is bool(reasons) or event.reasons != tuple(reasons):
        return False
    return event.not_after is None or (event.allowed and event.not_after >= event.t)


def use_stands(use: UseView, view: View) -> bool:
    """Tell whether `readmit` is sure to accept a use at its own position."""
    event = view.event(use.event)
    if event is None or use.n != 1 + view.allowed_uses(use.event):
        return False
    try:
        reasons = against_use(event, use.n, use, view)
    except MissingFact:
        return False
    return use.allowed is not bool(reasons) and use.reasons == tuple(reasons)
