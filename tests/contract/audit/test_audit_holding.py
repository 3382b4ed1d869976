"""Replicas that hold logs: they take what is free, give back what they cannot serve, and never stop renewing."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from integration.audit.rig import SECOND, Rig, record
from sqlalchemy import select, update

from placet.audit import holding
from placet.audit import lease as leases
from placet.audit.errors import Corrupt, HeadMoved
from placet.audit.fsck import fsck
from placet.audit.holding import Holder
from placet.audit.logkeys import KeyFiles
from placet.audit.sequencer import Sequencer
from placet.audit.store import LOG
from placet.kit.db.errors import DatabaseUnavailable
from placet.kit.errors import Unavailable
from placet.kit.ledger.messages import AppendReply, AppendRequest, decode_reply, decode_request, encode_request
from placet.tlog.note import format_vkey


class Listening:
    """`Subscriptions` without a bus: which controllers are listened for."""

    def __init__(self) -> None:
        self.controllers: set[str] = set()

    async def open(self, controller: str) -> Callable[[], Awaitable[None]]:
        """Listen."""
        self.controllers.add(controller)

        async def stop() -> None:
            self.controllers.discard(controller)

        return stop


class Replica:
    """A holder and what it listens for."""

    def __init__(self, rig: Rig, name: str, keys: KeyFiles | None = None) -> None:
        self.listening = Listening()
        self.holder = Holder(
            rig.engines,
            rig.logs,
            keys or rig.keys,
            name=name,
            wall=lambda: rig.now,
            monotonic=lambda: rig.now,
            queue_bound=1_024,
            appended=lambda _: None,
            partitions=rig.partitions,
        )
        self.holder.subscribe_with(self.listening)

    async def append(self, controller: str = "bank") -> AppendReply:
        """Append one record."""
        request = AppendRequest(1 << 52, [], [], [record("vault.sealed")])
        return decode_reply(await self.holder.append(controller, "vault", decode_request(encode_request(request))))


@pytest.fixture
def replica(rig: Rig) -> Replica:
    """A replica, before it has looked; the log is free."""
    run_out(rig)
    return Replica(rig, "one")


def run_out(rig: Rig) -> None:
    with rig.engines.writer.begin() as connection:
        connection.execute(update(LOG).values(holder=None, lease_until=0))


def row(rig: Rig, controller: str = "bank") -> tuple[str | None, int, int]:
    """Return the holder, the epoch and the end of a log's lease."""
    with rig.engines.reader.connect() as connection:
        found = connection.execute(
            select(LOG.c.holder, LOG.c.epoch, LOG.c.lease_until).where(LOG.c.controller == controller)
        ).one()
    return found.holder, found.epoch, found.lease_until


def other_keys(folder: Path, seed: bytes | None) -> KeyFiles:
    """Return keys that are not shared: none, or another one."""
    keys = KeyFiles(folder / "other-keys", lambda _: seed or b"")
    if seed is not None:
        keys.create("bank", "test/log/bank")
    return keys


@pytest.fixture
def alarms(caplog: pytest.LogCaptureFixture) -> Callable[[], int]:
    caplog.set_level(logging.ERROR)
    return lambda: sum(getattr(one, "alarm", False) for one in caplog.records)


async def test_a_free_log_is_taken_served_and_given_back(rig: Rig, replica: Replica) -> None:
    await replica.holder.look()
    assert replica.listening.controllers == {"bank"}
    assert (await replica.append()).error is None
    other = Replica(rig, "two")
    await other.holder.look()
    assert other.listening.controllers == set()
    with pytest.raises(Unavailable):
        await other.append()
    await replica.holder.close()
    assert replica.listening.controllers == set()
    await other.holder.look()
    assert row(rig)[0] == "two"
    assert (await other.append()).error is None
    await other.holder.close()


async def test_a_lost_log_is_dropped_and_its_callers_may_repeat(rig: Rig, replica: Replica) -> None:
    await replica.holder.look()
    run_out(rig)
    other = Replica(rig, "two")
    await other.holder.look()
    with pytest.raises(HeadMoved) as lost:  # it does not know yet
        await replica.append()
    assert lost.value.kind.retry.value == "same"
    await asyncio.sleep(0)
    assert replica.listening.controllers == set()
    assert (await other.append()).error is None
    await other.holder.close()


async def test_one_that_does_not_know_yet_shows_nothing_old(rig: Rig, replica: Replica) -> None:
    """A caller that was shown more by its successor would take the old checkpoint for a fork."""
    await replica.holder.look()
    begun = replica.holder.snapshot("bank").size
    rig.now += leases.TTL
    run_out(rig)
    other = Replica(rig, "two")
    await other.holder.look()
    await other.append()
    newest = other.holder.snapshot("bank")
    assert newest.size > begun
    assert not replica.holder.holds("bank")
    assert replica.holder.snapshot("bank").signed == newest.signed
    await other.holder.close()


async def test_control_one_whose_lease_were_for_ever_would_show_the_log_as_it_was(
    rig: Rig, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    await replica.holder.look()
    begun = replica.holder.snapshot("bank").size
    monkeypatch.setattr(Holder, "holds", lambda *_: True)
    run_out(rig)
    other = Replica(rig, "two")
    await other.holder.look()
    await other.append()
    assert replica.holder.snapshot("bank").size == begun < other.holder.snapshot("bank").size
    await other.holder.close()


async def test_one_that_hears_of_it_first_drops_it_too(rig: Rig, replica: Replica) -> None:
    await replica.holder.look()
    run_out(rig)
    other = Replica(rig, "two")
    await other.holder.look()
    await replica.holder.look()
    await asyncio.sleep(0)
    assert replica.listening.controllers == set()
    with pytest.raises(Unavailable):
        await replica.append()
    await other.holder.close()


async def test_a_log_that_it_stopped_serving_though_its_lease_is_good_is_taken_again(
    rig: Rig, replica: Replica
) -> None:
    """After a commit whose outcome it did not hear, say: the lease is still its own, and renewed with the others."""
    await replica.holder.look()
    with rig.engines.writer.begin() as connection:
        connection.execute(update(LOG).values(epoch=LOG.c.epoch + 1))
    with pytest.raises(HeadMoved):
        await replica.append()
    await replica.holder.look()
    assert replica.listening.controllers == {"bank"}
    assert (await replica.append()).error is None
    await replica.holder.close()


@pytest.mark.parametrize("seed", [None, bytes(32)])
async def test_a_replica_without_the_logs_key_leaves_it_to_others(
    rig: Rig, replica: Replica, seed: bytes | None, tmp_path: Path, alarms: Callable[[], int]
) -> None:
    keyless = Replica(rig, "keyless", other_keys(tmp_path, seed))
    before = row(rig)
    for _ in range(3):
        await keyless.holder.look()
    assert row(rig) == before
    assert alarms() == 1, "said once, not twice a second"
    with pytest.raises(Corrupt, match="key"):
        keyless.holder.snapshot("bank")
    await replica.holder.look()
    assert (await replica.append()).error is None
    await replica.holder.close()


async def test_a_log_that_cannot_be_opened_is_given_back(
    rig: Rig, replica: Replica, alarms: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(_: Sequencer) -> None:
        raise Corrupt("its bases do not give the status root of its head")

    with monkeypatch.context() as patched:
        patched.setattr(Sequencer, "open", damaged)
        await replica.holder.look()
    assert row(rig)[0] is None
    assert replica.listening.controllers == set()
    assert alarms() == 1
    await replica.holder.look()
    assert (await replica.append()).error is None
    await replica.holder.close()


async def test_leases_are_renewed_while_another_log_is_being_opened(
    rig: Rig, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass over millions of bases takes longer than a lease."""
    await replica.holder.look()
    monkeypatch.setattr(holding, "LOOK_EVERY_S", 0.05)
    task = asyncio.create_task(replica.holder.run())
    go_on, opened = threading.Event(), Sequencer.open

    def slowly(sequencer: Sequencer) -> None:
        go_on.wait(10)
        opened(sequencer)

    monkeypatch.setattr(Sequencer, "open", slowly)
    signer = rig.keys.create("shop", "test/log/shop")
    rig.logs.create("shop", "test/log/shop", format_vkey(signer.vkey), rig.now)
    while row(rig, "shop")[0] is None:
        await asyncio.sleep(0.02)
    before = row(rig)[2], row(rig, "shop")[2]
    rig.now += SECOND  # on PostgreSQL time passes by itself
    await asyncio.sleep(0.3)
    assert row(rig)[2] > before[0]
    assert row(rig, "shop")[2] > before[1], "the lease of the log that is being opened, too"
    assert (await replica.append()).error is None
    go_on.set()
    while "shop" not in replica.listening.controllers:
        await asyncio.sleep(0.02)
    assert (await replica.append("shop")).error is None
    task.cancel()
    await replica.holder.close()


async def test_a_database_that_is_away_for_a_while_costs_no_log(
    rig: Rig, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    await replica.holder.look()
    epoch = row(rig)[1]
    monkeypatch.setattr(holding, "LOOK_EVERY_S", 0.02)
    tried = 0

    def away(*_: object) -> None:
        nonlocal tried
        tried += 1
        raise DatabaseUnavailable("lost its connection")

    with monkeypatch.context() as patched:
        patched.setattr(leases, "renew", away)
        task = asyncio.create_task(replica.holder.run())
        while tried < 3:
            await asyncio.sleep(0.02)
    rig.now += SECOND
    before = row(rig)[2]
    while row(rig)[2] == before:
        await asyncio.sleep(0.02)
    assert (row(rig)[1], task.done()) == (epoch, False)
    task.cancel()
    await replica.holder.close()


async def test_a_key_that_was_asked_for_is_put_in_force_by_the_holder(
    rig: Rig, replica: Replica, alarms: Callable[[], int]
) -> None:
    """One that is not here leaves the log as it was, and is said once; asking again takes its place."""
    await replica.holder.look()
    new = format_vkey(rig.keys.create("bank", rig.log.origin, 2).vkey)
    rig.logs.ask_key(rig.log, rig.log.vkey, 0)
    for _ in range(3):
        await replica.holder.look()
    assert alarms() == 1
    rig.logs.ask_key(rig.log, new, 0)
    await replica.holder.look()
    found = rig.logs.find("bank")
    assert found is not None
    assert [key.vkey for key in found.keys] == [rig.log.vkey, new]
    assert rig.logs.waiting_keys() == {}
    assert (await replica.append()).error is None
    assert fsck(rig.engines, found, keys=rig.keys, vkey=new, progress=lambda *_: None) == []
    await replica.holder.close()
