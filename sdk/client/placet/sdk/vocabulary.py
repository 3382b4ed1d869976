"""The words of the API as enums: what a caller says and what an answer holds.

Those that stand in ledger entries are `placet.evidence`'s own, re-exported here; the rest have the names of the protos
without their prefix, in lower case. Never holds anything but names; numbers of the wire are `placet.sdk.wire.words`.
"""

from enum import StrEnum

from placet.evidence.reasons import Reason
from placet.evidence.terms import BasisOrdinal, EndedBy, Form, LeafIndex, Micros, Operation, Verdict
from placet.evidence.words import Language

__all__ = (
    "ApproverRole",
    "Audience",
    "BasisOrdinal",
    "Channel",
    "Choice",
    "Confidence",
    "ConsentState",
    "ControllerState",
    "DutyState",
    "EndedBy",
    "Expression",
    "FilingKind",
    "Form",
    "GuardianKind",
    "GuardianshipState",
    "Inference",
    "Language",
    "LeafIndex",
    "LegalCode",
    "LegalState",
    "Measure",
    "Micros",
    "NationalChannel",
    "Operation",
    "PlaceClass",
    "PostureState",
    "Reason",
    "RetentionAnchor",
    "Standing",
    "Storage",
    "Verdict",
)


class PlaceClass(StrEnum):
    """What kind of place a device or site stands in (law.md section 5)."""

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


class Inference(StrEnum):
    """What is to be inferred from a face; only none, emotion, gender, age and other can ever be allowed."""

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


class Storage(StrEnum):
    """Where a template is kept."""

    NONE = "none"
    DEVICE = "device"
    VAULT = "vault"


class RetentionAnchor(StrEnum):
    """From when the days of a purpose's retention are counted."""

    PURPOSE_END = "purpose_end"
    LAST_INTERACTION = "last_interaction"
    WHICHEVER_FIRST = "whichever_first"


class Measure(StrEnum):
    """A protection measure of Order 19 Art 14 (R3)."""

    ENCRYPTION = "encryption"
    SECURITY_AUDIT = "security_audit"
    ACCESS_CONTROL = "access_control"
    AUTHORISATION_MANAGEMENT = "authorisation_management"
    INTRUSION_DETECTION = "intrusion_detection"


class PostureState(StrEnum):
    """How a rule stands; `at_risk` is met today, `needs_person` is what no program can tell."""

    MET = "met"
    AT_RISK = "at_risk"
    NOT_MET = "not_met"
    NEEDS_PERSON = "needs_person"


class NationalChannel(StrEnum):
    """Whether the state's own identity channel was used (Order 19 Art 11); reported, never a reason to deny."""

    USED = "used"
    OFFERED = "offered"
    UNAVAILABLE = "unavailable"
    NOT_APPLICABLE = "not_applicable"


class Audience(StrEnum):
    """For whom a permit is: Placet's vault, or the controller's own engine."""

    VAULT = "vault"
    ENGINE = "engine"


class Channel(StrEnum):
    """Where a person was asked."""

    API = "api"
    WEB = "web"
    KIOSK = "kiosk"
    PAPER = "paper"
    PHONE = "phone"
    COUNTER = "counter"


class Choice(StrEnum):
    """What a person decided; a refusal is recorded with equal effort."""

    GIVEN = "given"
    REFUSED = "refused"


class Expression(StrEnum):
    """How a person expressed it."""

    CLICK = "click"
    SIGNATURE = "signature"
    ELECTRONIC_SIGNATURE = "electronic_signature"
    SPOKEN = "spoken"


class ConsentState(StrEnum):
    """Where a consent record stands; `requested` is accepted but not yet in the ledger."""

    REQUESTED = "requested"
    GIVEN = "given"
    REFUSED = "refused"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    INVALIDATED = "invalidated"


class GuardianKind(StrEnum):
    """What makes someone a minor's guardian."""

    PARENT = "parent"
    ADOPTIVE = "adoptive"
    COURT = "court"
    AGENCY = "agency"
    TEMPORARY = "temporary"
    OTHER = "other"


class GuardianshipState(StrEnum):
    """`opened` waits for the second person; `confirmed` may be needed by consents."""

    OPENED = "opened"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class LegalCode(StrEnum):
    """What a basis other than consent rests on (PIPL 13(1)(2)-(7), R14)."""

    STATUTORY_DUTY = "statutory_duty"
    COURT_ORDER = "court_order"
    AUTHORITY_WRITTEN_PERMISSION = "authority_written_permission"
    CONTRACT_OR_HR = "contract_or_hr"
    EMERGENCY = "emergency"
    PUBLIC_INTEREST_NEWS = "public_interest_news"
    SELF_DISCLOSED = "self_disclosed"
    STATE_PROVISION = "state_provision"


class LegalState(StrEnum):
    """Where a legal permission stands; nobody may rely on a draft."""

    DRAFT = "draft"
    ISSUED = "issued"
    REVOKED = "revoked"


class ApproverRole(StrEnum):
    """The two distinct roles in which a legal permission is approved."""

    LEGAL = "approve_legal"
    DPO = "approve_dpo"


class ControllerState(StrEnum):
    """A closed controller's log takes only withdrawals and erasures."""

    OPEN = "open"
    CLOSED = "closed"


class FilingKind(StrEnum):
    """What a filing is about (Order 19 Art 15)."""

    INITIAL = "initial"
    CHANGE = "change"
    CANCELLATION = "cancellation"


class DutyState(StrEnum):
    """How a duty to file stands; undetermined: the working days of a year are not known."""

    NOT_REACHED = "not_reached"
    DUE = "due"
    OVERDUE = "overdue"
    FILED = "filed"
    FILED_LATE = "filed_late"
    UNDETERMINED = "undetermined"


class Standing(StrEnum):
    """Whose text is shown for an article of a decision."""

    EXACT = "exact"
    OTHER_VERSION = "other_version"
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    """Whether the text of an article was read in a source; what is unverified has to be shown as such."""

    READ = "read"
    UNVERIFIED = "unverified"
