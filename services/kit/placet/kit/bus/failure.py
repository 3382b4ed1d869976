"""A `PlacetError` as it travels between services."""

from msgspec import Struct

from placet.kit.errors import PlacetError, error_of


class Failure(Struct, array_like=True, frozen=True, gc=False):
    """Kind, reason, sentence and metadata of an error; `field` is in the metadata, `retry_after` in seconds."""

    kind: str
    reason: str
    message: str
    metadata: dict[str, str]
    retry_after: float | None = None

    @classmethod
    def of(cls, error: PlacetError) -> "Failure":
        """Return the error as it travels."""
        return cls(error.kind.value, error.reason, error.message, error.details(), error.retry_after)

    def error(self) -> PlacetError:
        """Return the error again, as the class of its kind."""
        return error_of(self.kind, self.reason, self.message, metadata=self.metadata, retry_after=self.retry_after)
