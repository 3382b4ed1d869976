"""What audit answers, from protobuf; filters to it."""

from placet.api.audit.v1 import audit_pb2 as pb
from placet.sdk.ids import micros
from placet.sdk.model.ledger import ControllerDetails, Filter
from placet.sdk.vocabulary import Micros
from placet.sdk.wire.words import CONTROLLER_STATE, REASON, VERDICT


def filter_to_pb(wanted: Filter) -> pb.Filter:
    """Return the message of a filter; raises Invalid naming the field."""
    message = pb.Filter(
        until=micros("until", wanted.until),
        kind=wanted.kind or "",
        verdict=VERDICT.number("verdict", wanted.verdict),
        reason=REASON.number("reason", wanted.reason),
        purpose=wanted.purpose or "",
        site=wanted.site or "",
        device=wanted.device or "",
        basis=wanted.basis,
    )
    setattr(message, "from", micros("since", wanted.since))  # a keyword of the language
    return message


def controller_of(details: pb.Controller) -> ControllerDetails:
    """Return a controller."""
    return ControllerDetails(
        controller=details.controller,
        origin=details.origin,
        verifier_key=details.verifier_key,
        state=CONTROLLER_STATE.word(details.state),
        created_at=Micros(details.created_at),
        signing_keys=tuple(details.signing_keys) or (details.verifier_key,),
    )
