"""The values of Cedar as Python objects that are equal exactly when Cedar says so.

Owns: one class for each type of value, so that `true` is never `1` (in Python True == 1) and a word is never an entity
of that name; and the checks of type and range that every operation begins or ends with. Never: evaluates; what the
operators mean is `expressions`. Source: Cedar's language reference, "Data types".
"""

from dataclasses import dataclass
from typing import TypeAlias

# Cedar's integers have 64 bits; what leaves them is an error of the policy.
LEAST, MOST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Bool:
    """A truth value."""

    value: bool


@dataclass(frozen=True, slots=True)
class Long:
    """An integer of 64 bits."""

    value: int


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""

    value: str


@dataclass(frozen=True, slots=True)
class Uid:
    """An entity, by its type and id. No decision has entities with attributes, parents or tags."""

    kind: str
    ident: str


@dataclass(frozen=True, slots=True)
class SetOf:
    """A set; its elements may be of several types."""

    items: "frozenset[Value]"


@dataclass(frozen=True, slots=True)
class Rec:
    """A record: names with their values, ascending by name."""

    items: "tuple[tuple[str, Value], ...]"


Value: TypeAlias = Bool | Long | Text | Uid | SetOf | Rec

TRUE, FALSE = Bool(True), Bool(False)


class EvaluationError(Exception):
    """A policy failed while it was evaluated; Cedar would skip it, Placet denies."""


def truth(value: bool) -> Bool:
    """Return a truth value as Cedar's."""
    return TRUE if value else FALSE


def as_bool(value: Value) -> bool:
    """Return a truth value as Python's. Raises EvaluationError for anything else."""
    if isinstance(value, Bool):
        return value.value
    raise mistyped("a boolean", value)


def as_long(value: Value) -> int:
    if isinstance(value, Long):
        return value.value
    raise mistyped("an integer", value)


def as_uid(value: Value) -> Uid:
    """Return an entity as it is. Raises EvaluationError for anything else."""
    if isinstance(value, Uid):
        return value
    raise mistyped("an entity", value)


def as_set(value: Value) -> frozenset[Value]:
    """Return the elements of a set. Raises EvaluationError for anything else."""
    if isinstance(value, SetOf):
        return value.items
    raise mistyped("a set", value)


def long(value: int) -> Long:
    """Return an integer as Cedar's. Raises EvaluationError when it leaves 64 bits."""
    if LEAST <= value <= MOST:
        return Long(value)
    raise EvaluationError("an integer leaves 64 bits")


def mistyped(wanted: str, value: Value) -> EvaluationError:
    """Return the error of a value of the wrong type."""
    return EvaluationError(f"{wanted} is wanted, not {type(value).__name__}")
