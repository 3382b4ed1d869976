"""Properties of the pure parts: ages against the calendar, notices and words through the wire, blurred ends."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fakes.consent_world import BANK
from hypothesis import given
from hypothesis import strategies as st

from placet.api.consent.v1 import consent_pb2 as pb
from placet.consent.handlers.steps import blurred
from placet.consent.model.notices import ITEMS, Notice, NoticeContent, NoticeText
from placet.consent.model.vocabulary import (
    AgeBand,
    Channel,
    Choice,
    ConsentState,
    EndedBy,
    Expression,
    GuardianKind,
    GuardianshipState,
    Instant,
    Operation,
    StepId,
)
from placet.consent.policy import ages, notices
from placet.consent.policy.facts import age_of
from placet.consent.wire import answers, requests, words

ZONES = st.sampled_from(
    ["Asia/Shanghai", "America/Sao_Paulo", "Pacific/Apia", "Europe/Berlin", "Asia/Kathmandu", "UTC"]
)
BIRTHS = st.dates(date(1960, 1, 1), date(2020, 12, 31))
# Anything that is in NFC and may be sent.
TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=40)


def _local(at: int, place: ZoneInfo) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(place).date()


@given(BIRTHS, st.integers(0, 40), ZONES)
def test_an_age_is_reached_with_the_first_instant_of_the_birthday(birth: date, age: int, name: str) -> None:
    place = ZoneInfo(name)
    reached = ages.reached_at(birth, age, place)
    day = ages.birthday(birth, age)
    # A day that the zone skipped (Samoa, 30 December 2011) is reached with the next one.
    assert _local(reached, place) in (day, day + timedelta(days=1))
    assert _local(reached - 1, place) < day
    assert (day.month, day.day) in ((birth.month, birth.day), (3, 1))


@given(BIRTHS, ZONES, st.integers(0, 2_400_000_000_000_000))
def test_the_band_is_that_of_the_calendar(birth: date, name: str, now: int) -> None:
    today = _local(now, ZoneInfo(name))
    years = today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
    skipped = (today.year, today.month, today.day) == (2011, 12, 31)
    names = {13: AgeBand.AGE_13, 14: AgeBand.AGE_14_15, 15: AgeBand.AGE_14_15, 16: AgeBand.AGE_16_17}
    expected = AgeBand.UNDER_13 if years < 13 else names.get(years, AgeBand.AGE_16_17 if years < 18 else AgeBand.ADULT)
    band, until = age_of(birth, name, Instant(now))
    assert band is expected or skipped
    assert until is None or until > now


@st.composite
def contents(draw: st.DrawFn) -> NoticeContent:
    """Return any well-formed notice."""
    languages = draw(st.lists(st.sampled_from(["zh-CN", "en", "de", "zh-Hant-HK"]), min_size=1, unique=True))
    texts = [
        NoticeText(language=language, title=draw(TEXTS), **{item: draw(TEXTS) for item in ITEMS})
        for language in languages
    ]
    purposes = draw(st.lists(st.sampled_from(["kyc", "vip", "a.b", "p-1"]), min_size=1, unique=True))
    return NoticeContent(id="n-1", purposes=tuple(purposes), texts=tuple(texts))


@given(contents())
def test_a_notice_goes_through_the_wire_and_keeps_its_hash(content: NoticeContent) -> None:
    content_hash = notices.content_hash(content)
    notice = Notice(
        controller=BANK,
        content=content,
        version=3,
        content_hash=content_hash,
        published_at=Instant(5),
        step=StepId(1),
    )
    shown = answers.notice(notice)
    again = requests.publish_notice(pb.PublishNoticeRequest(controller=BANK, notice=shown)).content
    assert again == content
    assert notices.content_hash(again) == content_hash == shown.content_hash
    assert notices.change(content, again) is notices.Change.NONE


@given(contents(), contents())
def test_the_hash_tells_contents_apart(one: NoticeContent, other: NoticeContent) -> None:
    assert (notices.content_hash(one) == notices.content_hash(other)) is (one == other)


@pytest.mark.parametrize(
    "kind",
    [AgeBand, Channel, Choice, ConsentState, EndedBy, Expression, GuardianKind, GuardianshipState, Operation],
)
def test_every_word_has_its_number_and_back(kind: Any) -> None:
    numbers = {words.number(one) for one in kind}
    assert len(numbers) == len(list(kind))
    assert {words.word("field", kind, number) for number in numbers} == set(kind)
    assert words.word("field", kind, 0) is None


@given(st.integers(1, 10**16), st.integers(1, 10**15), st.randoms(use_true_random=False))
def test_a_blurred_end_is_earlier_but_in_the_future(now: int, left: int, dice: random.Random) -> None:
    until = Instant(now + left)
    end = blurred(until, Instant(now), dice.randbytes)
    assert now < end <= until
    assert until - end <= min(30 * 24 * 3600 * 1_000_000, left // 2)
