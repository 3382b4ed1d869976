"""What becomes of assessments: kept for three years and while they are valid, then gone, with the log saying so."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlmodel import select
from unit.permission.attested import YEAR, assessment, records, register
from unit.permission.world import BANK, BEGIN, DAY, World, on_files, world

from placet.permission.errors import AssessmentDestroyed, AssessmentUnknown, RetentionRequired
from placet.permission.handlers import destroying
from placet.permission.handlers.destroying import destroy, years_after
from placet.permission.model.receipts import Receipt
from placet.permission.model.registers import ItemKind
from placet.permission.model.vocabulary import SECOND
from placet.permission.store import registers as registers_store
from placet.permission.tables import RegisterChangeRow

SECRET = b"the secret of the first version"


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


async def destroyed(bank: World, ident: str = "pia-1") -> Receipt:
    return await destroy(BANK, ident, bank.registers, now=bank.clock(), deadline=bank.clock() + SECOND)


async def rows(bank: World, kind: ItemKind) -> list[RegisterChangeRow]:
    query = select(RegisterChangeRow).where(RegisterChangeRow.kind == kind.value)
    return await bank.database.read(lambda session: list(session.exec(query)))


async def test_an_assessment_is_kept_for_three_years_and_while_it_is_valid(bank: World) -> None:
    await register(bank, assessment(concluded_at=BEGIN - 100 * DAY))
    before = len(bank.ledger.logs[BANK].entries)
    due = years_after(BEGIN, 3)  # from its entry: later than its conclusion
    for bank.clock.now in (BEGIN, due - 1):
        with pytest.raises(RetentionRequired) as error:
            await destroyed(bank)
        assert (error.value.reason, error.value.metadata["kept_until"]) == ("RETENTION_REQUIRED", str(due))
    assert len(bank.ledger.logs[BANK].entries) == before
    await register(bank, assessment(id="pia-2", valid_until=BEGIN + 10 * YEAR))
    with pytest.raises(RetentionRequired):
        await destroyed(bank, "pia-2")
    bank.clock.now = due
    assert (await destroyed(bank)).index >= before
    assert await bank.registers.registers.current(BANK, ItemKind.ASSESSMENT, "pia-1") is None


async def test_what_is_destroyed_is_gone_and_the_log_says_so(tmp_path: Path, bank: World) -> None:
    await register(bank, assessment(lawfulness=SECRET.decode()))
    await register(bank, assessment())
    assert SECRET in stored(tmp_path)  # the control: it was there to be found
    bank.clock.now = years_after(BEGIN, 3)
    receipt = await destroyed(bank)
    again = await destroyed(bank)
    assert (again.index, again.entry) == (receipt.index, receipt.entry)
    assert records(bank)[-1].type == "register.assessment_destroyed"
    assert records(bank)[-1].data["assessment"] == "pia-1"
    assert [(row.record, row.salt, row.current) for row in await rows(bank, ItemKind.ASSESSMENT)] == [
        (b"", b"", False),
        (b"", b"", False),
    ]
    with pytest.raises(AssessmentDestroyed):
        await register(bank, assessment())
    async with on_files(tmp_path, bank.clock, bank.ledger) as other:
        book = await other.books.open(BANK, after=0, now=bank.clock())
        assert book.assessing.standing("entry", BEGIN).assessment == ""
        assert await other.registers.registers.items(BANK, ItemKind.ASSESSMENT) == []
    await bank.database.close()
    assert SECRET not in stored(tmp_path)


def stored(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("permission.db*"))


async def test_only_what_is_there_can_be_destroyed(bank: World) -> None:
    with pytest.raises(AssessmentUnknown):
        await destroyed(bank, "ghost")


def test_three_years_over_a_leap_day_lose_no_day() -> None:
    leap = 1_709_164_800 * SECOND  # 2024-02-29
    assert years_after(leap, 3) == 1_803_859_200 * SECOND  # 2027-03-01
    assert years_after(leap - DAY, 3) == 1_803_772_800 * SECOND  # 2027-02-28


# ------------------------------------------------------------------------- controls: without it, it goes unnoticed


async def test_control_without_the_term_an_assessment_would_be_gone(
    bank: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(bank, assessment(valid_until=BEGIN))
    with pytest.raises(RetentionRequired):
        await destroyed(bank)
    monkeypatch.setattr(destroying, "KEPT_YEARS", 0)
    await destroyed(bank)


async def test_control_without_the_wipe_the_record_would_stay(
    tmp_path: Path, bank: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(bank, assessment(lawfulness=SECRET.decode()))
    bank.clock.now = years_after(BEGIN, 3)
    monkeypatch.setattr(registers_store, "_wipe", lambda *_: None)
    await destroyed(bank)
    await bank.database.close()
    assert SECRET in stored(tmp_path)
