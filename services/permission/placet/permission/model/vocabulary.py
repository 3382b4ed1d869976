"""The closed lists of words, as they stand in entries, in policy contexts and in tokens.

Owns: enums whose values are the words of law.md section 5 and ledger.md section 4, and NewTypes of ids and positions.
Never: numbers of protos (`wire` maps those).
"""

from enum import StrEnum
from typing import NewType

LeafIndex = NewType("LeafIndex", int)
BasisOrdinal = NewType("BasisOrdinal", int)
Controller = NewType("Controller", str)
# Microseconds since 1970 UTC.
Instant = NewType("Instant", int)

# Invariant: positions, counts and times fit into an exact JSON integer (ledger.md section 4).
MAX_INT = 2**53 - 1
SECOND = 1_000_000
# How far the clocks of a device and of the log may differ (ledger.md section 5, rule 6), microseconds.
CLOCK_TOLERANCE = 120 * SECOND
CLOCK_TOLERANCE_OFFLINE = 72 * 3600 * SECOND


class Operation(StrEnum):
    """What is done with a face."""

    ENROL = "enrol"
    VERIFY = "verify"
    IDENTIFY = "identify"
    ANALYSE = "analyse"
    EXPORT = "export"
    DELETE = "delete"


class Inference(StrEnum):
    """What is inferred from a face besides identity."""

    NONE = "none"
    ETHNICITY = "ethnicity"
    RELIGION = "religion"
    HEALTH = "health"
    EMOTION = "emotion"
    POLITICS = "politics"
    UNION = "union"
    SEX_LIFE = "sex_life"
    GENDER = "gender"
    AGE = "age"
    OTHER = "other"


# Denied in every pack by default (R6): each has its own article, so the purpose need not be blamed as well.
BANNED_INFERENCES = frozenset(
    {
        Inference.ETHNICITY,
        Inference.RELIGION,
        Inference.HEALTH,
        Inference.POLITICS,
        Inference.UNION,
        Inference.SEX_LIFE,
    }
)


class PlaceClass(StrEnum):
    """What kind of place a device or a site is."""

    BRANCH_COUNTER = "branch_counter"
    SHOP_FLOOR = "shop_floor"
    ENTRANCE = "entrance"
    OFFICE = "office"
    WORKPLACE = "workplace"
    SCHOOL = "school"
    PUBLIC_SPACE = "public_space"
    HOTEL_ROOM = "hotel_room"
    RESTROOM = "restroom"
    BATHROOM = "bathroom"
    CHANGING_ROOM = "changing_room"
    OTHER = "other"


# Private spaces in public places (Order 19 Art 13): no override.
FORBIDDEN_PLACES = frozenset(
    {PlaceClass.HOTEL_ROOM, PlaceClass.RESTROOM, PlaceClass.BATHROOM, PlaceClass.CHANGING_ROOM}
)
FORBIDDEN_PLACES_ARTICLE = "cn-2025/art-13"


class Storage(StrEnum):
    """Where a template is kept."""

    NONE = "none"
    DEVICE = "device"
    VAULT = "vault"


class NationalChannel(StrEnum):
    """Whether the state's own identity channel was used (Order 19 Art 11)."""

    USED = "used"
    OFFERED = "offered"
    UNAVAILABLE = "unavailable"
    NOT_APPLICABLE = "not_applicable"


class BasisForm(StrEnum):
    """What a decision rests on."""

    NONE = "none"
    CONSENT = "consent"
    LEGAL_PERMISSION = "legal_permission"


class AgeBand(StrEnum):
    """The person's age as the law looks at it. Never logged."""

    UNDER_13 = "under_13"
    AGE_13 = "13"
    AGE_14_15 = "14_15"
    AGE_16_17 = "16_17"
    ADULT = "adult"
    UNKNOWN = "unknown"


class LegalCode(StrEnum):
    """Why processing is lawful without consent (vault.md section 1)."""

    STATUTORY_DUTY = "statutory_duty"
    COURT_ORDER = "court_order"
    AUTHORITY_WRITTEN_PERMISSION = "authority_written_permission"
    CONTRACT_OR_HR = "contract_or_hr"
    EMERGENCY = "emergency"
    PUBLIC_INTEREST_NEWS = "public_interest_news"
    SELF_DISCLOSED = "self_disclosed"
    STATE_PROVISION = "state_provision"


class ApproverRole(StrEnum):
    """In which role somebody approves; the word stands in the signed bytes."""

    LEGAL = "approve_legal"
    DPO = "approve_dpo"


class Verdict(StrEnum):
    """The answer to an event."""

    ALLOW = "allow"
    DENY = "deny"
