"""Retention: once salt and record of a consent are destroyed, nobody can open its commitment, and every proof holds.

Real services and a real log. The search for bytes covers every file of the mesh, write-ahead logs included; before the
erasure the same search finds them, so it can find something.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest_asyncio
from integration.audit.rig import decision, event
from integration.consent.mesh_rig import Client, born, bus_of, now_us, start, subject, uuid
from sqlalchemy import select

from placet.api.audit.v1 import audit_pb2, audit_pb2_grpc
from placet.api.consent.v1 import consent_pb2 as pb
from placet.audit.commands.stored import stored
from placet.audit.fsck import fsck
from placet.consent.model.vocabulary import ConsentId, Controller
from placet.consent.store.sql import SqlStore
from placet.consent.tables import ConsentRow, GuardianshipBasisRow
from placet.evidence import canonical
from placet.evidence.entries import parse_entry
from placet.evidence.kinds import Grant
from placet.evidence.replay import Replay
from placet.evidence.verify import verify_bundle
from placet.kit.db.engine import open_engines
from placet.kit.ledger.client import LedgerClient
from placet.local.mesh import Mesh
from placet.tlog.note import Verifier

BANK = Controller("bank")


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[tuple[Mesh, Client]]:
    """A mesh of this test's own: its services are stopped on the way."""
    mesh = await start(tmp_path / "mesh")
    bank = Client(mesh, vkey=mesh.controllers["bank"].vkey)
    yield mesh, bank
    await bank.channel.close()
    await mesh.stop()


async def bundle_of(mesh: Mesh, basis: int) -> bytes:
    """Have one event allowed under a basis, as the permission service does, and return its bundle."""
    async with bus_of(mesh, "permission") as bus:
        sent = event(now_us(), basis, purpose="kyc")
        ledger = LedgerClient(bus, "permission")
        appended = await ledger.append(BANK, [sent], [decision()], deadline=now_us() + 5_000_000)
    index = appended.outcomes[0].index
    request = audit_pb2.GetBundleRequest(controller=BANK, event=index)
    token = mesh.issuer.mint("auditor", [BANK], ["auditor"])
    async with grpc.aio.insecure_channel(mesh.addresses["audit"]) as channel:
        stub = audit_pb2_grpc.AuditServiceStub(channel)
        answer = await stub.GetBundle(request, metadata=(("authorization", f"Bearer {token}"),), timeout=5)
    return bytes(answer.bundle)


def openings(mesh: Mesh, ident: str) -> list[tuple[bytes, bytes]]:
    """Return (salt, record) of every commitment of a consent that can still be opened."""
    engines = open_engines(f"sqlite:///{mesh.layout.own('consent') / 'consent.db'}")
    queries = (
        select(ConsentRow.salt, ConsentRow.record).where(ConsentRow.id == ident),  # type: ignore[call-overload]
        select(GuardianshipBasisRow.salt, GuardianshipBasisRow.record).where(  # type: ignore[call-overload]
            GuardianshipBasisRow.consent == ident
        ),
    )
    with engines.reader.connect() as connection:
        found = [tuple(row) for query in queries for row in connection.execute(query)]
    engines.dispose()
    return [(salt, record) for salt, record in found if salt is not None]


def files_with(folder: Path, needle: bytes) -> list[str]:
    """Return the names of all files below a folder that hold these bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(path.name for path in files if needle in path.read_bytes())


def grants(mesh: Mesh) -> tuple[list[Grant], int]:
    """Check the log and replay it from its first entry; return its grants and its size."""
    with stored(mesh.layout.own("audit"), "bank") as found:
        log = found.logs[0]
        assert fsck(found.engines, log, keys=found.keys, vkey=log.vkey, progress=lambda *_: None) == []
        with found.engines.reader.connect() as connection:
            bodies = connection.exec_driver_sql("SELECT body FROM entry WHERE log = ? ORDER BY idx", (log.id,)).all()
    replay = Replay(log.origin)
    entries = [replay.feed(body) for (body,) in bodies]
    assert replay.complete
    return [entry for entry in entries if isinstance(entry, Grant)], len(bodies)


async def destroy(mesh: Mesh, ident: str) -> None:
    """Destroy salt and record of a consent, the service being stopped."""
    store = await SqlStore.open(f"sqlite:///{mesh.layout.own('consent') / 'consent.db'}")
    assert await store.destroy_records(BANK, ConsentId(ident))
    assert await store.destroy_records(BANK, ConsentId(ident)), "what is gone stays gone"
    assert mesh_files_are_clean(store)
    await store.close()


def mesh_files_are_clean(store: SqlStore) -> bool:
    """Tell whether the write-ahead log is empty while the database is still open."""
    path = Path(str(store.database.engines.writer.url.database) + "-wal")
    return not path.exists() or path.stat().st_size == 0


async def guarded(bank: Client) -> Any:
    """Capture the consent of a child, whose guardian was confirmed by two members of staff."""
    opened = pb.OpenGuardianshipRequest(
        controller=BANK,
        id=uuid(),
        minor=subject("child"),
        guardian=subject("mother"),
        kind=pb.GUARDIAN_KIND_PARENT,
        minor_birth_date=born(9),
        proof_sha256=os.urandom(32),
    )
    await bank.call("OpenGuardianship", opened)
    confirm = pb.ConfirmGuardianshipRequest(controller=BANK, id=opened.id)
    second = Client(bank.mesh, actor="second", vkey=bank.vkey)
    await second.call("ConfirmGuardianship", confirm)
    await second.channel.close()
    return await bank.capture("child", birth_date=born(9), guardianships=[opened.id])


async def test_erased_records_leave_every_proof_and_no_way_to_open_the_commitment(
    world: tuple[Mesh, Client],
) -> None:
    mesh, bank = world
    await bank.publish()
    given, other, child = await bank.capture("alice"), await bank.capture("bob"), await guarded(bank)
    erased, kept = [given.consent, child.consent], other.consent
    bundles = [await bundle_of(mesh, one.basis) for one in (*erased, kept)]
    receipt = (await bank.withdraw(given.consent.id)).withdrawal_receipt
    await mesh.stop_service("consent")

    folder = mesh.layout.own("consent").parent
    secrets = [pair for one in erased for pair in openings(mesh, one.id)]
    assert len(secrets) == 3, "two consents and the guardian's grant"
    before, size = grants(mesh)
    committed = {grant.record for grant in before}
    for salt, record in secrets:
        opened = canonical.b64url(canonical.commitment(salt, canonical.decode(record)))
        assert opened in committed, "what is destroyed is what opened the ledger's commitment"
        # Negative control: the search finds what is there.
        assert files_with(folder, salt)
        assert files_with(folder, record)

    for one in erased:
        await destroy(mesh, one.id)
    for salt, record in secrets:
        assert files_with(folder, salt) == []
        # The guardianship itself goes on, with the same record under a salt of its own, until it is erased too.
        guardian = b"placet.guardianship-record/1" in record
        assert files_with(folder, record) == (["consent.db"] if guardian else [])
    assert [openings(mesh, one.id) for one in erased] == [[], []]
    assert len(openings(mesh, kept.id)) == 1

    keys = [Verifier.parse(bank.vkey)]
    assert [verify_bundle(bundle, keys).verdict for bundle in bundles] == ["allow"] * 3
    assert b"withdraw" in receipt
    assert grants(mesh) == (before, size), "the ledger keeps every entry"
    await mesh.start_service("consent")
    assert (await bank.get(given.consent.id)).state == pb.CONSENT_STATE_WITHDRAWN
    again = [await bundle_of(mesh, one.basis) for one in (child.consent, kept)]
    assert [verify_bundle(bundle, keys).verdict for bundle in again] == ["allow"] * 2
    grant = bank.check(given.receipt)
    assert isinstance(grant, Grant)
    assert parse_entry(given.receipt.entry.entry) == grant


async def test_without_secure_delete_the_salt_stays(world: tuple[Mesh, Client], monkeypatch: Any) -> None:
    """Negative control: the same statements on a database that does not overwrite leave the salt in the file."""
    mesh, bank = world
    await bank.publish()
    given = await bank.capture("carol")
    await mesh.stop_service("consent")
    ((salt, _),) = openings(mesh, given.consent.id)
    engines = open_engines(f"sqlite:///{mesh.layout.own('consent') / 'consent.db'}", secure_delete=False)
    with engines.writer.connect() as connection:
        connection.exec_driver_sql("UPDATE consent SET salt = NULL, record = NULL")
        connection.commit()
        left = files_with(mesh.layout.own("consent"), salt)
    engines.dispose()
    assert left
