"""A mesh whose audit service has two replicas on one PostgreSQL, and what can happen to the one that holds the log.

Owns the second replica, which is set up as an operator does (docs/how-to/run-on-postgresql.md): the same keys, the same
database, a port and a directory of its own. Never: decides who holds the log; the replicas do.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from fault.history.faults import SERVICES, Fault
from fault.history.world import MANY, World, furnished
from integration.audit.audit_databases import AuditPostgres
from typer.testing import CliRunner

from placet.audit.commands import app
from placet.local.mesh import Mesh

REPLICAS: Final = ("audit", "audit-2")
TAKEOVER_S: Final = 5.0
# What the machine's other work may add.
GRACE_S: Final = 1.0
LOOK_S: Final = 0.1
# The sequencer's word for a commit that found another holder.
REFUSED: Final = "another replica took the log over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The two replicas of a running world."""

    world: World
    postgres: AuditPostgres

    async def holder(self, but: str = "") -> str:
        """Wait until a replica, another than `but`, holds the log, and return which; fails if that takes too long."""
        began = time.monotonic()
        while True:
            held = await asyncio.to_thread(self._held)  # clients are served meanwhile
            for name in REPLICAS:
                if name != but and f":{self.world.mesh.child(name).pid}:" in held:
                    return name
            took = time.monotonic() - began
            assert took < TAKEOVER_S + GRACE_S, f"nobody took the log within {took:.1f} s; {but} was to lose it"
            await asyncio.sleep(LOOK_S)

    def _held(self) -> str:
        with psycopg.connect(self.postgres.admin) as connection:
            row = connection.execute("SELECT holder FROM log").fetchone()
        return str(row[0]) if row is not None else ""

    def refused(self) -> int:
        """Return how often a replica wanted to append and was refused, because another held the log."""
        return sum(self.world.mesh.layout.log(name).read_text().count(REFUSED) for name in REPLICAS)

    def fsck(self) -> str:
        """Return what `placet ledger fsck` says of the log; "" if it is clean."""
        told = {"PLACET_DATABASE_URL": self.postgres.service}
        arguments = ["fsck", "--data", str(self.world.mesh.layout.own("audit"))]
        done = CliRunner(env=told).invoke(app, arguments)
        return "" if done.exit_code == 0 else done.output


def holder_killed(pair: Pair) -> Fault:
    """Return kill -9 of whoever holds the log, and its start once the other holds it."""

    async def strike(mesh: Mesh, seconds: float) -> None:
        name = await pair.holder()
        await mesh.kill(name)
        await pair.holder(but=name)
        await asyncio.sleep(seconds)
        await mesh.start_service(name)

    return Fault("kill the holder", strike)


def holder_stopped(pair: Pair) -> Fault:
    """Return SIGSTOP of whoever holds the log, until the other has held it for a while; it wakes up as a holder."""

    async def strike(mesh: Mesh, seconds: float) -> None:
        name = await pair.holder()
        mesh.pause(name)
        try:
            await pair.holder(but=name)
            await asyncio.sleep(seconds)
        finally:
            mesh.resume(name)

    return Fault("stop the holder", strike)


@asynccontextmanager
async def pair(
    folder: Path, postgres: AuditPostgres, audit: Sequence[str] = (sys.executable, "-m", "placet.audit")
) -> AsyncIterator[Pair]:
    """Start a mesh with two replicas that run the command `audit`, and furnish a bank; stop everything at the end."""
    mesh = Mesh(
        folder,
        services=(*SERVICES, REPLICAS[1]),
        programs=dict.fromkeys(REPLICAS, audit),
        environment={**MANY, **_environment(folder, postgres)},
    )
    async with mesh:
        # Or it might be the one that holds the new log, and the other says so instead of creating it.
        mesh.pause(REPLICAS[1])
        await mesh.create_controller("bank")
        mesh.resume(REPLICAS[1])
        async with furnished(mesh, REPLICAS) as made:
            yield Pair(world=made, postgres=postgres)


def _environment(folder: Path, postgres: AuditPostgres) -> Mapping[str, Mapping[str, str]]:
    """Return what the replicas are told; they share their keys, as a volume or secret would be mounted."""
    first, second = (folder / name for name in REPLICAS)
    (first / "keys").mkdir(parents=True, mode=0o700)
    second.mkdir(mode=0o700)
    (second / "keys").symlink_to(first / "keys")
    told = {
        "PLACET_DATABASE_URL": postgres.service,
        "PLACET_SEARCH_URL": postgres.search,
        "PLACET_ENTRY_PARTITION": "256",
    }
    seed = str(folder / "run" / "seeds" / f"{REPLICAS[0]}.seed")
    return {REPLICAS[0]: told, REPLICAS[1]: {**told, "PLACET_SERVICE": REPLICAS[0], "PLACET_NATS_SEED_FILE": seed}}
