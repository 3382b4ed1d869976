"""A failed call as a typed error.

Reads `google.rpc.Status` from the trailer `grpc-status-details-bin`: `ErrorInfo` of the domain `placet` gives the
reason, the field and the metadata, `RetryInfo` the delay. A status without them (transport, proxy, grpc
itself) keeps its kind. Never raises anything of its own. Source: style.md section 3, https://google.aip.dev/193.
"""

from collections.abc import Mapping
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from placet.sdk.errors import CLASSES, Kind, PlacetError

DOMAIN: Final = "placet"
_DETAILS: Final = "grpc-status-details-bin"
_BARE: Final[Mapping[grpc.StatusCode, tuple[Kind, str]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: (Kind.INVALID, "REQUEST_MALFORMED"),
    grpc.StatusCode.OUT_OF_RANGE: (Kind.INVALID, "REQUEST_MALFORMED"),
    grpc.StatusCode.UNAUTHENTICATED: (Kind.UNAUTHENTICATED, "TOKEN_INVALID"),
    grpc.StatusCode.PERMISSION_DENIED: (Kind.FORBIDDEN, "ROLE_MISSING"),
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


def error_of(failure: grpc.aio.AioRpcError) -> PlacetError:
    """Return the typed error of a failed call."""
    code, text = failure.code(), failure.details() or ""
    rich = _rich(failure)
    info, retry = _detail(rich, ErrorInfo), _detail(rich, RetryInfo)
    after = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9 if retry else None
    kind, reason = _BARE.get(code, (Kind.INTERNAL, "INTERNAL"))
    if info is not None and info.domain == DOMAIN:
        metadata = dict(info.metadata)
        field = metadata.pop("field", None)
        return CLASSES[kind](info.reason, text, field=field, metadata=metadata, retry_after=after)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in text:
        return CLASSES[Kind.INVALID]("FIELD_TOO_LARGE", text, field="request")
    return CLASSES[kind](reason, text or code.name, retry_after=after)


def _rich(failure: grpc.aio.AioRpcError) -> Any:
    for key, value in failure.trailing_metadata() or ():
        if key == _DETAILS and isinstance(value, bytes):
            try:
                return Status.FromString(value)
            except DecodeError:
                return None
    return None


def _detail(rich: Any, kind: type[Message]) -> Any:
    for packed in rich.details if rich is not None else ():
        detail = kind()
        if packed.Is(kind.DESCRIPTOR) and packed.Unpack(detail):
            return detail
    return None
