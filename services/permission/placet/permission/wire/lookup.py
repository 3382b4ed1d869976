"""The consent lookup: what is asked, and the facts that come back.

Owns: the mapping of `BasisFacts`. Never: believes more than it is told: an unspecified age band is `unknown`, a missing
leaf hash None. Bytes that are no answer raise ConsentsUnavailable: an event is not decided on a guess.
"""

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from placet.api.consent.v1 import lookup_pb2 as pb
from placet.permission.errors import ConsentsUnavailable, Invalid
from placet.permission.model.basis import BasisFacts, end_of
from placet.permission.model.vocabulary import AgeBand, BasisForm
from placet.permission.ports import Found
from placet.permission.wire.words import AGE_BANDS, OPERATIONS, words

_ANY = "*"


def lookup_to_bytes(controller: str, subjects: Sequence[bytes], ordinals: Sequence[int]) -> bytes:
    """Return a lookup as it travels."""
    return pb.LookupRequest(controller=controller, subjects=subjects, ordinals=ordinals).SerializeToString()


def found_from_bytes(data: bytes, asked: int) -> Found:
    """Return the answer to a lookup of `asked` subjects. Raises ConsentsUnavailable if it is not one."""
    try:
        answer = pb.LookupResponse.FromString(data)
        found = Found(
            subjects=tuple(tuple(map(_facts, subject.bases)) for subject in answer.subjects),
            bases=tuple(map(_facts, answer.bases)),
            as_of=answer.as_of,
        )
    except (DecodeError, Invalid) as error:
        raise ConsentsUnavailable(f"its answer is malformed: {error}") from None
    if len(found.subjects) != asked:
        raise ConsentsUnavailable(f"it answered for {len(found.subjects)} of {asked} persons")
    return found


def _facts(facts: pb.BasisFacts) -> BasisFacts:
    sites = frozenset(facts.sites)
    return BasisFacts(
        ordinal=facts.ordinal,
        granted=facts.granted,
        leaf=facts.leaf_hash or None,
        ended=facts.ended if facts.HasField("ended") else None,
        form=BasisForm.CONSENT,
        code="none",
        purposes=frozenset((facts.purpose,)),
        operations=frozenset(words(OPERATIONS, facts.operations, "operations")),
        sites=None if _ANY in sites else sites,
        egress=facts.egress,
        not_before=facts.not_before,
        not_after=end_of(facts.not_after),
        needs=tuple(facts.needs),
        separate=facts.separate,
        explicit=facts.explicit,
        written=facts.written,
        notice_served=facts.notice_served,
        notice_complete=facts.notice_complete,
        term_stated=facts.term_stated,
        guardian_active=facts.guardian_active,
        age_band=AGE_BANDS.get(facts.age_band, AgeBand.UNKNOWN),
        age_band_until=facts.age_band_until,
    )
