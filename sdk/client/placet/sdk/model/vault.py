"""Templates on their way to the vault, and what it says back; a template never comes out.

Owns `Template`: float32, finite, not all zero; redacted, never pickled. Scores are cosines in steps of 0.05.
"""

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn, Self

from placet.sdk.errors import Invalid
from placet.sdk.model.ledger import Receipt
from placet.sdk.vocabulary import BasisOrdinal, LeafIndex, Micros

_FLOAT_BYTES = 4
_swap = array("H", [1]).tobytes() != b"\x01\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A face template or probe: float32 little-endian bytes, the model that made it, quality 0 to 100, when."""

    # Invariant: whole float32 values, all finite, not all zero.
    vector: bytes = field(repr=False)
    model_id: str
    model_sha256: bytes = field(repr=False)
    quality: int
    captured_at: datetime | int

    def __post_init__(self) -> None:
        if not self.vector or len(self.vector) % _FLOAT_BYTES:
            _refuse("is no row of float32 values (4 bytes each)")
        values = _floats(self.vector)
        if not all(map(math.isfinite, values)):
            _refuse("holds a value that is not finite (NaN or infinity)")
        if not any(values):
            _refuse("is all zeros")

    @classmethod
    def of(
        cls, values: Iterable[float], *, model_id: str, model_sha256: bytes, quality: int, captured_at: datetime | int
    ) -> Self:
        """Return the template of a row of numbers (a numpy vector is one); raises Invalid."""
        try:
            row = array("f", values)
        except (TypeError, OverflowError) as error:
            raise Invalid("TEMPLATE_INVALID", f"the template is no row of numbers: {error}", field="vector") from error
        if _swap:
            row.byteswap()
        return cls(
            vector=row.tobytes(),
            model_id=model_id,
            model_sha256=model_sha256,
            quality=quality,
            captured_at=captured_at,
        )

    @property
    def dimension(self) -> int:
        """How many values it has."""
        return len(self.vector) // _FLOAT_BYTES

    def __reduce__(self) -> NoReturn:
        raise TypeError("a template is never pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """A stored template, under which basis, and the proven `use` entry that came first."""

    template_id: str
    basis: BasisOrdinal
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The result of a comparison; `score` is a cosine, -1 to 1 in steps of 0.05; `receipt` proves the `use` entry."""

    match: bool
    score: float
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Destroyed:
    """How many templates of a basis were destroyed, each with its proven `vault.template_destroyed` entry."""

    count: int
    receipts: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One stored template: what it is, never the template."""

    template_id: str
    model_id: str
    dimension: int
    quality: int
    enrolled_at: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What is stored under a basis; `destroyed` is the index of the record of the last one destroyed."""

    items: tuple[Holding, ...]
    destroyed: LeafIndex | None


def _floats(vector: bytes) -> "array[float]":
    values = array("f")
    values.frombytes(vector)
    if _swap:
        values.byteswap()
    return values


def _refuse(what: str) -> NoReturn:
    raise Invalid("TEMPLATE_INVALID", f"the template {what}", field="vector")
