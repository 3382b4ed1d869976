"""Back from an entry to the draft that the rules would turn into it: how an entry is judged again at its position.

Pure and total over every kind but `state`, which has no draft. Where an entry does not keep what was asked (an unknown
basis, a permit that was denied), a draft is chosen that leads to the same entry if the entry is right.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final

from placet.evidence.drafts import (
    AmendDraft,
    DecisionDraft,
    Draft,
    EventDraft,
    GrantDraft,
    OutcomeDraft,
    PermitAsked,
    RecordDraft,
    UseDraft,
    WithdrawDraft,
)
from placet.evidence.kinds import Amend, Decision, Entry, Event, Grant, Outcome, Record, Use, Withdraw
from placet.evidence.reasons import Reason
from placet.evidence.terms import MAX_INT, BasisOrdinal, LeafIndex

_NEVER: Final = MAX_INT
"""An index and an ordinal that no log reaches."""


def redraft(entry: Entry) -> Draft:
    """Return a draft that the rules turn into this entry again, if it is right; raises KeyError for a state."""
    return _REDRAFT[type(entry)](entry)


def _event(event: Event) -> EventDraft:
    basis = event.basis
    if basis is None and Reason.BASIS_UNKNOWN in event.reasons:
        basis = BasisOrdinal(_NEVER)
    permit = None
    if event.permit is not None:
        permit = PermitAsked(max_uses=event.permit.max_uses, lifetime_us=event.permit.not_after - event.t)
    return EventDraft(
        id=event.id,
        frame=event.frame,
        basis=basis,
        purpose=event.purpose,
        operation=event.operation,
        device=event.device,
        site=event.site,
        egress=event.egress,
        occurred=event.occurred,
        offline=event.offline,
        seen=event.seen,
        permit=permit,
    )


def _use(use: Use) -> UseDraft:
    return UseDraft(event=LeafIndex(_NEVER) if use.event is None else use.event, service=use.service)


def _same_fields(draft: type[Any]) -> Callable[[Any], Draft]:
    names = tuple(field.name for field in fields(draft))

    def made(entry: object) -> Draft:
        return draft(**{name: getattr(entry, name) for name in names})  # type: ignore[no-any-return]

    return made


_REDRAFT: Final[Mapping[type, Callable[[Any], Draft]]] = {
    Grant: _same_fields(GrantDraft),
    Amend: _same_fields(AmendDraft),
    Withdraw: _same_fields(WithdrawDraft),
    Decision: _same_fields(DecisionDraft),
    Event: _event,
    Use: _use,
    Outcome: _same_fields(OutcomeDraft),
    Record: _same_fields(RecordDraft),
}
