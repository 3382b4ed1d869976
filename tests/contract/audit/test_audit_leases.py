"""Who holds a log: one at a time, until the lease runs out; and what a holder can still do who does not know that."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from contract.audit.conftest import on_postgres
from integration.audit.rig import SECOND, Rig, decision, entry_of, event
from psycopg import OperationalError
from sqlalchemy import Connection, create_engine, make_url, select, update

from placet.audit import store
from placet.audit.errors import HeadMoved
from placet.audit.fsck import fsck
from placet.audit.lease import TTL, Lease, acquire, fence, release, renew, vacant
from placet.audit.sequencer import Sequencer
from placet.audit.store import LOG


def take(rig: Rig, holder: str) -> Lease | None:
    return acquire(rig.engines.writer, rig.log.id, holder, rig.now)


def free(rig: Rig) -> bool:
    return rig.log.id in vacant(rig.engines.reader, "other", rig.now)


def run_out(rig: Rig) -> None:
    """Let the lease's time pass, on PostgreSQL's own clock too."""
    with rig.engines.writer.begin() as connection:
        connection.execute(update(LOG).values(lease_until=1))


def lease_until(rig: Rig) -> int:
    with rig.engines.reader.connect() as connection:
        return int(connection.execute(select(LOG.c.lease_until)).scalar_one())


@contextmanager
def stopped_in_mid_commit(rig: Rig, holder: str) -> Iterator[Connection]:
    """Have a holder that stands still after writing, with the log's row locked: in COPY, where nothing times out."""
    named = make_url(rig.engines.writer.url).update_query_dict({"application_name": holder})
    with create_engine(named).connect() as connection:
        connection.execute(update(LOG).values(size=LOG.c.size))
        driver: Any = connection.connection.driver_connection
        with suppress(OperationalError), driver.cursor().copy("COPY entry FROM STDIN") as copy:
            copy.write(b"1\t2\t")
            yield connection
        connection.invalidate()


def test_a_log_has_one_holder_until_its_lease_runs_out(rig: Rig) -> None:
    first = take(rig, "me")
    assert first is not None
    assert take(rig, "other") is None
    assert not free(rig)
    run_out(rig)
    assert free(rig)
    other = take(rig, "other")
    assert other == Lease(log=rig.log.id, epoch=first.epoch + 1)
    assert renew(rig.engines.writer, "me", rig.now) == {}
    assert take(rig, "me") is None


def test_renewing_prolongs_every_lease_of_the_holder_and_no_other(rig: Rig) -> None:
    mine = take(rig, "me")
    assert mine is not None
    second = rig.logs.create("shop", "test/log/shop", "shop+vkey", rig.now)
    theirs = acquire(rig.engines.writer, second.id, "other", rig.now)
    assert theirs is not None
    run_out(rig)
    assert renew(rig.engines.writer, "me", rig.now) == {mine.log: mine.epoch}
    assert not free(rig)
    assert second.id in vacant(rig.engines.reader, "me", rig.now)


def test_taking_it_again_is_a_new_epoch(rig: Rig) -> None:
    first, second = take(rig, "me"), take(rig, "me")
    assert first is not None
    assert second is not None
    assert second.epoch == first.epoch + 1


def test_a_lease_given_back_is_free_at_once_and_only_by_its_holder(rig: Rig) -> None:
    old = take(rig, "me")
    new = take(rig, "me")
    assert old is not None
    assert new is not None
    release(rig.engines.writer, old)
    assert not free(rig)
    release(rig.engines.writer, new)
    assert free(rig)


def test_a_replica_whose_clock_is_ahead_takes_no_log_that_is_held(rig: Rig) -> None:
    """PostgreSQL measures leases by its own clock; on SQLite all callers are on one machine and have one."""
    take(rig, "me")
    assert (lease_until(rig) == rig.now + TTL) is rig.engines.serial
    rig.now += 3_600 * SECOND
    assert free(rig) is rig.engines.serial


@on_postgres
def test_nobody_waits_for_a_holder_that_is_committing_nor_ends_it_while_its_lease_is_good(rig: Rig) -> None:
    take(rig, "me")
    with stopped_in_mid_commit(rig, "me"):
        began = time.monotonic()
        assert take(rig, "other") is None
        fence(rig.engines.writer, rig.log.id)
        time.sleep(0.2)
        assert take(rig, "me") is None, "it still has its transaction"
        assert time.monotonic() - began < 3


@on_postgres
def test_a_holder_stopped_in_mid_commit_does_not_keep_the_log(rig: Rig) -> None:
    take(rig, "me")
    run_out(rig)
    with stopped_in_mid_commit(rig, "me"):
        assert take(rig, "other") is None, "negative control: without the fence it keeps it"
        fence(rig.engines.writer, rig.log.id)
        until = time.monotonic() + 5
        while take(rig, "other") is None:
            assert time.monotonic() < until
            time.sleep(0.02)


@on_postgres
def test_the_fence_ends_nobody_else(rig: Rig) -> None:
    take(rig, "me")
    run_out(rig)
    with stopped_in_mid_commit(rig, "another"):
        fence(rig.engines.writer, rig.log.id)
        time.sleep(0.2)
        assert take(rig, "other") is None


def old_holder_appends(rig: Rig, old: Sequencer) -> None:
    """Have a holder append that was stopped, lost its lease to another, and does not know yet."""
    rig.send(event(rig.now, None), decisions=[decision()], sequencer=old)


def test_of_two_holders_only_the_later_appends(rig: Rig) -> None:
    basis = rig.grant()
    old = rig.sequencer
    rig.restart()
    rig.event(basis)
    size = rig.sequencer.recover().size
    for _ in range(2):  # the second time it has recovered and knows the true size
        with pytest.raises(HeadMoved) as moved:
            old_holder_appends(rig, old)
        assert moved.value.kind.retry.value == "same"
    assert rig.sequencer.recover().size == size
    assert entry_of(rig.event(basis)).verdict == "allow"
    assert fsck(rig.engines, rig.log, keys=rig.keys, vkey=rig.log.vkey, progress=lambda *_: None) == []


def test_an_old_holder_is_refused_before_the_new_one_has_appended_anything(rig: Rig) -> None:
    rig.grant()
    old = rig.sequencer
    rig.restart()
    with pytest.raises(HeadMoved):
        old_holder_appends(rig, old)


def test_without_the_epoch_the_old_holder_appends(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.setattr(store, "_MOVE", store._MOVE.replace("AND epoch = ?", "AND ? >= 0"))
    rig.grant()
    old = rig.sequencer
    rig.restart()
    old_holder_appends(rig, old)
