"""The interval checker of promise P3: is a history, with its ledger, linearizable as far as it matters?

Pure: operations (`record.py`) and the ledger's lines in, violations out. It claims (returned: as the client saw it):

 AFTER_WITHDRAWAL   no event or use that was first asked for after a withdrawal of its basis had returned is allowed
 PERMIT_AFTER       no answer to a request (old ids included) that began after that brings a permit
 BEHIND_WITHDRAWAL  no allowed entry stands behind the withdraw of its basis in the ledger
 NOT_IN_LEDGER      every acknowledged operation stands in the ledger, where and as the answer said
 TWICE              and once: one entry a key, one key an entry
 NOT_ASKED          nothing stands in the ledger that nobody asked for
 REAL_TIME          what was answered before another began stands before it
 HUNG               no call outlasts its deadline by more than a grace

A basis stands no longer once it, or a guardianship that it needs, was withdrawn: what it needs stands in its grant, and
a grant that needs fewer than were asked for is not what was acknowledged (NOT_IN_LEDGER).

An operation whose outcome is unknown may have happened at any time after it began, or never: nothing is claimed of it
but that. Never: replays the rules of admission (`placet ledger replay` does), reads a clock.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from operator import attrgetter
from typing import Final

from fault.history.record import Kind, Operation, Outcome

NEVER: Final = 1 << 63


class Rule(Enum):
    """What can be violated: see the module."""

    AFTER_WITHDRAWAL = "after_withdrawal"
    PERMIT_AFTER = "permit_after"
    BEHIND_WITHDRAWAL = "behind_withdrawal"
    NOT_IN_LEDGER = "not_in_ledger"
    TWICE = "twice"
    NOT_ASKED = "not_asked"
    REAL_TIME = "real_time"
    HUNG = "hung"


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule, and the words that convict."""

    rule: Rule
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What matters of one entry. `key` is an event's id; `event` the index of a use's event, and `basis` its basis.

    `needs` are the guardianships that a grant rests on, which are grants themselves.
    """

    index: int
    kind: Kind
    basis: int | None
    allowed: bool = True
    key: str | None = None
    event: int | None = None
    needs: tuple[int, ...] = ()


@dataclass(slots=True)
class _Asked:
    """All calls of one key: when the first began, when the first acknowledgement was there, and where it stands."""

    calls: list[Operation]
    begun: int
    answered: int = NEVER
    index: int | None = None


def check(history: Iterable[Operation], ledger: Sequence[Line], *, grace: int) -> list[Violation]:
    """Return every violation; `grace` in nanoseconds is what a call may take beyond its deadline."""
    seen = _Seen(list(history), ledger)
    rules = (_after, _permits, _behind, _in_ledger, _once, _asked_for, _in_order)
    found = [violation for rule in rules for violation in rule(seen)]
    return found + list(_hung(seen.history, grace))


class _Seen:
    """A history and its ledger, looked at from each side."""

    def __init__(self, history: list[Operation], ledger: Sequence[Line]) -> None:
        self.history = history
        self.ledger = ledger
        self.at = {line.index: line for line in ledger}
        self.asked = _asked(history, ledger)
        self._needs = {line.basis: line.needs for line in ledger if line.kind is Kind.GRANT}
        self._withdrawn = {line.basis: line.index for line in ledger if line.kind is Kind.WITHDRAW}
        self._ended = _ended(history)

    def late(self, operation: Operation, begun: int) -> bool:
        """Whether something that began then came after a withdrawal had returned that its basis does not outlive."""
        return begun > self._first(self._ended, operation.basis)

    def withdrawn_at(self, basis: int | None) -> int:
        """Return the index of the first withdraw that a basis does not outlive; NEVER if there is none."""
        return self._first(self._withdrawn, basis)

    def _first(self, of: Mapping[int | None, int], basis: int | None) -> int:
        return min(of.get(one, NEVER) for one in (basis, *self._needs.get(basis, ())))


def _ended(history: Iterable[Operation]) -> dict[int | None, int]:
    """Return when the first withdrawal of each basis had returned."""
    ended: dict[int | None, int] = {}
    for one in history:
        if one.kind is Kind.WITHDRAW and one.outcome is Outcome.DONE:
            ended[one.basis] = min(one.returned, ended.get(one.basis, NEVER))
    return ended


def _asked(history: Iterable[Operation], ledger: Iterable[Line]) -> dict[tuple[Kind, str], _Asked]:
    asked: dict[tuple[Kind, str], _Asked] = {}
    for one in sorted(history, key=attrgetter("invoked")):
        key = asked.setdefault((one.kind, one.key), _Asked([], one.invoked))
        key.calls.append(one)
        if one.acknowledged:
            key.answered = min(key.answered, one.returned)
            key.index = one.index
    for line in ledger:
        # What nobody was told of stands somewhere all the same: an event shows its key.
        found = asked.get((line.kind, line.key or ""))
        if found is not None and found.index is None:
            found.index = line.index
    return asked


def _after(seen: _Seen) -> Iterator[Violation]:
    for asked in seen.asked.values():
        for one in asked.calls:
            if one.outcome is Outcome.ALLOWED and seen.late(one, asked.begun):
                yield Violation(Rule.AFTER_WITHDRAWAL, f"{_named(one)} began after basis {one.basis} was withdrawn")


def _permits(seen: _Seen) -> Iterator[Violation]:
    for one in seen.history:
        if one.permit and seen.late(one, one.invoked):
            yield Violation(Rule.PERMIT_AFTER, f"{_named(one)} brought a permit of basis {one.basis}, withdrawn before")


def _behind(seen: _Seen) -> Iterator[Violation]:
    for line in seen.ledger:
        withdrawn = seen.withdrawn_at(line.basis)
        if line.kind in (Kind.EVENT, Kind.USE) and line.allowed and line.index > withdrawn:
            text = f"the {line.kind.value} at {line.index} is allowed, basis {line.basis} had ended at {withdrawn}"
            yield Violation(Rule.BEHIND_WITHDRAWAL, text)


def _in_ledger(seen: _Seen) -> Iterator[Violation]:
    for one in seen.history:
        if one.index is not None and not _is(one, seen.at.get(one.index)):
            yield Violation(Rule.NOT_IN_LEDGER, f"{_named(one)} is not at {one.index}: {seen.at.get(one.index)}")


def _is(one: Operation, line: Line | None) -> bool:
    """Whether a line is what an acknowledgement said."""
    if line is None or line.kind is not one.kind or line.allowed is (one.outcome is Outcome.DENIED):
        return False
    # A denied event may have been denied for having no basis.
    if line.basis != one.basis and one.outcome is not Outcome.DENIED:
        return False
    if len(line.needs) != one.needs:
        return False
    return line.key in (None, one.key) and line.event == one.event


def _once(seen: _Seen) -> Iterator[Violation]:
    for asked in seen.asked.values():
        places = {one.index for one in asked.calls if one.index is not None}
        if len(places) > 1:
            yield Violation(Rule.TWICE, f"{_named(asked.calls[0])} was said to be at {sorted(places)}")
    yield from _shared(seen.asked)
    keys = Counter(_identity(line) for line in seen.ledger if line.kind is not Kind.USE)
    yield from (Violation(Rule.TWICE, f"{key} stands {count} times") for key, count in keys.items() if count > 1)


def _shared(asked: Mapping[tuple[Kind, str], _Asked]) -> Iterator[Violation]:
    owners: dict[int, set[str]] = defaultdict(set)
    for (kind, key), one in asked.items():
        if one.index is not None and kind in (Kind.EVENT, Kind.USE):
            owners[one.index].add(key)
    for index, keys in owners.items():
        if len(keys) > 1:
            yield Violation(Rule.TWICE, f"the entry at {index} was the answer to {len(keys)} requests: {sorted(keys)}")


def _identity(line: Line) -> tuple[str, str | int | None]:
    return line.kind.value, line.key if line.kind is Kind.EVENT else line.basis


def _asked_for(seen: _Seen) -> Iterator[Violation]:
    bases = {one.basis for one in seen.history if one.kind is Kind.WITHDRAW}
    tried = Counter(one.calls[0].event for (kind, _), one in seen.asked.items() if kind is Kind.USE)
    stand = Counter(line.event for line in seen.ledger if line.kind is Kind.USE)
    for event, count in stand.items():
        if count > tried[event]:
            yield Violation(Rule.NOT_ASKED, f"event {event} has {count} uses, {tried[event]} were asked for")
    grants = sum(line.kind is Kind.GRANT for line in seen.ledger)
    if grants > (most := sum(1 + one.calls[0].needs for (kind, _), one in seen.asked.items() if kind is Kind.GRANT)):
        yield Violation(Rule.NOT_ASKED, f"there are {grants} grants, {most} were asked for")
    for line in seen.ledger:
        if line.kind is Kind.EVENT and (Kind.EVENT, line.key or "") not in seen.asked:
            yield Violation(Rule.NOT_ASKED, f"nobody asked for the event {line.key} at {line.index}")
        if line.kind is Kind.WITHDRAW and line.basis not in bases:
            yield Violation(Rule.NOT_ASKED, f"nobody asked for the withdraw of {line.basis} at {line.index}")


def _in_order(seen: _Seen) -> Iterator[Violation]:
    """Walk through time: what begins must stand behind everything whose answer was there before."""
    standing = [one for one in seen.asked.values() if one.index is not None]
    answered = sorted(standing, key=attrgetter("answered"))
    last: _Asked | None = None
    done = 0
    for one in sorted(standing, key=attrgetter("begun")):
        while answered[done].answered < one.begun:
            if last is None or _place(answered[done]) > _place(last):
                last = answered[done]
            done += 1
        if last is not None and _place(last) > _place(one):
            text = f"{_named(one.calls[0])} began after {_named(last.calls[0])} was answered, and stands before it"
            yield Violation(Rule.REAL_TIME, f"{text}: {_place(one)} < {_place(last)}")


def _place(asked: _Asked) -> int:
    return -1 if asked.index is None else asked.index


def _hung(history: Iterable[Operation], grace: int) -> Iterator[Violation]:
    for one in history:
        over = one.returned - one.deadline
        if over > grace:
            yield Violation(Rule.HUNG, f"{_named(one)} returned {over / 1e9:.2f} s after its deadline")


def _named(one: Operation) -> str:
    return f"{one.kind.value} {one.key} ({one.outcome.value}, {one.way.value})"
