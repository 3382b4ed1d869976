"""`make bench`: starts its own mesh and an empty echo, loads both from this process, and prints what it measured.

Durable, policy with varied contexts, idempotency, proofs on. Everything shares this machine's cores, the client
included; the echo is loaded by the same client. Nothing else should run meanwhile. `--events` is how many events the
log has at the end.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import grpc.aio
import uvloop
from rich.console import Console
from rich.progress import Progress

from placet.api.permission.v1 import permission_pb2 as pb
from placet.api.permission.v1 import permission_pb2_grpc
from placet.local.mesh import Mesh
from placet.sdk import AsyncClient, Config
from tests.bench.echo import METHOD
from tests.bench.furnish import Events, furnish
from tests.bench.load import closed_loop, side_by_side
from tests.bench.report import limits, show

CONTROLLER = "bench"
IN_FLIGHT = (1, 16, 64)
BATCHES = (16, 128, 512)
MESSAGES_IN_FLIGHT = 4
WARM_UP = 1.0


class Bench:
    """One run."""

    def __init__(self, seconds: float, console: Console) -> None:
        self._seconds = seconds
        self._console = console
        self.events = 0

    async def run(self, folder: Path, events: int) -> dict[str, Any]:
        """Measure everything and return it as the JSON has it."""
        result: dict[str, Any] = {"echo": {}, "unary": {}, "sdk": {}, "batch": {}}
        async with Mesh(folder) as mesh:
            files = await mesh.create_controller(CONTROLLER)
            config = Config.from_file(files.config, timeout=20.0)
            async with (
                AsyncClient(config) as client,
                grpc.aio.insecure_channel(mesh.addresses["permission"]) as channel,
            ):
                self._console.print("filling the registers: 300 consents ...")
                await furnish(client)
                assert config.references is not None
                made = Events(config.references.reference)
                stub = permission_pb2_grpc.PermissionServiceStub(channel)
                metadata = (("authorization", f"Bearer {files.token_file.read_text().strip()}"),)
                await self._rates(result, client, stub, metadata, made)
                for size in BATCHES:
                    result["batch"][str(size)] = await self._batches(stub, metadata, made, size)
                await self._fill(stub, metadata, made, events)
            result["audit_rss_mb"] = round(resident(mesh.child("audit").pid), 1)
        result["events"] = self.events
        return result

    async def _rates(self, result: dict[str, Any], client: AsyncClient, stub: Any, metadata: Any, made: Events) -> None:
        async def unary() -> None:
            request = pb.AuthorizeRequest(controller=CONTROLLER, event=made.message())
            answer = await stub.Authorize(request, metadata=metadata, timeout=20)
            assert answer.answer.permit, answer
            self.events += 1

        async def sdk() -> None:
            decision = await client.authorize(**made.arguments())
            assert decision.permit, decision
            self.events += 1

        with Echo() as port:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                call = channel.unary_unary(METHOD)
                calls = {"echo": lambda: call(b""), "unary": unary, "sdk": sdk}
                for callers in IN_FLIGHT:
                    self._console.print(f"measuring echo, unary and sdk in turn, {callers} in flight ...")
                    measured = await side_by_side(calls, callers, self._seconds)  # type: ignore[arg-type]
                    for name, one in measured.items():
                        result[name][str(callers)] = one.to_json()

    async def _batches(self, stub: Any, metadata: Any, made: Events, size: int) -> dict[str, float]:
        async def batch() -> None:
            request = pb.AuthorizeBatchRequest(controller=CONTROLLER, events=[made.message() for _ in range(size)])
            answer = await stub.AuthorizeBatch(request, metadata=metadata, timeout=20)
            assert len(answer.answers) == size
            assert all(one.verdict == 1 for one in answer.answers), answer.answers[0]
            self.events += size

        self._console.print(f"measuring batches of {size} ...")
        measured = await closed_loop(batch, MESSAGES_IN_FLIGHT, self._seconds, WARM_UP)
        return {"events_per_s": round(measured.rps * size, 1)}

    async def _fill(self, stub: Any, metadata: Any, made: Events, events: int) -> None:
        with Progress(console=self._console, transient=True) as bar:
            task = bar.add_task("filling the log", total=events, completed=self.events)

            async def worker() -> None:
                while self.events < events:
                    size = min(512, events - self.events)
                    self.events += size
                    batch = [made.message() for _ in range(size)]
                    request = pb.AuthorizeBatchRequest(controller=CONTROLLER, events=batch)
                    await stub.AuthorizeBatch(request, metadata=metadata, timeout=20)
                    bar.update(task, completed=self.events)

            await asyncio.gather(*(worker() for _ in range(MESSAGES_IN_FLIGHT)))


class Echo:
    """The echo server's process; `with` gives its port."""

    def __enter__(self) -> int:
        command = [sys.executable, "-m", "tests.bench.echo"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def resident(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError(pid)


def main() -> int:
    """Run, print, write the JSON; with --strict the exit status says whether every limit is kept."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each figure is measured")
    parser.add_argument("--events", type=int, default=1_000_000, help="events in the log at the end")
    parser.add_argument("--strict", action="store_true", help="exit status 1 if a limit is not kept")
    chosen = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="placet-bench-") as folder:
        result = uvloop.run(Bench(chosen.seconds, console).run(Path(folder), chosen.events))
    show(console, result)
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=2) + "\n")
    return 1 if chosen.strict and not all(kept for *_, kept in limits(result)) else 0


if __name__ == "__main__":
    sys.exit(main())
