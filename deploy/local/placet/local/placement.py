"""Which processor each process of the mesh keeps to.

Owns: the choice. A service is one event loop under one interpreter lock: it can use one processor at a time, and loses
much by wandering, because its threads (those of gRPC) hand the lock to each other across processors. Measured on two
cores, 64 calls in flight: permission 760 instead of 560 us of processor time an event (docs/performance.md).
Never: keeps a process from the only processor there is; matters elsewhere than on Linux.
"""

import os
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

# The hot path first, each on a processor of its own while there are enough; the others go where there is room.
HOT: Final = ("permission", "audit", "nats")

Placement = Mapping[str, frozenset[int]]


def available() -> frozenset[int]:
    """Return the processors that this process may use; none where that cannot be told."""
    return frozenset(os.sched_getaffinity(0)) if sys.platform == "linux" else frozenset()


def place(processors: Collection[int]) -> Placement:
    """Return the processors of those processes that keep to some: one each for the hot path, if there are several.

    With fewer processors than hot processes the later ones share the last: permission, the busiest, is alone.
    """
    ordered = sorted(processors)
    if len(ordered) < 2:
        return {}
    return {name: frozenset({ordered[min(at, len(ordered) - 1)]}) for at, name in enumerate(HOT)}


@contextmanager
def keeping_to(processors: frozenset[int]) -> Iterator[None]:
    """Have processes that are started in the block keep to these processors (none: no matter).

    A child inherits the processors of the thread that starts it, so that all its threads keep to them from the first.
    """
    if not processors or sys.platform != "linux":
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
