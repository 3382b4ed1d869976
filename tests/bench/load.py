"""Closed-loop load: n callers, each with one call in flight, for a bounded time; rate and latencies of what they saw.

The first part of each run warms up and is not counted. An error ends the run: a rate with errors in it says nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Call: TypeAlias = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one run saw; latencies in milliseconds."""

    rps: float
    p50_ms: float
    p99_ms: float

    def to_json(self) -> dict[str, float]:
        """Return the figures as the bench's JSON has them."""
        return {"rps": round(self.rps, 1), "p50_ms": round(self.p50_ms, 3), "p99_ms": round(self.p99_ms, 3)}


@dataclass(slots=True)
class _Seen:
    """What a call's slices saw so far: latencies in seconds, and over how long."""

    latencies: list[float]
    seconds: float = 0.0

    def measured(self) -> Measured:
        ordered = sorted(self.latencies)
        return Measured(
            rps=len(ordered) / self.seconds,
            p50_ms=ordered[len(ordered) // 2] * 1e3,
            p99_ms=ordered[len(ordered) * 99 // 100] * 1e3,
        )


async def side_by_side(
    calls: Mapping[str, Call], callers: int, seconds: float, *, slice_s: float = 1.0, warm_up: float = 0.25
) -> dict[str, Measured]:
    """Measure several calls in turn, a slice of each at a time, until each was measured for `seconds`.

    So that a slow spell of the machine, which lasts seconds, falls on all of them and spares their ratios.
    """
    seen = {name: _Seen([]) for name in calls}
    for _ in range(max(1, round(seconds / slice_s))):
        for name, call in calls.items():
            seen[name].latencies += await _slice(call, callers, slice_s, warm_up)
            seen[name].seconds += slice_s
    return {name: one.measured() for name, one in seen.items()}


async def closed_loop(call: Call, callers: int, seconds: float, warm_up: float) -> Measured:
    """Keep `callers` calls in flight for `warm_up` + `seconds`, and measure the latter part."""
    return _Seen(await _slice(call, callers, seconds, warm_up), seconds).measured()


async def _slice(call: Call, callers: int, seconds: float, warm_up: float) -> list[float]:
    latencies: list[float] = []
    clock = time.perf_counter
    counted_from = clock() + warm_up
    end = counted_from + seconds

    async def caller() -> None:
        while (started := clock()) < end:
            await call()
            done = clock()
            if counted_from <= started and done <= end:
                latencies.append(done - started)

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(caller())
    return latencies
