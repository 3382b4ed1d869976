"""The one error type of the services, and how each kind of it travels.

Owns: `Kind` (the table of the style page: gRPC code, HTTP status, whether to retry), `PlacetError` and one subclass per
kind. A denied face event is an answer, not an error: it never comes through here.
Never: imports gRPC or HTTP (`kit.grpc.status` turns errors into statuses), or carries a secret in a message.
Every `reason` is the name of a value of `placet.api.common.v1.ErrorReason` without its prefix; a test scans for others.
"""

from collections.abc import Mapping
from enum import Enum, StrEnum


class Retry(Enum):
    """What a caller may do with the same request."""

    NO = "no"
    SAME = "same"  # the same request, same idempotency key
    LATER = "later"  # the same request, after `retry_after`
    WHOLE = "whole"  # read again, then the whole use case
    NEVER = "never"  # something is broken: raise the alarm


class Kind(StrEnum):
    """What went wrong, seen by the caller; the value is the name used on the bus and in logs."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    DENIED = "denied"
    NOT_FOUND = "not_found"
    ALREADY_EXISTS = "already_exists"
    PRECONDITION = "precondition"
    CONFLICT = "conflict"
    EXHAUSTED = "exhausted"
    UNAVAILABLE = "unavailable"
    CORRUPT = "corrupt"
    NOT_SERVED = "not_served"
    INTERNAL = "internal"

    @property
    def grpc_code(self) -> str:
        """Name of the gRPC status code, as in `grpc.StatusCode`."""
        return _TABLE[self][0]

    @property
    def http_status(self) -> int:
        """HTTP status of the gateway's answer."""
        return _TABLE[self][1]

    @property
    def retry(self) -> Retry:
        """Whether the caller may try again."""
        return _TABLE[self][2]


_TABLE: dict[Kind, tuple[str, int, Retry]] = {
    Kind.INVALID: ("INVALID_ARGUMENT", 400, Retry.NO),
    Kind.UNAUTHENTICATED: ("UNAUTHENTICATED", 401, Retry.NO),
    Kind.DENIED: ("PERMISSION_DENIED", 403, Retry.NO),
    Kind.NOT_FOUND: ("NOT_FOUND", 404, Retry.NO),
    Kind.ALREADY_EXISTS: ("ALREADY_EXISTS", 409, Retry.NO),
    Kind.PRECONDITION: ("FAILED_PRECONDITION", 409, Retry.NO),
    Kind.CONFLICT: ("ABORTED", 409, Retry.WHOLE),
    Kind.EXHAUSTED: ("RESOURCE_EXHAUSTED", 429, Retry.LATER),
    Kind.UNAVAILABLE: ("UNAVAILABLE", 503, Retry.SAME),
    Kind.CORRUPT: ("DATA_LOSS", 500, Retry.NEVER),
    Kind.NOT_SERVED: ("UNIMPLEMENTED", 501, Retry.NO),
    Kind.INTERNAL: ("INTERNAL", 500, Retry.NO),
}


class PlacetError(Exception):
    """A typed refusal or failure: kind, reason, a sentence for people, and what the caller needs to act on it.

    `field` is the dotted path of the request field at fault. `metadata` is shown to the caller: strings only, no
    secrets. `retry_after` is in seconds.
    """

    def __init__(
        self,
        kind: Kind,
        reason: str,
        message: str,
        *,
        field: str | None = None,
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.reason = reason
        self.message = message
        self.field = field
        self.metadata: dict[str, str] = dict(metadata or {})
        self.retry_after = retry_after

    def __repr__(self) -> str:
        at = f", field={self.field!r}" if self.field else ""
        return f"{type(self).__name__}({self.kind.value}, {self.reason}, {self.message!r}{at})"

    def details(self) -> dict[str, str]:
        """Return the metadata as it travels: with the field under `field`."""
        return {**self.metadata, "field": self.field} if self.field else dict(self.metadata)


class Invalid(PlacetError):
    """A field of the request is malformed, missing or too large."""

    def __init__(
        self, field: str, message: str, *, reason: str = "FIELD_INVALID", metadata: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(Kind.INVALID, reason, message, field=field, metadata=metadata)


class _OfKind(PlacetError):
    """An error whose kind is the class; `reason` first, because each kind has several."""

    kind_of_class: Kind

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        field: str | None = None,
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(self.kind_of_class, reason, message, field=field, metadata=metadata, retry_after=retry_after)


class Unauthenticated(_OfKind):
    """The caller did not prove who it is."""

    kind_of_class = Kind.UNAUTHENTICATED


class Denied(_OfKind):
    """The caller is known and may not do this."""

    kind_of_class = Kind.DENIED


class Precondition(_OfKind):
    """The thing exists but is not in a state that allows this: withdrawn, expired, superseded."""

    kind_of_class = Kind.PRECONDITION


class Conflict(_OfKind):
    """A compare-and-swap was lost, or an idempotency key was used for something else."""

    kind_of_class = Kind.CONFLICT


class Exhausted(_OfKind):
    """A queue or a quota is full; nothing was done."""

    kind_of_class = Kind.EXHAUSTED


class Unavailable(_OfKind):
    """Something this needs does not answer, or not in time. The same request may be repeated."""

    kind_of_class = Kind.UNAVAILABLE


class Corrupt(_OfKind):
    """A hash, proof or authentication tag does not match: never retried, always alarmed."""

    kind_of_class = Kind.CORRUPT


class NotFound(PlacetError):
    """What the request names does not exist for this controller."""

    def __init__(
        self,
        message: str,
        *,
        reason: str = "NOT_FOUND",
        field: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(Kind.NOT_FOUND, reason, message, field=field, metadata=metadata)


class AlreadyExists(PlacetError):
    """What the request would create exists already, with other content."""

    def __init__(
        self,
        message: str,
        *,
        reason: str = "ALREADY_EXISTS",
        field: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(Kind.ALREADY_EXISTS, reason, message, field=field, metadata=metadata)


class NotServed(PlacetError):
    """This build or configuration does not serve the method."""

    def __init__(self, message: str, *, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(Kind.NOT_SERVED, "NOT_SERVED", message, metadata=metadata)


_CLASSES: dict[Kind, type[PlacetError]] = {
    Kind.INVALID: Invalid,
    Kind.UNAUTHENTICATED: Unauthenticated,
    Kind.DENIED: Denied,
    Kind.NOT_FOUND: NotFound,
    Kind.ALREADY_EXISTS: AlreadyExists,
    Kind.PRECONDITION: Precondition,
    Kind.CONFLICT: Conflict,
    Kind.EXHAUSTED: Exhausted,
    Kind.UNAVAILABLE: Unavailable,
    Kind.CORRUPT: Corrupt,
    Kind.NOT_SERVED: NotServed,
    Kind.INTERNAL: PlacetError,
}


def error_of(
    kind: Kind | str,
    reason: str,
    message: str,
    *,
    field: str | None = None,
    metadata: Mapping[str, str] | None = None,
    retry_after: float | None = None,
) -> PlacetError:
    """Rebuild an error that came over the wire as the class of its kind, so that `except Unavailable` catches it.

    An unknown `kind` becomes `INTERNAL`. A `field` in `metadata` is taken back out of it.
    """
    known = Kind(kind) if kind in _KIND_VALUES else Kind.INTERNAL
    rest = dict(metadata or {})
    at = rest.pop("field", None) if field is None else field
    error = _CLASSES[known].__new__(_CLASSES[known])
    PlacetError.__init__(error, known, reason, message, field=at, metadata=rest, retry_after=retry_after)
    return error


_KIND_VALUES = frozenset(kind.value for kind in Kind)
