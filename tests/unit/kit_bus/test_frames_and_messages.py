"""What may stand in subjects and headers, and the envelope of messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.kit.bus import frames
from placet.kit.bus.delivery import Delivery
from placet.kit.bus.messages import Message, decode_message, encode_message, filter_subject
from placet.kit.errors import Exhausted, Invalid, PlacetError, error_of


def message(**changes: object) -> Message:
    given = {"id": "m", "controller": "bank", "service": "consent", "kind": "consent.withdrawn", "at": 7, "index": 3}
    return Message(**{**given, **changes})  # type: ignore[arg-type]


def test_a_message_is_read_as_it_was_written() -> None:
    one = message(basis=2, data={"template": "t", "n": 1})
    assert decode_message(encode_message(one), "placet.msg.bank.consent.consent.withdrawn") == one
    assert decode_message(encode_message(message(index=None))).index is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", "x" * 65),
        ("controller", "a.b"),
        ("controller", ""),
        ("service", "*"),
        ("kind", "Withdrawn"),
        ("kind", "a..b"),
        ("kind", ">"),
        ("at", -1),
        ("index", -1),
    ],
)
def test_a_message_that_receivers_would_refuse_is_not_written(field: str, value: object) -> None:
    with pytest.raises(Invalid) as refused:
        encode_message(message(**{field: value}))
    assert refused.value.field == f"message.{field}"


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b"\xff", b'{"id": 3}', b"[" * 100_000])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        decode_message(data)


@pytest.mark.parametrize(
    "subject",
    [
        "placet.msg.shop.consent.consent.withdrawn",
        "placet.msg.bank.vault.consent.withdrawn",
        "placet.msg.bank.consent.x",
    ],
)
def test_a_message_belongs_to_its_subject(subject: str) -> None:
    with pytest.raises(Invalid, match="another subject"):
        decode_message(encode_message(message()), subject)


def test_filters() -> None:
    assert filter_subject("consent") == "placet.msg.*.consent.>"
    assert filter_subject("consent", "consent.withdrawn") == "placet.msg.*.consent.consent.withdrawn"
    with pytest.raises(Invalid):
        filter_subject("con sent")


@given(st.text(max_size=40))
def test_no_text_breaks_out_of_a_header(text: str) -> None:
    try:
        block = frames.header_block({"Nats-Msg-Id": text})
    except (Invalid, UnicodeEncodeError):
        return
    assert block.count(b"\r\n") == 3
    assert b"\r" not in block.replace(b"\r\n", b"")
    assert b"\n" not in block.replace(b"\r\n", b"")


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "é"])
def test_header_names_are_checked(name: str) -> None:
    with pytest.raises(Invalid):
        frames.header_block({name: "x"})


@given(st.text(max_size=80), st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=3))
def test_errors_pass_through_a_header(text: str, metadata: dict[str, str]) -> None:
    metadata.pop("field", None)
    try:
        text.encode()
        repr(metadata).encode()
    except UnicodeEncodeError:
        return
    sent = Exhausted("QUEUE_FULL", text, metadata=metadata, retry_after=0.5)
    try:
        block = frames.error_block(sent)
    except UnicodeEncodeError:
        return
    got = frames.error_in(block)
    assert isinstance(got, Exhausted)
    assert (got.message, got.metadata, got.retry_after) == (text, metadata, 0.5)


@pytest.mark.parametrize("value", ["", "x", "{}", "[1]", '["invalid"]', "[" * 5_000])
def test_a_malformed_error_header_is_still_an_error(value: str) -> None:
    assert isinstance(frames.error_in(frames.header_block({frames.ERROR_HEADER: value})), Invalid)
    assert frames.error_in(frames.header_block({"Other": value})) is None


def test_an_error_of_an_unknown_kind_is_internal() -> None:
    block = frames.header_block({frames.ERROR_HEADER: '["new_kind","X","later versions know",{}]'})
    got = frames.error_in(block)
    assert type(got) is PlacetError
    assert got.kind == error_of("new_kind", "X", "").kind


def test_status_lines() -> None:
    assert frames.status(b"NATS/1.0 503\r\n\r\n") == "503"
    assert frames.status(b"NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 1\r\n\r\n") == "408"
    assert frames.status(b"NATS/1.0\r\nNats-Msg-Id: 503\r\n\r\n") == ""


@pytest.mark.parametrize(
    "ack",
    [
        "$JS.ACK.PLACET.vault.3.17.5.1700000000000000000.0",
        "$JS.ACK._.ACCOUNT.PLACET.vault.3.17.5.1700000000000000000.0",
        "$JS.ACK.hub.ACCOUNT.PLACET.vault.3.17.5.1700000000000000000.0.token",
    ],
)
def test_deliveries_know_how_often_they_came(ack: str) -> None:
    delivery = Delivery.of("placet.msg.bank.consent.x", ack, b"")
    assert (delivery.delivered, delivery.sequence, delivery.controller) == (3, 17, "bank")
