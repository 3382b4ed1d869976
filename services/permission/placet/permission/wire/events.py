"""Face events from protobuf, answers to protobuf: the hot half of the wire.

Owns: the check of every field of a `FaceEvent`. The quick path accepts a well-formed event in one pass; whatever it
does not accept goes through `_explain`, which finds the field and raises. Never: fills in a default (that would
change the request's digest), looks anything up, or raises anything but a typed error naming `event.device` or
`events[3].device`.
"""

from typing import NoReturn

from placet.api.common.v1 import evidence_pb2
from placet.api.permission.v1 import permission_pb2 as pb
from placet.permission.errors import Invalid, missing, too_large
from placet.permission.handlers.authorize import Answered
from placet.permission.model.events import (
    MAX_BATCH,
    MAX_PERMIT_LIFETIME,
    MAX_SUBJECT,
    MAX_USES,
    Answer,
    Asked,
    Audience,
    Checked,
    FaceEvent,
    Wanted,
)
from placet.permission.model.fields import check_code, check_int, check_uuid, match_code, match_uuid
from placet.permission.model.vocabulary import MAX_INT
from placet.permission.wire.words import (
    CHANNELS,
    INFERENCES,
    OPERATIONS,
    REASON_NUMBERS,
    STORAGES,
    VERDICT_NUMBERS,
    word,
    word_or_none,
)

_WANTED = {number.value: number for number in Wanted}
_AUDIENCES = {number.value: number for number in Audience}
_NO_WISH = (Wanted.DEFAULT, Audience.DEFAULT, 0, 0)


def authorize_from_pb(request: pb.AuthorizeRequest, certificate: str | None = None) -> Asked:
    """Return a checked request of one event. Raises Invalid naming `event.<field>`, `seen` or `after`."""
    if not request.HasField("event"):
        raise missing("event", "the face event")
    return Asked(
        controller=request.controller,
        events=(_event(request.event, "event"),),
        seen=check_int("seen", request.seen),
        after=check_int("after", request.after),
        permits=True,
        certificate=certificate,
    )


def batch_from_pb(request: pb.AuthorizeBatchRequest, certificate: str | None = None) -> Asked:
    """Return a checked request of 1 to 512 events. Raises Invalid naming `events[<n>].<field>`."""
    count = len(request.events)
    if not count:
        raise missing("events", f"1 to {MAX_BATCH} face events")
    if count > MAX_BATCH:
        raise too_large("events", f"{MAX_BATCH} events, got {count}; cut the batch")
    return Asked(
        controller=request.controller,
        events=[_event(event, at) for at, event in enumerate(request.events)],
        seen=check_int("seen", request.seen),
        after=check_int("after", request.after),
        permits=False,
        certificate=certificate,
    )


def check_from_pb(request: pb.CheckRequest) -> Asked:
    """Return a checked question. Raises Invalid naming the field."""
    if not request.HasField("event"):
        raise missing("event", "the face event")
    return Asked(
        controller=request.controller,
        events=(_event(request.event, "event"),),
        seen=0,
        after=check_int("after", request.after),
        permits=False,
    )


def _event(event: pb.FaceEvent, at: int | str) -> FaceEvent:
    """Return one event, checked; `at` is its position in the batch, or the name of its field."""
    subject, site, frame, occurred = event.subject, event.site, event.frame, event.occurred
    basis = event.basis if event.HasField("basis") else None
    wish = _wish(event.permit) if event.HasField("permit") else _NO_WISH
    operation = OPERATIONS.get(event.operation)
    if not (
        match_uuid(event.id)
        and match_code(event.purpose)
        and match_code(event.device)
        and (not site or match_code(site))
        and operation is not None
        and len(subject) <= MAX_SUBJECT
        and (basis is None or basis <= MAX_INT)
        and (not event.inference or event.inference in INFERENCES)
        and (not event.storage or event.storage in STORAGES)
        and (not event.national_channel or event.national_channel in CHANNELS)
        and 0 <= occurred <= MAX_INT
        and (not frame or match_uuid(frame))
        and wish is not None
    ):
        return _explain(event, f"events[{at}]" if isinstance(at, int) else at)
    return FaceEvent(
        event.id,
        subject,
        basis,
        event.purpose,
        event.device,
        site,
        operation,
        INFERENCES.get(event.inference),
        STORAGES.get(event.storage),
        event.egress,
        event.disclosure,
        event.sale_or_profit,
        event.scraped_source,
        CHANNELS.get(event.national_channel),
        occurred,
        event.offline,
        frame or None,
        *wish,
    )


def _wish(wish: pb.PermitWish) -> tuple[Wanted, Audience, int, int] | None:
    """Return a permit wish, None if a field of it is out of bounds."""
    wanted, audience = _WANTED.get(wish.wanted), _AUDIENCES.get(wish.audience)
    if wanted is None or audience is None or wish.max_uses > MAX_USES or wish.lifetime > MAX_PERMIT_LIFETIME:
        return None
    return wanted, audience, wish.max_uses, wish.lifetime


def _explain(event: pb.FaceEvent, path: str) -> FaceEvent:
    """Check field by field and raise for the first at fault; an event whose UUIDs only needed lower case passes."""
    if len(event.subject) > MAX_SUBJECT:
        raise too_large(f"{path}.subject", f"{MAX_SUBJECT} bytes; send a subject reference, never a name or a template")
    wish = _wish(event.permit)
    return FaceEvent(
        check_uuid(f"{path}.id", event.id),
        event.subject,
        check_int(f"{path}.basis", event.basis) if event.HasField("basis") else None,
        check_code(f"{path}.purpose", event.purpose),
        check_code(f"{path}.device", event.device),
        check_code(f"{path}.site", event.site, optional=True),
        word(OPERATIONS, event.operation, f"{path}.operation"),
        word_or_none(INFERENCES, event.inference, f"{path}.inference"),
        word_or_none(STORAGES, event.storage, f"{path}.storage"),
        event.egress,
        event.disclosure,
        event.sale_or_profit,
        event.scraped_source,
        word_or_none(CHANNELS, event.national_channel, f"{path}.national_channel"),
        check_int(f"{path}.occurred", event.occurred),
        event.offline,
        check_uuid(f"{path}.frame", event.frame) if event.frame else None,
        *(wish or _explain_wish(event.permit, f"{path}.permit")),
    )


def _explain_wish(wish: pb.PermitWish, path: str) -> NoReturn:
    if wish.wanted not in _WANTED:
        raise Invalid(f"{path}.wanted", f"{path}.wanted has the unknown value {wish.wanted}.")
    if wish.audience not in _AUDIENCES:
        raise Invalid(f"{path}.audience", f"{path}.audience has the unknown value {wish.audience}.")
    check_int(f"{path}.max_uses", wish.max_uses, MAX_USES)
    check_int(f"{path}.lifetime", wish.lifetime, MAX_PERMIT_LIFETIME)
    raise AssertionError("a wish that was refused has no field at fault")


def checked_to_pb(checked: Checked) -> pb.CheckResponse:
    """Return the answer to a Check."""
    return pb.CheckResponse(
        verdict=VERDICT_NUMBERS[checked.verdict],
        reasons=[REASON_NUMBERS[reason] for reason in checked.reasons],  # type: ignore[misc]
        permitted_by=checked.permitted_by,
        forbidden_by=checked.forbidden_by,
        alternative=checked.alternative,
    )


def authorized_to_pb(answered: Answered) -> pb.AuthorizeResponse:
    """Return the answer to one event with the inclusion proof of its entry."""
    answer = answered.answers[0]
    response = pb.AuthorizeResponse(proof=answered.appended.inclusion(answer.index), checkpoint=_checkpoint(answered))
    _fill(response.answer, answer, _shared(answer))
    return response


def batch_to_pb(answered: Answered) -> pb.AuthorizeBatchResponse:
    """Return the answers to a batch with one range proof for each run of positions."""
    response = pb.AuthorizeBatchResponse(checkpoint=_checkpoint(answered))
    add = response.answers.add
    # What many answers of a batch have in common is converted once. The articles follow from the decision.
    shared: dict[tuple[object, ...], pb.Answer] = {}
    for answer in answered.answers:
        key = (answer.decision, answer.verdict, answer.reasons, answer.alternative)
        known = shared.get(key)
        if known is None:
            known = shared[key] = _shared(answer)
        _fill(add(), answer, known)
    for run in answered.appended.runs():
        response.proofs.add(begin=run.begin, end=run.end, left=run.left, right=run.right)
    return response


def _shared(answer: Answer) -> pb.Answer:
    return pb.Answer(
        verdict=VERDICT_NUMBERS[answer.verdict],
        reasons=[REASON_NUMBERS[reason] for reason in answer.reasons],  # type: ignore[misc]
        permitted_by=answer.permitted_by,
        forbidden_by=answer.forbidden_by,
        decision=answer.decision,
        alternative=answer.alternative,
    )


def _fill(message: pb.Answer, answer: Answer, shared: pb.Answer) -> None:
    message.CopyFrom(shared)
    message.index = answer.index
    message.entry = answer.entry
    if answer.basis is not None:
        message.basis = answer.basis
    if answer.permit:
        message.permit = answer.permit
    if answer.repeated:
        message.repeated = True


def _checkpoint(answered: Answered) -> evidence_pb2.Checkpoint:
    appended = answered.appended
    proof = None
    if appended.consistency is not None:
        proof = evidence_pb2.ConsistencyProof(old_size=answered.seen, hashes=appended.consistency)
    return evidence_pb2.Checkpoint(note=appended.checkpoint, tree_size=appended.size, consistency=proof)
