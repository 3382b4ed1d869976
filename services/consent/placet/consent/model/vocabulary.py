"""The closed lists of words, as they stand in entries and in the off-log record, and the NewTypes of ids and positions.

Owns: enums whose values are the words of law.md section 5 and consent.md; those of entries are `placet.evidence.terms`.
Never: numbers of protos (`wire` maps those).
"""

from enum import StrEnum
from typing import NewType

from placet.evidence.terms import MAX_INT, SECOND, BasisOrdinal, EndedBy, LeafIndex, Micros, Operation

Controller = NewType("Controller", str)
# Lower-case UUID text.
ConsentId = NewType("ConsentId", str)
GuardianshipId = NewType("GuardianshipId", str)
ServedId = NewType("ServedId", str)
# Row of a person with one controller; 0 stands for "nobody's" (a controller's own steps).
PersonKey = NewType("PersonKey", int)
StepId = NewType("StepId", int)
# key id || HMAC-SHA256: what a controller's systems send instead of a name.
SubjectRef = NewType("SubjectRef", bytes)
# Microseconds since 1970 UTC.
Instant = Micros

# How far the clocks of a device and of this service may differ.
CLOCK_TOLERANCE = 120 * SECOND
NOBODY = PersonKey(0)
DEFAULT_ZONE = "Asia/Shanghai"


class Channel(StrEnum):
    """How the person was asked."""

    API = "api"
    WEB = "web"
    KIOSK = "kiosk"
    PAPER = "paper"
    PHONE = "phone"
    COUNTER = "counter"


class Choice(StrEnum):
    """What the person decided."""

    GIVEN = "given"
    REFUSED = "refused"


class Expression(StrEnum):
    """How the person said so."""

    CLICK = "click"
    SIGNATURE = "signature"
    ELECTRONIC_SIGNATURE = "electronic_signature"
    SPOKEN = "spoken"


# In writing, electronic signatures included (Civil Code Art 469; BIPA since 2024-08-02).
WRITTEN = frozenset({Expression.SIGNATURE, Expression.ELECTRONIC_SIGNATURE})


class ConsentState(StrEnum):
    """The states of a consent record (DPV), as far as this form of the service reaches them."""

    REQUESTED = "requested"
    GIVEN = "given"
    REFUSED = "refused"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    INVALIDATED = "invalidated"


class GuardianKind(StrEnum):
    """Why somebody is a guardian."""

    PARENT = "parent"
    ADOPTIVE = "adoptive"
    COURT = "court"
    AGENCY = "agency"
    TEMPORARY = "temporary"
    OTHER = "other"


class GuardianshipState(StrEnum):
    """How far a guardianship has come."""

    OPENED = "opened"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class AgeBand(StrEnum):
    """The person's age as the law looks at it. Never logged."""

    UNDER_13 = "under_13"
    AGE_13 = "13"
    AGE_14_15 = "14_15"
    AGE_16_17 = "16_17"
    ADULT = "adult"
    UNKNOWN = "unknown"


__all__ = [
    "CLOCK_TOLERANCE",
    "DEFAULT_ZONE",
    "MAX_INT",
    "NOBODY",
    "SECOND",
    "WRITTEN",
    "AgeBand",
    "BasisOrdinal",
    "Channel",
    "Choice",
    "ConsentId",
    "ConsentState",
    "Controller",
    "EndedBy",
    "Expression",
    "GuardianKind",
    "GuardianshipId",
    "GuardianshipState",
    "Instant",
    "LeafIndex",
    "Operation",
    "PersonKey",
    "ServedId",
    "StepId",
    "SubjectRef",
]
