"""How errors leave the guard, what it refuses to serve, what it counts and traces, and what it costs."""

import asyncio
import json
import logging
import time
from statistics import median
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_status import rpc_status
from integration.kit_grpc.conftest import Mesh, refused, start
from integration.kit_grpc.echo_service import ECHO, ODD, Client, Request, add_echo, register
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from placet.api.audit.v1 import audit_pb2
from placet.api.consent.v1 import consent_pb2
from placet.api.permission.v1 import permission_pb2, register_pb2
from placet.api.vault.v1 import vault_pb2
from placet.kit.errors import Kind
from placet.kit.grpc.access import access_of
from placet.kit.grpc.status import from_rpc_error
from placet.kit.telemetry.logs import JsonFormatter
from placet.kit.telemetry.tracing import Tracing, provider

# --- how errors leave


async def test_an_error_of_ours_keeps_everything(mesh: Mesh) -> None:
    error = await refused(mesh.call("withdrawn"))
    assert (error.kind, error.reason, error.message) == (Kind.PRECONDITION, "BASIS_ENDED", "the basis has ended")
    assert (error.field, error.metadata) == ("basis", {"index": "7"})


async def test_an_error_out_of_a_task_group_is_the_same(mesh: Mesh) -> None:
    assert (await refused(mesh.call("group"))).reason == "BASIS_ENDED"


async def test_any_client_reads_the_details(mesh: Mesh) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await mesh.call("full")
    assert failure.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    status = rpc_status.from_call(failure.value)
    assert [detail.TypeName() for detail in status.details] == ["google.rpc.ErrorInfo", "google.rpc.RetryInfo"]
    assert from_rpc_error(failure.value).retry_after == 1.5


@pytest.mark.parametrize("text", ["unexpected", "timeout", "internal", "wrong type"])
async def test_what_is_unexpected_is_opaque(mesh: Mesh, text: str, caplog: pytest.LogCaptureFixture) -> None:
    error = await refused(mesh.call(text))
    assert (error.kind, error.reason) == (Kind.INTERNAL, "INTERNAL")
    assert error.message == f"internal error {error.metadata['error_id']}: give this id to the operator"
    [record] = [record for record in caplog.records if hasattr(record, "error_id")]
    line = JsonFormatter("x").format(record)
    assert json.loads(line)["error_id"] == error.metadata["error_id"]
    assert "Traceback" in json.loads(line)["traceback"]
    assert "c2lnbmF0dXJl" not in line


async def test_corruption_is_told_and_alarms(mesh: Mesh, caplog: pytest.LogCaptureFixture) -> None:
    error = await refused(mesh.call("corrupt"))
    assert (error.kind, error.metadata["index"]) == (Kind.CORRUPT, "5")
    assert [record.alarm for record in caplog.records if hasattr(record, "alarm")] == [True]


async def test_a_stream_may_fail_after_answers(mesh: Mesh) -> None:
    stream = await start(mesh, "Down", mesh.bearer(), text="late failure")
    assert [(await stream.read()).text for _ in range(3)] == ["late failure"] * 3
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await stream.read()
    assert from_rpc_error(failure.value).reason == "STATE_INVALID"


@pytest.mark.parametrize("method", ["Down", "Up", "Both"])
async def test_streams_are_opaque_too(mesh: Mesh, method: str) -> None:
    error = await refused(await start(mesh, method, mesh.bearer(), text="unexpected"))
    assert error.reason == "INTERNAL"
    assert "canary" not in repr(error)


async def test_a_handlers_own_abort_passes(mesh: Mesh) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await mesh.call("abort")
    assert (failure.value.code(), failure.value.details()) == (grpc.StatusCode.ABORTED, "by hand")


@pytest.mark.parametrize("method", ["Absent", "AbsentDown"])
async def test_what_generated_code_does_not_implement(mesh: Mesh, method: str) -> None:
    error = await refused(await start(mesh, method, mesh.bearer()))
    assert (error.kind, error.reason) == (Kind.NOT_SERVED, "NOT_SERVED")


async def test_an_unknown_method_is_not_served(mesh: Mesh) -> None:
    async with grpc.aio.insecure_channel(mesh.address) as channel:
        call = channel.unary_unary(f"/{ECHO}/Nothing")(b"", metadata=mesh.bearer())
        assert (await refused(call)).kind is Kind.NOT_SERVED


async def test_calls_are_counted_by_method_and_code(mesh: Mesh) -> None:
    await mesh.call()
    await mesh.call()
    await refused(mesh.call("withdrawn"))
    await refused(mesh.call("unexpected"))
    await refused(await start(mesh, "Unary", ()))
    counted = {labels["code"]: n for labels, n in labelled(mesh) if labels["method"] == f"{ECHO}/Unary"}
    assert counted == {"OK": 2, "FAILED_PRECONDITION": 1, "INTERNAL": 1, "UNAUTHENTICATED": 1}


def labelled(mesh: Mesh) -> list[tuple[dict[str, str], float]]:
    return [(dict(labels), count) for labels, count in mesh.metrics.snapshot()["placet.rpc.calls"].items()]


# --- what may be served


@pytest.mark.parametrize("method", ["Open", "Nobody", "Unspecified", "Untenanted", "Several"])
async def test_what_the_protos_do_not_protect_is_not_served(mesh: Mesh, method: str) -> None:
    class Servicer:
        async def handle(self, request: Any, context: Any) -> Any:
            return request

    setattr(Servicer, method, Servicer.handle)
    with pytest.raises(TypeError, match=method):
        mesh.server.add(lambda servicer, to: register(servicer, to, ODD, {method: (False, False)}), Servicer())


async def test_handlers_that_would_misbehave_are_refused(mesh: Mesh) -> None:
    class Writes:
        async def Down(self, request: Any, context: Any) -> None:
            await context.write(request)

    class Blocks:
        def Unary(self, request: Any, context: Any) -> Any:
            return request

    with pytest.raises(TypeError, match="async generator"):
        mesh.server.add(lambda servicer, to: register(servicer, to, ECHO, {"Down": (False, True)}), Writes())
    with pytest.raises(TypeError, match="async def"):
        mesh.server.add(lambda servicer, to: register(servicer, to, ECHO, {"Unary": (False, False)}), Blocks())


def test_every_rpc_of_placet_can_be_guarded() -> None:
    """Each method of our protos passes the guard's conditions: a new one that does not fails here."""
    modules = (audit_pb2, consent_pb2, permission_pb2, register_pb2, vault_pb2)
    services = [service for module in modules for service in module.DESCRIPTOR.services_by_name.values()]
    assert len(services) >= 5
    for service in services:
        for method in service.methods:
            assert access_of(service.full_name, method.name).roles


# --- tracing and cost


async def test_a_sampled_call_is_traced_and_others_are_not(mesh: Mesh) -> None:
    spans = InMemorySpanExporter()
    made = provider(spans)
    mesh.guard.tracing = Tracing(made.get_tracer("x"), ratio=1e-9, dice=lambda: 0.5)
    await mesh.call()
    wanted = (("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),)
    await mesh.client.method("Unary")(Request(controller="bank", text="x"), metadata=mesh.bearer() + wanted)
    assert len([a async for a in await start(mesh, "Down", mesh.bearer() + wanted)]) == 3
    made.force_flush()
    assert [done.name for done in spans.get_finished_spans()] == [f"{ECHO}/Unary", f"{ECHO}/Down"]


async def cost(client: Client, metadata: Any, seconds: float) -> tuple[float, float]:
    """Calls a second, and processor microseconds a call (client and server: both run in this process)."""
    call, request = client.method("Unary"), Request(controller="bank", text="x")
    done, began, used = 0, time.perf_counter(), time.process_time()

    async def lane() -> None:
        nonlocal done
        while time.perf_counter() < began + seconds:
            await call(request, metadata=metadata, timeout=5)
            done += 1

    await asyncio.gather(*(lane() for _ in range(16)))
    return done / (time.perf_counter() - began), (time.process_time() - used) / done * 1e6


async def test_the_guard_costs_little(mesh: Mesh, capsys: pytest.CaptureFixture[str]) -> None:
    """16 in flight, 2 s each with and without the guard, by turns. Processor time, because the machine is shared."""
    bare = grpc.aio.server()
    add_echo(mesh.echo, bare)
    port = bare.add_insecure_port("127.0.0.1:0")
    await bare.start()
    metadata, without, guarded = mesh.bearer(), [], []
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        for _ in range(8):
            without.append(await cost(Client(channel), metadata, 0.25))
            guarded.append(await cost(mesh.client, metadata, 0.25))
    await bare.stop(None)
    added = median(used for _, used in guarded) - median(used for _, used in without)
    with capsys.disabled():
        rates = f"echo {max(without)[0]:.0f}/s, guarded {max(guarded)[0]:.0f}/s"
        print(f"\n  {rates}: {added:.0f} us of processor time added a call")
    assert added <= 120  # the aim is 60; measured 35 to 57 on a machine shared with others


async def test_logging_of_grpc_itself_has_no_canary(mesh: Mesh, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await refused(mesh.call("unexpected"))
    formatter = JsonFormatter("x")
    assert "c2lnbmF0dXJl" not in "".join(formatter.format(record) for record in caplog.records)
