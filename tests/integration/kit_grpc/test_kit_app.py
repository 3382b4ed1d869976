"""The life of a service's process: start, ready, stop in order, and every way it ends."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from integration.kit_grpc.echo_service import Client, Request
from unit.kit.issuer import ISSUER, Issuer

from placet.kit.errors import Kind
from placet.kit.grpc.status import from_rpc_error

CHILD = Path(__file__).with_name("app_child.py")
TESTS = CHILD.parents[2]


class Service:
    """A child process and what it says."""

    def __init__(self, process: asyncio.subprocess.Process, ready: Path, issuer: Issuer) -> None:
        self.process = process
        self.ready_file = ready
        self.issuer = issuer

    async def ready(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while not self.ready_file.exists():
                assert self.process.returncode is None, await self.process.stderr.read()
                await asyncio.sleep(0.02)
        return json.loads(self.ready_file.read_text())

    async def end(self, number: int | None = signal.SIGTERM) -> tuple[int, list[str], list[dict[str, Any]]]:
        """Signal it; returns the exit status, what it said, and its log lines."""
        if number is not None:
            self.process.send_signal(number)
        out, err = await asyncio.wait_for(self.process.communicate(), 20)
        log = [json.loads(line) for line in err.splitlines() if line.startswith(b"{")]  # grpc's core writes there too
        return self.process.returncode, out.decode().split("\n")[:-1], log

    def bearer(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.issuer.issue(now=int(time.time()))}"),)


Start = Callable[..., Any]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    issuer = Issuer(tmp_path / "jwks.json")
    issuer.add("k1")
    started = []

    async def begin(what: str = "serves", **env: str) -> Service:
        ready = tmp_path / "run" / "ready.json"
        settings = {
            "PYTHONPATH": str(TESTS),
            "PLACET_SERVICE": "echo",
            "PLACET_JWKS": str(issuer.path),
            "PLACET_ISSUER": ISSUER,
            "PLACET_READY_FILE": str(ready),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(CHILD),
            what,
            env=os.environ | settings | env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        started.append(process)
        return Service(process, ready, issuer)

    yield begin
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_it_says_when_it_serves(start: Start) -> None:
    service = await start()
    said = await service.ready()
    assert said == {"service": "echo", "grpc": said["grpc"], "pid": service.process.pid}
    assert said["grpc"].startswith("127.0.0.1:")
    async with grpc.aio.insecure_channel(said["grpc"]) as channel:
        request = Request(controller="bank", text="hello")
        assert (await Client(channel).method("Unary")(request, metadata=service.bearer(), timeout=5)).text == "hello"
    assert list(service.ready_file.parent.iterdir()) == [service.ready_file]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_in_reverse_order(start: Start, number: int) -> None:
    service = await start()
    await service.ready()
    status, said, log = await service.end(number)
    assert status == 0
    assert said == [
        "start database",
        "start bus",
        "serving",
        "work cancelled",
        "stop bus",
        "stop database",
    ]
    assert [line["message"] for line in log] == ["ready", "stopped"]
    assert not service.ready_file.exists()


async def test_running_calls_are_finished(start: Start) -> None:
    service = await start(SLEEP="1")
    said = await service.ready()
    async with grpc.aio.insecure_channel(said["grpc"]) as channel:
        request = Request(controller="bank", text="sleep")
        call = asyncio.ensure_future(Client(channel).method("Unary")(request, metadata=service.bearer(), timeout=10))
        assert await until(service, "call begins")
        service.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.1)
        service.process.send_signal(signal.SIGTERM)  # repeated signals change nothing
        assert (await call).text == "slept"
    status, rest, _ = await service.end(None)
    assert status == 0
    assert rest == ["call done", "work cancelled", "stop bus", "stop database"]


async def until(service: Service, text: str) -> bool:
    async for line in service.process.stdout:
        if line.decode().strip() == text:
            return True
    return False


async def test_calls_that_do_not_end_are_cancelled(start: Start) -> None:
    service = await start(SLEEP="30", PLACET_STOP_GRACE="0.3", PLACET_MAX_DEADLINE="60")
    said = await service.ready()
    async with grpc.aio.insecure_channel(said["grpc"]) as channel:
        request = Request(controller="bank", text="sleep")
        call = asyncio.ensure_future(Client(channel).method("Unary")(request, metadata=service.bearer()))
        assert await until(service, "call begins")
        began = time.monotonic()
        status, rest, _ = await service.end()
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call
    assert from_rpc_error(failure.value).kind is Kind.UNAVAILABLE
    assert status == 0
    assert "call cancelled" in rest
    assert time.monotonic() - began < 5


async def test_a_stop_while_starting_is_obeyed(start: Start) -> None:
    service = await start("hangs")
    assert await until(service, "hangs")
    status, rest, _ = await service.end()
    assert (status, rest) == (0, ["stop bus", "stop database"])


async def test_a_service_that_cannot_start_says_why(start: Start) -> None:
    status, said, log = await (await start("refuses")).end(None)
    assert status == 1
    assert said == ["start database", "start bus", "stop bus", "stop database"]
    assert log[0]["message"] == "cannot start: the data directory belongs to another release"
    assert log[0]["reason"] == "STATE_INVALID"


async def test_a_background_task_that_dies_stops_the_service(start: Start) -> None:
    status, said, log = await (await start("fails")).end(None)
    assert status == 1
    assert said[-2:] == ["stop bus", "stop database"]
    failed = next(line for line in log if line["level"] == "critical")
    assert failed["message"] == "background task projection failed: stopping"
    assert "ValueError" in failed["traceback"]


async def test_without_a_key_set_it_does_not_start(start: Start, tmp_path: Path) -> None:
    status, _, log = await (await start(PLACET_JWKS=str(tmp_path / "none.json"))).end(None)
    assert status == 1
    assert "PLACET_JWKS" in "".join(line["message"] for line in log)


async def test_wrong_settings_are_said_in_words(start: Start) -> None:
    service = await start(PLACET_ISSUER="", PLACET_PORT="canary", PLACET_HOST="0.0.0.0")
    out, err = await service.process.communicate()
    assert service.process.returncode == 2
    assert not out
    assert sorted(line.split(":")[0] for line in err.decode().splitlines()) == ["PLACET_ISSUER", "PLACET_PORT"]
    assert b"canary" not in err


async def test_its_metrics_are_logged_at_the_end(start: Start) -> None:
    service = await start()
    async with grpc.aio.insecure_channel((await service.ready())["grpc"]) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await Client(channel).method("Unary")(Request(controller="bank", text="x"), timeout=5)
    _, _, log = await service.end()
    [line] = [line for line in log if line["message"] == "metrics"]
    assert line["metrics"]["placet.rpc.calls{code='UNAUTHENTICATED',method='placet.test.v1.Echo/Unary'}"] == 1


async def test_a_port_is_not_shared(start: Start) -> None:
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        status, _, log = await (await start(PLACET_PORT=str(taken.getsockname()[1]))).end(None)
    assert status == 1
    assert "PLACET_PORT" in log[0]["message"]


async def test_two_services_do_not_share_a_port(start: Start) -> None:
    first = await start()
    port = (await first.ready())["grpc"].rpartition(":")[2]
    status, _, log = await (await start(PLACET_PORT=port, PLACET_READY_FILE="")).end(None)
    assert status == 1
    assert "PLACET_PORT" in log[-2]["message"]


@pytest.mark.skipif(sys.platform != "linux", reason="prctl")
@pytest.mark.parametrize(("how", "follows"), [("1", True), ("pid", True), ("0", False)])
async def test_it_dies_with_its_parent(start: Start, how: str, follows: bool) -> None:
    """With 0, the control, it lives on."""
    parent = await start("parent", EXIT_WITH_PARENT=how)
    said = await parent.ready()
    child = psutil.Process(said["pid"])
    parent.process.kill()
    while parent.process.returncode is None:  # not wait(): it waits for the pipes, which the child holds too
        await asyncio.sleep(0.01)
    try:
        async with asyncio.timeout(8 if follows else 1):
            while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
                await asyncio.sleep(0.05)
    except TimeoutError:
        pass
    alive = child.is_running() and child.status() != psutil.STATUS_ZOMBIE
    if alive:
        child.kill()
    assert alive is not follows


@pytest.mark.skipif(sys.platform != "linux", reason="proc")
async def test_no_core_is_dumped(start: Start) -> None:
    service = await start()
    await service.ready()
    limits = Path(f"/proc/{service.process.pid}/limits").read_text()
    assert next(line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core")) == ["0", "0"]
    assert psutil.Process(service.process.pid).rlimit(psutil.RLIMIT_CORE) == (0, 0)


async def test_health_cannot_be_used_to_fill_the_server(start: Start) -> None:
    """Anybody may watch: but not without bound, and not under names that it would have to remember."""
    service = await start()
    async with grpc.aio.insecure_channel((await service.ready())["grpc"]) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await health.Watch(health_pb2.HealthCheckRequest(service="invented")).read()
        assert failure.value.code() is grpc.StatusCode.NOT_FOUND
        watches = [health.Watch(health_pb2.HealthCheckRequest()) for _ in range(64)]
        await asyncio.gather(*(watch.read() for watch in watches))
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await health.Watch(health_pb2.HealthCheckRequest()).read()
        assert failure.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        watches[0].cancel()
        await asyncio.sleep(0.2)
        assert await health.Watch(health_pb2.HealthCheckRequest()).read()


async def test_health_needs_no_token_and_follows_the_service(start: Start) -> None:
    service = await start(SLEEP="1")
    said = await service.ready()
    async with grpc.aio.insecure_channel(said["grpc"]) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", "placet.test.v1.Echo"):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        watch = health.Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        service.process.send_signal(signal.SIGTERM)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        watch.cancel()
    assert (await service.end(None))[0] == 0
