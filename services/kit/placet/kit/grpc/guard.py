"""The one thing between the wire and a servicer.

Owns: `Guard`, which wraps each method once, when it is registered, so that nothing is looked up per call. In this
order: token -> `Caller`, role, deadline, parsing, controller, handler, error -> status, counters. Of a stream, each
message is parsed and checked.
Never: serves a method whose descriptor does not say who may call it; tells a caller what an unexpected error was (it
gets an id, the log has the traceback); swallows a cancellation.
Requests are parsed here because grpc.aio answers INTERNAL when a deserializer raises.
"""

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from placet.kit.errors import Invalid, Kind, NotServed, PlacetError, Unauthenticated, Unavailable
from placet.kit.grpc.access import Access, access_of
from placet.kit.grpc.caller import set_call, set_deadline
from placet.kit.grpc.status import to_status
from placet.kit.security.jwt import Token, TokenVerifier
from placet.kit.telemetry.metrics import Count, Counter, Metrics
from placet.kit.telemetry.tracing import Tracing

Context = grpc.aio.ServicerContext[Any, Any]
DRAIN_S = 0.1
DRAIN_MESSAGES = 64
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one call may take: `deadline_us` at most, whatever the client asks; messages of `max_message` bytes."""

    deadline_us: int = 10_000_000
    max_message: int = 4 << 20


class Guard:
    """Wraps the handlers of services. `clock` gives unix microseconds; `new_error_id` short random text."""

    def __init__(
        self,
        verifier: TokenVerifier,
        *,
        clock: Callable[[], int],
        new_error_id: Callable[[], str],
        metrics: Metrics,
        tracing: Tracing,
        limits: Limits | None = None,
    ) -> None:
        self.verifier = verifier
        self.clock = clock
        self.new_error_id = new_error_id
        self.tracing = tracing
        self.limits = limits or Limits()
        self.calls = metrics.counter("placet.rpc.calls", "calls by method and status code")
        self.busy = metrics.counter("placet.rpc.busy", "time in calls by method", "us")

    def wrap(self, service: str, handlers: dict[str, Any]) -> dict[str, Any]:
        """Return guarded handlers for the methods of `service` (full name).

        Raises TypeError for a method without access option, and for a streaming handler that is no async generator.
        """
        return {name: _Method(self, service, name, handler).handler() for name, handler in handlers.items()}


class _Method:
    """One guarded method."""

    def __init__(self, guard: Guard, service: str, name: str, handler: Any) -> None:
        self._guard = guard
        self._name = f"{service}/{name}"
        self._access: Access = access_of(service, name)
        self._behaviour: Callable[..., Any] = (
            handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        )
        self._parse: Callable[[bytes], Any] = handler.request_deserializer
        self._serialize: Callable[[Any], bytes] = handler.response_serializer
        self._streams_in: bool = handler.request_streaming
        self._streams_out: bool = handler.response_streaming
        self._calls: Counter = guard.calls
        self._ok: Count = guard.calls.bind(method=self._name, code="OK")
        self._busy: Count = guard.busy.bind(method=self._name)
        _check_shape(self._name, self._behaviour, streams_out=self._streams_out)

    def handler(self) -> Any:
        """Return what grpc.aio serves: bytes in, bytes out."""
        make = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }[self._streams_in, self._streams_out]
        return make(self._stream if self._streams_out else self._unary)

    async def _unary(self, raw: Any, context: Context) -> bytes:
        started = self._guard.clock()
        try:
            left = context.time_remaining()
            token = await self._admit(context, left)
            request = self._requests(raw, token, context) if self._streams_in else self._request(raw, token, context)
            with self._guard.tracing.server_span(self._name, context.invocation_metadata):
                answer = self._serialize(await self._within_deadline(request, context, left))
        except Exception as error:  # noqa: BLE001 (whatever a handler raises becomes a status)
            if self._streams_in:
                await _drain(raw)
            await self._abort(error, context)
        self._ok.value += 1
        self._busy.value += self._guard.clock() - started
        return answer

    async def _stream(self, raw: Any, context: Context) -> AsyncIterator[bytes]:
        started = self._guard.clock()
        try:
            token = await self._admit(context, context.time_remaining())
            request = self._requests(raw, token, context) if self._streams_in else self._request(raw, token, context)
            with self._guard.tracing.server_span(self._name, context.invocation_metadata):
                async with aclosing(self._behaviour(request, context)) as answers:
                    async for answer in answers:
                        yield self._serialize(answer)
        except Exception as error:  # noqa: BLE001 (whatever a handler raises becomes a status)
            if self._streams_in:
                await _drain(raw)
            await self._abort(error, context)
        self._ok.value += 1
        self._busy.value += self._guard.clock() - started

    async def _admit(self, context: Context, left: float | None) -> Token:
        """Verify the token and the role, and set who is calling, and until when: `left` seconds of the client's."""
        bearer = _bearer(context.invocation_metadata())
        token = self._guard.verifier.remembered(bearer) or await self._guard.verifier.verify(bearer)
        self._access.check_role(token.caller)
        set_call(token.caller, self._deadline(left))
        return token

    def _deadline(self, left: float | None) -> int:
        """Return the end of the call, absolute: the client's deadline, or ours when it is later or there is none."""
        limit = self._guard.limits.deadline_us
        return self._guard.clock() + (limit if left is None else min(limit, int(left * 1e6)))

    def _request(self, raw: bytes, token: Token, context: Context) -> Any:
        """Parse a message and check that the caller may speak for its controller."""
        if len(raw) > self._guard.limits.max_message:
            raise Invalid(
                "request", f"a message is at most {self._guard.limits.max_message} bytes", reason="FIELD_TOO_LARGE"
            )
        try:
            request = self._parse(raw)
        except DecodeError:
            text = "the request is no valid protobuf message of its type"
            raise Invalid("request", text, reason="REQUEST_MALFORMED") from None
        self._access.check_controller(token.caller, request.controller)
        return request

    async def _requests(self, raw: AsyncIterator[bytes], token: Token, context: Context) -> AsyncIterator[Any]:
        """Parse and check each message of a stream; the token must hold, and the deadline starts anew, for each."""
        async for message in raw:
            if self._guard.clock() >= token.expires:
                raise Unauthenticated("TOKEN_EXPIRED", "the token expired during the stream: open it with a new one")
            set_deadline(self._deadline(context.time_remaining()))
            yield self._request(message, token, context)

    async def _within_deadline(self, request: Any, context: Context, left: float | None) -> Any:
        """Run the handler; grpc cancels it at the client's deadline, this at ours when that comes first."""
        limit = self._guard.limits.deadline_us / 1e6
        if left is not None and left <= limit:
            return await self._behaviour(request, context)
        try:
            async with asyncio.timeout(limit) as timer:
                return await self._behaviour(request, context)
        except TimeoutError:
            if not timer.expired():
                raise
            raise Unavailable("DEADLINE_PASSED", f"the call took longer than {limit:g} s") from None

    async def _abort(self, error: Exception, context: Context) -> NoReturn:
        """End the call with the status of the error; what is unexpected is logged under an id and told by that id."""
        if isinstance(error, grpc.aio.AbortError):
            raise error
        known = self._known(error)
        self._calls.add(method=self._name, code=known.kind.grpc_code)
        await context.abort_with_status(to_status(known))

    def _known(self, error: Exception) -> PlacetError:
        """Return what the caller is told."""
        while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]  # from a TaskGroup of the handler's
        if isinstance(error, NotImplementedError):
            return NotServed(f"{self._name} is not served by this build")
        if isinstance(error, PlacetError) and error.kind not in (Kind.INTERNAL, Kind.CORRUPT):
            return error
        error_id = self._guard.new_error_id()
        _log.error(
            "%s failed",
            self._name,
            exc_info=error,
            extra={"error_id": error_id, "alarm": isinstance(error, PlacetError)},
        )
        if isinstance(error, PlacetError) and error.kind is Kind.CORRUPT:
            error.metadata.setdefault("error_id", error_id)
            return error
        text = f"internal error {error_id}: give this id to the operator"
        return PlacetError(Kind.INTERNAL, "INTERNAL", text, metadata={"error_id": error_id})


async def _drain(raw: AsyncIterator[bytes]) -> None:
    """Take what a client is sending at this moment, before its stream is ended.

    Without this, a status that meets a message under way reaches grpc.aio clients as INTERNAL ("Internal error from
    Core") now and then. Bounded in time and number: a client that goes on sending gets its status all the same.
    """
    with suppress(TimeoutError, StopAsyncIteration, grpc.aio.BaseError):
        async with asyncio.timeout(DRAIN_S):
            for _ in range(DRAIN_MESSAGES):
                await anext(raw)


def _check_shape(name: str, behaviour: Callable[..., Any], *, streams_out: bool) -> None:
    """Refuse handlers that would misbehave: the generated ones, that only say `not implemented`, are let through."""
    if getattr(behaviour, "__module__", "").endswith("_pb2_grpc"):
        return
    if streams_out and not inspect.isasyncgenfunction(behaviour):
        raise TypeError(f"{name}: a handler that streams must be an async generator")
    if not streams_out and not inspect.iscoroutinefunction(behaviour):
        raise TypeError(f"{name}: a handler must be `async def`")


def _bearer(metadata: Any) -> str:
    """Return the bearer token of the call. Raises Unauthenticated (TOKEN_MISSING, TOKEN_INVALID)."""
    values = [value for key, value in metadata or () if key == "authorization"]
    if not values:
        raise Unauthenticated("TOKEN_MISSING", "send metadata `authorization: Bearer <token>`")
    if len(values) > 1 or not isinstance(values[0], str):
        raise Unauthenticated("TOKEN_INVALID", "send exactly one `authorization`")
    scheme, _, token = values[0].partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("TOKEN_INVALID", "`authorization` must be `Bearer <token>`")
    return token
