"""The lookup inside the mesh: bytes of protobuf to the command, and what was found back to bytes.

Owns: the mapping of lookup.proto.
Never: trusts the request's controller: it must be the one of the subject the request came in on.
"""

from google.protobuf.message import DecodeError

from placet.api.consent.v1 import lookup_pb2 as pb
from placet.consent.errors import Invalid
from placet.consent.model.commands import Lookup
from placet.consent.model.vocabulary import Controller, SubjectRef
from placet.consent.policy.facts import BasisFacts
from placet.consent.ports import Found
from placet.consent.wire import words


def request(data: bytes, controller: str) -> Lookup:
    """Return the command. Raises Invalid for bytes that are none, or a controller other than the bus subject's."""
    try:
        asked = pb.LookupRequest.FromString(data)
    except DecodeError:
        raise Invalid("request", "The request is no LookupRequest.", reason="REQUEST_MALFORMED") from None
    if asked.controller != controller:
        raise Invalid(
            "controller", f"controller is {asked.controller!r}, but the request came in on another's subject."
        )
    return Lookup(
        controller=Controller(controller),
        subjects=tuple(SubjectRef(one) for one in asked.subjects),
        ordinals=tuple(asked.ordinals),
    )


def answer(found: Found) -> bytes:
    """Return the answer as bytes."""
    return pb.LookupResponse(
        subjects=[pb.SubjectFacts(bases=[_facts(one) for one in bases]) for bases in found.subjects],
        bases=[_facts(one) for one in found.bases],
        as_of=found.as_of,
    ).SerializeToString()


def _facts(facts: BasisFacts) -> pb.BasisFacts:
    return pb.BasisFacts(
        ordinal=facts.ordinal,
        granted=facts.granted,
        leaf_hash=facts.leaf_hash,
        ended=facts.ended,
        purpose=facts.purpose,
        operations=[words.number(one) for one in facts.operations],
        sites=facts.sites,
        egress=facts.egress,
        not_before=facts.not_before,
        not_after=facts.not_after or 0,
        separate=facts.separate,
        explicit=facts.explicit,
        written=facts.written,
        notice_served=facts.notice_served,
        notice_complete=facts.notice_complete,
        term_stated=facts.term_stated,
        needs=facts.needs,
        guardian_active=facts.guardian_active,
        age_band=words.number(facts.age_band),
        age_band_until=facts.age_band_until or 0,
    )
