"""The history of a campaign: what every client asked, when it began, when it was answered, and with what.

Owns the operations as their clients saw them, on one monotonic clock, and what an error says of an operation's fate:
UNKNOWN (it may be in the ledger, now or later) or REFUSED (answered, without a verdict of the ledger). An error of any
other kind is no outcome, it ends the campaign. Never: judges (`checker.py`), talks to a mesh (`workload.py`).
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeVar

from placet.sdk.errors import Conflict, Exhausted, Forbidden, NotFound, PlacetError, Precondition, Unreachable

A = TypeVar("A")
E = TypeVar("E")
NS: Final = 1_000_000_000
MISUSED: Final = "IDEMPOTENCY_CONFLICT"


class Kind(Enum):
    """What was asked, by the kind of entry that it becomes."""

    GRANT = "grant"
    EVENT = "event"
    USE = "use"
    WITHDRAW = "withdraw"


class Way(Enum):
    """How it was asked: in a call of its own, with others in one message, or in a stream of messages."""

    CALL = "call"
    BATCH = "batch"
    STREAM = "stream"


class Outcome(Enum):
    """What the client was told."""

    DONE = "done"
    ALLOWED = "allowed"
    DENIED = "denied"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call. Times in nanoseconds of one clock; `key` is the idempotency key, so a repeated call has the same.

    `index` and the rest are what the answer said: None without one. `event` is the index of a use's event; `permit`
    whether the answer brought one; `needs` how many guardianships a grant was asked to rest on.
    """

    kind: Kind
    key: str
    basis: int | None
    invoked: int
    returned: int
    deadline: int
    outcome: Outcome
    index: int | None = None
    event: int | None = None
    permit: bool = False
    needs: int = 0
    way: Way = Way.CALL

    # Invariant: an acknowledged operation has its index, and no other has one.

    def __post_init__(self) -> None:
        if self.acknowledged != (self.index is not None):
            raise ValueError(f"{self.outcome.value} and index {self.index} do not go together")
        if self.returned < self.invoked:
            raise ValueError("answered before it was asked")

    @property
    def acknowledged(self) -> bool:
        """Whether the answer said where in the ledger it is."""
        return self.outcome in (Outcome.DONE, Outcome.ALLOWED, Outcome.DENIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an answer said."""

    outcome: Outcome
    index: int | None
    basis: int | None
    permit: bool = False


@dataclass(slots=True)
class Recorder:
    """Collects the operations of all clients of one event loop; `clock` in nanoseconds, never backwards."""

    clock: Callable[[], int] = time.monotonic_ns
    operations: list[Operation] = field(default_factory=list)

    async def call(
        self,
        kind: Kind,
        key: str,
        asking: Awaitable[A],
        read: Callable[[A], Told],
        *,
        timeout: float,
        basis: int | None = None,
        event: int | None = None,
        needs: int = 0,
    ) -> A | None:
        """Await a call that has `timeout` seconds, record it, and return its answer; None when there was none."""
        invoked = self.clock()
        answer: A | None = None
        try:
            answer = await asking
        except PlacetError as error:
            told = _fate(error, basis)
        else:
            told = read(answer)
        self._add(kind, key, told, invoked, invoked + _ns(timeout), event=event, needs=needs)
        return answer

    async def batch(
        self,
        keys: Sequence[str],
        asking: Awaitable[Sequence[A]],
        read: Callable[[A], Told],
        *,
        timeout: float,
        basis: int | None,
    ) -> None:
        """Await one call about many events and record each."""
        invoked = self.clock()
        try:
            told = [read(answer) for answer in await asking]
        except PlacetError as error:
            told = [_fate(error, basis)] * len(keys)
        for key, one in zip(keys, told, strict=True):
            self._add(Kind.EVENT, key, one, invoked, invoked + _ns(timeout), way=Way.BATCH)

    async def stream(
        self,
        events: Iterable[tuple[str, E]],
        run: Callable[[Iterable[E]], AsyncIterator[A]],
        read: Callable[[A], Told],
        *,
        timeout: float,
        basis: int | None,
    ) -> None:
        """Run a stream of events with their keys, of which each begins when it is taken; record each.

        An answer has `timeout` seconds from the one before it.
        """
        begun: list[tuple[str, int]] = []

        def feed() -> Iterator[E]:
            for key, event in events:
                begun.append((key, self.clock()))
                yield event

        answered, last = 0, 0
        failure: Told | None = None
        try:
            async for answer in run(feed()):
                key, invoked = begun[answered]
                deadline = max(invoked, last) + _ns(timeout)
                self._add(Kind.EVENT, key, read(answer), invoked, deadline, way=Way.STREAM)
                answered, last = answered + 1, self.clock()
        except PlacetError as error:
            failure = _fate(error, basis)
        for key, invoked in begun[answered:]:
            assert failure is not None, "the stream ended, and events had no answer"
            self._add(Kind.EVENT, key, failure, invoked, max(invoked, last) + _ns(timeout), way=Way.STREAM)

    def _add(
        self,
        kind: Kind,
        key: str,
        told: Told,
        invoked: int,
        deadline: int,
        *,
        event: int | None = None,
        needs: int = 0,
        way: Way = Way.CALL,
    ) -> None:
        self.operations.append(
            Operation(
                kind=kind,
                key=key,
                basis=told.basis,
                invoked=invoked,
                returned=self.clock(),
                deadline=deadline,
                outcome=told.outcome,
                index=told.index,
                event=event,
                permit=told.permit,
                needs=needs,
                way=way,
            )
        )


def _ns(seconds: float) -> int:
    return int(seconds * NS)


def _fate(error: PlacetError, basis: int | None) -> Told:
    if isinstance(error, Unreachable | Exhausted) or (isinstance(error, Conflict) and error.reason != MISUSED):
        return Told(outcome=Outcome.UNKNOWN, index=None, basis=basis)
    if isinstance(error, Forbidden) and error.reason == "USE_DENIED":
        return Told(outcome=Outcome.DENIED, index=int(error.metadata["index"]), basis=basis)
    if isinstance(error, Precondition | NotFound):
        return Told(outcome=Outcome.REFUSED, index=None, basis=basis)
    raise error
