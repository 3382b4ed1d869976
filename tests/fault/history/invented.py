"""Histories as a right system would make them, from a list of steps: for the checker's own tests.

Owns a little model: steps take effect one after the other, each at its tick; a call begins up to some ticks before its
effect and is answered up to some ticks after it, so calls overlap. Answers may be lost, and with them the effect, which
may also come long after its caller has given up. Never: uses anything of the checker but its types.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from fault.history.checker import Line
from fault.history.record import Kind, Operation, Outcome

TICK = 1_000


class Fate(Enum):
    """What becomes of a call."""

    ANSWERED = "answered"
    LOST_ANSWER = "lost answer"
    LATE_EFFECT = "late effect"
    NO_EFFECT = "no effect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call: `again` repeats the basis's first event; `before` and `after` in ticks; `gap` entries of others.

    `basis` counts consents; `guardian`: the withdrawal is that of the consent's guardian, if it has one.
    """

    kind: Kind
    basis: int
    guardian: bool = False
    fate: Fate = Fate.ANSWERED
    again: bool = False
    before: int = 0
    after: int = 0
    gap: int = 0


@dataclass(slots=True)
class Model:
    """A log that works."""

    history: list[Operation] = field(default_factory=list)
    ledger: list[Line] = field(default_factory=list)
    _size: int = 0
    _tick: int = 100
    _ended: dict[int, Line] = field(default_factory=dict)
    _first: dict[int, Line] = field(default_factory=dict)
    _ordinals: list[int] = field(default_factory=list)
    _guardians: dict[int, int] = field(default_factory=dict)

    def grant(self, *, guarded: bool) -> None:
        """Grant the next consent; with a guardianship just before it, if it is to need one."""
        ordinal = sum(line.kind is Kind.GRANT for line in self.ledger)
        if guarded:
            self._size += 1
            self.ledger.append(Line(index=self._size, kind=Kind.GRANT, basis=ordinal))
            self._guardians[ordinal + 1] = ordinal
            ordinal += 1
        self._ordinals.append(ordinal)
        self.take(Step(kind=Kind.GRANT, basis=len(self._ordinals) - 1))

    def take(self, step: Step) -> None:
        """Let a step happen."""
        self._tick += 1
        line, repeated = self._effect(step) if step.fate is not Fate.NO_EFFECT else (None, False)
        key = self._key(step)
        answered = line is not None and step.fate is Fate.ANSWERED
        granted = step.kind is Kind.EVENT and line is not None and line.allowed
        self._record(step, key, line if answered else None, permit=granted and not (repeated and self._over(step)))

    def _basis(self, step: Step) -> int:
        basis = self._ordinals[step.basis]
        return self._guardians.get(basis, basis) if step.kind is Kind.WITHDRAW and step.guardian else basis

    def _needs(self, step: Step) -> tuple[int, ...]:
        guardian = self._guardians.get(self._basis(step))
        return () if guardian is None or step.kind is not Kind.GRANT else (guardian,)

    def _key(self, step: Step) -> str:
        basis = self._basis(step)
        if step.again and step.kind is Kind.EVENT and basis in self._first:
            return self._first[basis].key or ""
        return f"{step.kind.value}-{basis}" + (f"-{self._tick}" if step.kind in (Kind.EVENT, Kind.USE) else "")

    def _over(self, step: Step) -> bool:
        basis = self._basis(step)
        return basis in self._ended or self._guardians.get(basis) in self._ended

    def _effect(self, step: Step) -> tuple[Line, bool]:
        """Return the entry, and whether it was there already."""
        basis = self._basis(step)
        known = self._ended.get(basis) if step.kind is Kind.WITHDRAW else self._first.get(basis)
        if known is not None and (step.kind is Kind.WITHDRAW or (step.kind is Kind.EVENT and step.again)):
            return known, True
        self._size += 1 + step.gap
        line = Line(
            index=self._size,
            kind=step.kind,
            basis=basis,
            allowed=step.kind in (Kind.GRANT, Kind.WITHDRAW) or not self._over(step),
            key=self._key(step) if step.kind is Kind.EVENT else None,
            event=self._event(step),
            needs=self._needs(step),
        )
        self.ledger.append(line)
        if step.kind is Kind.WITHDRAW:
            self._ended[basis] = line
        elif step.kind is Kind.EVENT:
            self._first.setdefault(basis, line)
        return line, False

    def _event(self, step: Step) -> int | None:
        first = self._first.get(self._basis(step))
        return first.index if step.kind is Kind.USE and first is not None else None

    def _record(self, step: Step, key: str, line: Line | None, *, permit: bool) -> None:
        invoked = (self._tick - step.before) * TICK
        # A caller that gave up did so before the effect came.
        returned = invoked + 1 if step.fate is Fate.LATE_EFFECT else (self._tick + step.after) * TICK + 1
        outcome = Outcome.UNKNOWN
        if line is not None and step.kind in (Kind.GRANT, Kind.WITHDRAW):
            outcome = Outcome.DONE
        elif line is not None:
            outcome = Outcome.ALLOWED if line.allowed else Outcome.DENIED
        self.history.append(
            Operation(
                kind=step.kind,
                key=key,
                basis=self._basis(step),
                invoked=invoked,
                returned=returned,
                deadline=returned,
                outcome=outcome,
                index=None if line is None else line.index,
                event=self._event(step),
                permit=permit and line is not None,
                needs=len(self._needs(step)),
            )
        )


def model(steps: Sequence[Step], bases: int) -> Model:
    """Return the model after these steps; every basis lives before and is asked for after its withdrawal.

    Every other consent needs a guardian, who is the one to withdraw in the end.
    """
    made = Model()
    for basis in range(bases):
        made.grant(guarded=basis % 2 == 1)
        made.take(Step(kind=Kind.EVENT, basis=basis))
        made.take(Step(kind=Kind.USE, basis=basis))
    for step in steps:
        made.take(step)
    for basis in range(bases):
        made.take(Step(kind=Kind.WITHDRAW, basis=basis, guardian=True))
        for kind, again in ((Kind.EVENT, False), (Kind.USE, False), (Kind.EVENT, True)):
            made.take(Step(kind=kind, basis=basis, again=again))
    return made
