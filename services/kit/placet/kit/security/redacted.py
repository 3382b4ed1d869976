"""Types that hold secrets or faces and do not tell.

Owns: `Redacted`, a base for dataclasses and others (redacted repr, no pickle, no copy through pickle), and the wrappers
`SecretStr` and `SecretBytes`. Neither defines `__str__`: `str()`, f-strings and logs get the redacted repr.
Never: claims that Python forgets. `SecretBytes.wipe` overwrites its own buffer; copies made by `reveal()` are the
caller's. Design: vault.md section 3 (memory), style.md section 3.
"""

import hmac
from types import TracebackType
from typing import Any, ClassVar, NoReturn, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Redacted:
    """Base of types that hold faces or secrets: the repr shows the class and the fields named in `shown`, no other.

    Works as a base of `@dataclass(frozen=True, slots=True, kw_only=True)`: the generated repr does not replace ours.
    """

    __slots__ = ()
    shown: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Invariant: @dataclass keeps a __repr__ that the class itself has, so it must be in each class's own dict.
        cls.__repr__ = Redacted.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        shown = "".join(f"{name}={getattr(self, name, None)!r}, " for name in self.shown)
        return f"{type(self).__name__}({shown}redacted)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds a secret or a face and is not pickled or copied")


class SecretStr(Redacted):
    """A text that must not reach a log: a password, a token, a database URL."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretStr) and hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let settings hold it: a str in, a SecretStr out, redacted when serialised."""
        return core_schema.no_info_plain_validator_function(
            cls._validated, serialization=core_schema.plain_serializer_function_ser_schema(repr)
        )

    @classmethod
    def _validated(cls, value: object) -> "SecretStr":
        if isinstance(value, SecretStr):
            return value
        if isinstance(value, str):
            return cls(value)
        raise ValueError("must be text")


class SecretBytes(Redacted):
    """Bytes that must not reach a log and can be overwritten: `with SecretBytes(key) as key: ...`."""

    __slots__ = ("_buffer",)

    def __init__(self, value: bytes | bytearray) -> None:
        self._buffer = bytearray(value)

    def reveal(self) -> memoryview:
        """Return a read-only view of the buffer: no copy, and zeros once wiped."""
        return memoryview(self._buffer).toreadonly()

    def wipe(self) -> None:
        """Overwrite the buffer with zeros, in place."""
        self._buffer[:] = bytes(len(self._buffer))

    def __len__(self) -> int:
        return len(self._buffer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.wipe()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretBytes) and hmac.compare_digest(self._buffer, other._buffer)

    __hash__ = None  # type: ignore[assignment]
