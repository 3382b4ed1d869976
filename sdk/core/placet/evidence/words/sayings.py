"""Which sentences a verification can say, whatever the language.

`Saying` is stable: programs may look for a code where people read the sentence. First what is proven, then what is not
and must not be claimed, then what is wrong with the evidence. Never holds the sentences themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Saying(StrEnum):
    """One sentence."""

    # What was proven.
    CHECKPOINT = "CHECKPOINT"
    WITNESSED = "WITNESSED"
    COSIGNATURE = "COSIGNATURE"
    QUORUM_REACHED = "QUORUM_REACHED"
    QUORUM_NOT_REACHED = "QUORUM_NOT_REACHED"
    QUORUM_NONE = "QUORUM_NONE"
    EVENT = "EVENT"
    ALLOWED = "ALLOWED"
    DENIED = "DENIED"
    NO_BASIS = "NO_BASIS"
    BASIS_STOOD = "BASIS_STOOD"
    BASIS_DID_NOT_STAND = "BASIS_DID_NOT_STAND"
    BASIS_AMENDED = "BASIS_AMENDED"
    BASIS_ENDED_LATER = "BASIS_ENDED_LATER"
    BASIS_IMPORTED = "BASIS_IMPORTED"
    GUARDIAN_STOOD = "GUARDIAN_STOOD"
    GUARDIAN_DID_NOT_STAND = "GUARDIAN_DID_NOT_STAND"
    APPROVED = "APPROVED"
    BREAK_GLASS = "BREAK_GLASS"
    DECISION = "DECISION"
    NOTHING_LEFT_OUT = "NOTHING_LEFT_OUT"
    BRACKET = "BRACKET"
    OFFLINE = "OFFLINE"
    PERMIT = "PERMIT"
    USE = "USE"
    WITHDRAWN = "WITHDRAWN"
    WITHDRAWAL_BINDS = "WITHDRAWAL_BINDS"
    FRAUD_ENTRY = "FRAUD_ENTRY"
    FRAUD_STANDS = "FRAUD_STANDS"
    FRAUD_OTHER_END = "FRAUD_OTHER_END"
    FRAUD_GONE = "FRAUD_GONE"
    FRAUD_CONVICTS = "FRAUD_CONVICTS"

    # What was not proven.
    UNPROVEN_CONSENT = "UNPROVEN_CONSENT"
    UNPROVEN_FACTS = "UNPROVEN_FACTS"
    UNPROVEN_SUBMITTED = "UNPROVEN_SUBMITTED"
    UNPROVEN_STATUS_ROOT = "UNPROVEN_STATUS_ROOT"
    UNPROVEN_EVENT_COUNT = "UNPROVEN_EVENT_COUNT"
    UNPROVEN_USE_COUNT = "UNPROVEN_USE_COUNT"
    UNPROVEN_APPROVERS = "UNPROVEN_APPROVERS"
    UNPROVEN_NAMED_BASIS = "UNPROVEN_NAMED_BASIS"
    UNPROVEN_OBEYED = "UNPROVEN_OBEYED"
    UNPROVEN_WHY = "UNPROVEN_WHY"

    # What is wrong.
    WRONG_CHECKPOINT = "WRONG_CHECKPOINT"
    WRONG_QUORUM = "WRONG_QUORUM"
    WRONG_INCLUSION = "WRONG_INCLUSION"
    WRONG_ENTRY = "WRONG_ENTRY"
    WRONG_INDEX = "WRONG_INDEX"
    WRONG_KIND = "WRONG_KIND"
    WRONG_LAST_STATE = "WRONG_LAST_STATE"
    WRONG_RULES_VERSION = "WRONG_RULES_VERSION"
    WRONG_DECISION = "WRONG_DECISION"
    WRONG_BASES = "WRONG_BASES"
    WRONG_CHANGE = "WRONG_CHANGE"
    WRONG_APPROVALS = "WRONG_APPROVALS"
    WRONG_APPROVER_KEY = "WRONG_APPROVER_KEY"
    WRONG_USE = "WRONG_USE"
    WRONG_STATUS = "WRONG_STATUS"
    WRONG_STATUS_PROOF = "WRONG_STATUS_PROOF"
    WRONG_TIME = "WRONG_TIME"
    WRONG_CHAIN = "WRONG_CHAIN"
    WRONG_ALLOW = "WRONG_ALLOW"
    WRONG_REASONS = "WRONG_REASONS"
    WRONG_BY_RULES = "WRONG_BY_RULES"
    WRONG_LOG = "WRONG_LOG"
    WRONG_ORDER = "WRONG_ORDER"
    WRONG_CONSISTENCY = "WRONG_CONSISTENCY"
    WRONG_STATUS_OF_ANOTHER = "WRONG_STATUS_OF_ANOTHER"
    NO_FRAUD = "NO_FRAUD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The sentences and words of one language."""

    sentences: Mapping[Saying, str]
    """Templates; every language uses the same facts in one."""
    terms: Mapping[str, str]
    """How the codes of entries are read out: forms, operations, verdicts, reasons."""
    comma: str
    nothing: str
    proven: str
    """Heading over what was proven."""
    unproven: str
    """Heading over what was not."""
