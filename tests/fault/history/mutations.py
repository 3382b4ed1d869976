"""A good history made bad: each mutation is one lie, with the rule that it breaks (the checker's negative controls).

A mutation takes a history with its ledger and returns both with the lie in it. The history must be rich enough: a
withdrawal that returned, and events, uses and a repeat that were asked for after it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from fault.history.checker import NEVER, Line, Rule
from fault.history.record import NS, Kind, Operation, Outcome

History = tuple[list[Operation], list[Line]]


def allowed_late(history: list[Operation], ledger: list[Line]) -> History:
    """An event that was asked for after the withdrawal is allowed, though the ledger denied it."""
    one = _late(history, Kind.EVENT)
    return _with(history, one, replace(one, outcome=Outcome.ALLOWED)), ledger


def compared_late(history: list[Operation], ledger: list[Line]) -> History:
    """A use that was asked for after the withdrawal is allowed, under the receipt of an older one."""
    one = _late(history, Kind.USE)
    old = next(line for line in ledger if line.kind is Kind.USE and line.allowed and line.basis == one.basis)
    lie = replace(one, outcome=Outcome.ALLOWED, index=old.index, event=old.event)
    return _with(history, one, lie), ledger


def permit_late(history: list[Operation], ledger: list[Line]) -> History:
    """The answer to a request after the withdrawal brings a permit."""
    one = _late(history, Kind.EVENT)
    return _with(history, one, replace(one, permit=True)), ledger


def allowed_behind(history: list[Operation], ledger: list[Line]) -> History:
    """The ledger allows an event behind the withdraw of its basis."""
    one = _late(history, Kind.EVENT)
    return history, [replace(line, allowed=True) if line.index == one.index else line for line in ledger]


def allowed_unguarded(history: list[Operation], ledger: list[Line]) -> History:
    """An event that was asked for after the withdrawal of a guardian is allowed, though the ledger denied it."""
    one = _late(history, Kind.EVENT, _guardians(ledger))
    return _with(history, one, replace(one, outcome=Outcome.ALLOWED)), ledger


def behind_a_guardian(history: list[Operation], ledger: list[Line]) -> History:
    """The ledger allows a use behind the withdraw of a guardianship that its basis needs."""
    one = _late(history, Kind.USE, _guardians(ledger))
    return history, [replace(line, allowed=True) if line.index == one.index else line for line in ledger]


def needs_forgotten(history: list[Operation], ledger: list[Line]) -> History:
    """A consent was granted without a guardianship that it was asked to need."""
    one = next(line for line in ledger if line.needs)
    return history, [replace(line, needs=line.needs[1:]) if line is one else line for line in ledger]


def lost(history: list[Operation], ledger: list[Line]) -> History:
    """An acknowledged event is not in the ledger."""
    one = next(one for one in history if one.kind is Kind.EVENT and one.acknowledged)
    return history, [line for line in ledger if line.index != one.index]


def turned(history: list[Operation], ledger: list[Line]) -> History:
    """An acknowledged event stands in the ledger with the other verdict."""
    one = next(one for one in history if one.kind is Kind.EVENT and one.outcome is Outcome.ALLOWED)
    return history, [replace(line, allowed=not line.allowed) if line.index == one.index else line for line in ledger]


def doubled(history: list[Operation], ledger: list[Line]) -> History:
    """An event stands in the ledger twice."""
    one = next(line for line in ledger if line.kind is Kind.EVENT)
    return history, [*ledger, replace(one, index=ledger[-1].index + 1, allowed=False)]


def used_again(history: list[Operation], ledger: list[Line]) -> History:
    """There are more uses of an event than anybody asked for."""
    one = next(line for line in ledger if line.kind is Kind.USE)
    tries = len({call.key for call in history if call.kind is Kind.USE and call.event == one.event})
    more = [replace(one, index=ledger[-1].index + 1 + n, allowed=False) for n in range(tries)]
    return history, [*ledger, *more]


def shared(history: list[Operation], ledger: list[Line]) -> History:
    """Two requests are answered with one entry."""
    one = _late(history, Kind.USE)
    return [*history, replace(one, key="another-key")], ledger


def invented(history: list[Operation], ledger: list[Line]) -> History:
    """The ledger has an event that nobody asked for."""
    stranger = Line(index=ledger[-1].index + 1, kind=Kind.EVENT, basis=None, allowed=False, key="nobody")
    return history, [*ledger, stranger]


def reordered(history: list[Operation], ledger: list[Line]) -> History:
    """An event stands before the grant whose answer was there before it began."""
    grant = next(one for one in history if one.kind is Kind.GRANT and one.acknowledged)
    late = next(
        one
        for one in history
        if one.kind is Kind.EVENT
        and one.acknowledged
        and min(call.invoked for call in history if call.key == one.key) > grant.returned
    )
    swap = {grant.index: late.index, late.index: grant.index}
    moved = [replace(line, index=swap.get(line.index, line.index) or 0) for line in ledger]
    return [replace(one, index=swap.get(one.index, one.index)) for one in history], moved


def hung(history: list[Operation], ledger: list[Line]) -> History:
    """A call outlasted its deadline."""
    one = history[0]
    return [replace(one, returned=one.deadline + 3600 * NS), *history[1:]], ledger


MUTATIONS: Final[Mapping[Callable[[list[Operation], list[Line]], History], Rule]] = {
    allowed_late: Rule.AFTER_WITHDRAWAL,
    compared_late: Rule.AFTER_WITHDRAWAL,
    permit_late: Rule.PERMIT_AFTER,
    allowed_behind: Rule.BEHIND_WITHDRAWAL,
    allowed_unguarded: Rule.AFTER_WITHDRAWAL,
    behind_a_guardian: Rule.BEHIND_WITHDRAWAL,
    needs_forgotten: Rule.NOT_IN_LEDGER,
    lost: Rule.NOT_IN_LEDGER,
    turned: Rule.NOT_IN_LEDGER,
    doubled: Rule.TWICE,
    shared: Rule.TWICE,
    used_again: Rule.NOT_ASKED,
    invented: Rule.NOT_ASKED,
    reordered: Rule.REAL_TIME,
    hung: Rule.HUNG,
}


def _late(history: list[Operation], kind: Kind, of: Mapping[int | None, Sequence[int]] | None = None) -> Operation:
    """Return a denied operation whose key was first asked for after a withdrawal of its basis had returned.

    Instead of the withdrawal of its basis: of one of those that `of` says it needs.
    """
    ended = {one.basis: one.returned for one in history if one.kind is Kind.WITHDRAW and one.outcome is Outcome.DONE}
    if of is not None:
        ended = {basis: min(ended.get(one, NEVER) for one in needs) for basis, needs in of.items()}
    begun: dict[str, int] = {}
    for one in history:
        begun[one.key] = min(one.invoked, begun.get(one.key, one.invoked))
    return next(
        one
        for one in history
        if one.kind is kind and one.outcome is Outcome.DENIED and begun[one.key] > ended.get(one.basis, NEVER)
    )


def _guardians(ledger: Sequence[Line]) -> Mapping[int | None, Sequence[int]]:
    return {line.basis: line.needs for line in ledger if line.needs}


def _with(history: list[Operation], one: Operation, other: Operation) -> list[Operation]:
    return [other if found is one else found for found in history]
