"""Registers: one change, one entry; no names in the log; safe to repeat after any loss; seen by every replica soon."""

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from unit.permission.world import BANK, World, attestation, device, on_files, purpose, site, world

from placet.evidence.canonical import unb64url
from placet.evidence.kinds import Record
from placet.kit.errors import Denied, Kind, Unavailable
from placet.permission.errors import Invalid, PlaceForbidden, SiteUnknown
from placet.permission.handlers.registers import put
from placet.permission.model.receipts import Receipt
from placet.permission.model.registers import Item, ItemKind, item_of, kind_of, record_of
from placet.permission.model.vocabulary import FORBIDDEN_PLACES, SECOND, Operation, PlaceClass, Verdict
from placet.permission.tables import RegisterChangeRow
from placet.tlog.proof import verify_inclusion


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path, lawful=False) as made:
        yield made


def records(bank: World) -> list[Record]:
    return [one for one in bank.ledger.of_kind(BANK, Record) if one.type.startswith("register.")]  # type: ignore


async def register(bank: World, item: Item) -> Receipt:
    return await put(BANK, item, bank.registers, now=bank.clock(), deadline=bank.clock() + SECOND)


async def rows(bank: World) -> list[RegisterChangeRow]:
    return await bank.database.read(lambda session: list(session.exec(select(RegisterChangeRow))))


@pytest.mark.parametrize("item", [purpose(), site(), device(), attestation()], ids=lambda item: kind_of(item).value)
def test_an_item_comes_back_out_of_its_record(item: Item) -> None:
    assert item_of(kind_of(item), json.loads(json.dumps(record_of(item)))) == item


async def test_each_change_is_one_proven_entry_without_names(bank: World) -> None:
    items = [purpose(), site(), device(), attestation()]
    for item in items:
        receipt = await register(bank, item)
        log = bank.ledger.logs[BANK]
        assert log.entries[receipt.index] == receipt.entry
        verify_inclusion(receipt.leaf, receipt.index, receipt.size, list(receipt.proof), log.tree.root())
    types = ["register.purpose_put", "register.site_put", "register.device_put", "register.attestation_put"]
    assert [record.type for record in records(bank)] == types
    assert [sorted(record.data) for record in records(bank)] == [
        ["commitment", "purpose", "version"],
        ["commitment", "site", "version"],
        ["commitment", "device", "version"],
        ["commitment", "version"],
    ]
    text = b"".join(bank.ledger.logs[BANK].entries)
    assert not any(name in text for name in (b"Entry to", b"Head office", b"Counter 1", b"cards are lent"))


async def test_salt_and_record_open_the_commitment(bank: World) -> None:
    await register(bank, site())
    (row,) = await rows(bank)
    commitment = sha256(row.salt + row.record).digest()
    assert unb64url(records(bank)[0].data["commitment"]) == commitment
    assert json.loads(row.record)["name"] == "Head office"
    # Negative control: another record under the same salt is not what was committed to.
    assert sha256(row.salt + row.record.replace(b"Head", b"Tail")).digest() != commitment


async def test_the_same_content_again_is_the_same_entry(bank: World) -> None:
    first = await register(bank, site())
    again = await register(bank, site())
    assert (again.index, again.entry) == (first.index, first.entry)
    assert len(records(bank)) == 1


async def test_old_content_put_back_is_a_new_change(bank: World) -> None:
    indexes = [(await register(bank, site(name=name))).index for name in ("A", "B", "A")]
    assert len(set(indexes)) == 3
    assert [record.data["version"] for record in records(bank)] == [1, 2, 3]
    assert [one.name for one in await bank.registers.registers.items(BANK, ItemKind.SITE)] == ["A"]  # type: ignore


@pytest.mark.parametrize("place", sorted(FORBIDDEN_PLACES))
async def test_no_device_in_a_private_space(bank: World, place: PlaceClass) -> None:
    await register(bank, site())
    before = len(bank.ledger.logs[BANK].entries)
    with pytest.raises(PlaceForbidden) as error:
        await register(bank, device(place_class=place))
    assert isinstance(error.value, Denied)
    assert (error.value.kind, error.value.reason) == (Kind.DENIED, "PLACE_FORBIDDEN")
    assert error.value.metadata["article"] == "cn-2025/art-13"
    assert error.value.metadata["explanation"]
    # Nor by calling it something else at such a site.
    await register(bank, site(id="room-1", place_class=place))
    with pytest.raises(PlaceForbidden):
        await register(bank, device(site="room-1"))
    assert len(bank.ledger.logs[BANK].entries) == before + 2  # the site and its state entry: nothing of the device
    assert await bank.registers.registers.items(BANK, ItemKind.DEVICE) == []


async def test_a_site_that_becomes_a_private_space_stops_its_devices(bank: World) -> None:
    await bank.put(purpose(), site(), device(), attestation())
    await bank.persons.grant(b"alice", operations=frozenset(map(str, Operation)))
    assert (await bank.ask()).verdict is Verdict.ALLOW
    await register(bank, site(place_class=PlaceClass.CHANGING_ROOM))
    for operation in (Operation.VERIFY, Operation.DELETE):  # no operation makes an exception
        answer = await bank.ask(operation=operation)
        assert answer.forbidden_by == ("cn-2025/art-13-1",)


async def test_a_device_needs_its_site_first(bank: World) -> None:
    with pytest.raises(SiteUnknown) as error:
        await register(bank, device())
    assert error.value.field == "device.site"
    assert records(bank) == []


async def test_a_lost_answer_is_found_again_and_still_opens(bank: World) -> None:
    bank.ledger.lose_answers = 1
    with pytest.raises(Unavailable):
        await register(bank, site())
    assert await bank.registers.registers.items(BANK, ItemKind.SITE) == []
    await register(bank, site())
    assert len(records(bank)) == 1
    (row,) = await rows(bank)
    assert unb64url(records(bank)[0].data["commitment"]) == sha256(row.salt + row.record).digest()


async def test_without_the_ledger_nothing_is_registered_also_not_later(bank: World) -> None:
    bank.ledger.down = True
    with pytest.raises(Unavailable):
        await register(bank, site())
    bank.ledger.down = False
    bank.clock.now += 60 * SECOND
    assert records(bank) == []
    assert await bank.registers.registers.items(BANK, ItemKind.SITE) == []


async def test_an_older_change_confirmed_late_does_not_come_back(bank: World) -> None:
    store = bank.registers.registers
    await register(bank, site(name="A"))
    first = await store.current(BANK, ItemKind.SITE, "hq")
    assert first is not None
    second = await register(bank, site(name="B"))
    await store.confirm(BANK, first, 2)
    found = await store.current(BANK, ItemKind.SITE, "hq")
    assert found is not None
    assert found.index == second.index


async def test_another_replica_sees_a_change_within_its_time_to_live(tmp_path: Path) -> None:
    async with world(tmp_path) as one, on_files(tmp_path, one.clock, one.ledger) as other:
        other.desk = type(other.desk)(**{**_fields(other.desk), "consents": one.persons})
        await one.persons.grant(b"alice")
        other.count = 1_000  # ids of its own
        assert (await other.ask()).verdict is Verdict.ALLOW
        await one.put(device(alternative=""), purpose(alternative=""))
        assert (await one.ask(device="cam-1")).forbidden_by == ("cn-2025/art-10-2",)  # at once where it was put
        one.clock.now += 3 * SECOND
        assert (await other.ask()).forbidden_by == ("cn-2025/art-10-2",)


async def test_a_database_that_is_gone_is_unavailable_once_the_book_is_old(tmp_path: Path) -> None:
    async with world(tmp_path) as bank:
        await bank.persons.grant(b"alice")
        assert (await bank.ask()).verdict is Verdict.ALLOW

        async def broken(_: Any) -> Any:
            raise Unavailable("DEPENDENCY_UNAVAILABLE", "the database is gone")

        bank.database.read = broken  # type: ignore[method-assign]
        assert (await bank.ask()).verdict is Verdict.ALLOW  # within the time to live
        bank.clock.now += 3 * SECOND
        with pytest.raises(Unavailable):
            await bank.ask()


@pytest.mark.parametrize(
    ("make", "changes", "field"),
    [
        (purpose, {"id": "a b"}, "purpose.id"),
        (purpose, {"id": ""}, "purpose.id"),
        (purpose, {"name": "n" * 201}, "purpose.name"),
        (purpose, {"name": "e\u0301"}, "purpose.name"),
        (purpose, {"operations": ()}, "purpose.operations"),
        (purpose, {"operations": (Operation.VERIFY, Operation.VERIFY)}, "purpose.operations"),
        (purpose, {"assessment_sha256": b"short"}, "purpose.assessment_sha256"),
        (purpose, {"assessment_valid_until": -1}, "purpose.assessment_valid_until"),
        (purpose, {"reviewed_at": 2**53}, "purpose.reviewed_at"),
        (purpose, {"permit_lifetime": 86_401}, "purpose.permit_lifetime"),
        (purpose, {"retention_days": 36_501}, "purpose.retention_days"),
        (site, {"id": "/"}, "site.id"),
        (site, {"name": "a\0b"}, "site.name"),
        (device, {"site": ""}, "device.site"),
        (device, {"sign_sha256": b"1"}, "device.sign_sha256"),
        (attestation, {"protection_valid_until": -5}, "attestation.protection_valid_until"),
    ],
)
def test_a_malformed_item_names_its_field(make: Any, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as error:
        make(**changes)
    assert error.value.field == field


def _fields(desk: Any) -> dict[str, Any]:
    return {name: getattr(desk, name) for name in type(desk).__slots__}
