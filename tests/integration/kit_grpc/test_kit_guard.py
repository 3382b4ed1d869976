"""The guard over a real wire: who comes in, what is parsed, and by when it must be over."""

import asyncio
import random
import time
from typing import Any

import grpc
import grpc.aio
import pytest
from integration.kit_grpc.conftest import Mesh, one, refused, start
from integration.kit_grpc.echo_service import SHAPES, Request

from placet.kit.app import now_us
from placet.kit.errors import Kind
from placet.kit.grpc.guard import Limits
from placet.kit.grpc.status import from_rpc_error

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


async def test_random_bytes_are_never_an_internal_error(mesh: Mesh) -> None:
    dice, bearer = random.Random(20), mesh.bearer()
    call = mesh.client.method("Unary", raw=True)
    for _ in range(300):
        try:
            await call(dice.randbytes(dice.randrange(64)), metadata=bearer, timeout=20)
        except grpc.aio.AioRpcError as error:
            assert from_rpc_error(error).kind in (Kind.INVALID, Kind.DENIED)  # noqa: PT017


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
    assert before + 1_500_000 < answer.number <= now_us() + 2_100_000  # grpc rounds what it sends


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
