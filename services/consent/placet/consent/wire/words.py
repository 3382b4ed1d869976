"""Numbers of protos to the words of the model and back.

Owns: one table for each enum, total on the model's side. Unspecified is None; a number nobody knows is an error.
Never: gives an unknown number a meaning.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from placet.api.common.v1 import vocabulary_pb2 as common
from placet.api.consent.v1 import consent_pb2 as pb
from placet.consent.errors import Invalid
from placet.consent.model.vocabulary import (
    AgeBand,
    Channel,
    Choice,
    ConsentState,
    EndedBy,
    Expression,
    GuardianKind,
    GuardianshipState,
    Operation,
)

E = TypeVar("E", bound=StrEnum)


def _table(words: type[E], numbers: Any, prefix: str) -> dict[E, int]:
    """Return word -> number, by the names of the proto's values."""
    return {word: numbers.Value(f"{prefix}_{word.name.removeprefix('AGE_')}") for word in words}


_NUMBERS: dict[type[StrEnum], Mapping[Any, int]] = {
    Operation: _table(Operation, common.Operation, "OPERATION"),
    EndedBy: _table(EndedBy, common.EndedBy, "ENDED_BY"),
    AgeBand: _table(AgeBand, common.AgeBand, "AGE_BAND"),
    Channel: _table(Channel, pb.Channel, "CHANNEL"),
    Choice: _table(Choice, pb.Choice, "CHOICE"),
    Expression: _table(Expression, pb.Expression, "EXPRESSION"),
    ConsentState: _table(ConsentState, pb.ConsentState, "CONSENT_STATE"),
    GuardianKind: _table(GuardianKind, pb.GuardianKind, "GUARDIAN_KIND"),
    GuardianshipState: _table(GuardianshipState, pb.GuardianshipState, "GUARDIANSHIP_STATE"),
}
_WORDS: dict[type[StrEnum], dict[int, Any]] = {
    words: {number: word for word, number in table.items()} for words, table in _NUMBERS.items()
}


def number(word: StrEnum) -> Any:
    """Return the proto's number of a word."""
    return _NUMBERS[type(word)][word]


def word(field: str, words: type[E], value: int) -> E | None:
    """Return the word of a number, None for unspecified. Raises Invalid naming `field` for an unknown one."""
    if value == 0:
        return None
    found: E | None = _WORDS[words].get(value)
    if found is None:
        raise Invalid(field, f"{field} has the unknown value {value}; this service may be older than its caller.")
    return found


def all_words(field: str, words: type[E], values: Iterable[int]) -> tuple[E, ...]:
    """Return the words of numbers, in their order. Raises Invalid for an unknown or unspecified one."""
    found = []
    for at, value in enumerate(values):
        one = word(f"{field}[{at}]", words, value)
        if one is None:
            raise Invalid(f"{field}[{at}]", f"{field}[{at}] is unspecified; leave it out or name it.")
        found.append(one)
    return tuple(found)
