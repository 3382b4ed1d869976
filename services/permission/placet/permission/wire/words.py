"""Numbers of the protos' enums <-> words of the model.

Owns: one table each way for every enum this service speaks, and how an unknown or missing number is refused.
Never: a default for something that the law cares about; where the protos name one, the table says so.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

from placet.api.common.v1 import access_pb2, vocabulary_pb2
from placet.api.permission.v1 import attestations_pb2, permission_pb2, register_pb2
from placet.permission.errors import Invalid, missing
from placet.permission.model.attestations import Measure
from placet.permission.model.registers import RetentionAnchor
from placet.permission.model.vocabulary import (
    AgeBand,
    ApproverRole,
    Inference,
    LegalCode,
    NationalChannel,
    Operation,
    PlaceClass,
    Storage,
    Verdict,
)

W = TypeVar("W", bound=StrEnum)


def _words(words: type[W], numbers: Mapping[str, int], prefix: str) -> dict[int, W]:
    """Return number -> word; every number but UNSPECIFIED (0) must have one. Raises KeyError at import otherwise."""
    return {number: words(name.removeprefix(prefix).lower()) for name, number in numbers.items() if number}


OPERATIONS = _words(Operation, dict(vocabulary_pb2.Operation.items()), "OPERATION_")
INFERENCES = _words(Inference, dict(vocabulary_pb2.Inference.items()), "INFERENCE_")
STORAGES = _words(Storage, dict(vocabulary_pb2.Storage.items()), "STORAGE_")
CHANNELS = _words(NationalChannel, dict(vocabulary_pb2.NationalChannel.items()), "NATIONAL_CHANNEL_")
PLACE_CLASSES = _words(PlaceClass, dict(vocabulary_pb2.PlaceClass.items()), "PLACE_CLASS_")
ANCHORS = _words(RetentionAnchor, dict(register_pb2.RetentionAnchor.items()), "RETENTION_ANCHOR_")
MEASURES = _words(Measure, dict(attestations_pb2.Measure.items()), "MEASURE_")
AGE_BANDS = _words(AgeBand, dict(vocabulary_pb2.AgeBand.items()), "AGE_BAND_")
LEGAL_CODES = _words(LegalCode, dict(permission_pb2.LegalCode.items()), "LEGAL_CODE_")
APPROVER_ROLES: dict[int, ApproverRole] = {
    access_pb2.ROLE_APPROVE_LEGAL: ApproverRole.LEGAL,
    access_pb2.ROLE_APPROVE_DPO: ApproverRole.DPO,
}
VERDICT_NUMBERS = {Verdict.ALLOW: vocabulary_pb2.VERDICT_ALLOW, Verdict.DENY: vocabulary_pb2.VERDICT_DENY}
REASON_NUMBERS: dict[str, int] = {
    name.removeprefix("REASON_"): number for name, number in vocabulary_pb2.Reason.items() if number
}


def number_of(table: Mapping[int, W], word: W) -> int:
    """Return the number of a word; every word has one."""
    return next(number for number, other in table.items() if other is word)


def number_or_0(table: Mapping[int, W], word: W | None) -> int:
    """Return the number of an optional word, 0 for None."""
    return 0 if word is None else number_of(table, word)


def word(table: Mapping[int, W], number: int, field: str) -> W:
    """Return the word of a required enum field. Raises FIELD_MISSING for 0, FIELD_INVALID for an unknown number."""
    found = table.get(number)
    if found is not None:
        return found
    if number == 0:
        raise missing(field, f"one of {', '.join(table.values())}")
    raise Invalid(field, f"{field} has the unknown value {number}; give one of {', '.join(table.values())}.")


def word_or_none(table: Mapping[int, W], number: int, field: str) -> W | None:
    """Return the word of an optional enum field, None for 0. Raises FIELD_INVALID for an unknown number."""
    return word(table, number, field) if number else None


def words(table: Mapping[int, W], numbers: Iterable[int], field: str) -> tuple[W, ...]:
    """Return the words of a repeated enum field; `field` gets the position of the one at fault."""
    return tuple(word(table, number, f"{field}[{at}]") for at, number in enumerate(numbers))
