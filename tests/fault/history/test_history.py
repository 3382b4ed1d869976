"""Promise P3 under concurrency and faults: a history of real clients against a real mesh, checked (`checker.py`).

Once a withdrawal has returned nothing that starts later is allowed, and no permit comes of an older request, whatever
is paused, killed or late meanwhile. The negative controls take away one protection each: the campaign must find it out.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from fault.history.checker import Line, Rule, check
from fault.history.faults import FAULTS, Fault, killed, paused, strike
from fault.history.lives import KINDS
from fault.history.mutations import MUTATIONS
from fault.history.record import NS, Kind, Operation, Outcome, Recorder
from fault.history.variant import command
from fault.history.workload import Load
from fault.history.world import World, world

from placet.local.mesh import NATS

pytestmark = pytest.mark.mesh
LIVES: Final = 3
TIMEOUT_S: Final = 2.0
# What the machine's other work may add to a call.
GRACE_NS: Final = 3 * NS // 2
SHORTEST_S: Final = 0.5
RECOVERY_S: Final = 30.0
LATE: Final = {name: command(name, "late_messages") for name in ("permission", "vault")}


def load_of(found: World, seed: int) -> Load:
    print(f"seed {seed}")
    return Load(
        clients=found.clients,
        staff=found.staff,
        notice=found.notice,
        recorder=Recorder(),
        chance=random.Random(seed),
        timeout=TIMEOUT_S,
        kinds=KINDS,
    )


async def campaign(found: World, load: Load, faults: Sequence[Fault], *, rest: float, longest: float) -> list[Line]:
    """Run clients while every fault happens once, end with a whole life that works; return the ledger that came of it.

    `longest` is how long a fault may last, and `rest` the pause after each, in seconds.
    """
    async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as group:
        group.create_task(load.run(LIVES))
        await asyncio.sleep(rest)
        await strike(found.mesh, faults, load.chance, rest=rest, lasts=(SHORTEST_S, longest))
        load.stopped.set()
        limit.reschedule(asyncio.get_running_loop().time() + RECOVERY_S)
    async with asyncio.timeout(RECOVERY_S):
        await load.one()
    return await found.ledger()


def tally(history: Sequence[Operation]) -> Counter[tuple[Kind, Outcome]]:
    count = Counter((one.kind, one.outcome) for one in history)
    print(
        "  " + ", ".join(f"{kind.value} {outcome.value} {n}" for (kind, outcome), n in sorted(count.items(), key=str))
    )
    return count


def enough(load: Load, lives: int) -> None:
    """Expect a history that could have shown a violation."""
    count = tally(load.recorder.operations)
    assert load.lived >= lives
    assert count[Kind.EVENT, Outcome.ALLOWED] > 2 * lives
    assert count[Kind.USE, Outcome.ALLOWED] > lives
    assert count[Kind.EVENT, Outcome.DENIED] > lives, "events were asked for after a withdrawal"
    assert count[Kind.USE, Outcome.DENIED] + count[Kind.USE, Outcome.REFUSED] > lives, "and uses"


def felt(load: Load) -> None:
    """Expect that the faults were in somebody's way."""
    longest = max(one.returned - one.invoked for one in load.recorder.operations)
    assert longest > SHORTEST_S * NS / 2


def convicted(history: Sequence[Operation], ledger: Sequence[Line]) -> set[str]:
    """Return the lies that could be made of a right history; expects the checker to convict each."""
    told: set[str] = set()
    for lie, rule in MUTATIONS.items():
        with suppress(StopIteration):  # the history has nothing to make this one of
            wrong = check(*lie(list(history), list(ledger)), grace=GRACE_NS)
            assert rule in {violation.rule for violation in wrong}, lie.__name__
            told.add(lie.__name__)
    return told


async def test_nothing_is_allowed_after_a_withdrawal_returned(tmp_path: Path) -> None:
    async with world(tmp_path) as found:
        load = load_of(found, 1)
        ledger = await campaign(found, load, (paused("audit"), killed(NATS)), rest=0.5, longest=1.5)
    enough(load, 3)
    felt(load)
    assert check(load.recorder.operations, ledger, grace=GRACE_NS) == []
    assert len(convicted(load.recorder.operations, ledger)) >= len(MUTATIONS) - 2


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("programs", [{}, LATE], ids=["as shipped", "messages late"])
@pytest.mark.parametrize("seed", [2, 3])
async def test_every_fault_of_the_campaign(tmp_path: Path, seed: int, programs: Mapping[str, list[str]]) -> None:
    async with world(tmp_path, programs) as found:
        load = load_of(found, seed)
        faults = load.chance.sample(FAULTS, len(FAULTS))
        ledger = await campaign(found, load, faults * 2, rest=2.0, longest=2.5)
    enough(load, 30)
    felt(load)
    assert check(load.recorder.operations, ledger, grace=GRACE_NS) == []


async def caught(folder: Path, programs: Mapping[str, list[str]], seed: int, rounds: int) -> set[Rule]:
    """Return the rules that a campaign without faults finds violated, as soon as it finds any."""
    async with world(folder, programs) as found:
        load = load_of(found, seed)
        for _ in range(rounds):
            await asyncio.gather(*(load.one() for _ in range(LIVES)))
            wrong = check(load.recorder.operations, await found.ledger(), grace=GRACE_NS)
            if wrong:
                tally(load.recorder.operations)
                print(f"  {wrong[0].text}")
                return {violation.rule for violation in wrong}
    enough(load, rounds)
    return set()


@pytest.mark.long
@pytest.mark.parametrize(
    ("service", "variant", "rule"),
    [
        ("audit", "deaf_sequencer", Rule.BEHIND_WITHDRAWAL),
        ("vault", "use_asked_once", Rule.AFTER_WITHDRAWAL),
        ("permission", "permit_not_asked", Rule.PERMIT_AFTER),
    ],
)
async def test_a_protection_that_is_off_is_found_out(tmp_path: Path, service: str, variant: str, rule: Rule) -> None:
    broken = {service: command(service, variant, *(["late_messages"] if service != "audit" else []))}
    assert rule in await caught(tmp_path, LATE | broken, 4, rounds=10)


@pytest.mark.long
async def test_late_messages_alone_are_no_violation(tmp_path: Path) -> None:
    assert await caught(tmp_path, LATE, 5, rounds=10) == set()
