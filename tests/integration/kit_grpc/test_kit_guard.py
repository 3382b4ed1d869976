"""The guard over a real wire: who comes in, what is parsed, how errors leave, and what it costs."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from statistics import median
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf import descriptor_pool
from grpc_status import rpc_status
from integration.kit_grpc.conftest import Mesh
from integration.kit_grpc.echo_service import ECHO, ODD, SHAPES, Client, Request, add_echo, register
from placet.kit.app import now_us
from placet.kit.errors import Kind, PlacetError
from placet.kit.grpc.guard import Limits
from placet.kit.grpc.status import from_rpc_error
from placet.kit.telemetry.logs import JsonFormatter
from placet.kit.telemetry.tracing import Tracing, provider


async def refused(call: Any) -> PlacetError:
    """The error a client of ours makes of the failed call."""
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        if hasattr(call, "__aiter__") and not hasattr(call, "__await__"):
            async for _ in call:
                pass
        else:
            await call
    return from_rpc_error(failure.value)


async def start(mesh: Mesh, method: str, metadata: Any, controller: str = "bank", text: str = "x") -> Any:
    """Make a call of any shape with one request."""
    request = Request(controller=controller, text=text)
    sent = one(request) if SHAPES[method][0] else request
    return mesh.client.method(method)(sent, metadata=metadata, timeout=20)


async def one(*requests: Any) -> AsyncIterator[Any]:
    for request in requests:
        yield request


SHAPED = ["Unary", "Down", "Up", "Both"]


# --- who comes in


async def test_a_good_call_of_each_shape(mesh: Mesh) -> None:
    assert (await mesh.call("hello")).text == "hello"
    assert [a.text async for a in await start(mesh, "Down", mesh.bearer())] == ["x"] * 3
    assert (await (await start(mesh, "Up", mesh.bearer()))).text == "x"
    assert [a.text async for a in await start(mesh, "Both", mesh.bearer())] == ["x"]


async def test_a_handler_knows_its_caller(mesh: Mesh) -> None:
    assert (await mesh.call("who", sub="till-9")).text == "till-9"
    assert [a.text async for a in await start(mesh, "Both", mesh.bearer(sub="t-3"), text="who")] == ["t-3"]


async def test_concurrent_callers_do_not_mix(mesh: Mesh) -> None:
    names = [f"till-{n}" for n in range(40)]
    answers = await asyncio.gather(*(mesh.call("who", sub=name) for name in names))
    assert [answer.text for answer in answers] == names


BAD_TOKENS = {
    "none": ((), "TOKEN_MISSING"),
    "basic": ((("authorization", "Basic abc"),), "TOKEN_INVALID"),
    "empty": ((("authorization", "Bearer "),), "TOKEN_INVALID"),
    "rubbish": ((("authorization", "Bearer a.b.c"),), "TOKEN_INVALID"),
    "two": ((("authorization", "Bearer a"), ("authorization", "Bearer b")), "TOKEN_INVALID"),
    "huge": ((("authorization", "Bearer " + "x" * 9_000),), "TOKEN_INVALID"),
}


@pytest.mark.parametrize("method", SHAPED)
@pytest.mark.parametrize("bad", BAD_TOKENS)
async def test_without_a_valid_token_no_handler_runs(mesh: Mesh, method: str, bad: str) -> None:
    metadata, reason = BAD_TOKENS[bad]
    error = await refused(await start(mesh, method, metadata))
    assert (error.kind, error.reason) == (Kind.UNAUTHENTICATED, reason)
    assert mesh.echo.seen == []


@pytest.mark.parametrize("method", SHAPED)
@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "other"}, "TOKEN_INVALID"),
        ({"iss": "https://other"}, "TOKEN_INVALID"),
        ({"exp": 1_000}, "TOKEN_EXPIRED"),
        ({"roles": ["auditor", "operator"]}, "ROLE_MISSING"),
        ({"roles": []}, "ROLE_MISSING"),
        ({"roles": ["PROCESS", "ROLE_PROCESS"]}, "ROLE_MISSING"),
        ({"controllers": ["shop"]}, "CONTROLLER_FORBIDDEN"),
        ({"controllers": []}, "CONTROLLER_FORBIDDEN"),
        ({"controllers": ["*"]}, "CONTROLLER_FORBIDDEN"),
        ({"controllers": ["ban", "bank "]}, "CONTROLLER_FORBIDDEN"),
    ],
)
async def test_a_token_for_something_else(mesh: Mesh, method: str, claims: dict[str, Any], reason: str) -> None:
    error = await refused(await start(mesh, method, mesh.bearer(**claims)))
    assert error.reason == reason
    assert mesh.echo.seen == []


async def test_the_star_is_for_operators_alone(mesh: Mesh) -> None:
    operator = {"controllers": ["*"], "roles": ["operator", "process"]}
    assert (await mesh.call(method="Operate", **operator)).text == "hello"
    for method in ("Shared", "Unary"):
        assert (await refused(mesh.call(method=method, **operator))).reason == "CONTROLLER_FORBIDDEN"


async def test_nobody_is_called_star(mesh: Mesh) -> None:
    error = await refused(mesh.call(method="Operate", controller="*", controllers=["*"], roles=["operator"]))
    assert error.reason == "CONTROLLER_FORBIDDEN"


async def test_a_request_names_its_controller(mesh: Mesh) -> None:
    error = await refused(mesh.call(controller="", controllers=["bank", ""]))
    assert (error.kind, error.reason, error.field) == (Kind.INVALID, "FIELD_MISSING", "controller")


async def test_each_message_of_a_stream_is_checked(mesh: Mesh) -> None:
    stream = mesh.client.method("Both")(
        one(Request(controller="bank", text="mine"), Request(controller="shop", text="theirs")),
        metadata=mesh.bearer(),
        timeout=20,
    )
    error = await refused(stream)
    assert error.reason == "CONTROLLER_FORBIDDEN"
    assert mesh.echo.seen == ["mine"]


async def test_a_stream_ends_with_its_token(mesh: Mesh) -> None:
    stream = mesh.client.method("Both")(metadata=mesh.bearer(exp=now_us() // 1_000_000 - 3), timeout=20)
    await stream.write(Request(controller="bank", text="1"))
    assert (await stream.read()).text == "1"
    await asyncio.sleep(2.5)
    await stream.write(Request(controller="bank", text="2"))
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await stream.read()
    assert from_rpc_error(failure.value).reason == "TOKEN_EXPIRED"
    assert mesh.echo.seen == ["1"]


# --- what is parsed


@pytest.mark.parametrize("method", SHAPED)
@pytest.mark.parametrize(
    "raw", [b"\x0a\x04ban", b"\x0a", b"\xff" * 20, b"\x0a\x02\xc3\x28", b"\x0a\x84\x80\x80\x80\x80"]
)
async def test_what_is_no_protobuf_is_invalid(mesh: Mesh, method: str, raw: bytes) -> None:
    sent = one(raw) if SHAPES[method][0] else raw
    error = await refused(mesh.client.method(method, raw=True)(sent, metadata=mesh.bearer(), timeout=20))
    assert (error.kind, error.reason) == (Kind.INVALID, "REQUEST_MALFORMED")
    assert mesh.echo.seen == []


async def test_any_cut_of_a_request_is_typed(mesh: Mesh) -> None:
    whole = Request(controller="bank", text="hello").SerializeToString()
    call = mesh.client.method("Unary", raw=True)
    bearer = mesh.bearer()
    for length in range(len(whole)):
        try:
            await call(whole[:length], metadata=bearer, timeout=20)
        except grpc.aio.AioRpcError as error:
            assert from_rpc_error(error).kind is Kind.INVALID  # noqa: PT017
        else:
            assert length == len(b"\x0a\x04bank")


async def test_a_message_that_is_too_large(mesh: Mesh) -> None:
    await mesh.call("x" * ((4 << 20) - 100))
    error = await refused(mesh.call("x" * (4 << 20)))
    assert (error.kind, error.reason, error.field) == (Kind.INVALID, "FIELD_TOO_LARGE", "request")
    assert (await refused(mesh.call("x" * (9 << 20)))).reason == "FIELD_TOO_LARGE"
    assert len(mesh.echo.seen) == 1


# --- deadlines


async def test_the_clients_deadline_is_told(mesh: Mesh) -> None:
    before = now_us()
    answer = await mesh.client.method("Unary")(
        Request(controller="bank", text="deadline"), metadata=mesh.bearer(), timeout=2
    )
    assert before + 1_900_000 < answer.number <= now_us() + 2_000_000


@pytest.mark.parametrize("timeout", [None, 3_600])
async def test_no_deadline_is_later_than_ours(mesh: Mesh, timeout: float | None) -> None:
    before = now_us()
    answer = await mesh.client.method("Unary")(
        Request(controller="bank", text="deadline"), metadata=mesh.bearer(), timeout=timeout
    )
    assert before + 10_000_000 <= answer.number <= now_us() + 10_000_000


@pytest.mark.parametrize("limits", [Limits(deadline_us=300_000)])
@pytest.mark.parametrize("timeout", [None, 60])
async def test_our_deadline_is_enforced(mesh: Mesh, timeout: float | None) -> None:
    began = time.monotonic()
    call = mesh.client.method("Unary")(
        Request(controller="bank", text="sleep"), metadata=mesh.bearer(), timeout=timeout
    )
    error = await refused(call)
    assert (error.kind, error.reason) == (Kind.UNAVAILABLE, "DEADLINE_PASSED")
    assert time.monotonic() - began < 2
    assert mesh.echo.cancelled == 1


async def test_the_clients_deadline_cancels_the_handler(mesh: Mesh) -> None:
    call = mesh.client.method("Unary")(Request(controller="bank", text="sleep"), metadata=mesh.bearer(), timeout=0.3)
    assert (await refused(call)).reason == "DEADLINE_PASSED"
    await asyncio.sleep(0.3)
    assert mesh.echo.cancelled == 1


async def test_a_client_that_goes_away_cancels_the_handler(mesh: Mesh) -> None:
    call = mesh.client.method("Unary")(Request(controller="bank", text="sleep"), metadata=mesh.bearer())
    while not mesh.echo.seen:
        await asyncio.sleep(0.01)
    call.cancel()
    await asyncio.sleep(0.3)
    assert mesh.echo.cancelled == 1


@pytest.mark.parametrize("limits", [Limits(deadline_us=500_000)])
async def test_a_stream_has_a_deadline_for_each_message(mesh: Mesh) -> None:
    stream = mesh.client.method("Both")(metadata=mesh.bearer())
    told = []
    for _ in range(3):
        await stream.write(Request(controller="bank", text="deadline"))
        told.append((await stream.read()).number)
        await asyncio.sleep(0.3)
    await stream.done_writing()
    assert told[0] + 250_000 < told[1] < told[1] + 250_000 < told[2]


# --- how errors leave


async def test_an_error_of_ours_keeps_everything(mesh: Mesh) -> None:
    error = await refused(mesh.call("withdrawn"))
    assert (error.kind, error.reason, error.message) == (Kind.PRECONDITION, "BASIS_ENDED", "the basis has ended")
    assert (error.field, error.metadata) == ("basis", {"index": "7"})


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
    answers = []
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        async for answer in stream:
            answers.append(answer)
    assert len(answers) == 3
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
    from placet.api.audit.v1 import audit_pb2
    from placet.api.consent.v1 import consent_pb2
    from placet.api.permission.v1 import permission_pb2, register_pb2
    from placet.api.vault.v1 import vault_pb2
    from placet.kit.grpc.access import access_of

    modules = (audit_pb2, consent_pb2, permission_pb2, register_pb2, vault_pb2)
    services = [service for module in modules for service in module.DESCRIPTOR.services_by_name.values()]
    assert len(services) >= 5
    for service in services:
        for method in service.methods:
            assert access_of(service.full_name, method.name).roles


# --- tracing and cost


async def test_a_sampled_call_is_traced_and_others_are_not(mesh: Mesh) -> None:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

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


def test_the_descriptors_are_real() -> None:
    assert descriptor_pool.Default().FindServiceByName(ODD)


async def test_logging_of_grpc_itself_has_no_canary(mesh: Mesh, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await refused(mesh.call("unexpected"))
    formatter = JsonFormatter("x")
    assert "c2lnbmF0dXJl" not in "".join(formatter.format(record) for record in caplog.records)
