"""The count of stored persons is exact after every sequence of stored and destroyed templates, however it is cut.

The naive count keeps a list of templates and looks at all of it after each change.
"""

import asyncio
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from placet.consent.errors import Corrupt
from placet.consent.model.vocabulary import BasisOrdinal, Controller, Instant
from placet.consent.policy.stock import UNLINKED, Day, Held, Range, StockChange, Tally, day_of, range_of, scope_of
from placet.consent.stock_tables import StoredBasisRow
from placet.consent.store.stock import SqlStock
from placet.consent.tables import ConsentRow, NoticeRow, PersonRow, Table
from placet.kit.db.database import Database

BANK = Controller("bank")
HOUR = 3_600_000_000
# 2026-03-01 04:00 UTC: noon in Shanghai.
NOON = 1_772_337_600 * 1_000_000
PERSONS = {1: b"key1", 2: b"key1", 3: b"key2", 4: b"key1"}
# Whose each basis is: three of person 1, two legal permissions (None).
OWNER: dict[int, int | None] = {0: 1, 1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: None, 7: None}


def owners() -> dict[int, Held]:
    return {
        basis: Held(holder=f"basis:{basis}", scope=UNLINKED)
        if person is None
        else Held(holder=f"person:{person}", scope=PERSONS[person])
        for basis, person in OWNER.items()
    }


@dataclass
class Naive:
    """Every template there is, looked at anew each time."""

    templates: list[int]

    def range(self) -> Range:
        persons = {OWNER[basis] for basis in self.templates} - {None}
        alone = len({basis for basis in self.templates if OWNER[basis] is None})
        keys = [sum(1 for person in persons if PERSONS[person or 0] == key) for key in {b"key1", b"key2"}]
        return Range(low=max([*keys, min(alone, 1)]), high=len(persons) + alone)


@st.composite
def changes(draw: st.DrawFn) -> list[StockChange]:
    """Templates stored, and destroyed once each, over a few days."""
    made: list[StockChange] = []
    there: list[int] = []
    at = NOON
    for number in range(1, draw(st.integers(0, 25)) + 1):
        at += draw(st.integers(0, 30)) * HOUR
        gone = bool(there) and draw(st.booleans())
        basis = draw(st.sampled_from(there)) if gone else draw(st.sampled_from(sorted(OWNER)))
        if gone:
            there.remove(basis)
        else:
            there.append(basis)
        made.append(StockChange(number=number, basis=BasisOrdinal(basis), stored=not gone, at=Instant(at)))
    return made


def naive(run: list[StockChange]) -> tuple[Range, dict[date, Day]]:
    world, days = Naive([]), dict[date, Day]()
    for change in run:
        before, day = world.range(), day_of(change.at)
        if change.stored:
            world.templates.append(change.basis)
        else:
            world.templates.remove(change.basis)
        known = days.get(day)
        peak = (before if known is None else known.peak).up_to(world.range())
        days[day] = Day(day=day, peak=peak, close=world.range())
    return world.range(), days


def empty() -> Tally:
    return Tally(held={}, bases={}, scopes={}, last=None)


@settings(max_examples=60)
@given(changes())
def test_the_count_is_that_of_somebody_who_looks_at_everything(run: list[StockChange]) -> None:
    tally = empty()
    tally.take_in(run, owners(), Instant(NOON + 10_000 * HOUR))
    assert (range_of(tally.scopes), tally.days) == naive(run)
    assert all(held.templates > 0 for held in tally.held.values())


def test_the_control_a_count_of_bases_is_no_count_of_persons() -> None:
    """With every basis taken for a person of its own, one person with three consents would be three."""
    tally, strangers = empty(), {basis: Held(holder=f"basis:{basis}", scope=b"one") for basis in OWNER}
    stored = [StockChange(number=one + 1, basis=BasisOrdinal(one), stored=True, at=Instant(NOON)) for one in range(3)]
    tally.take_in(stored, strangers, Instant(NOON))
    assert (range_of(tally.scopes).high, naive(stored)[0].high) == (3, 1)


def test_one_person_with_three_purposes_is_one() -> None:
    tally, now = empty(), Instant(NOON)
    stored = [StockChange(number=one + 1, basis=BasisOrdinal(one), stored=True, at=now) for one in range(3)]
    tally.take_in(stored, owners(), now)
    assert range_of(tally.scopes) == Range(low=1, high=1)
    for number, basis in enumerate((0, 1, 2), 4):
        tally.take_in([StockChange(number=number, basis=BasisOrdinal(basis), stored=False, at=now)], {}, now)
        left = 0 if basis == 2 else 1
        assert range_of(tally.scopes) == Range(low=left, high=left)
    assert tally.days[day_of(now)] == Day(day=day_of(now), peak=Range(low=1, high=1), close=Range(low=0, high=0))


def test_midnight_is_that_of_shanghai() -> None:
    tally, late = empty(), Instant(NOON + 12 * HOUR - 1)
    run = [
        StockChange(number=1, basis=BasisOrdinal(0), stored=True, at=late),
        StockChange(number=2, basis=BasisOrdinal(3), stored=True, at=Instant(late + 1)),
    ]
    tally.take_in(run, owners(), Instant(late + HOUR))
    assert [(one.day, one.close.high) for one in tally.days.values()] == [
        (date(2026, 3, 1), 1),
        (date(2026, 3, 2), 2),
    ]


def test_a_clock_that_was_wrong_poisons_no_later_day() -> None:
    """A change from the future counts today; one from before the last day counts on the last day."""
    tally, now = empty(), Instant(NOON)
    ahead = StockChange(number=1, basis=BasisOrdinal(0), stored=True, at=Instant(NOON + 9_000 * HOUR))
    behind = StockChange(number=2, basis=BasisOrdinal(3), stored=True, at=Instant(NOON - 9_000 * HOUR))
    tally.take_in([ahead, behind], owners(), now)
    assert [(one.day, one.close.high) for one in tally.days.values()] == [(date(2026, 3, 1), 2)]
    wrong = Tally(
        held={},
        bases={},
        scopes={},
        last=Day(day=date(2031, 1, 1), peak=Range(low=0, high=0), close=Range(low=0, high=0)),
    )
    wrong.take_in([ahead], owners(), now)
    assert date(2026, 3, 1) in wrong.days


def test_what_was_never_counted_is_not_taken_off() -> None:
    tally, now = empty(), Instant(NOON)
    tally.take_in([StockChange(number=1, basis=BasisOrdinal(0), stored=False, at=now)], owners(), now)
    assert range_of(tally.scopes) == Range(low=0, high=0)
    with pytest.raises(ValueError, match="no range"):
        Range(low=2, high=1)


def test_the_scope_is_the_id_of_the_key() -> None:
    assert scope_of(b"key1" + bytes(32)) == b"key1"
    assert scope_of(bytes(32)) != UNLINKED


async def database(folder: Path) -> Database:
    """Return a consent database with the persons and their consents."""
    made = await Database.open(f"sqlite:///{folder}/consent.db", secure_delete=True)
    await made.create_all(Table.metadata)

    def furnish(session: Session) -> None:
        session.add(
            NoticeRow(controller=BANK, content_hash=b"n", notice="n", version=1, content=b"", published_at=0, step=1)
        )
        for person, key in PERSONS.items():
            session.add(PersonRow(id=person, controller=BANK, subject=key + bytes([person]) * 32))
        session.flush()
        for basis, person in OWNER.items():
            if person is not None:
                session.add(consent(basis, person))

    await made.write(furnish)
    return made


def consent(basis: int, person: int) -> ConsentRow:
    return ConsentRow(
        controller=BANK, id=f"consent-{basis}", person=person, purpose=f"p{basis}", choice="given", operations="[]",
        sites="[]", egress=False, not_before=0, notice_hash=b"n", language="en", channel="web", expression="click",
        zone="Asia/Shanghai", imported=False, decided_at=0, digest=b"", step=1, last_step=1, guardianships="[]",
        needs="[]", basis=basis, granted=basis, live=True, barred=False,
    )  # fmt: skip


@settings(max_examples=4, deadline=None)
@given(run=changes(), cuts=st.lists(st.integers(1, 7), min_size=1, max_size=6), again=st.booleans())
def test_cut_into_pages_told_twice_and_restarted_it_is_the_same_count(
    run: list[StockChange], cuts: list[int], again: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_count(Path(folder), run, cuts, again=again))


async def _count(folder: Path, run: list[StockChange], cuts: list[int], *, again: bool) -> None:
    made, now = await database(folder), Instant(NOON + 10_000 * HOUR)
    begin, turn = 0, 0
    while begin < len(run):
        page = run[begin : begin + cuts[turn % len(cuts)]]
        await SqlStock(made).count(BANK, page, now)
        if again:
            await SqlStock(made).count(BANK, run[: begin + 1], now)
            await made.close()
            made = await Database.open(f"sqlite:///{folder}/consent.db", secure_delete=True)
        begin, turn = begin + len(page), turn + 1
    stock, (stored, days) = await SqlStock(made).stock(BANK), naive(run)
    assert (stock.stored, {one.day: one for one in stock.days}) == (stored, days)
    assert stock.days == tuple(sorted(stock.days, key=lambda one: one.day))
    assert await SqlStock(made).counted(BANK) == len(run)
    await made.close()


async def test_a_missing_number_is_no_count(tmp_path: Path) -> None:
    made = await database(tmp_path)
    store, now = SqlStock(made), Instant(NOON)
    one, three = (StockChange(number=n, basis=BasisOrdinal(0), stored=True, at=now) for n in (1, 3))
    await store.count(BANK, [one], now)
    with pytest.raises(Corrupt, match="gap"):
        await store.count(BANK, [three], now)
    assert await store.counted(BANK) == 1
    await made.close()


async def test_what_is_kept_of_a_person_goes_with_the_last_template(tmp_path: Path) -> None:
    made = await database(tmp_path)
    store, now = SqlStock(made), Instant(NOON)
    stored, gone = (StockChange(number=n, basis=BasisOrdinal(3), stored=n == 1, at=now) for n in (1, 2))
    await store.count(BANK, [stored], now)
    (row,) = await made.read(lambda session: session.exec(select(StoredBasisRow)).all())
    assert row.holder == "person:2"
    await store.count(BANK, [gone], now)
    assert await made.read(lambda session: session.exec(select(StoredBasisRow)).all()) == []
    assert (await store.stock(BANK)).days[0].peak == Range(low=1, high=1)
    await made.close()
