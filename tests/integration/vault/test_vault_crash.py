"""A crash at any step of a use case, and a repeated request, end where an undisturbed one does."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from integration.kit_bus.nats_process import Nats
from integration.vault.crashing import Crash, Plan, crash_at_ports, crash_at_statements
from integration.vault.world import World, face

from placet.evidence.terms import BasisOrdinal, Micros
from placet.kit.errors import PlacetError
from placet.vault.handlers.destroy import bases_ended
from placet.vault.model import AttemptLimit, BasesEnded, DestroyReason
from placet.vault.ports import Rules
from placet.vault.tables import DataKeyRow, TemplateRow

# More than the longest run below has; a run that ends before its crash is undisturbed, and the last.
STEPS = range(1, 40)
# CI takes every fourth step, from a different first one in each scenario; `make test-all` takes all.
WHAT = ("withdrawn", "enrol", "match", "destroy")
SCENARIOS = [
    *[pytest.param(what, STEPS[first::4], id=what) for first, what in enumerate(WHAT)],
    *[pytest.param(what, STEPS, id=f"{what}-all", marks=pytest.mark.long) for what in WHAT],
]


class Run:
    """One scenario: set up, then `go` as often as it takes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.id: UUID = uuid4()
        self.basis = BasisOrdinal(0)
        self.permit = ""

    async def enrol(self) -> None:
        await self.world.run_enrol(self.world.command("bank", self.permit, face(1), id=self.id))

    async def match(self) -> None:
        await self.world.run_match(self.world.command("bank", self.permit, face(1), id=self.id))

    async def destroy(self) -> None:
        await self.world.destroy("bank", self.basis)

    async def withdrawn(self) -> None:
        told = BasesEnded(id="m1", controller="bank", bases=(self.basis,), reason=DestroyReason.CONSENT_WITHDRAWN)
        await bases_ended(told, store=self.world.ports.store, now=Micros(self.world.clock()))


async def prepared(world: World, what: str) -> tuple[Run, Callable[[], Awaitable[None]]]:
    run = Run(world)
    run.basis = world.ledger.grant("bank")
    if what != "enrol":
        await world.enrol("bank", run.basis, face(1))
        await world.until(lambda: world.ledger.outcomes("bank"))
    run.permit = world.permit("bank", run.basis, "verify" if what == "match" else "enrol")
    return run, getattr(run, what)


async def crashed(go: Callable[[], Awaitable[None]]) -> bool:
    try:
        await go()
    except Crash:
        return True
    return False


async def converged(world: World, run: Run, what: str) -> None:
    """Check what must hold in the end, however often it crashed."""
    log = world.ledger
    destroyed = what in ("destroy", "withdrawn")
    await world.until(lambda: len(log.outcomes("bank")) == (2 if what == "match" else 1))
    if destroyed:
        await world.until(lambda: log.destroyed("bank"))
    await asyncio.sleep(0.05)  # whatever would come twice has come
    assert len(log.destroyed("bank")) == (1 if destroyed else 0)
    assert [use.verdict for use in log.uses("bank")] == ["allow"] * (2 if what == "match" else 1)
    assert [result for _, result in log.outcomes("bank")] == ["enrolled", "match"][: 2 if what == "match" else 1]
    assert len(await world.rows(TemplateRow)) == len(await world.rows(DataKeyRow)) == (0 if destroyed else 1)
    if not destroyed:
        assert (await world.match("bank", run.basis, face(1))).score == 100
    log.replay("bank")


@pytest.mark.parametrize(("what", "steps"), SCENARIOS)
async def test_a_crash_between_any_two_calls(tmp_path: Path, nats: Nats, what: str, steps: range) -> None:
    crashes: list[str] = []
    for at in steps:
        directory = tmp_path / str(at)
        directory.mkdir()
        async with World(directory, nats.url) as world:
            run, go = await prepared(world, what)
            plan = Plan(at)
            crash_at_ports(world, plan)
            if not await crashed(go):
                break
            crashes.append(plan.steps[-1])
            await world.restart()
            await go()
            await converged(world, run, what)
    assert 0 < len(crashes) < len(steps), crashes


@pytest.mark.parametrize(("what", "steps"), SCENARIOS)
async def test_a_crash_between_any_two_statements(tmp_path: Path, nats: Nats, what: str, steps: range) -> None:
    crashes: list[str] = []
    for at in steps:
        directory = tmp_path / str(at)
        directory.mkdir()
        async with World(directory, nats.url) as world:
            world.dispatching = False  # its own transactions are not this use case's
            await world.restart()
            run = await _undispatched(world, what)
            plan = Plan(at)
            with crash_at_statements(world, plan):
                if not await crashed(getattr(run, what)):
                    break
            crashes.append(plan.steps[-1])
            world.dispatching = True
            await world.restart()
            await getattr(run, what)()
            await converged(world, run, what)
    assert 0 < len(crashes) < len(steps), crashes


async def _undispatched(world: World, what: str) -> Run:
    run = Run(world)
    run.basis = world.ledger.grant("bank")
    if what != "enrol":
        await world.enrol("bank", run.basis, face(1))
    run.permit = world.permit("bank", run.basis, "verify" if what == "match" else "enrol")
    return run


async def test_a_destruction_that_crashes_half_way_has_destroyed_nothing_or_all(world: World) -> None:
    world.rules = Rules(threshold=0.6, attempts=AttemptLimit(count=100, window=1))
    world.dispatching = False  # its own transactions are not this use case's
    await world.restart()
    basis = world.ledger.grant("bank")
    for model in (b"\1" * 32, b"\2" * 32):
        await world.enrol("bank", basis, face(1), model=model)
    told = BasesEnded(id="m1", controller="bank", bases=(basis,), reason=DestroyReason.CONSENT_WITHDRAWN)
    for at in STEPS:
        plan = Plan(at)
        with crash_at_statements(world, plan), suppress(Crash):
            await bases_ended(told, store=world.store, now=Micros(world.clock()))
        left = (len(await world.rows(TemplateRow)), len(await world.rows(DataKeyRow)))
        assert left in ((2, 1), (0, 0)), plan.steps
        if left == (0, 0):
            break
        assert (await world.match("bank", basis, face(1), model=b"\2" * 32)).match
    else:
        pytest.fail("never destroyed")
    world.dispatching = True
    await world.restart()
    await world.until(lambda: len(world.ledger.destroyed("bank")) == 2)


async def test_a_crash_while_the_record_is_settled_writes_it_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    await world.until(lambda: world.ledger.outcomes("bank"))
    calls: list[Any] = []

    def fails(*args: Any) -> None:
        calls.append(args)
        raise RuntimeError("killed between the ledger's answer and our commit")

    monkeypatch.setattr(world.dispatcher, "_settle_row", fails)
    with pytest.raises((RuntimeError, PlacetError)):
        await world.destroy("bank", basis)
    assert calls
    assert len(world.ledger.destroyed("bank")) == 1
    await world.restart()
    world.clock.forward(60)
    world.dispatcher.kick()
    (receipt,) = await world.destroy("bank", basis)
    assert len(world.ledger.destroyed("bank")) == 1
    (erasure,) = await world.store.erasures("bank", basis)
    assert erasure.index == receipt.index
