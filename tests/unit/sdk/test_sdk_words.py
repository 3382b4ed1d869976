"""The words of the API and the enums of the protos: the same set, in both directions."""

import re

import pytest
from google.protobuf.descriptor import EnumDescriptor

from placet.api.audit.v1 import audit_pb2
from placet.api.common.v1 import access_pb2, errors_pb2, vocabulary_pb2
from placet.api.consent.v1 import consent_pb2
from placet.api.permission.v1 import attestations_pb2, permission_pb2, posture_pb2, register_pb2
from placet.sdk.errors import Invalid, NotServed
from placet.sdk.wire.words import ALL, APPROVER_ROLE, OPERATION, Words

# Never told to a client, or only told to services.
LEFT_OUT = {"Role", "AgeBand", "BasisForm", "ErrorReason", "Wanted"}


def enums() -> list[EnumDescriptor]:
    permission = (permission_pb2, register_pb2, attestations_pb2, posture_pb2)
    files = (vocabulary_pb2, access_pb2, errors_pb2, consent_pb2, *permission, audit_pb2)
    found = [one for file in files for one in file.DESCRIPTOR.enum_types_by_name.values()]
    nested = (permission_pb2.PermitWish, permission_pb2.ExplainedArticle)
    return [*found, *(one for message in nested for one in message.DESCRIPTOR.enum_types)]


def test_every_enum_of_the_protos_has_its_words() -> None:
    assert {one.name for one in enums()} - LEFT_OUT == {one._kind.__name__ for one in ALL if one is not APPROVER_ROLE}


@pytest.mark.parametrize("words", ALL, ids=lambda words: words._kind.__name__)
def test_words_and_numbers_are_one_to_one(words: Words) -> None:  # type: ignore[type-arg]
    assert len(words.numbers) == len(words.words) == len(words._kind)
    assert 0 not in words.words
    if words is APPROVER_ROLE:
        return
    proto = next(one for one in enums() if one.name == words._kind.__name__)
    prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", proto.name).upper() + "_"
    assert {f"{prefix}{word.upper()}" for word in words.numbers} | {f"{prefix}UNSPECIFIED"} == {
        value.name for value in proto.values
    }


def test_an_unknown_word_is_refused_with_the_words_there_are() -> None:
    with pytest.raises(Invalid, match="identify") as caught:
        OPERATION.number("operation", "watch")
    assert caught.value.field == "operation"


def test_an_unknown_number_is_a_newer_service_never_a_guess() -> None:
    with pytest.raises(NotServed):
        OPERATION.word(99)
