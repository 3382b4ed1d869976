"""The words of the ledger as types: positions, ordinals, and the closed sets of codes that stand in entries.

Owns nothing but names, so every module of `placet.evidence` may import it. The values are those of the JSON text
(ledger.md section 4) and permanent. Also owns `value`, how this package declares its values.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType, TypeVar, dataclass_transform

LeafIndex = NewType("LeafIndex", int)
"""Where an entry stands in its log, from 0."""
BasisOrdinal = NewType("BasisOrdinal", int)
"""The number of a basis in its log, from 0."""
Micros = NewType("Micros", int)
"""A time: microseconds since 1970 UTC."""

SECOND: Final = 1_000_000
MAX_INT: Final = 2**53 - 1
"""The largest integer that an entry can hold: every JSON reader keeps it exactly."""
RULES: Final = "placet/rules/1"
"""The admission rules that the entries of a log were judged by; a `state` entry names them."""
VERSION: Final = 1
LOG_CREATED: Final = "log.created"
"""The type of the record that is entry 0 of every log."""
ANY: Final = ("*",)
"""The scope that covers every id."""

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, frozen_default=True)
def value(cls: type[T]) -> type[T]:
    """Make a class a keyword-only dataclass with slots that is frozen for the type checker only.

    A dataclass that is frozen at run time costs 3 to 4 us to make when it has 20 fields, and the sequencer makes one
    for each event; mypy refuses an assignment all the same.
    """
    return dataclass(slots=True, kw_only=True)(cls)


class Kind(StrEnum):
    """What an entry records."""

    GRANT = "grant"
    AMEND = "amend"
    WITHDRAW = "withdraw"
    DECISION = "decision"
    EVENT = "event"
    USE = "use"
    OUTCOME = "outcome"
    RECORD = "record"
    STATE = "state"


class Form(StrEnum):
    """What kind of basis a grant makes."""

    CONSENT = "consent"
    GUARDIANSHIP = "guardianship"
    LEGAL_PERMISSION = "legal_permission"


class Operation(StrEnum):
    """What is done with a face."""

    ENROL = "enrol"
    VERIFY = "verify"
    IDENTIFY = "identify"
    ANALYSE = "analyse"
    EXPORT = "export"
    DELETE = "delete"


class Verdict(StrEnum):
    """What a decision, an event or a use came to."""

    ALLOW = "allow"
    DENY = "deny"


class EndedBy(StrEnum):
    """Who ended a basis."""

    DATA_SUBJECT = "data_subject"
    GUARDIAN = "guardian"
    CONTROLLER = "controller"
    AUTHORITY = "authority"
    SYSTEM = "system"
