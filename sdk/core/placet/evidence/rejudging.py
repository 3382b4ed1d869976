"""Judging the frequent entries again, quickly: do the rules give this very event, this very use?

Owns a shortcut, never a rule: the reasons come from `placet.evidence.admission`, only the draft and the entry that
`placet.evidence.replay.readmit` makes and compares are left out. True is as good as `readmit`; False means only that
`readmit` has to be asked, which names what is wrong. A property holds the two together.
"""

from typing import Final

from placet.evidence.admission import against_event, against_use
from placet.evidence.entryview import EventView, UseView
from placet.evidence.errors import MissingFact
from placet.evidence.reasons import Reason
from placet.evidence.terms import MAX_INT, BasisOrdinal
from placet.evidence.view import View

_NEVER: Final = BasisOrdinal(MAX_INT)
"""An ordinal that no log reaches: a basis was named that did not exist."""


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
        reasons = against_event(asked, event, basis, view, view.decision(event.decision))
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
