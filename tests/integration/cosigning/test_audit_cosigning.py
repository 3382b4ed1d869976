"""The log's side of witnessing: parallel, newest only, never in the way, and back on its feet after anything."""

import asyncio
import logging
import shutil
import sqlite3
import time
from pathlib import Path

import pytest
from integration.audit.rig import Rig
from integration.cosigning.cosigning_rig import Witnesses, bench
from integration.witness.witness_rig import Zygote

from placet.audit.cosigners import WitnessCosigners
from placet.audit.errors import Corrupt
from placet.audit.logkeys import KeyFiles
from placet.audit.logs import Logs
from placet.audit.model import Cosigned
from placet.audit.quorum import parse_witnesses
from placet.kit.db.engine import open_engines
from placet.tlog.addcheckpoint import AddCheckpoint, format_request
from placet.tlog.checkpoint import Checkpoint, sign_checkpoint
from placet.tlog.cosignature import CosignatureSigner
from placet.tlog.note import Signer, format_vkey


@pytest.fixture
def three(rig: Rig, zygote: Zygote, tmp_path: Path) -> Witnesses:
    return Witnesses(zygote, tmp_path / "witnesses", rig.log.vkey, 3)


ALL = {"test/log/bank", "witness.example/w0", "witness.example/w1", "witness.example/w2"}


async def test_the_newest_checkpoint_is_cosigned_and_published(rig: Rig, three: Witnesses) -> None:
    async with bench(rig, three.named(), quorum=3) as made:
        for _ in range(3):
            size = made.grow()
            found = await made.published(size)
            assert (found.size, made.check(found)) == (size, ALL)
        assert all(one.checkpoint(rig.log.origin) is not None for one in three.running)


async def test_under_load_only_the_newest_is_asked_for(rig: Rig, three: Witnesses) -> None:
    async with bench(rig, three.named(), quorum=2) as made:
        for _ in range(120):
            size = made.grow()
            await asyncio.sleep(0)
        await made.published(size)
        assert made.outcomes("cosigned") < 90


async def test_one_witness_down_the_quorum_is_reached_and_it_comes_back(rig: Rig, three: Witnesses) -> None:
    three.kill(2)
    async with bench(rig, three.named(), quorum=2) as made:
        found = await made.published(made.grow())
        assert made.check(found) == ALL - {"witness.example/w2"}
        three.start(2)
        await made.until(lambda: made.check(made.cosigning.published or found) == ALL)


async def test_without_a_quorum_what_was_published_stays(rig: Rig, three: Witnesses) -> None:
    async with bench(rig, three.named(), quorum=2) as made:
        first = await made.published(made.grow())
        three.kill(1)
        three.kill(2)
        size = made.grow()
        await made.until(lambda: not made.cosigning.hopeful)
        assert made.cosigning.published is not None
        assert made.cosigning.published.size == first.size
        began = time.monotonic()
        assert await made.cosigning.wait_for(size, within=10) is None
        assert time.monotonic() - began < 1  # nobody waits for what is not likely
        three.start(1)
        assert (await made.published(size)).size == size
        await made.until(lambda: made.grow() > 0 and made.cosigning.hopeful)


async def test_a_restarted_log_learns_from_409_where_the_witness_is(rig: Rig, three: Witnesses) -> None:
    async with bench(rig, three.named(), quorum=3) as made:
        await made.published(made.grow(5))
    rig.restart()
    async with bench(rig, three.named(), quorum=3) as made:  # knows nothing of what the witnesses hold
        size = made.grow()
        assert (await made.published(size)).size == size
        assert made.outcomes("cosigned") == 3


async def test_a_witness_that_hangs_delays_nobody(rig: Rig, three: Witnesses) -> None:
    """It takes the connection and says nothing. The others go on round after round, and so does the log."""
    server = await asyncio.start_server(lambda *_: asyncio.sleep(60), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    hanging = CosignatureSigner.from_seed("witness.example/hangs", bytes(32))
    named = three.named()[:2] + parse_witnesses([f"http://127.0.0.1:{port}={format_vkey(hanging.vkey)}"])
    async with bench(rig, named, quorum=2) as made:
        slowest = 0.0
        for _ in range(5):
            size = made.grow()
            began = time.monotonic()
            await made.published(size)
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 0.9  # the hanging one is given 1 s
        await made.until(lambda: made.outcomes("unavailable") > 0)
        assert made.outcomes("cosigned") >= 10
    async with bench(rig, named, quorum=3) as made:  # negative control: were it waited for, this would see it
        size = made.grow()
        with pytest.raises(TimeoutError):
            await made.published(size, within=0.9)
    server.close()


async def test_who_waits_gets_the_checkpoint_that_covers(rig: Rig, three: Witnesses) -> None:
    async with bench(rig, three.named(), quorum=3) as made:
        size = made.grow()
        found = await made.cosigning.wait_for(size, within=10)
        assert found is not None
        assert found.size >= size


async def test_what_was_published_is_there_after_a_restart(rig: Rig, three: Witnesses) -> None:
    async with bench(rig, three.named(), quorum=2) as made:
        found = await made.published(made.grow())
        await made.until(lambda: made.outcomes("cosigned") >= 3)
    for number in range(3):
        three.kill(number)
    rig.restart()
    async with bench(rig, three.named(), quorum=2) as made:
        stored = await made.store.newest(rig.log.origin, made.quorum)
        assert stored is not None
        assert (stored.size, stored.root) == (found.size, found.root)
        assert made.check(stored) == ALL
        cosigners = WitnessCosigners([(at, None) for at in made.named], made.cosigning._around, made.store)  # type: ignore[misc]
        await cosigners._restore(made.cosigning)
        assert made.cosigning.published == stored


async def test_a_kept_cosignature_that_was_changed_is_not_published(
    rig: Rig, three: Witnesses, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench(rig, three.named(), quorum=3) as made:
        found = await made.published(made.grow())
    with sqlite3.connect(rig.folder / "witness.db") as db:
        (line,) = db.execute("SELECT line FROM cosignature WHERE size = ? LIMIT 1", (found.size,)).fetchone()
        changed = line[:-20] + ("A" if line[-20] != "A" else "B") + line[-19:]
        db.execute("UPDATE cosignature SET line = ? WHERE line = ?", (changed, line))
    for number in range(3):
        three.kill(number)
    async with bench(rig, three.named(), quorum=3) as made:
        cosigners = WitnessCosigners([(at, None) for at in made.named], made.cosigning._around, made.store)  # type: ignore[misc]
        await cosigners._restore(made.cosigning)
        assert made.cosigning.published is None
    assert any("does not verify" in record.getMessage() for record in caplog.records if getattr(record, "alarm", 0))


async def test_no_other_root_is_ever_kept_for_a_size(rig: Rig, three: Witnesses) -> None:
    async with bench(rig, three.named(), quorum=2) as made:
        found = await made.published(made.grow())
        with pytest.raises(Corrupt, match="another root"):
            await made.store.keep(rig.log.origin, Cosigned(note=found.note, size=found.size, root=bytes(32)), {})


async def test_a_log_that_became_shorter_is_noticed(
    rig: Rig, three: Witnesses, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The database was put back from a copy: our own cosignatures say so, and so do the witnesses."""
    copy = tmp_path / "copy"
    with sqlite3.connect(rig.folder / "audit.db") as source, sqlite3.connect(copy) as target:
        source.backup(target)
    async with bench(rig, three.named(), quorum=2) as made:
        await made.published(made.grow(8))
        await made.until(lambda: made.outcomes("cosigned") >= 3)
    old = put_back(rig, copy)
    async with bench(old, three.named(), quorum=2) as made:
        with pytest.raises(Corrupt, match="does not continue the checkpoint of"):
            await WitnessCosigners([], made.cosigning._around, made.store)._restore(made.cosigning)
        made.grow()
        await made.until(lambda: made.outcomes("ahead") >= 3)
        assert {status for _, status in made.recorded} == {409}
        assert made.cosigning.published is None
    alarms = [record for record in caplog.records if getattr(record, "alarm", False)]
    assert any("is this an old copy?" in record.getMessage() for record in alarms)
    old.close()


def put_back(rig: Rig, copy: Path) -> Rig:
    """Return the same log from a copy of its database, in a folder of its own, with its keys and cosignatures."""
    folder = rig.folder / "old"
    folder.mkdir()
    shutil.copy(copy, folder / "audit.db")
    shutil.copytree(rig.folder / "keys", folder / "keys")
    shutil.copy(rig.folder / "witness.db", folder / "witness.db")
    old = Rig.__new__(Rig)
    old.__dict__.update(rig.__dict__)
    old.folder = folder
    old.engines = open_engines(f"sqlite:///{folder / 'audit.db'}")
    old.logs, old.keys = Logs(old.engines.writer), KeyFiles(folder / "keys", lambda _: b"")
    old.now = rig.now + 10_000_000
    old.restart()
    return old


async def test_a_witness_that_holds_another_history_is_an_alarm_and_recorded(
    rig: Rig, three: Witnesses, caplog: pytest.LogCaptureFixture
) -> None:
    """An operator with the key showed one witness a fork; when the honest log comes, that witness refuses it."""
    size = rig.sequencer.recover().size
    forged = Checkpoint(origin=rig.log.origin, size=size, root=bytes(32))
    note = sign_checkpoint(forged, rig.keys.load("bank", rig.log.origin))
    assert three[0].post(format_request(AddCheckpoint.of(0, [], note)))[0] == 200
    with caplog.at_level(logging.WARNING):
        async with bench(rig, three.named(), quorum=2) as made:
            made.cosigning.grown()
            found = await made.published(size)
            assert made.check(found) == ALL - {"witness.example/w0"}
            await made.until(lambda: made.outcomes("conflict") >= 1)
            made.grow()
            await made.until(lambda: made.outcomes("conflict") >= 2)
            assert set(made.recorded) <= {("witness.example/w0", 409), ("witness.example/w0", 422)}
            assert made.recorded
    alarms = [record for record in caplog.records if getattr(record, "alarm", False)]
    assert any("holds another history of this log" in record.getMessage() for record in alarms)
    assert three[0].conflicts()


async def test_a_witness_that_does_not_know_the_log_is_said(
    rig: Rig, zygote: Zygote, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    strangers = Witnesses(
        zygote, tmp_path / "strangers", format_vkey(Signer.from_seed("log.example/other", bytes(32)).vkey), 1
    )
    async with bench(rig, strangers.named(), quorum=1) as made:
        made.grow()
        await made.until(lambda: made.outcomes("refused") >= 2)
        assert made.recorded == []
    assert any("configured there?" in record.getMessage() for record in caplog.records)


async def test_nothing_is_put_to_witnesses_while_another_replica_holds_the_log(rig: Rig, three: Witnesses) -> None:
    async with bench(rig, three.named(), quorum=2) as made:
        made.holding = False
        made.grow()
        await asyncio.sleep(0.2)
        assert made.metrics.snapshot()["answers"] == {}
        made.holding = True
        size = made.grow()
        await made.published(size)


async def test_after_a_takeover_the_larger_size_of_a_witness_is_no_alarm(
    rig: Rig, three: Witnesses, caplog: pytest.LogCaptureFixture
) -> None:
    """Another replica put a larger checkpoint to the witness than the round has: the next round catches up."""
    async with bench(rig, three.named(), quorum=3) as made:
        await made.published(made.grow())
        async with bench(rig, three.named(), quorum=3) as other:
            await other.published(other.grow())
        held = made.cosigning._round
        assert held is not None
        made.cosigning._attended[0].done = 0  # as if it had still been on its way
        await made.cosigning._notify()
        await made.until(lambda: made.cosigning._attended[0].done >= held.size)
        size = made.grow()
        assert (await made.published(size)).size == size
        assert made.outcomes("ahead") == 0
