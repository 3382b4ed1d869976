"""Load for a bounded time, and the rate and latencies that it saw.

Closed loop: n callers, each with one call in flight. Open loop: calls that are due at fixed times, whether or not those
before were answered. The first part of each run warms up and is not counted. An error ends the run: a rate with errors
in it says nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

Call: TypeAlias = Callable[[], Awaitable[object]]
SLICE_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one run saw; latencies in milliseconds."""

    rps: float
    p50_ms: float
    p99_ms: float
    max_ms: float

    def to_json(self) -> dict[str, float]:
        """Return the figures as the bench's JSON has them."""
        return {name: round(getattr(self, name), 1 if name == "rps" else 3) for name in self.__slots__}


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
            max_ms=ordered[-1] * 1e3,
        )


async def side_by_side(
    calls: Mapping[str, Call], callers: int, seconds: float, *, warm_up: float = 0.25
) -> dict[str, Measured]:
    """Measure several calls in turn, a slice of each at a time, until each was measured for `seconds`.

    So that a slow spell of the machine, which lasts seconds, falls on all of them and spares their ratios.
    """
    seen, slice_s = {name: _Seen([]) for name in calls}, min(SLICE_S, seconds)
    for _ in range(max(1, round(seconds / slice_s))):
        for name, call in calls.items():
            await _slice(seen[name], call, callers, slice_s, warm_up)
    return {name: one.measured() for name, one in seen.items()}


async def closed_loop(call: Call, callers: int, seconds: float, warm_up: float) -> Measured:
    """Keep `callers` calls in flight for `warm_up` + `seconds`, and measure the latter part."""
    seen = _Seen([])
    await _slice(seen, call, callers, seconds, warm_up)
    return seen.measured()


async def open_loop(
    call: Call, rate: float, seconds: float, warm_up: float, *, clock: Callable[[], float] = time.perf_counter
) -> Measured:
    """Start `rate` calls a second for `warm_up` + `seconds`, evenly, and measure those of the latter part.

    Each latency counts from when its call was due, not from when it was made: so a stall of the service, or of this
    process, delays every call that was due meanwhile, as it would have delayed as many callers. Waits for every answer.
    """
    latencies: list[float] = []
    uncounted, count = round(warm_up * rate), max(1, round(seconds * rate))
    begin = clock()

    async def one(due: float, *, counted: bool) -> None:
        await call()
        if counted:
            latencies.append(clock() - due)

    async with asyncio.TaskGroup() as group:
        for number in range(uncounted + count):
            due = begin + number / rate
            await asyncio.sleep(max(0.0, due - clock()))
            group.create_task(one(due, counted=number >= uncounted))
    return _Seen(latencies, count / rate).measured()


async def _slice(seen: _Seen, call: Call, callers: int, seconds: float, warm_up: float) -> None:
    """Take in the calls that begin and end within `seconds`; goes on a little if there was not even one."""
    latencies: list[float] = []
    clock = time.perf_counter
    counted_from = clock() + warm_up
    end = last = counted_from + seconds

    async def caller() -> None:
        nonlocal last
        while (started := clock()) < end or not latencies:
            await call()
            done = clock()
            if counted_from <= started and (done <= end or not latencies):
                latencies.append(done - started)
                last = max(last, done)

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(caller())
    seen.latencies += latencies
    seen.seconds += last - counted_from
