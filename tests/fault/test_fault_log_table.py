"""Each write in the life of a log, lost and persisted: made, leased, closed, indexed. Repeating it makes it good."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from fault.crashing import Crash, cases, failing, named
from fault.office import TTL, Office
from integration.audit.rig import SECOND, Rig, decision, entry_of, event

from placet.audit import lease as leases
from placet.audit.checking.search import check_search
from placet.audit.errors import Corrupt, HeadMoved
from placet.audit.fsck import fsck
from placet.audit.model import LogState
from placet.audit.search import SearchIndex
from placet.kit.db.engine import open_engines
from placet.kit.errors import Unavailable
from placet.kit.failpoints import Side, Write

LIFE = (Write.LOG_KEY, Write.LOG_CREATE, Write.LEASE_ACQUIRE)
LEASE = (Write.LEASE_RENEW, Write.LEASE_RELEASE)
SEARCH = (Write.SEARCH_ROWS, Write.SEARCH_PROGRESS, Write.SEARCH_COMMIT)
WRITES = (*LIFE, *LEASE, *SEARCH, Write.LOG_CLOSE)

FOUNDING = (*LIFE, Write.LEDGER_HEAD, Write.LEDGER_ENTRIES, Write.LEDGER_COMMIT)


@pytest.mark.usefixtures("dead_silent")
@pytest.mark.parametrize(("write", "side"), cases(FOUNDING), ids=named)
async def test_a_controller_whose_creation_crashed_is_created_by_asking_again(
    quick: Path, write: Write, side: Side
) -> None:
    first = Office(quick, 1_780_000_000_000_000, "first")
    # The log is opened beside its creator, who sees a crash there as a log that is not to be had yet, if at all.
    with failing(write, side, Crash()), suppress(Crash, Unavailable):
        await first.controllers.create("bank", now=first.now)
    first.engines.dispose()
    second = Office(quick, first.now + TTL, "other name")
    log = await second.controllers.create("bank", now=second.now)
    assert len(second.entries()) == 2
    assert second.clean()
    assert await second.controllers.create("bank", now=second.now) == log
    assert len(second.entries()) == 2
    await second.holder.close()
    second.engines.dispose()


@pytest.mark.usefixtures("dead_silent")
async def test_control_with_another_key_than_before_the_crash_the_log_is_not_its_own(quick: Path) -> None:
    first = Office(quick, 1_780_000_000_000_000, "first")
    with failing(Write.LOG_CREATE, Side.AFTER, Crash()), pytest.raises(Crash):
        await first.controllers.create("bank", now=first.now)
    (quick / "keys" / "log-bank.key").write_bytes(bytes(32))
    second = Office(quick, first.now + TTL, "other name")
    with pytest.raises(Corrupt, match="key"):
        await second.controllers.create("bank", now=second.now)
    assert not second.clean()
    await second.holder.close()
    second.engines.dispose()


CLOSING = (Write.LOG_CLOSE, Write.LEDGER_COMMIT, Write.LEDGER_ANSWER)


@pytest.mark.usefixtures("dead_silent")
@pytest.mark.parametrize(("write", "side"), cases(CLOSING), ids=named)
async def test_a_controller_whose_closing_crashed_is_closed_by_asking_again(
    quick: Path, write: Write, side: Side
) -> None:
    first = Office(quick, 1_780_000_000_000_000, "first")
    await first.controllers.create("bank", now=first.now)
    with failing(write, side, Crash()), pytest.raises((Crash, TimeoutError)):
        async with asyncio.timeout(0.3):
            await first.controllers.close("bank", "contract_ended", now=first.now, deadline=first.now + SECOND)
    first.engines.dispose()
    second = Office(quick, first.now + TTL, "other name")
    await second.holder.look()
    deadline = second.now + SECOND
    log, _ = await second.controllers.close("bank", "contract_ended", now=second.now, deadline=deadline)
    assert log.state is LogState.CLOSED
    assert sum(b"controller.closed" in body for body in second.entries()) == 1
    assert second.clean()
    await second.holder.close()
    second.engines.dispose()


@pytest.mark.parametrize(("write", "side"), cases((Write.LEASE_ACQUIRE, *LEASE)), ids=named)
def test_a_holder_that_dies_over_its_lease_is_succeeded_when_it_has_run_out(rig: Rig, write: Write, side: Side) -> None:
    """Whatever became of the lease, one holder at a time can append; the dead one never again."""
    rig.event(None)
    held = leases.acquire(rig.engines.writer, rig.log.id, "me", rig.now)
    assert held is not None
    steps = {
        Write.LEASE_ACQUIRE: lambda: leases.acquire(rig.engines.writer, rig.log.id, "me", rig.now),
        Write.LEASE_RENEW: lambda: leases.renew(rig.engines.writer, "me", rig.now),
        Write.LEASE_RELEASE: lambda: leases.release(rig.engines.writer, held),
    }
    with failing(write, side, Crash()), pytest.raises(Crash):
        steps[write]()
    given_back = (write, side) == (Write.LEASE_RELEASE, Side.AFTER)
    taken = leases.acquire(rig.engines.writer, rig.log.id, "other", rig.now + SECOND)
    assert (taken is not None) is given_back
    old = rig.sequencer
    rig.now += TTL
    rig.sequencer = rig.holder("other")
    assert entry_of(rig.event(None)).verdict == "deny"
    with pytest.raises(HeadMoved):
        rig.send(event(rig.now, None), decisions=[decision()], sequencer=old)
    assert fsck(rig.engines, rig.log, keys=rig.keys, vkey=rig.log.vkey, progress=lambda *_: None) == []


def test_control_without_its_epoch_a_superseded_holder_could_append(rig: Rig) -> None:
    old = rig.sequencer
    old.recover()
    rig.now += TTL
    rig.sequencer = rig.holder("other")
    with pytest.raises(HeadMoved):
        rig.send(event(rig.now, None), decisions=[decision()], sequencer=old)
    old._journal._epoch = rig.sequencer._journal._epoch
    assert rig.send(event(rig.now, None), decisions=[decision()], sequencer=old).size > 2


@pytest.mark.parametrize(("write", "side"), cases(SEARCH), ids=named)
def test_a_search_index_whose_feeding_crashed_goes_on_where_it_was(
    rig: Rig, quick: Path, write: Write, side: Side
) -> None:
    for _ in range(10):
        rig.event(None)
    bodies = rig.bodies()
    engines = open_engines(f"sqlite:///{quick / 'search.db'}")
    index = SearchIndex(engines.writer)
    index.create()
    index.feed(rig.log.id, 0, bodies[:5])
    with failing(write, side, Crash()), pytest.raises(Crash):
        index.feed(rig.log.id, 5, bodies[5:9])
    done = index.complete_to(rig.log.id)
    assert done == (9 if (write, side) == (Write.SEARCH_COMMIT, Side.AFTER) else 5)
    index.feed(rig.log.id, 5, bodies[5:9])
    index.feed(rig.log.id, 9, bodies[9:])
    assert index.complete_to(rig.log.id) == len(bodies)
    assert check_search(rig.engines, index, rig.log, progress=lambda *_: None) == []
    engines.dispose()
