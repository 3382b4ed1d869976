"""What the ports of the permission service promise of their storage, on every storage: SQLite and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from sqlmodel import select
from unit.permission.attested import assessment, incident
from unit.permission.test_permission_legal import DORA, DPO, ID, LEGAL, LEO, RITA, approve, issue, register, request
from unit.permission.test_permission_legal import revoke as revoke_permission
from unit.permission.world import BANK, BEGIN, World, device, on_files, purpose, site, world

from placet.evidence.canonical import encode
from placet.kit.db.errors import ConstraintViolated, DuplicateKey
from placet.permission.errors import SamePerson
from placet.permission.handlers import legal
from placet.permission.handlers.destroying import destroy, years_after
from placet.permission.handlers.posture import posture
from placet.permission.model.events import Decided
from placet.permission.model.legal import Approver, LegalState
from placet.permission.model.registers import Change, ItemKind, record_of
from placet.permission.model.vocabulary import SECOND, Operation, Storage, Verdict
from placet.permission.store.books import version_of
from placet.permission.tables import LegalPermissionRow, RegisterChangeRow


@pytest.fixture
async def bank(tmp_path: Path, url: str) -> AsyncIterator[World]:
    async with world(tmp_path, url=url) as made:
        await made.put(purpose(operations=tuple(Operation)))
        for person in (RITA, LEO, DORA):
            await register(made, person)
        yield made


async def test_what_was_put_is_there_for_the_next_process(tmp_path: Path, bank: World, url: str) -> None:
    await bank.put(device(id="cam-2"), site(name="Renamed"))
    async with on_files(tmp_path, bank.clock, bank.ledger, url=url) as other:
        store = other.registers.registers
        assert [one.id for one in await store.items(BANK, ItemKind.DEVICE)] == ["cam-1", "cam-2"]  # type: ignore[union-attr]
        assert [one.name for one in await store.items(BANK, ItemKind.SITE)] == ["Renamed"]  # type: ignore[union-attr]
        assert await store.items("retailer", ItemKind.SITE) == []
        book = await other.books.open(BANK, after=0, now=bank.clock())
        assert set(book.devices) == {"cam-1", "cam-2"}


async def test_the_same_change_at_once_is_one_change(bank: World) -> None:
    await asyncio.gather(*(bank.put(device(id="cam-9")) for _ in range(6)))
    found = await bank.registers.registers.items(BANK, ItemKind.DEVICE)
    assert [one.id for one in found] == ["cam-1", "cam-9"]  # type: ignore[union-attr]


async def test_different_changes_at_once_leave_one_in_force(bank: World) -> None:
    await asyncio.gather(*(bank.put(device(id="cam-9", name=f"n{number}")) for number in range(6)))
    current = await bank.registers.registers.current(BANK, ItemKind.DEVICE, "cam-9")
    assert current is not None
    book = await bank.books.open(BANK, after=0, now=bank.clock() + 10 * SECOND)
    assert book.devices["cam-9"] == current.item()


async def test_a_change_that_is_not_in_the_log_cannot_be_in_force(bank: World) -> None:
    row = RegisterChangeRow(
        controller=BANK, kind="site", item="x", version=1, digest=b"d", record=b"{}", salt=b"s", current=True
    )
    with pytest.raises(ConstraintViolated):
        await bank.database.write(lambda session: session.add(row))


async def test_two_changes_of_an_item_cannot_be_in_force(bank: World) -> None:
    row = RegisterChangeRow(
        controller=BANK,
        kind="site",
        item="hq",
        version=9,
        digest=b"d",
        record=b"{}",
        salt=b"s",
        position=9,
        current=True,
    )
    with pytest.raises(DuplicateKey):
        await bank.database.write(lambda session: session.add(row))


async def test_a_draft_cannot_have_a_basis(bank: World) -> None:
    row = LegalPermissionRow(
        controller=BANK, ident=ID, requester="r", digest=b"", draft_digest=b"", record=b"", salt=b"", basis=3, granted=4
    )
    with pytest.raises(ConstraintViolated):
        await bank.database.write(lambda session: session.add(row))


async def test_a_key_belongs_to_one_actor(bank: World) -> None:
    known = await bank.legal.permissions.approver(BANK, "leo")
    assert known is not None
    with pytest.raises(SamePerson):
        await bank.legal.permissions.register_approver(BANK, replace(known, actor="leo-2", id="another"))
    rotated = await bank.legal.permissions.register_approver(BANK, replace(known, id="ignored", public_key=b"n" * 32))
    assert (rotated.id, rotated.public_key) == (known.id, b"n" * 32)
    other = Approver(actor="leo", id="elsewhere", public_key=known.public_key)
    assert (await bank.legal.permissions.register_approver("retailer", other)).id == "elsewhere"


async def test_a_permission_lives_its_life(tmp_path: Path, bank: World, url: str) -> None:
    await request(bank)
    await approve(bank, LEO, LEGAL, expires=BEGIN + 5 * SECOND)
    await approve(bank, LEO, LEGAL)  # a renewed approval takes the old one's place
    await approve(bank, DORA, DPO)
    permission, _ = await issue(bank)
    assert len(permission.approvals) == 2
    async with on_files(tmp_path, bank.clock, bank.ledger, url=url) as other:
        other.count = 100
        stored = await legal.get(BANK, ID, other.legal)
        assert (stored.state, stored.basis, stored.draft) == (LegalState.ISSUED, permission.basis, permission.draft)
        event = {"subject": b"", "operation": Operation.IDENTIFY}
        assert (await other.ask(**event)).verdict is Verdict.ALLOW
        await revoke_permission(bank)
        assert (await bank.ask(**event)).verdict is Verdict.DENY
        assert (await other.ask(**event)).reasons == ("BASIS_WITHDRAWN",)  # not told yet: the ledger knows
        other.clock.now += 3 * SECOND
        assert (await other.ask(**event)).reasons == ("BASIS_MISSING", "POLICY")


async def test_an_assessment_stands_by_the_order_of_changes_for_the_next_process(
    tmp_path: Path, bank: World, url: str
) -> None:
    bare = {"assessment_sha256": b"", "assessment_valid_until": 0}
    changed = purpose(**bare, operations=(Operation.VERIFY,))
    steps = (
        (purpose(**bare), "missing"),
        (assessment(), "valid"),
        (changed, "method_changed"),
        (incident(), "incident"),
    )
    for item, state in steps:
        await bank.put(item)
        async with on_files(tmp_path, bank.clock, bank.ledger, url=url) as other:
            book = await other.books.open(BANK, after=0, now=bank.clock())
            own = await bank.books.open(BANK, after=0, now=bank.clock())
            assert book.assessing.standing("entry", BEGIN) == own.assessing.standing("entry", BEGIN)
            assert book.assessing.standing("entry", BEGIN).state == state


async def test_a_change_that_was_overtaken_counts_as_history_only(tmp_path: Path, bank: World, url: str) -> None:
    """Confirmed late: what stands at a lower position is not in force, but the assessment knows of it everywhere."""
    await bank.put(purpose(), assessment())
    store = bank.registers.registers
    current = await store.current(BANK, ItemKind.PURPOSE, "entry")
    assert current is not None
    assert current.index is not None
    record = encode(record_of(purpose(storage=Storage.VAULT)))
    late = Change(kind=current.kind, id="entry", version=99, digest=b"late", record=record, salt=b"s" * 32)
    await store.prepare(BANK, late)
    await store.confirm(BANK, late, current.index - 1)
    async with on_files(tmp_path, bank.clock, bank.ledger, url=url) as other:
        books = [await one.books.open(BANK, after=0, now=bank.clock()) for one in (bank, other)]
    assert [book.purposes["entry"].storage for book in books] == [Storage.DEVICE, Storage.DEVICE]
    assert books[0].assessing.standing("entry", BEGIN) == books[1].assessing.standing("entry", BEGIN)
    assert books[0].indexes == books[1].indexes


async def test_a_destroyed_assessment_leaves_nothing_behind(tmp_path: Path, bank: World, url: str) -> None:
    await bank.put(assessment())
    bank.clock.now = years_after(BEGIN, 3)
    await destroy(BANK, "pia-1", bank.registers, now=bank.clock(), deadline=bank.clock() + SECOND)
    async with on_files(tmp_path, bank.clock, bank.ledger, url=url) as other:
        kept = select(RegisterChangeRow).where(RegisterChangeRow.kind == ItemKind.ASSESSMENT.value)
        rows = await other.database.read(lambda session: list(session.exec(kept)))
        assert [(row.record, row.salt, row.current) for row in rows] == [(b"", b"", False)]
        found = await posture(BANK, other.posture, now=bank.clock(), deadline=bank.clock() + 5_000_000)
        assert found.findings[1].points[0].saying == "assessment_expired"  # what the purpose says of itself is left


async def test_every_change_moves_the_version_once(bank: World) -> None:
    before = await bank.database.read(lambda session: version_of(session, BANK))
    await bank.put(site(name="A"))
    await bank.put(site(name="A"))
    await bank.put(site(name="B"))
    assert await bank.database.read(lambda session: version_of(session, BANK)) == before + 2


async def test_pins_and_articles_are_kept(tmp_path: Path, bank: World, url: str) -> None:
    await bank.desk.pins.pin(BANK, "kid", 7)
    await bank.desk.pins.pin(BANK, "kid", 7)
    decided = Decided(("cn-2025/art-6-1",), (), ("hash",))
    for _ in range(2):
        await bank.desk.articles.remember(BANK, {2**40: decided})
    async with on_files(tmp_path, bank.clock, bank.ledger, url=url) as other:
        assert await other.desk.articles.recall(BANK, 2**40) == decided
        assert other.desk.articles.known(BANK, 2**40) == decided
        assert await other.desk.articles.recall("retailer", 2**40) == Decided()


async def test_a_new_decision_met_by_many_at_once(tmp_path: Path, bank: World, url: str) -> None:
    decided = Decided(("cn-2025/art-6-1",), (), ("hash",))
    async with on_files(tmp_path, bank.clock, bank.ledger, url=url) as other:
        await asyncio.gather(
            *(one.desk.articles.remember(BANK, {2**41: decided}) for one in (bank, other) for _ in range(8)),
            *(one.desk.pins.pin(BANK, "kid-2", 7) for one in (bank, other) for _ in range(4)),
        )
        assert await other.desk.articles.recall(BANK, 2**41) == decided


async def test_the_key_set_has_the_keys_of_all_replicas(tmp_path: Path, bank: World, url: str) -> None:
    (tmp_path / "other").mkdir()
    async with on_files(tmp_path / "other", bank.clock, bank.ledger, seed=Random(9).randrange(99), url=url) as other:
        assert other.keys.kid != bank.keys.kid
        for replica in (bank, other):
            jwks = await replica.keys.jwks()
            assert bank.keys.kid in jwks
            assert other.keys.kid in jwks
