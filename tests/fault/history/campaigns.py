"""A campaign: clients live while faults happen one after the other; what it must have been for its history to count.

Owns the times of a campaign, and what the machine may add to them. Never: knows which faults (`faults.py`, `pair.py`),
or what is right (`checker.py`).
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from fault.history.checker import Line, Violation, check
from fault.history.faults import Fault, strike
from fault.history.lives import KINDS, Life
from fault.history.record import NS, Kind, Operation, Outcome, Recorder, Way
from fault.history.workload import Load
from fault.history.world import World

LIVES: Final = 3
TIMEOUT_S: Final = 2.0
# What the machine's other work may add to a call.
GRACE_NS: Final = 3 * NS // 2
SHORTEST_S: Final = 0.5
TICK_S: Final = 0.02
# More than this is not the machine's other work.
STILL_S: Final = 5.0
RECOVERY_S: Final = 30.0


def load_of(found: World, seed: int, kinds: Sequence[Callable[[Load, str], Life]] = KINDS) -> Load:
    print(f"seed {seed}")
    return Load(
        clients=found.clients,
        staff=found.staff,
        notice=found.notice,
        recorder=Recorder(),
        chance=random.Random(seed),
        timeout=TIMEOUT_S,
        kinds=kinds,
    )


async def campaign(found: World, load: Load, faults: Sequence[Fault], *, rest: float, longest: float) -> list[Line]:
    """Run clients while every fault happens once, end with a whole life that works; return the ledger that came of it.

    `longest` is how long a fault may last, and `rest` the pause after each, in seconds.
    """
    async with watched(load), asyncio.timeout(None) as limit, asyncio.TaskGroup() as group:
        group.create_task(load.run(LIVES))
        await asyncio.sleep(rest)
        await strike(found.mesh, faults, load.chance, rest=rest, lasts=(SHORTEST_S, longest))
        load.stopped.set()
        limit.reschedule(asyncio.get_running_loop().time() + RECOVERY_S)
    async with asyncio.timeout(RECOVERY_S):
        await load.one()
    return await found.ledger()


@asynccontextmanager
async def watched(load: Load) -> AsyncIterator[None]:
    """Measure how long the clients' own event loop stood still at most: no service can be blamed for that."""

    async def watch() -> None:
        while True:
            due = asyncio.get_running_loop().time() + TICK_S
            await asyncio.sleep(TICK_S)
            load.stood_still = max(load.stood_still, asyncio.get_running_loop().time() - due)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


def violations(load: Load, ledger: Sequence[Line]) -> list[Violation]:
    """Return what the checker finds; it is printed too."""
    print(f"  the clients' loop stood still for {load.stood_still:.2f} s at most")
    found = check(load.recorder.operations, ledger, grace=GRACE_NS + int(min(load.stood_still, STILL_S) * NS))
    for one in found:
        print(f"  {one.rule.value}: {one.text}")
    return found


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
    ways = Counter(one.way for one in load.recorder.operations if one.outcome is Outcome.DENIED)
    assert all(ways[way] > lives for way in Way), f"in every way: {ways}"


def felt(load: Load) -> None:
    """Expect that the faults were in somebody's way."""
    longest = max(one.returned - one.invoked for one in load.recorder.operations)
    assert longest > SHORTEST_S * NS / 2
