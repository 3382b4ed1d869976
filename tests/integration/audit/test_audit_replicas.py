"""Two audit processes, one log, on PostgreSQL: one is killed or stopped, the other goes on, there is one head."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from integration.audit.audit_databases import AuditPostgres
from integration.audit.replicas import CHILD, Replicas
from integration.audit.rig import record

from placet.kit.db.engine import BUSY_TIMEOUT_MS
from placet.kit.errors import Retry

TAKEOVER_S = 5.0
# How long a statement waits for a lock.
LOCK_S = BUSY_TIMEOUT_MS / 1000


@asynccontextmanager
async def callers(replicas: Replicas, count: int = 4) -> AsyncIterator[None]:
    """Append from several callers at once."""
    tasks = [asyncio.create_task(replicas.append_forever()) for _ in range(count)]
    try:
        yield
    finally:
        assert not any(task.done() for task in tasks), "a caller was refused what it could not repeat"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until_acknowledged(replicas: Replicas, more: int = 5) -> None:
    """Wait until callers have been told of that many more entries."""
    wanted = len(replicas.acknowledged.receipts) + more
    async with asyncio.timeout(15):
        while len(replicas.acknowledged.receipts) < wanted:
            await asyncio.sleep(0.02)


async def test_a_stopped_holder_wakes_up_and_is_refused_and_a_killed_one_is_replaced(
    tmp_path: Path, audit_postgres: AuditPostgres
) -> None:
    """The stopped one is the worst that can wake up: it does not even hear that its lease is lost."""
    async with Replicas(tmp_path, audit_postgres, first=[*CHILD, "--deaf"]) as replicas:
        first, second = replicas.first, replicas.second
        async with callers(replicas):
            await until_acknowledged(replicas)
            # Stopped: it keeps its connections, to the database and to NATS, and answers nothing.
            first.send(signal.SIGSTOP)
            await replicas.paused(first)
            late = replicas.ask(record("vault.sealed", b"asked of a stopped holder"))
            await replicas.held_by(second, within=TAKEOVER_S)
            await until_acknowledged(replicas)
            # NATS still counts the stopped one as listening. In a queue group it would swallow every other request.
            for number in range(8):
                answered = replicas.ask(record("vault.probed", bytes([number])))
                assert await asyncio.wait_for(answered.get(), 2) is None
            assert late.empty()
            first.send(signal.SIGCONT)
            refused = await asyncio.wait_for(late.get(), 10)
            assert refused is not None
            assert (refused.reason, refused.kind.retry) == ("LEDGER_UNAVAILABLE", Retry.SAME)
            await until_acknowledged(replicas)
            # Killed: its connections end with it.
            killed = time.monotonic()
            await second.kill(signal.SIGKILL)
            await replicas.held_by(first, within=TAKEOVER_S)
            await until_acknowledged(replicas)
            assert replicas.acknowledged.silence(killed) < TAKEOVER_S
        await first.stop()
        replicas.check()
        assert replicas.index_of(b"asked of a stopped holder") is None


@pytest.mark.long
async def test_without_the_epoch_a_woken_holder_commits(tmp_path: Path, audit_postgres: AuditPostgres) -> None:
    """Negative control of the test above."""
    async with Replicas(tmp_path, audit_postgres, first=[*CHILD, "--deaf", "--without-epoch"]) as replicas:
        replicas.first.send(signal.SIGSTOP)
        await replicas.paused(replicas.first)
        late = replicas.ask(record("vault.sealed", b"asked of a stopped holder"))
        await replicas.held_by(replicas.second, within=TAKEOVER_S)
        replicas.first.send(signal.SIGCONT)
        assert await asyncio.wait_for(late.get(), 10) is None
        assert replicas.index_of(b"asked of a stopped holder") is not None


@pytest.mark.long
async def test_a_holder_stopped_in_mid_commit_is_fenced_and_its_key_is_used_once(
    tmp_path: Path, audit_postgres: AuditPostgres
) -> None:
    trigger = tmp_path / "stop"
    async with Replicas(tmp_path, audit_postgres, first=[*CHILD, "--stop-in", "commit", str(trigger)]) as replicas:
        async with callers(replicas):
            await until_acknowledged(replicas)
            trigger.touch()
            stopped = time.monotonic()
            await replicas.paused(replicas.first)
            await replicas.held_by(replicas.second, within=TAKEOVER_S)
            await until_acknowledged(replicas)
            replicas.first.send(signal.SIGCONT)
            await until_acknowledged(replicas, 20)
        assert replicas.acknowledged.silence(stopped) < TAKEOVER_S, "a caller asks again soon enough"
        await asyncio.gather(replicas.first.stop(), replicas.second.stop())
        replicas.check()


@pytest.mark.long
async def test_control_without_the_fence_a_holder_stopped_in_mid_commit_keeps_the_log(
    tmp_path: Path, audit_postgres: AuditPostgres
) -> None:
    trigger, second = tmp_path / "stop", [*CHILD, "--without-fence"]
    stopping = [*CHILD, "--stop-in", "commit", str(trigger)]
    async with Replicas(tmp_path, audit_postgres, first=stopping, second=second) as replicas, callers(replicas):
        await until_acknowledged(replicas)
        trigger.touch()
        await replicas.paused(replicas.first)
        with pytest.raises(AssertionError, match="did not take the log"):
            await replicas.held_by(replicas.second, within=TAKEOVER_S)
        replicas.first.send(signal.SIGCONT)
        await until_acknowledged(replicas)


@pytest.mark.long
async def test_a_replica_stopped_while_taking_the_lease_locks_nothing(
    tmp_path: Path, audit_postgres: AuditPostgres
) -> None:
    """It has the lease, or has not: never a lock on the log that another would wait for."""
    trigger = tmp_path / "stop"
    async with Replicas(tmp_path, audit_postgres, second=[*CHILD, "--stop-in", "lease", str(trigger)]) as replicas:
        first, second = replicas.first, replicas.second
        async with callers(replicas):
            await until_acknowledged(replicas)
            trigger.touch()
            await first.kill(signal.SIGKILL)
            await replicas.paused(second)
            await replicas.start_again(first)
            await replicas.held_by(first, within=TAKEOVER_S)
            await until_acknowledged(replicas)
            second.send(signal.SIGCONT)
            await until_acknowledged(replicas, 20)
        await asyncio.gather(first.stop(), second.stop())
        replicas.check()


@pytest.mark.long
async def test_a_holder_stopped_while_indexing_does_not_bring_its_successor_down(
    tmp_path: Path, audit_postgres: AuditPostgres
) -> None:
    """Replicas share the search index: what a stopped one has locked there may hold up Search, never the log."""
    trigger = tmp_path / "stop"
    async with Replicas(tmp_path, audit_postgres, first=[*CHILD, "--stop-in", "indexing", str(trigger)]) as replicas:
        async with callers(replicas):
            await until_acknowledged(replicas)
            trigger.touch()
            await replicas.paused(replicas.first)
            await replicas.held_by(replicas.second, within=TAKEOVER_S)
            taken = time.monotonic()
            while time.monotonic() < taken + LOCK_S + 3:
                await until_acknowledged(replicas)
            assert replicas.second.running
            replicas.first.send(signal.SIGCONT)
            await until_acknowledged(replicas, 20)
        await asyncio.gather(replicas.first.stop(), replicas.second.stop())
        replicas.check()


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_holders_killed_and_stopped_in_turn_leave_one_history(
    tmp_path: Path, audit_postgres: AuditPostgres
) -> None:
    """Ten takeovers under load, half of them by SIGSTOP and half by kill -9."""
    async with Replicas(tmp_path, audit_postgres) as replicas:
        holder, other = replicas.first, replicas.second
        async with callers(replicas, 8):
            for number in range(10):
                await until_acknowledged(replicas, 20)
                if number % 2:
                    await holder.kill(signal.SIGKILL)
                    await replicas.held_by(other, within=TAKEOVER_S)
                    await replicas.start_again(holder)
                else:
                    holder.send(signal.SIGSTOP)
                    await replicas.held_by(other, within=TAKEOVER_S)
                    await until_acknowledged(replicas, 20)
                    holder.send(signal.SIGCONT)
                holder, other = other, holder
        await asyncio.gather(replicas.first.stop(), replicas.second.stop())
        assert len(replicas.check()) > 400
