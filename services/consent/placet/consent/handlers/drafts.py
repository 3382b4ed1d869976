"""Turns a step into the draft that the sequencer takes, once the ordinals it rests on are known.

Owns: the mapping of a step's fields to `placet.evidence.drafts`.
Never: decides anything; leaves out or adds a fact. Anchors: ledger.md section 4.
"""

from typing import Any

from placet.consent.model.steps import Action, Step
from placet.consent.model.vocabulary import BasisOrdinal, EndedBy
from placet.evidence.drafts import AmendDraft, GrantDraft, RecordDraft, WithdrawDraft
from placet.evidence.terms import Form, Micros

Draft = GrantDraft | AmendDraft | WithdrawDraft | RecordDraft


def draft_of(step: Step, *, basis: BasisOrdinal | None, needs: tuple[BasisOrdinal, ...]) -> Draft:
    """Return the draft of a step; `basis` is what it changes, `needs` (ascending) what a grant needs."""
    fields = dict(step.draft)
    match step.action:
        case Action.GRANT:
            return _consent(fields, needs)
        case Action.GRANT_GUARDIANSHIP:
            return _guardianship(fields)
        case Action.RECORD:
            return RecordDraft(type=fields["type"], data=fields["data"])
        case Action.AMEND:
            assert basis is not None
            return AmendDraft(
                basis=basis,
                operations=_tuple(fields["operations"]),
                sites=_tuple(fields["sites"]),
                egress=fields["egress"],
                not_after=fields["not_after"],
            )
        case Action.WITHDRAW | Action.WITHDRAW_GUARDIANSHIP:
            assert basis is not None
            return WithdrawDraft(basis=basis, by=EndedBy(fields["by"]), reason=fields["reason"])


def _tuple(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _consent(fields: dict[str, Any], needs: tuple[BasisOrdinal, ...]) -> GrantDraft:
    return GrantDraft(
        form=Form.CONSENT,
        subject=fields["subject"],
        purposes=tuple(fields["purposes"]),
        operations=tuple(fields["operations"]),
        sites=tuple(fields["sites"]),
        egress=fields["egress"],
        not_before=fields["not_before"],
        not_after=fields["not_after"],
        needs=needs,
        max_events=fields["max_events"],
        approvals=(),
        record=fields["record"],
        notice=fields["notice"],
        law=fields["law"],
        authority=None,
        imported=fields["imported"],
    )


def _guardianship(fields: dict[str, Any]) -> GrantDraft:
    """`not_before` 0: from the sequencer's own time minus its tolerance, so that the consent after it may need it."""
    return GrantDraft(
        form=Form.GUARDIANSHIP,
        subject=fields["subject"],
        purposes=(),
        operations=(),
        sites=(),
        egress=False,
        not_before=Micros(0),
        not_after=fields["not_after"],
        needs=(),
        max_events=None,
        approvals=(),
        record=fields["record"],
        notice=None,
        law=fields["law"],
        authority=None,
        imported=False,
    )
