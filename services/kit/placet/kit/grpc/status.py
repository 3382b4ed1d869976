"""PlacetError to gRPC status and back, in this one file.

Owns: the rich status (`google.rpc.Status` in the trailing metadata, with `google.rpc.ErrorInfo{reason, domain,
metadata}` and `google.rpc.RetryInfo`; domain `placet`), and its inverse for clients of other services.
Never: lets the text of an unexpected exception out. Source: style.md section 3, https://google.aip.dev/193.
"""

from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status as StatusMessage  # type: ignore[import-untyped]

from placet.kit.errors import Kind, PlacetError, error_of

DOMAIN = "placet"
# Invariant: a status fits in the 8 KiB of trailers that clients take; `grpc-message` grows threefold on the wire.
_MAX_TEXT = 512
_MAX_VALUE = 256
_MAX_DETAILS = 3_072
_DETAILS_KEY = "grpc-status-details-bin"
_CODES = {kind: grpc.StatusCode[kind.grpc_code] for kind in Kind}
_KINDS = {code: kind for kind, code in _CODES.items()}

# What a status without our details means: from the transport, a proxy, or grpc itself.
_BARE: dict[grpc.StatusCode, tuple[Kind, str]] = {
    grpc.StatusCode.INVALID_ARGUMENT: (Kind.INVALID, "REQUEST_MALFORMED"),
    grpc.StatusCode.OUT_OF_RANGE: (Kind.INVALID, "REQUEST_MALFORMED"),
    grpc.StatusCode.UNAUTHENTICATED: (Kind.UNAUTHENTICATED, "TOKEN_INVALID"),
    grpc.StatusCode.PERMISSION_DENIED: (Kind.DENIED, "ROLE_MISSING"),
    grpc.StatusCode.NOT_FOUND: (Kind.NOT_FOUND, "NOT_FOUND"),
    grpc.StatusCode.ALREADY_EXISTS: (Kind.ALREADY_EXISTS, "ALREADY_EXISTS"),
    grpc.StatusCode.FAILED_PRECONDITION: (Kind.PRECONDITION, "STATE_INVALID"),
    grpc.StatusCode.ABORTED: (Kind.CONFLICT, "CONCURRENT_CHANGE"),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (Kind.EXHAUSTED, "QUEUE_FULL"),
    grpc.StatusCode.UNAVAILABLE: (Kind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE"),
    grpc.StatusCode.CANCELLED: (Kind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE"),
    grpc.StatusCode.DEADLINE_EXCEEDED: (Kind.UNAVAILABLE, "DEADLINE_PASSED"),
    grpc.StatusCode.DATA_LOSS: (Kind.CORRUPT, "STORAGE_CORRUPT"),
    grpc.StatusCode.UNIMPLEMENTED: (Kind.NOT_SERVED, "NOT_SERVED"),
}


@dataclass(frozen=True, slots=True)
class RichStatus(grpc.Status):
    """A status with `google.rpc.Status` in its trailer; the same shape as `grpc_status.rpc_status.to_status` gives."""

    code: grpc.StatusCode
    details: str
    trailing_metadata: tuple[tuple[str, bytes], ...]


def to_status(error: PlacetError) -> RichStatus:
    """Return the rich status of an error, for `context.abort_with_status`. Texts are cut to what a trailer may hold."""
    message = _to_message(error)
    return RichStatus(_CODES[error.kind], message.message, ((_DETAILS_KEY, message.SerializeToString()),))


def from_rpc_error(error: grpc.RpcError) -> PlacetError:
    """Return what a failed call of another service means; a status without our details keeps its kind only."""
    code, text = _code_and_text(error)
    rich = _rich(error)
    info = _detail(rich, ErrorInfo)
    retry = _detail(rich, RetryInfo)
    after = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9 if retry else None
    if info is not None and info.domain == DOMAIN:
        return error_of(_KINDS.get(code, Kind.INTERNAL), info.reason, text, metadata=info.metadata, retry_after=after)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in text:
        return error_of(Kind.INVALID, "FIELD_TOO_LARGE", text, field="request")
    kind, reason = _BARE.get(code, (Kind.INTERNAL, "INTERNAL"))
    return error_of(kind, reason, text or code.name, retry_after=after)


def _to_message(error: PlacetError) -> StatusMessage:
    message = StatusMessage(code=_CODES[error.kind].value[0], message=_cut(error.message, _MAX_TEXT))
    info = ErrorInfo(reason=_cut(error.reason, _MAX_VALUE), domain=DOMAIN)
    room = _MAX_DETAILS
    for key, value in sorted(error.details().items(), key=lambda item: item[0] != "field"):
        key, value = _cut(key, _MAX_VALUE), _cut(str(value), _MAX_VALUE)
        room -= len(key.encode()) + len(value.encode()) + 8
        if room < 0:
            break
        info.metadata[key] = value
    _pack(message, info)
    if error.retry_after is not None:
        delay = Duration()
        delay.FromMicroseconds(max(0, round(error.retry_after * 1e6)))
        _pack(message, RetryInfo(retry_delay=delay))
    return message


def _cut(text: str, limit: int) -> str:
    """Return the text in at most `limit` bytes of UTF-8; what has no UTF-8 becomes `?`."""
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")


def _pack(message: StatusMessage, detail: Message) -> None:
    packed = AnyMessage()
    packed.Pack(detail)
    message.details.append(packed)


def _detail(rich: StatusMessage | None, kind: type[Message]) -> Any:
    """Return the first detail of that type, or None."""
    for packed in rich.details if rich is not None else ():
        detail = kind()
        if packed.Is(kind.DESCRIPTOR) and packed.Unpack(detail):
            return detail
    return None


def _code_and_text(error: grpc.RpcError) -> tuple[grpc.StatusCode, str]:
    code = error.code() if isinstance(error, (grpc.aio.AioRpcError, grpc.Call)) else grpc.StatusCode.UNKNOWN
    text = error.details() if isinstance(error, (grpc.aio.AioRpcError, grpc.Call)) else str(error)
    return code or grpc.StatusCode.UNKNOWN, text or ""


def _rich(error: grpc.RpcError) -> StatusMessage | None:
    trailers = error.trailing_metadata() if isinstance(error, (grpc.aio.AioRpcError, grpc.Call)) else None
    for key, value in trailers or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                return StatusMessage.FromString(value)
            except DecodeError:
                return None
    return None
