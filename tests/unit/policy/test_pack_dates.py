"""When a pack is law: a clock before its first moment, midnights of other zones, versions within a day, drafts."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from unit.policy import shipped

from placet.permission.app import _engine
from placet.permission.model.vocabulary import Verdict
from placet.permission.policy.context import lawful
from placet.permission.policy.engine import Decision, Engine, judge
from placet.permission.policy.errors import PackInvalid, PacksConflict
from placet.permission.policy.metadata import NEVER
from placet.permission.policy.pack import SHIPPED, Pack, load, load_shipped, on_purpose

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DRAFT = "cn-draft-2023"
# The first moment of each law, in the regime's own time, and what clock runs there.
BEGINS = {
    "cn-2025": ("2025-06-01 00:00", "Asia/Shanghai", "2025-05-31 16:00"),
    "eu": ("2025-02-02 00:00", "Europe/Brussels", "2025-02-01 23:00"),
    "in-dpdp": ("2027-05-13 00:00", "Asia/Kolkata", "2027-05-12 18:30"),
    "kr-pipa": ("2023-09-15 00:00", "Asia/Seoul", "2023-09-14 15:00"),
    "uk": ("2020-12-31 23:00", "Europe/London", "2020-12-31 23:00"),
    "us-il-bipa": ("2024-08-02 00:00", "America/Chicago", "2024-08-02 05:00"),
    "us-tx-cubi": ("2009-04-01 00:00", "America/Chicago", "2009-04-01 05:00"),
}


def us(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def nothing_in_force(decision: Decision) -> bool:
    return (decision.verdict, decision.errors) == (Verdict.DENY, ("NO_PACK_IN_FORCE",))


def test_every_law_has_its_first_moment_here() -> None:
    assert sorted([*BEGINS, DRAFT]) == shipped.NAMES


@pytest.mark.parametrize("name", BEGINS)
def test_a_clock_before_the_effective_date(name: str) -> None:
    local, zone, utc = BEGINS[name]
    first = us(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)))
    assert first == us(datetime.fromisoformat(utc).replace(tzinfo=UTC)) == shipped.pack(name).begin
    engine = Engine([shipped.pack(name)])
    assert nothing_in_force(engine.decide(lawful(), first - 1))
    assert engine.decide(lawful(), first).verdict is Verdict.ALLOW
    assert nothing_in_force(engine.decide(lawful(), 0))  # a machine whose clock was lost


def test_packs_come_into_force_one_by_one() -> None:
    engine = Engine(shipped.pack(name) for name in shipped.NAMES)
    for name in BEGINS:
        begin = shipped.pack(name).begin
        assert name not in {pack.id for pack in engine.in_force(begin - 1)}
        assert {pack.id for pack in engine.in_force(begin)} == {n for n in BEGINS if shipped.pack(n).begin <= begin}


# --- drafts


@pytest.mark.parametrize(
    "at", [0, us(datetime(2023, 8, 8, tzinfo=UTC)), us(datetime(2027, 1, 1, tzinfo=UTC)), 2**53 - 1]
)
def test_no_date_puts_a_draft_in_force(at: int) -> None:
    draft = shipped.pack(DRAFT)
    assert draft.draft
    assert draft.begin == NEVER
    assert nothing_in_force(Engine([draft]).decide(lawful(), at))
    assert draft.id not in {pack.id for pack in Engine([shipped.pack("cn-2025"), draft]).in_force(at)}


def test_a_draft_that_is_named_on_purpose_decides() -> None:
    overdue = lawful(filing_current=False)
    draft = on_purpose(shipped.pack(DRAFT))
    decision = Engine([draft]).decide(overdue, 1)
    assert decision.forbid == ("cn-draft-2023/art-16",)
    assert [ref.hash for ref in decision.policies] == [shipped.pack(DRAFT).hash]  # it is the same pack
    assert judge([shipped.pack(DRAFT)], overdue).forbid == decision.forbid  # scenarios and shadow runs ask no dates


@pytest.mark.parametrize("name", BEGINS)
def test_naming_a_law_leaves_its_dates_alone(name: str) -> None:
    assert on_purpose(shipped.pack(name)) is shipped.pack(name)


def test_the_service_lets_a_draft_decide_only_where_the_settings_name_it(caplog: pytest.LogCaptureFixture) -> None:
    now = us(datetime(2026, 6, 1, tzinfo=UTC))
    with caplog.at_level(logging.WARNING):
        assert {pack.id for pack in _engine(["cn-2025"]).in_force(now)} == {"cn-2025"}
        assert caplog.records == []
        assert {pack.id for pack in _engine(["cn-2025", DRAFT]).in_force(now)} == {"cn-2025", DRAFT}
    assert [record.__dict__["pack"] for record in caplog.records] == [DRAFT]


def test_the_service_does_not_start_with_packs_that_it_cannot_use() -> None:
    with pytest.raises(PackInvalid, match=r"Pack cn-2026/[.]: cannot be read"):
        _engine(["cn-2025", "cn-2026"])
    with pytest.raises(PacksConflict):
        _engine(["cn-2025", "cn-2025"])


# --- versions


@pytest.fixture
def version(tmp_path: Path) -> Callable[..., Pack]:
    """Write a version of cn-2025 with its own dates, as a real folder, and load it."""

    def write(number: str, begin: str, until: str | None, *, policies: Callable[[str], str] = str) -> Pack:
        folder = Path(copytree(SHIPPED / "cn-2025", tmp_path / number / "cn-2025"))
        described = json.loads((folder / "pack.json").read_text("utf-8"))
        described |= {"version": number, "in_force": {"from": begin, "until": until}}
        (folder / "pack.json").write_text(json.dumps(described), "utf-8")
        text = (folder / "policies.cedar").read_text("utf-8")
        (folder / "policies.cedar").write_text(policies(text), "utf-8")
        return load(folder)

    return write


def stricter(text: str) -> str:
    return text.replace("context.face_is_default &&", "(context.face_is_default || !context.consent_written) &&")


@pytest.mark.parametrize(
    ("handover", "same_moment"),
    [
        ("2026-10-01T12:00:00+08:00", "2026-10-01T04:00:00+00:00"),  # noon of one day
        ("2026-10-01T00:00:00+08:00", "2026-09-30T16:00:00+00:00"),  # midnight there, the day before in London
        ("2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00+00:00"),  # the hour that Brussels has twice
    ],
)
def test_two_versions_of_a_pack_in_one_day(version: Callable[..., Pack], handover: str, same_moment: str) -> None:
    older = version("1", "2025-06-01T00:00:00+08:00", handover)
    newer = version("2", same_moment, None, policies=stricter)
    assert older.hash != newer.hash
    engine, at = Engine([newer, older]), us(datetime.fromisoformat(handover))
    spoken = lawful(consent_written=False)
    before, after = engine.decide(spoken, at - 1), engine.decide(spoken, at)
    assert (before.verdict, after.verdict) == (Verdict.ALLOW, Verdict.DENY)
    assert after.forbid == ("cn-2025/art-12-1",)
    assert [ref.hash for ref in (*before.policies, *after.policies)] == [older.hash, newer.hash]
    assert engine.decide(spoken, at - 1) == before  # an event that is decided late is judged by its own moment


def test_versions_that_overlap_by_a_microsecond_do_not_start(version: Callable[..., Pack]) -> None:
    older = version("1", "2025-06-01T00:00:00+08:00", "2026-10-01T00:00:00.000001+08:00")
    newer = version("2", "2026-10-01T00:00:00+08:00", None)
    with pytest.raises(PacksConflict, match="versions 1 and 2") as caught:
        Engine([older, newer])
    assert "End the older one" in str(caught.value)


def test_a_gap_between_versions_is_a_denial(version: Callable[..., Pack]) -> None:
    older = version("1", "2025-06-01T00:00:00+08:00", "2026-10-01T00:00:00+08:00")
    newer = version("2", "2026-10-02T00:00:00+08:00", None)
    assert nothing_in_force(Engine([older, newer]).decide(lawful(), older.until or 0))


def test_two_drafts_of_one_name_cannot_be_told_apart() -> None:
    with pytest.raises(PacksConflict):
        Engine([on_purpose(shipped.pack(DRAFT)), on_purpose(load_shipped(DRAFT))])


# --- dates that no pack may have


@pytest.mark.parametrize(
    "in_force",
    [
        "never",
        {},
        {"from": None, "until": None},
        {"from": "2025-06-01", "until": None},
        {"from": "2025-06-01T00:00:00", "until": None},
        {"from": "2025-06-01T00:00:00+08:00"},
        {"from": "2025-06-01T00:00:00+08:00", "until": "2026-06-01T00:00:00"},
        {"from": "2025-06-01T00:00:00+08:00", "until": "2025-05-31T16:00:00Z"},  # the same moment
        {"from": "2025-02-29T00:00:00+08:00", "until": None},
        {"from": "2025-06-01T24:00:00+08:00", "until": None},
        {"from": "2025-06-01T00:00:00+08:00", "until": None, "draft": True},
    ],
)
def test_dates_that_are_none(copied: Path, in_force: Any) -> None:
    described = json.loads((copied / "pack.json").read_text("utf-8"))
    (copied / "pack.json").write_text(json.dumps(described | {"in_force": in_force}), "utf-8")
    with pytest.raises(PackInvalid, match="in_force") as caught:
        load(copied)
    assert str(caught.value).endswith(caught.value.fix)


def test_dates_must_be_said(copied: Path) -> None:
    """A draft says `null`; leaving the dates out is no way to become one by accident."""
    described = json.loads((copied / "pack.json").read_text("utf-8"))
    del described["in_force"]
    (copied / "pack.json").write_text(json.dumps(described), "utf-8")
    with pytest.raises(PackInvalid, match="in_force"):
        load(copied)
