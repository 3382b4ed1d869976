"""The wire form of appends: what is sent is read, hostile bytes are a typed error, and it costs microseconds."""

import os
import random
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from placet.evidence.drafts import (
    AmendDraft,
    DecisionDraft,
    EventDraft,
    GrantDraft,
    OutcomeDraft,
    PermitAsked,
    RecordDraft,
    UseDraft,
    WithdrawDraft,
)
from placet.evidence.entries import PolicyRef
from placet.evidence.terms import BasisOrdinal, EndedBy, Form, LeafIndex, Micros, Operation, Verdict
from placet.kit.bus.failure import Failure
from placet.kit.errors import Exhausted, Invalid, Precondition
from placet.kit.ledger.messages import (
    AppendReply,
    AppendRequest,
    Consistency,
    Draft,
    Range,
    Result,
    decode_decision,
    decode_draft,
    decode_reply,
    decode_request,
    encode_decision,
    encode_reply,
    encode_request,
    submission,
)

HASH = bytes(range(32))
EVENT = EventDraft(
    id="018f3b7e-0000-7000-8000-000000000000",
    frame=None,
    basis=BasisOrdinal(7),
    purpose="entry.verify",
    operation=Operation.VERIFY,
    device="dev-0123456789ab",
    site="site-0123456789",
    egress=False,
    occurred=Micros(1_790_000_000_000_000),
    offline=False,
    seen=1_234_567,
    permit=PermitAsked(max_uses=1, lifetime_us=60_000_000),
)
DECISION = DecisionDraft(
    policies=(PolicyRef(id="cn-2025", hash="h"),),
    context={"operation": "verify", "minor": False, "n": 3, "list": ["a"], "none": None},
    verdict=Verdict.ALLOW,
    permit=("a1",),
    forbid=(),
    errors=(),
)
DRAFTS: list[Draft] = [
    GrantDraft(
        form=Form.CONSENT,
        subject="s",
        purposes=("a", "b"),
        operations=("verify",),
        sites=("*",),
        egress=False,
        not_before=Micros(1),
        not_after=None,
        needs=(BasisOrdinal(1),),
        max_events=None,
        approvals=(),
        record="r",
        notice="n",
        law="cn-2025",
        authority=None,
    ),
    AmendDraft(basis=BasisOrdinal(1), purposes=("a",)),
    WithdrawDraft(basis=BasisOrdinal(1), by=EndedBy.DATA_SUBJECT, reason="x"),
    EVENT,
    UseDraft(event=LeafIndex(3), service="vault"),
    OutcomeDraft(of=LeafIndex(3), result="match"),
    RecordDraft(type="key.rotated", data={"a": {"b": [1, "二", None, True]}}),
]


def request() -> AppendRequest:
    return AppendRequest(
        5,
        [3, 9],
        [Raw(encode_decision(DECISION))],
        [submission(draft, key=b"k%d" % n, decision=0 if n == 3 else None) for n, draft in enumerate(DRAFTS)],
    )


def reply() -> AppendReply:
    return AppendReply(
        [Result(3, HASH, b"{}", None, True), Result(error=Failure.of(Precondition("ADMISSION_REFUSED", "no")))],
        [Range(3, 4, (HASH,), ())],
        "note",
        9,
        [Consistency(3, (HASH, HASH))],
    )


def test_requests_are_read_as_they_were_written() -> None:
    read = decode_request(encode_request(request()))
    assert read == request()
    assert [one.draft() for one in read.submissions] == DRAFTS
    assert [one.kind for one in read.submissions] == [
        "grant", "amend", "withdraw", "event", "use", "outcome", "record",
    ]  # fmt: skip
    assert decode_decision(read.decisions[0]) == DECISION


def test_replies_are_read_as_they_were_written() -> None:
    assert decode_reply(encode_reply(reply())) == reply()


def test_errors_travel_with_class_field_and_delay() -> None:
    error = Exhausted("QUEUE_FULL", "later", field="a.b", metadata={"x": "y"}, retry_after=0.25)
    failed = decode_reply(encode_reply(AppendReply.failed(error)))
    assert failed.error is not None
    again = failed.error.error()
    assert isinstance(again, Exhausted)
    assert (again.reason, again.message, again.field, again.metadata, again.retry_after) == (
        "QUEUE_FULL", "later", "a.b", {"x": "y"}, 0.25,
    )  # fmt: skip


def test_the_default_digest_covers_kind_and_body() -> None:
    first = submission(DRAFTS[5], key=b"a")
    assert first.digest == submission(DRAFTS[5], key=b"b", decision=1).digest
    assert first.digest != submission(OutcomeDraft(of=LeafIndex(3), result="error"), key=b"a").digest
    assert submission(DRAFTS[5], key=b"a", digest=HASH).digest == HASH


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda r: r.__setitem__(0, -1), "request[0]"),
        (lambda r: r.__setitem__(0, 2**53), "request[0]"),
        (lambda r: r.__setitem__(0, "now"), "request[0]"),
        (lambda r: r.__setitem__(1, [1] * 513), "request[1]"),
        (lambda r: r.__setitem__(2, 7), "request[2]"),
        (lambda r: r.__setitem__(3, []), "request[3]"),
        (lambda r: r.__setitem__(3, r[3] * 100), "request[3]"),
        (lambda r: r[3][1].__setitem__(0, b""), "request[3][1][0]"),
        (lambda r: r[3][1].__setitem__(0, b"k" * 65), "request[3][1][0]"),
        (lambda r: r[3][1].__setitem__(1, b"short"), "request[3][1][1]"),
        (lambda r: r[3][1].__setitem__(2, 5), "request[3][1][2]"),
        (lambda r: r[3][1].__setitem__(4, 1), "request.submissions[1].decision"),
        (lambda r: r[3][1].__setitem__(4, -1), "request[3][1][4]"),
        (lambda r: r[3][1].__delitem__(slice(2, 5)), "request[3][1]"),
    ],
)
def test_a_malformed_request_names_the_field(change: Callable[[list[object]], None], field: str) -> None:
    parts = msgspec.msgpack.decode(encode_request(request()))
    change(parts)
    with pytest.raises(Invalid) as refused:
        decode_request(msgspec.msgpack.encode(parts))
    assert (refused.value.field, refused.value.reason) == (field, "REQUEST_MALFORMED")


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("event", {"basis": "seven"}, "submission.event.basis"),
        ("event", {"operation": "photograph"}, "submission.event.operation"),
        ("event", {"occurred": 1.5}, "submission.event.occurred"),
        ("event", {"permit": [1]}, "submission.event.permit"),
        ("event", {"permit": [1, "long"]}, "submission.event.permit[1]"),
        ("grant", {}, "submission.grant"),
        ("state", {}, "submission.kind"),
        ("decision", {}, "submission.kind"),
    ],
)
def test_a_malformed_draft_names_the_field(kind: str, change: dict[str, object], field: str) -> None:
    body = [change.get(name, value) for name, value in zip(EVENT._fields, EVENT, strict=True)]
    with pytest.raises(Invalid) as refused:
        decode_draft(kind, msgspec.msgpack.encode(body))
    assert refused.value.field == field


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (decode_request, decode_reply, lambda d: decode_draft("event", d), decode_decision):
        with suppress(Invalid):
            read(data)


def test_damaged_messages_are_read_or_refused() -> None:
    rng = random.Random(5)
    whole = encode_request(request())
    refused = 0
    for _ in range(3_000):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        cut = rng.randrange(len(data)) if rng.random() < 0.3 else len(data)
        try:
            for one in decode_request(bytes(data[:cut])).submissions:
                one.draft()
        except Invalid:
            refused += 1
    assert refused > 1_000


@pytest.mark.parametrize(
    "data",
    [
        b"\x91" * 100_000,  # arrays nested deeper than any stack
        b"\xdd\xff\xff\xff\xff",  # an array said to have 4 thousand million elements
        b"\xc6\xff\xff\xff\xff",  # as many bytes
        b"\x94\x05\x90\x90\xdd\xff\xff\xff\xff",
        b"",
        b"\xc1",
    ],
)
def test_hostile_sizes_cost_nothing(data: bytes) -> None:
    began = time.perf_counter()
    for read in (decode_request, decode_reply, decode_decision):
        with pytest.raises(Invalid):
            read(data)
    assert time.perf_counter() - began < 0.5


def test_reading_and_writing_a_batch_costs_less_than_10_us_a_submission() -> None:
    def once() -> None:
        events = [submission(EVENT, key=b"0123456789abcdef", digest=HASH, decision=0) for _ in range(128)]
        asked = decode_request(encode_request(AppendRequest(1, [5], [Raw(encode_decision(DECISION))], events)))
        for one in asked.submissions:
            one.draft()
        answer = AppendReply([Result(n, HASH, entry) for n in range(128)], [Range(0, 128, (), ())], "note", 128, [])
        decode_reply(encode_reply(answer))

    entry = os.urandom(800)
    best = float("inf")
    for _ in range(30):
        began = time.perf_counter()
        once()
        best = min(best, time.perf_counter() - began)
    assert best / 128 < 10e-6
