"""Face events from protobuf: every field checked, errors name the path, the quick path and the slow one agree."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placet.api.permission.v1 import permission_pb2 as pb
from placet.permission.errors import Invalid
from placet.permission.model.events import FaceEvent, Wanted, digest
from placet.permission.model.vocabulary import Inference, Operation
from placet.permission.wire import events as wire

ID = "0190b5b2-7c3d-7abc-8def-0123456789ab"


def event(**changes: Any) -> pb.FaceEvent:
    values: dict[str, Any] = {
        "id": ID,
        "purpose": "entry",
        "device": "cam-1",
        "operation": pb.FaceEvent().operation + 2,
    }
    return pb.FaceEvent(**{**values, **changes})


def read(message: pb.FaceEvent) -> FaceEvent:
    return wire.authorize_from_pb(pb.AuthorizeRequest(controller="bank", event=message)).events[0]


def test_a_well_formed_event_comes_out_as_it_was_asked() -> None:
    got = read(event(subject=b"s" * 64, basis=0, site="hq", inference=9, egress=True, frame=ID, occurred=5))
    assert (got.id, got.subject, got.basis, got.site, got.frame) == (ID, b"s" * 64, 0, "hq", ID)
    assert (got.operation, got.inference, got.egress, got.occurred) == (Operation.VERIFY, Inference.GENDER, True, 5)
    assert got.storage is None
    assert got.national_channel is None
    assert got.wanted is Wanted.DEFAULT


def test_upper_case_uuids_are_the_same_event() -> None:
    assert digest(read(event(id=ID.upper(), frame=ID.upper()))) == digest(read(event(frame=ID)))


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"id": ""}, "id", "FIELD_MISSING"),
        ({"id": "42"}, "id", "FIELD_INVALID"),
        ({"id": "{" + ID + "}"}, "id", "FIELD_INVALID"),
        ({"id": ID + "\n"}, "id", "FIELD_INVALID"),
        ({"subject": b"s" * 65}, "subject", "FIELD_TOO_LARGE"),
        ({"basis": 2**53}, "basis", "FIELD_INVALID"),
        ({"purpose": ""}, "purpose", "FIELD_MISSING"),
        ({"purpose": "two words"}, "purpose", "FIELD_INVALID"),
        ({"purpose": "-dash"}, "purpose", "FIELD_INVALID"),
        ({"purpose": "p" * 65}, "purpose", "FIELD_TOO_LARGE"),
        ({"purpose": "entry\n"}, "purpose", "FIELD_INVALID"),
        ({"device": ""}, "device", "FIELD_MISSING"),
        ({"device": "张三"}, "device", "FIELD_INVALID"),
        ({"device": "d\0"}, "device", "FIELD_INVALID"),
        ({"site": "a b"}, "site", "FIELD_INVALID"),
        ({"site": "s" * 65}, "site", "FIELD_TOO_LARGE"),
        ({"operation": 0}, "operation", "FIELD_MISSING"),
        ({"operation": 99}, "operation", "FIELD_INVALID"),
        ({"inference": 99}, "inference", "FIELD_INVALID"),
        ({"storage": -1}, "storage", "FIELD_INVALID"),
        ({"national_channel": 77}, "national_channel", "FIELD_INVALID"),
        ({"occurred": -1}, "occurred", "FIELD_INVALID"),
        ({"occurred": 2**53}, "occurred", "FIELD_INVALID"),
        ({"frame": "no"}, "frame", "FIELD_INVALID"),
        ({"permit": pb.PermitWish(wanted=9)}, "permit.wanted", "FIELD_INVALID"),  # type: ignore[arg-type]
        ({"permit": pb.PermitWish(audience=9)}, "permit.audience", "FIELD_INVALID"),  # type: ignore[arg-type]
        ({"permit": pb.PermitWish(max_uses=1001)}, "permit.max_uses", "FIELD_INVALID"),
        ({"permit": pb.PermitWish(lifetime=86401)}, "permit.lifetime", "FIELD_INVALID"),
    ],
)
def test_a_malformed_field_is_named(changes: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(Invalid) as error:
        read(event(**changes))
    assert (error.value.field, error.value.reason) == (f"event.{field}", reason)
    batch = pb.AuthorizeBatchRequest(controller="bank", events=[event(), event(), event(), event(**changes)])
    with pytest.raises(Invalid) as error:
        wire.batch_from_pb(batch)
    assert error.value.field == f"events[3].{field}"


@pytest.mark.parametrize(("count", "reason"), [(0, "FIELD_MISSING"), (513, "FIELD_TOO_LARGE")])
def test_a_batch_has_1_to_512_events(count: int, reason: str) -> None:
    with pytest.raises(Invalid) as error:
        wire.batch_from_pb(pb.AuthorizeBatchRequest(controller="bank", events=[event()] * count))
    assert (error.value.field, error.value.reason) == ("events", reason)
    assert len(wire.batch_from_pb(pb.AuthorizeBatchRequest(controller="bank", events=[event()] * 512)).events) == 512


@pytest.mark.parametrize("field", ["seen", "after"])
def test_positions_are_exact_json_integers(field: str) -> None:
    with pytest.raises(Invalid) as error:
        wire.batch_from_pb(pb.AuthorizeBatchRequest(controller="bank", events=[event()], **{field: 2**53}))  # type: ignore[arg-type]
    assert error.value.field == field


def test_a_request_without_event_is_refused() -> None:
    for message, read_it in ((pb.AuthorizeRequest(), wire.authorize_from_pb), (pb.CheckRequest(), wire.check_from_pb)):
        with pytest.raises(Invalid) as error:
            read_it(message)  # type: ignore[operator]
        assert error.value.reason == "FIELD_MISSING"


def test_the_digest_is_permanent_and_covers_every_field() -> None:
    plain = read(event())
    # Golden: the digest of a request outlives releases, because idempotency keys do.
    assert digest(plain).hex() == "6e44dea580b27159fa03ec2c9903090d519897522d52c934050fb5cbe5a5954f"
    changed = [
        {"id": ID[:-1] + "c"}, {"subject": b"s"}, {"basis": 0}, {"purpose": "exit"}, {"device": "cam-2"},
        {"site": "hq"},
        {"operation": 1}, {"inference": 1}, {"storage": 1}, {"egress": True}, {"disclosure": True},
        {"sale_or_profit": True}, {"scraped_source": True}, {"national_channel": 1}, {"occurred": 1}, {"offline": True},
        {"frame": ID}, {"permit": pb.PermitWish(wanted=pb.PermitWish.WANTED_YES)},
        {"permit": pb.PermitWish(audience=pb.PermitWish.AUDIENCE_ENGINE)}, {"permit": pb.PermitWish(max_uses=2)},
        {"permit": pb.PermitWish(lifetime=2)},
    ]  # fmt: skip
    assert len(changed) == len(FaceEvent.__struct_fields__)
    digests = {digest(read(event(**change))) for change in changed}
    assert len(digests | {digest(plain)}) == len(changed) + 1


_codes = st.one_of(st.just("cam-1"), st.text(max_size=70), st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,65}"))
_numbers = st.integers(min_value=-2, max_value=14)


@settings(max_examples=300)
@given(
    message=st.builds(
        event,
        id=st.one_of(st.just(ID), st.just(ID.upper()), st.text(max_size=40)),
        subject=st.binary(max_size=70),
        basis=st.one_of(st.none(), st.integers(0, 2**64 - 1)),
        purpose=_codes,
        device=_codes,
        site=_codes,
        operation=_numbers,
        inference=_numbers,
        storage=_numbers,
        national_channel=_numbers,
        occurred=st.integers(-(2**63), 2**63 - 1),
        frame=st.one_of(st.just(""), st.just(ID), st.text(max_size=40)),
        permit=st.one_of(st.none(), st.builds(pb.PermitWish, wanted=_numbers, max_uses=st.integers(0, 2000))),
    )
)
def test_the_quick_path_accepts_exactly_what_the_explaining_one_does(message: pb.FaceEvent) -> None:
    try:
        explained: object = wire._explain(message, "event")
    except Invalid as error:
        explained = (error.field, error.reason)
    try:
        quick: object = wire._event(message, "event")
    except Invalid as error:
        quick = (error.field, error.reason)
    assert quick == explained


def test_an_event_never_shows_its_subject() -> None:
    assert "secret" not in repr(read(event(subject=b"secret-reference")))
