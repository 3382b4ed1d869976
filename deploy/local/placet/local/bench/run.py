"""One run of the bench: starts a mesh of its own and an empty echo, loads both from this process, and measures.

Durable, policy with varied contexts, idempotency, proofs on. Everything shares this machine's cores, the client
included; the echo is loaded by the same client. Nothing else should run meanwhile. What the JSON holds:
docs/performance.md.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import grpc.aio
from rich.console import Console
from rich.progress import Progress

from placet.local.bench.calls import Calls
from placet.local.bench.echo import METHOD
from placet.local.bench.furnish import Events, furnish
from placet.local.bench.load import closed_loop, open_loop, side_by_side
from placet.local.mesh import Mesh
from placet.sdk import AsyncClient, Config

CONTROLLER: Final = "bench"
# By name: which service is told, and under which setting, where its database is.
DATABASES: Final = {
    **{name: (name, "PLACET_DATABASE_URL") for name in ("audit", "consent", "permission", "vault")},
    "search": ("audit", "PLACET_SEARCH_URL"),
}
IN_FLIGHT: Final = (1, 16, 64)
BATCHES: Final = (16, 128, 512)
MESSAGES_IN_FLIGHT: Final = 8
# More than any machine of two processors was seen to do: so many messages are made ahead.
EVENTS_A_SECOND: Final = 60_000
WARM_UP_S: Final = 1.0

Result = dict[str, Any]


class Bench:
    """One run; `databases` are the URLs of those of `DATABASES` that are not to be SQLite files, by name."""

    def __init__(self, seconds: float, console: Console, databases: Mapping[str, str]) -> None:
        self._seconds = seconds
        self._warm_up = min(WARM_UP_S, seconds)
        self._console = console
        self._databases = databases

    async def run(self, folder: Path, events: int) -> Result:
        """Measure everything, with at least `events` events in the log at the end; return it as the JSON has it."""
        result: Result = {
            "database": {name: _kind(self._databases.get(name)) for name in DATABASES},
            "load_average": round(os.getloadavg()[0], 2),
        }
        async with Mesh(folder, environment=self._environment()) as mesh:
            async with AsyncExitStack() as stack:
                calls = await self._calls(mesh, stack)
                result |= await self._rates(calls)
                result["half"] = await self._half(calls, max(one["rps"] for one in result["unary"].values()) / 2)
                result["batch"] = {str(size): await self._batches(calls, size) for size in BATCHES}
                await self._fill(calls, events)
            result["audit_rss_mb"] = round(resident(mesh.child("audit").pid), 1)
        result["events"] = calls.events
        return result

    def _environment(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for name, url in self._databases.items():
            service, setting = DATABASES[name]
            found.setdefault(service, {})[setting] = url
        return found

    async def _calls(self, mesh: Mesh, stack: AsyncExitStack) -> Calls:
        files = await mesh.create_controller(CONTROLLER)
        config = Config.from_file(files.config, timeout=20.0)
        client = await stack.enter_async_context(AsyncClient(config))
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(mesh.addresses["permission"]))
        self._console.print("filling the registers: 300 consents ...")
        await furnish(client)
        assert config.references is not None
        token = files.token_file.read_text().strip()
        return Calls(CONTROLLER, token, client, channel, Events(config.references.reference))

    async def _rates(self, calls: Calls) -> Result:
        result: Result = {"echo": {}, "unary": {}, "sdk": {}}
        with Echo() as port:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                empty: Any = channel.unary_unary(METHOD)

                async def echo() -> None:
                    await empty(b"")

                turns = {"echo": echo, "unary": calls.unary, "sdk": calls.sdk}
                for callers in IN_FLIGHT:
                    self._console.print(f"measuring echo, unary and sdk in turn, {callers} in flight ...")
                    for name, one in (await side_by_side(turns, callers, self._seconds)).items():
                        result[name][str(callers)] = one.to_json()
        return result

    async def _half(self, calls: Calls, rate: float) -> Result:
        self._console.print(f"measuring latency at {rate:,.0f} unary calls a second, each due at a fixed time ...")
        measured = await open_loop(calls.unary, rate, self._seconds, self._warm_up)
        figures = measured.to_json()
        return {"per_s": round(rate, 1), **{name: figures[name] for name in ("p50_ms", "p99_ms", "max_ms")}}

    async def _batches(self, calls: Calls, size: int) -> dict[str, float]:
        def batch() -> Awaitable[None]:
            return calls.batch(size)

        self._console.print(f"measuring batches of {size} ...")
        calls.make_ready(size, round((self._seconds + self._warm_up) * EVENTS_A_SECOND / size))
        measured = await closed_loop(batch, MESSAGES_IN_FLIGHT, self._seconds, self._warm_up)
        return {"events_per_s": round(measured.rps * size, 1)}

    async def _fill(self, calls: Calls, events: int) -> None:
        with Progress(console=self._console, transient=True) as bar:
            task = bar.add_task("filling the log", total=events, completed=calls.events)

            async def worker() -> None:
                while calls.events < events:
                    await calls.batch(min(512, events - calls.events))
                    bar.update(task, completed=calls.events)

            await asyncio.gather(*(worker() for _ in range(MESSAGES_IN_FLIGHT)))


class Echo:
    """The echo server's process; `with` gives its port."""

    def __enter__(self) -> int:
        command = [sys.executable, "-m", "placet.local.bench.echo"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def _kind(url: str | None) -> str:
    return "sqlite" if url is None else url.partition(":")[0].partition("+")[0]


def resident(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError(pid)
