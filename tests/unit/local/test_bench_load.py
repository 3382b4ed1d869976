"""The load of the benches, in a loop whose time is not the clock's: it jumps to whatever is due next."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from placet.local.bench.load import Measured, open_loop

T = TypeVar("T")


class Jumping(selectors.DefaultSelector):
    """A selector that never waits, but counts how long it would have."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        self.now += timeout or 0.0
        return super().select(0)


def run(work: Coroutine[Any, Any, T], selector: Jumping) -> T:
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now  # type: ignore[method-assign]
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


def measured(selector: Jumping, *, stalled_s: float, rate: float = 100.0) -> Measured:
    """Load a service that answers at once, but for one second of which it answers nothing for a while."""

    async def call() -> None:
        if 1.0 <= selector.now < 1.0 + stalled_s:
            await asyncio.sleep(1.0 + stalled_s - selector.now)

    return run(open_loop(call, rate, 3.0, 0.5, clock=lambda: selector.now), selector)


def test_every_call_is_made_at_its_time() -> None:
    found = measured(Jumping(), stalled_s=0.0)
    assert round(found.rps) == 100
    assert (round(found.p99_ms, 3), round(found.max_ms, 3)) == (0.0, 0.0)


def test_a_stall_delays_every_call_that_was_due_meanwhile() -> None:
    """A closed loop would see one slow call in 300: here half a second of 3 is seen, and p99 with it."""
    found = measured(Jumping(), stalled_s=0.5)
    assert round(found.rps) == 100
    assert 460 < found.p99_ms <= found.max_ms < 510
    assert found.p50_ms < 1


def test_latency_counts_from_when_a_call_was_due_also_if_this_process_stalls() -> None:
    selector = Jumping()
    made = 0

    async def call() -> None:
        nonlocal made
        made += 1
        if made == 100:
            selector.now += 0.3  # as if the whole process had been stopped

    found = run(open_loop(call, 100.0, 3.0, 0.5, clock=lambda: selector.now), selector)
    assert made == 350
    assert 250 < found.p99_ms < 310
