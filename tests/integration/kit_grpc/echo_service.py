"""A service that exists only here: real descriptors in the default pool, one method of each shape.

Built at run time so that no test proto is compiled into the product; `placet.test.v1.Odd` is what must not be served.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from placet.api.common.v1 import access_pb2
from placet.kit.errors import Corrupt, Exhausted, Kind, PlacetError, Precondition
from placet.kit.grpc.caller import current_caller, deadline

ECHO = "placet.test.v1.Echo"
ODD = "placet.test.v1.Odd"
_PROCESS, _OPERATOR, _AUDITOR = access_pb2.ROLE_PROCESS, access_pb2.ROLE_OPERATOR, access_pb2.ROLE_AUDITOR


def _build() -> None:
    file = descriptor_pb2.FileDescriptorProto(
        name="placet/test/v1/echo.proto",
        package="placet.test.v1",
        syntax="proto3",
        dependency=["placet/api/common/v1/access.proto"],
    )
    text = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
    number = descriptor_pb2.FieldDescriptorProto.TYPE_INT64
    once = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
    many = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
    for name, first, label in (
        ("Request", "controller", once),
        ("Nobody", "tenant", once),
        ("Several", "controller", many),
    ):
        message = file.message_type.add(name=name)
        message.field.add(name=first, number=1, type=text, label=label)
        message.field.add(name="text", number=2, type=text, label=once)
    answer = file.message_type.add(name="Response")
    answer.field.add(name="text", number=1, type=text, label=once)
    answer.field.add(name="number", number=2, type=number, label=once)
    echo = file.service.add(name="Echo")
    for name, into, out in (
        ("Unary", False, False),
        ("Down", False, True),
        ("Up", True, False),
        ("Both", True, True),
        ("Absent", False, False),
        ("AbsentDown", False, True),
    ):
        _method(echo, name, "Request", [_PROCESS], into, out)
    _method(echo, "Operate", "Request", [_OPERATOR])
    _method(echo, "Shared", "Request", [_OPERATOR, _AUDITOR])
    odd = file.service.add(name="Odd")
    odd.method.add(name="Open", input_type=".placet.test.v1.Request", output_type=".placet.test.v1.Response")
    _method(odd, "Nobody", "Request", [])
    _method(odd, "Unspecified", "Request", [access_pb2.ROLE_UNSPECIFIED])
    _method(odd, "Untenanted", "Nobody", [_PROCESS])
    _method(odd, "Several", "Several", [_PROCESS])
    descriptor_pool.Default().Add(file)


def _method(service: Any, name: str, request: str, roles: list[int], into: bool = False, out: bool = False) -> None:
    method = service.method.add(
        name=name,
        input_type=f".placet.test.v1.{request}",
        output_type=".placet.test.v1.Response",
        client_streaming=into,
        server_streaming=out,
    )
    method.options.Extensions[access_pb2.access].any_of.extend(roles)
    method.options.Extensions[access_pb2.access].SetInParent()


try:
    descriptor_pool.Default().FindServiceByName(ECHO)
except KeyError:
    _build()
_POOL = descriptor_pool.Default()
Request: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("placet.test.v1.Request"))
Response: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("placet.test.v1.Response"))
SHAPES = {
    method.name: (method.client_streaming, method.server_streaming) for method in _POOL.FindServiceByName(ECHO).methods
}


class Echo:
    """What the tests call. `text` says what to do; `seen` is what a handler got to see."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.cancelled = 0

    async def Unary(self, request: Any, context: Any) -> Any:
        return await self._answer(request, context)

    Operate = Shared = Unary

    async def Down(self, request: Any, context: Any) -> AsyncIterator[Any]:
        for _ in range(3):
            yield await self._answer(request, context)
        if request.text == "late failure":
            raise Precondition("STATE_INVALID", "after three answers")

    async def Up(self, requests: AsyncIterator[Any], context: Any) -> Any:
        texts = [(await self._answer(request, context)).text async for request in requests]
        return Response(text=",".join(texts))

    async def Both(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            yield await self._answer(request, context)

    def Absent(self, request: Any, context: Any) -> Any:
        context.set_code(grpc.StatusCode.UNIMPLEMENTED)
        raise NotImplementedError("Method not implemented!")

    AbsentDown = Absent
    Absent.__module__ = "placet.test.v1.echo_pb2_grpc"  # what generated code looks like

    async def _answer(self, request: Any, context: Any) -> Any:
        self.seen.append(request.text)
        match request.text:
            case "who":
                return Response(text=current_caller.get().actor)
            case "deadline":
                return Response(number=deadline())
            case "sleep":
                return await self._sleep()
            case "wrong type":
                return "not a message"
            case "group":
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._answer(Request(text="withdrawn"), context))
            case "abort":
                await context.abort(grpc.StatusCode.ABORTED, "by hand")
        if error := ERRORS.get(request.text):
            raise error
        return Response(text=request.text)

    async def _sleep(self) -> Any:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Response()


ERRORS: dict[str, Exception] = {
    "unexpected": ValueError("canary-of-an-exception AQc2lnbmF0dXJlMTIzNDU2Nzg5MDEyMzQ1Njc4OTA"),
    "timeout": TimeoutError("canary-of-an-exception"),
    "internal": PlacetError(Kind.INTERNAL, "INTERNAL", "canary-of-an-exception"),
    "corrupt": Corrupt("STORAGE_CORRUPT", "entry 5 does not hash", metadata={"index": "5"}),
    "full": Exhausted("QUEUE_FULL", "队列已满 " * 200, retry_after=1.5, metadata={"queue": "说明" * 500}),
    "withdrawn": Precondition("BASIS_ENDED", "the basis has ended", field="basis", metadata={"index": "7"}),
}


def add_echo(servicer: Any, server: Any) -> None:
    """Register as generated code does."""
    register(servicer, server, ECHO, SHAPES)


def register(servicer: Any, server: Any, service: str, shapes: dict[str, tuple[bool, bool]]) -> None:
    """Register some methods of a service as generated code does."""
    make = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    handlers = {
        name: make[shape](
            getattr(servicer, name),
            request_deserializer=Request.FromString,
            response_serializer=Response.SerializeToString,
        )
        for name, shape in shapes.items()
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    server.add_registered_method_handlers(service, handlers)


class Client:
    """A stub for the echo service; `raw` sends bytes as they are."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def method(self, name: str, *, raw: bool = False) -> Any:
        into, out = SHAPES[name]
        kind = f"{'stream' if into else 'unary'}_{'stream' if out else 'unary'}"
        return getattr(self._channel, kind)(
            f"/{ECHO}/{name}",
            request_serializer=None if raw else Request.SerializeToString,
            response_deserializer=Response.FromString,
        )
