"""Closed-loop load: n callers, each with one call in flight, for a bounded time; rate and latencies of what they saw.

The first part of each run warms up and is not counted. An error ends the run: a rate with errors in it says nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one run saw; latencies in milliseconds."""

    rps: float
    p50_ms: float
    p99_ms: float

    def to_json(self) -> dict[str, float]:
        """Return the figures as the bench's JSON has them."""
        return {"rps": round(self.rps, 1), "p50_ms": round(self.p50_ms, 3), "p99_ms": round(self.p99_ms, 3)}


async def closed_loop(call: Callable[[], Awaitable[object]], callers: int, seconds: float, warm_up: float) -> Measured:
    """Keep `callers` calls in flight for `warm_up` + `seconds`, and measure the latter part."""
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
    latencies.sort()
    return Measured(
        rps=len(latencies) / seconds,
        p50_ms=latencies[len(latencies) // 2] * 1e3,
        p99_ms=latencies[len(latencies) * 99 // 100] * 1e3,
    )
