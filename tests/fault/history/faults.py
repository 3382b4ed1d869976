"""What happens to a mesh during a campaign. To add a fault, add a line to FAULTS.

Owns each fault from its beginning to its end: when `strike` returns the mesh is whole again. Never: touches a process
that is not the mesh's own; does two at a time.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from placet.local.mesh import NATS, Mesh

SERVICES: Final = ("permission", "consent", "vault", "audit")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that lasts about `seconds`: `strike(mesh, seconds)`."""

    name: str
    strike: Callable[[Mesh, float], Awaitable[None]]


def paused(service: str) -> Fault:
    """Return SIGSTOP, then SIGCONT: the service keeps connections and lease, and does not know that time passed."""

    async def strike(mesh: Mesh, seconds: float) -> None:
        mesh.pause(service)
        try:
            await asyncio.sleep(seconds)
        finally:
            mesh.resume(service)

    return Fault(f"pause {service}", strike)


def killed(service: str) -> Fault:
    """Return SIGKILL, and a start at the old address."""

    async def strike(mesh: Mesh, seconds: float) -> None:
        await mesh.kill(service)
        await asyncio.sleep(seconds)
        await mesh.start_service(service)

    return Fault(f"kill {service}", strike)


FAULTS: Final = (*map(paused, SERVICES), killed(NATS), *map(killed, SERVICES), paused(NATS))


async def strike(
    mesh: Mesh, faults: Sequence[Fault], chance: random.Random, *, rest: float, lasts: Iterable[float]
) -> None:
    """Let each fault happen once, in this order, each for one of the times that `lasts` has, with a rest after it."""
    times = sorted(lasts)
    for fault in faults:
        seconds = chance.uniform(times[0], times[-1])
        print(f"  {fault.name} for {seconds:.1f} s")
        await fault.strike(mesh, seconds)
        await asyncio.sleep(rest)
