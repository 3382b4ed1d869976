"""Filings, facts and status keep every field on their way, and what is none is refused by name."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.filing.filing_world import RULES, day, on, stock

from placet.api.consent.v1 import count_pb2
from placet.api.permission.v1 import filing_pb2 as pb
from placet.consent.policy.stock import Day, Range
from placet.consent.policy.stock import Stock as Counted
from placet.consent.wire import stock as consent_wire
from placet.kit.errors import PlacetError
from placet.permission.filing.calendar import WorkingDays
from placet.permission.filing.contents import NO_FACTS
from placet.permission.filing.duties import duties
from placet.permission.handlers.filing import MAX_GROUP, Status, members
from placet.permission.model.filings import Filing, FilingFacts, FilingKind
from placet.permission.model.registers import item_of, kind_of, record_of
from placet.permission.wire import filing as wire
from placet.sdk.model.filings import Filing as SdkFiling
from placet.sdk.wire import filings as sdk_wire

days = st.dates(date(2020, 1, 1), date(2040, 1, 1)).map(date.isoformat)
texts = st.text("abc 备案", max_size=20)
filings = st.builds(
    Filing,
    id=st.sampled_from(["f", "2026-initial", "a.b:c_d"]),
    kind=st.sampled_from(FilingKind),
    since=days,
    filed_on=days,
    authority=texts,
    reference=texts,
    persons=st.integers(0, 2**53 - 1),
    document_sha256=st.sampled_from([b"", bytes(32)]),
    summary=texts,
)


@settings(max_examples=40)
@given(filings)
def test_a_filing_comes_back_as_it_went(made: Filing) -> None:
    message = wire.filing_to_pb(made)
    assert wire.filing_from_pb(pb.RecordFilingRequest(filing=message)) == made
    assert item_of(kind_of(made), record_of(made)) == made
    assert sdk_wire.filing_to_pb(sdk_wire.filing_of(message)) == message


def test_facts_come_back_as_they_went() -> None:
    made = replace(
        NO_FACTS,
        name="n",
        rules_sha256=bytes(32),
        stored_elsewhere=3,
        stored_elsewhere_since="2025-06-01",
        other=("a", "b"),
    )
    fields: dict[str, Any] = {name: getattr(made, name) for name in FilingFacts.__slots__}
    assert wire.facts_from_pb(pb.PutFilingFactsRequest(facts=pb.FilingFacts(**fields))) == made
    assert item_of(kind_of(made), record_of(made)) == made
    assert made.id == "filing_facts"


@pytest.mark.parametrize(
    "wrong",
    [
        {"since": ""}, {"since": "2025-6-1"}, {"since": "20250601"}, {"filed_on": "soon"}, {"document_sha256": b"x"},
        {"filed_on": "", "reference": "no. 1"}, {"persons": -1}, {"id": "a b"}, {"summary": "x" * 4_001},
    ],
)  # fmt: skip
def test_a_wrong_filing_is_refused(wrong: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "id": "f", "kind": FilingKind.INITIAL, "since": "2025-06-01", "filed_on": "2025-06-02", "authority": "",
        "reference": "", "persons": 0, "document_sha256": b"", "summary": "",
    }  # fmt: skip
    Filing(**good)
    with pytest.raises(PlacetError) as caught:
        Filing(**{**good, **wrong})
    assert (caught.value.field or "").startswith("filing.")


@pytest.mark.parametrize(
    "wrong",
    [
        {"stored_elsewhere": 1}, {"stored_elsewhere": 1, "stored_elsewhere_since": "x"}, {"name": "x" * 201},
        {"other": ("a", "a")}, {"other": tuple(map(str, range(51)))}, {"other": ("x" * 201,)}, {"rules_sha256": b"x"},
        {"method": "\x00"},
    ],
)  # fmt: skip
def test_wrong_facts_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(PlacetError) as caught:
        replace(NO_FACTS, **wrong)
    assert (caught.value.field or "").startswith("facts.")


def test_nothing_at_all_is_missing() -> None:
    for call in (
        lambda: wire.filing_from_pb(pb.RecordFilingRequest()),
        lambda: wire.facts_from_pb(pb.PutFilingFactsRequest()),
        lambda: wire.kind_from_pb(pb.ExportFilingRequest()),
    ):
        with pytest.raises(PlacetError) as caught:
            call()
        assert caught.value.reason == "FIELD_MISSING"


def test_a_status_reaches_the_client_whole() -> None:
    calendar, today = WorkingDays(), on("2025-10-20")
    found = stock(day("2025-06-20", 50_000), day("2025-09-15", 100_000), day("2025-10-19", 99_000))
    filing = Filing(
        id="f", kind=FilingKind.CHANGE, since=f"{max(calendar.known)}-12-20", filed_on="", authority="", reference="",
        persons=0, document_sha256=b"", summary="",
    )  # fmt: skip
    duty = duties(found, [filing], RULES, calendar, today)
    status = Status(
        today=today,
        stock=found,
        elsewhere=4,
        duties=duty,
        filings=(filing,),
        calendar="c",
        counting="d",
        elsewhere_undeclared=True,
    )
    told = sdk_wire.status_of(wire.status_to_pb(status, history=True))
    assert (told.today, told.stored.high, told.elsewhere, told.elsewhere_undeclared) == (today, 99_000, 4, True)
    assert [(one.day, one.peak.high, one.close.high) for one in told.history] == [
        (one.day, one.peak.high, one.close.high) for one in found.days
    ]
    for mine, theirs in zip(duty, told.duties, strict=True):
        assert (theirs.rule, theirs.kind.value, theirs.state.value) == (mine.rule.id, mine.kind.value, mine.state.value)
        assert (theirs.reached_on, theirs.since, theirs.deadline) == (mine.reached_on, mine.since, mine.deadline)
        assert (theirs.deadline_not_before, theirs.left) == (mine.not_before, mine.left)
        assert theirs.below_since == mine.below_since
        assert theirs.problem == (mine.problem.reason if mine.problem else "")
    assert isinstance(told.filings[0], SdkFiling)
    assert wire.status_to_pb(status, history=False).history == []


def test_the_count_of_consent_is_understood() -> None:
    one = Day(day=on("2025-09-15"), peak=Range(low=2, high=4), close=Range(low=1, high=3))
    counted = Counted(stored=Range(low=1, high=3), days=(one,), unlinked=1)
    found = wire.stock_from_bytes(consent_wire.answer(counted))
    assert (found.stored.low, found.stored.high, found.unlinked) == (1, 3, 1)
    assert [(day.day, day.peak.low, day.peak.high, day.close.low, day.close.high) for day in found.days] == [
        (on("2025-09-15"), 2, 4, 1, 3)
    ]
    assert consent_wire.request(wire.count_to_bytes("bank"), "bank") == "bank"


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        count_pb2.CountResponse(stored=count_pb2.PersonRange(low=2, high=1)).SerializeToString(),
        count_pb2.CountResponse(days=[count_pb2.DayCount(day="today")]).SerializeToString(),
    ],
)
def test_what_is_no_count_is_no_number(data: bytes) -> None:
    with pytest.raises(PlacetError) as caught:
        wire.stock_from_bytes(data)
    assert (caught.value.kind.value, caught.value.reason) == ("unavailable", "DEPENDENCY_UNAVAILABLE")


def test_a_group_is_of_the_tokens_controllers_only() -> None:
    assert members("bank", ["branch", "bank"], frozenset({"bank", "branch"})) == ("bank", "branch")
    with pytest.raises(PlacetError) as caught:
        members("bank", ["branch"], frozenset({"bank"}))
    assert (caught.value.reason, caught.value.field) == ("CONTROLLER_FORBIDDEN", "group[0]")
    with pytest.raises(PlacetError):
        members("bank", ["bank"] * (MAX_GROUP + 1), frozenset({"bank"}))
