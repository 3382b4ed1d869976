"""Crashes at chosen steps: before or after any call of a port, or before any statement of a transaction.

Owns: `Plan`, which counts steps and raises `Crash` at one of them and at everything after it, as a dead process would.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from integration.vault.world import World
from sqlalchemy import event


class Crash(BaseException):
    """The process is gone."""


@dataclass
class Plan:
    """Crash at step `at` (1 is the first); 0 never, to count the steps of a whole run."""

    at: int = 0
    steps: list[str] = field(default_factory=list)

    def step(self, name: str) -> None:
        self.steps.append(name)
        if self.at and len(self.steps) >= self.at:
            raise Crash(name)


class Crashing:
    """A port whose calls are steps of a plan."""

    def __init__(self, port: Any, name: str, plan: Plan) -> None:
        self._port = port
        self._name = name
        self._plan = plan

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._port, method)

        async def stepped(*args: Any, **kwargs: Any) -> Any:
            self._plan.step(f"before {self._name}.{method}")
            result = await call(*args, **kwargs)
            self._plan.step(f"after {self._name}.{method}")
            return result

        return stepped


def crash_at_ports(world: World, plan: Plan) -> None:
    """Make every call of store, ledger and records a step, until the world is restarted."""
    world.ports = replace(
        world.ports,
        store=Crashing(world.ports.store, "store", plan),
        ledger=Crashing(world.ports.ledger, "ledger", plan),
        records=Crashing(world.ports.records, "records", plan),
    )


@contextmanager
def crash_at_statements(world: World, plan: Plan) -> Iterator[None]:
    """Make every statement and every commit of the writing connection a step."""
    engine = world.database.engines.writer

    def on_statement(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        plan.step(statement.split(" (")[0][:60])

    def on_commit(_c: Any) -> None:
        plan.step("COMMIT")

    event.listen(engine, "before_cursor_execute", on_statement)
    event.listen(engine, "commit", on_commit)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", on_statement)
        event.remove(engine, "commit", on_commit)
