"""Cosignatures are kept the same way in SQLite and in PostgreSQL."""

import asyncio

import pytest

from placet.audit.errors import Corrupt
from placet.audit.model import Cosigned
from placet.audit.witness_store import WitnessStore
from placet.audit.witness_tables import WitnessTable
from placet.kit.db.database import Database
from placet.tlog.checkpoint import Checkpoint, sign_checkpoint
from placet.tlog.cosignature import CosignatureSigner, CosignatureVerifier
from placet.tlog.note import Signer, Verifier, open_note

LOG = Signer.from_seed("log.example/bank", bytes(32))
KEYS = [CosignatureSigner.from_seed(f"witness.example/w{n}", bytes([n + 1]) * 32) for n in range(3)]
PINNED = [Verifier(LOG.vkey), *(CosignatureVerifier(key.vkey) for key in KEYS)]
SIZE = 2**53


def checkpoint(size: int) -> Cosigned:
    root = size.to_bytes(32, "big")
    note = sign_checkpoint(Checkpoint(origin=LOG.vkey.name, size=size, root=root), LOG)
    return Cosigned(note=note, size=size, root=root)


@pytest.fixture
async def store(database: Database) -> WitnessStore:
    await database.create_all(WitnessTable.metadata)
    return WitnessStore(database)


async def keep(store: WitnessStore, size: int, *which: int) -> None:
    at = checkpoint(size)
    lines = {KEYS[n].vkey: KEYS[n].cosign(at.note, timestamp=1_780_000_000).line() for n in which}
    await store.keep(LOG.vkey.name, at, lines)


async def newest(store: WitnessStore, count: int) -> tuple[int, int] | None:
    """The size of the newest checkpoint with so many cosignatures, and how many it has; all verified."""
    found = await store.newest(LOG.vkey.name, lambda keys: len(keys) >= count)
    if found is None:
        return None
    assert found.root == checkpoint(found.size).root
    return found.size, len(open_note(found.note, PINNED).verified) - 1


async def test_the_newest_with_a_quorum_is_found(store: WitnessStore) -> None:
    assert await newest(store, 1) is None
    await keep(store, 4, 0)
    await keep(store, 4, 1)
    await keep(store, 9, 2)
    await keep(store, SIZE, 1)
    assert await newest(store, 1) == (SIZE, 1)
    assert await newest(store, 2) == (4, 2)
    assert await newest(store, 3) is None
    await keep(store, 4, 2)
    assert await newest(store, 3) == (4, 3)
    assert await store.newest("log.example/other", bool) is None


async def test_keeping_again_changes_nothing(store: WitnessStore) -> None:
    await asyncio.gather(*(keep(store, 7, n) for n in (0, 1, 2, 0, 1, 2)))
    assert await newest(store, 1) == (7, 3)


async def test_another_root_of_the_same_size_is_refused(store: WitnessStore) -> None:
    await keep(store, 7, 0)
    other = Cosigned(note=checkpoint(7).note, size=7, root=bytes(32))
    with pytest.raises(Corrupt, match="another root"):
        await store.keep(LOG.vkey.name, other, {})
