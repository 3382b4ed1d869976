"""Crashing at a failpoint inside the test's own process: what it holds in memory is then thrown away."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from placet.audit.statements import Session
from placet.kit.failpoints import Side, Write, armed


class Crash(BaseException):
    """The process is gone: nothing catches this."""


class Plan:
    """Fail at one passing of a failpoint; a process that is gone stays gone, one that had an error goes on."""

    def __init__(self, write: Write, side: Side, error: BaseException, *, passing: int = 1) -> None:
        self.hit = False
        self._left = passing
        self._at = (write, side)
        self._error = error

    def __call__(self, write: Write, side: Side) -> None:
        if (write, side) == self._at:
            self._left -= 1
        if self.hit and not isinstance(self._error, Crash):
            return
        if self._left <= 0:
            self.hit = True
            raise self._error


@contextmanager
def failing(write: Write, side: Side, error: BaseException) -> Iterator[Plan]:
    """Fail there in the block; afterwards `hit` must be true, or the test has tested nothing."""
    plan = Plan(write, side, error)
    with armed(plan):
        yield plan
    assert plan.hit, f"{write.value} was never passed"


def cases(writes: tuple[Write, ...]) -> list[tuple[Write, Side]]:
    """Every write, lost and persisted."""
    return [(write, side) for write in writes for side in Side]


def named(case: object) -> str:
    """Name a case in the list of tests."""
    return str(case.value if isinstance(case, Write) else case)


@contextmanager
def committing_each(engine: Engine) -> Iterator[Session]:
    """What `placet.audit.statements.writing` would be without a transaction."""
    held = engine.raw_connection()
    try:
        yield Session(held.driver_connection, engine.dialect.paramstyle)
    finally:
        held.close()
