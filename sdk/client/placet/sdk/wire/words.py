"""The enums of the model and their numbers on the wire.

Owns one `Words` per enum, made from the generated proto enum: value `branch_counter` is `PLACE_CLASS_BRANCH_COUNTER`.
Never guesses: an unknown word is Invalid naming the field, an unknown number is NotServed (a newer service).
"""

from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from placet.api.audit.v1 import audit_pb2
from placet.api.common.v1 import access_pb2, vocabulary_pb2
from placet.api.consent.v1 import consent_pb2
from placet.api.permission.v1 import attestations_pb2, filing_pb2, permission_pb2, posture_pb2, register_pb2
from placet.sdk import vocabulary
from placet.sdk.errors import Invalid, NotServed

E = TypeVar("E", bound=StrEnum)


class Words(Generic[E]):
    """One enum: its words, their numbers."""

    __slots__ = ("_kind", "numbers", "words")

    def __init__(self, kind: type[E], proto: Any, prefix: str) -> None:
        self._kind = kind
        self.numbers: dict[str, int] = {word: proto.Value(prefix + word.value.upper()) for word in kind}
        self.words: dict[int, E] = {self.numbers[word]: word for word in kind}

    def number(self, field: str, word: str | None) -> Any:
        """Return the number of a word (the enum's member or its text), 0 for None; raises Invalid naming `field`."""
        if word is None:
            return 0
        number = self.numbers.get(word)
        if number is None:
            raise Invalid("FIELD_INVALID", f"{field} is {word!r}; give one of {', '.join(self._kind)}", field=field)
        return number

    def word(self, number: int) -> E:
        """Return the word of a number; raises NotServed for one that this client does not know."""
        word = self.words.get(number)
        if word is None:
            raise NotServed("NOT_SERVED", f"the service used {self._kind.__name__} number {number}, unknown here")
        return word


OPERATION: Final = Words(vocabulary.Operation, vocabulary_pb2.Operation, "OPERATION_")
VERDICT: Final = Words(vocabulary.Verdict, vocabulary_pb2.Verdict, "VERDICT_")
REASON: Final = Words(vocabulary.Reason, vocabulary_pb2.Reason, "REASON_")
PLACE_CLASS: Final = Words(vocabulary.PlaceClass, vocabulary_pb2.PlaceClass, "PLACE_CLASS_")
INFERENCE: Final = Words(vocabulary.Inference, vocabulary_pb2.Inference, "INFERENCE_")
STORAGE: Final = Words(vocabulary.Storage, vocabulary_pb2.Storage, "STORAGE_")
NATIONAL_CHANNEL: Final = Words(vocabulary.NationalChannel, vocabulary_pb2.NationalChannel, "NATIONAL_CHANNEL_")
ENDED_BY: Final = Words(vocabulary.EndedBy, vocabulary_pb2.EndedBy, "ENDED_BY_")
CHANNEL: Final = Words(vocabulary.Channel, consent_pb2.Channel, "CHANNEL_")
CHOICE: Final = Words(vocabulary.Choice, consent_pb2.Choice, "CHOICE_")
EXPRESSION: Final = Words(vocabulary.Expression, consent_pb2.Expression, "EXPRESSION_")
CONSENT_STATE: Final = Words(vocabulary.ConsentState, consent_pb2.ConsentState, "CONSENT_STATE_")
GUARDIAN_KIND: Final = Words(vocabulary.GuardianKind, consent_pb2.GuardianKind, "GUARDIAN_KIND_")
GUARDIANSHIP_STATE: Final = Words(vocabulary.GuardianshipState, consent_pb2.GuardianshipState, "GUARDIANSHIP_STATE_")
LEGAL_CODE: Final = Words(vocabulary.LegalCode, permission_pb2.LegalCode, "LEGAL_CODE_")
LEGAL_STATE: Final = Words(vocabulary.LegalState, permission_pb2.LegalState, "LEGAL_STATE_")
AUDIENCE: Final = Words(vocabulary.Audience, permission_pb2.PermitWish.Audience, "AUDIENCE_")
APPROVER_ROLE: Final = Words(vocabulary.ApproverRole, access_pb2.Role, "ROLE_")
RETENTION_ANCHOR: Final = Words(vocabulary.RetentionAnchor, register_pb2.RetentionAnchor, "RETENTION_ANCHOR_")
MEASURE: Final = Words(vocabulary.Measure, attestations_pb2.Measure, "MEASURE_")
POSTURE_STATE: Final = Words(vocabulary.PostureState, posture_pb2.PostureState, "POSTURE_STATE_")
CONTROLLER_STATE: Final = Words(vocabulary.ControllerState, audit_pb2.ControllerState, "CONTROLLER_STATE_")
STANDING: Final = Words(vocabulary.Standing, permission_pb2.ExplainedArticle.Standing, "STANDING_")
CONFIDENCE: Final = Words(vocabulary.Confidence, permission_pb2.ExplainedArticle.Confidence, "CONFIDENCE_")
ALL: Final = tuple(one for one in list(globals().values()) if isinstance(one, Words))
FILING_KIND: Final = Words(vocabulary.FilingKind, filing_pb2.FilingKind, "FILING_KIND_")
DUTY_STATE: Final = Words(vocabulary.DutyState, filing_pb2.FilingState, "FILING_STATE_")
