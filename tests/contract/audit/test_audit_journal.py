"""The journal as its port promises it: what was appended is read back, all of it or nothing, and only from the head."""

import hashlib
import os

import pytest
from contract.audit.conftest import DiskFull, on_postgres
from integration.audit.rig import Rig, record
from psycopg.errors import ProgrammingError

from placet.audit.errors import CommitUnknown, HeadMoved
from placet.audit.lease import acquire
from placet.audit.model import Commit, Head, StoredBasis, StoredKey
from placet.audit.statements import CHUNK, WORTH_A_COPY, Session, writing
from placet.audit.store import SqlJournal, read_head
from placet.audit.tail import FullTile
from placet.kit.db.errors import DatabaseUnavailable, mapped
from placet.kit.errors import PlacetError

HASH = bytes(range(32))
# Around where COPY begins, around a list's padding, and beyond one statement's parameters.
SIZES = [1, WORTH_A_COPY - 1, WORTH_A_COPY, WORTH_A_COPY + 1, 600, CHUNK + 1]


@pytest.fixture
def journal(rig: Rig) -> SqlJournal:
    """The journal of a log whose only entries are its first two."""
    lease = acquire(rig.engines.writer, rig.log.id, "me", rig.now)
    assert lease is not None
    return SqlJournal(rig.engines, rig.log, lease.epoch, rig.partitions)


def head(rig: Rig) -> Head:
    with rig.engines.reader.connect() as connection:
        return read_head(Session.over(connection), rig.log.id)


def digest(*parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode()).digest()


def commit(before: Head, count: int) -> Commit:
    """Return a commit with `count` rows of everything; its entries are no entries, which a journal does not mind."""
    size = before.size + count
    after = Head(size=size, prev=digest(size), t=before.t + 1, state=size - 1, bases=count, status_root=HASH)
    rows = range(before.size, size)
    return Commit(
        before=before,
        after=after,
        entries=[b"\x00\\N\t\n" + digest("entry", index) for index in rows],
        tiles=[FullTile(level=0, number=index, hashes=HASH * 256, root=digest("root", index)) for index in rows],
        bases={n: StoredBasis(ordinal=n, granted=n, ended=None, history=HASH, events=n) for n in range(count)},
        changes=[(index % 3, index) for index in rows],
        uses=[(index % 5, index, index % 2 == 0) for index in rows],
        keys=[("vault" if index % 2 else "consent", digest("key", index), index, HASH) for index in rows],
        decisions=[(digest("decision", index), index) for index in rows],
    )


def append(journal: SqlJournal, made: Commit) -> None:
    with journal.transaction():
        journal.append(made)


@pytest.mark.parametrize("count", SIZES)
def test_what_was_appended_is_read_back(rig: Rig, journal: SqlJournal, count: int) -> None:
    made = commit(head(rig), count)
    append(journal, made)
    rows = range(made.before.size, made.after.size)
    assert head(rig) == made.after
    assert list(journal.entries(rows).values()) == made.entries
    assert journal.page(made.before.size, made.after.size) == made.entries
    asked = [(service, key) for service, key, _, _ in made.keys]
    assert journal.keys(asked) == {(service, key): StoredKey(i, d) for service, key, i, d in made.keys}
    assert journal.keys((service, key[:-1]) for service, key in asked) == {}
    assert journal.decisions(one for one, _ in made.decisions) == dict(made.decisions)
    assert journal.bases(range(count + 5)) == made.bases
    assert journal.changes([2]) == {2: [index for index in rows if index % 3 == 2]}
    allowed = {event: sum(index % 5 == event and index % 2 == 0 for index in rows) for event in range(5)}
    assert journal.allowed_uses(range(9)) == {event: n for event, n in allowed.items() if n}
    assert journal.uses(1) == [index for index in rows if index % 5 == 1]


def test_a_changed_basis_is_changed_and_its_grant_stays(rig: Rig, journal: SqlJournal) -> None:
    first = commit(head(rig), 20)
    append(journal, first)
    ended = {n: StoredBasis(ordinal=n, granted=999, ended=77, history=digest(n), events=5) for n in range(20)}
    second = commit(first.after, 1)
    append(journal, Commit(**{**{name: getattr(second, name) for name in second.__slots__}, "bases": ended}))
    found = journal.bases([3])[3]
    assert (found.granted, found.ended, found.history, found.events) == (3, 77, digest(3), 5)


def test_nothing_is_asked_for_nothing(journal: SqlJournal) -> None:
    assert (journal.keys([]), journal.decisions([]), journal.bases([]), journal.entries([])) == ({}, {}, {}, {})


@pytest.mark.parametrize("count", [1, 600])
def test_a_group_is_written_whole_or_not_at_all(rig: Rig, journal: SqlJournal, disk_full: DiskFull, count: int) -> None:
    made = commit(head(rig), count)
    with disk_full(), pytest.raises(PlacetError):
        append(journal, made)
    assert head(rig) == made.before
    assert journal.entries(range(made.before.size, made.after.size)) == {}
    assert journal.bases(range(count)) == {}
    append(journal, made)
    assert head(rig) == made.after


def test_only_the_head_leads_on(rig: Rig, journal: SqlJournal) -> None:
    made = commit(head(rig), 3)
    append(journal, made)
    with pytest.raises(HeadMoved):
        append(journal, made)
    assert head(rig) == made.after
    other = SqlJournal(rig.engines, rig.log, epoch=10_000, partitions=rig.partitions)
    with pytest.raises(HeadMoved):
        append(other, commit(made.after, 1))


def test_reads_in_the_transaction_see_what_it_wrote_and_nobody_else_does(rig: Rig, journal: SqlJournal) -> None:
    made = commit(head(rig), 2)
    reader = SqlJournal(rig.engines, rig.log, -1)
    with journal.transaction():
        journal.append(made)
        assert len(journal.entries(range(10))) == made.after.size
        assert len(reader.entries(range(10))) == made.before.size
    assert len(reader.entries(range(10))) == made.after.size


def test_logs_do_not_see_one_another(rig: Rig, journal: SqlJournal) -> None:
    other = rig.logs.create("shop", "test/log/shop", "shop+vkey", rig.now)
    made = commit(head(rig), 9)
    append(journal, made)
    reader = SqlJournal(rig.engines, other, -1)
    assert reader.entries(range(20)) == {}
    assert reader.keys([(service, key) for service, key, _, _ in made.keys]) == {}
    assert reader.page(0, 20) == []


@on_postgres
def test_a_lost_connection_fails_one_group_and_the_next_one_connects(rig: Rig) -> None:
    with mapped(), writing(rig.engines.direct) as session:
        (backend,) = session.run("SELECT pg_backend_pid()").fetchone()
    with rig.engines.writer.begin() as connection:
        assert connection.exec_driver_sql("SELECT pg_terminate_backend(%s)", (backend,)).scalar_one()
    key = os.urandom(16)
    with pytest.raises(DatabaseUnavailable) as failed:
        rig.send(record("vault.sealed", key), service="vault")
    assert failed.value.kind.retry.value == "same"
    assert not rig.send(record("vault.sealed", key), service="vault").results[0].repeated
    with mapped(), writing(rig.engines.direct) as session:
        assert session.run("SELECT pg_backend_pid()").fetchone() != (backend,)


@on_postgres
def test_no_round_trip_is_spent_on_testing_the_connection(rig: Rig) -> None:
    last = "SELECT query FROM pg_stat_activity WHERE pid = %s"
    with mapped(), writing(rig.engines.direct) as session:
        (backend,) = session.run("SELECT pg_backend_pid()").fetchone()
    held = rig.engines.direct.raw_connection()  # as a group begins
    assert held.driver_connection.info.backend_pid == backend  # type: ignore[union-attr]
    with rig.engines.writer.connect() as other:
        assert other.exec_driver_sql(last, (backend,)).scalar_one() == "COMMIT"
    held.close()
    pinged = rig.engines.writer.raw_connection()  # negative control: the other pool does test
    with rig.engines.reader.connect() as other:
        found = other.exec_driver_sql(last, (pinged.driver_connection.info.backend_pid,)).scalar_one()  # type: ignore[union-attr]
    assert found != "COMMIT"
    pinged.close()


def lose_while_committing(journal: SqlJournal, made: Commit) -> None:
    """Have the server commit without our hearing of it."""
    journal.append(made)
    assert journal._open is not None
    driver = journal._open._driver
    driver.execute("COMMIT")
    driver.execute("SELECT 1")  # so that the block still has something to commit
    driver.pgconn.finish()


@on_postgres
def test_a_connection_lost_while_committing_says_that_nobody_knows(rig: Rig, journal: SqlJournal) -> None:
    """The server made the commit and its answer never came: the same key finds it."""
    made = commit(head(rig), 1)
    with pytest.raises(CommitUnknown) as unknown, journal.transaction():
        lose_while_committing(journal, made)
    assert unknown.value.kind.retry.value == "same"
    assert "repeat with the same key" in unknown.value.message
    assert head(rig) == made.after


@on_postgres
def test_a_failed_statement_that_nobody_heeds_is_no_commit(rig: Rig) -> None:
    """PostgreSQL would answer COMMIT with a rollback, and the driver with success."""
    with (
        pytest.raises(RuntimeError, match="a statement of this transaction failed"),
        writing(rig.engines.direct) as one,
    ):
        swallow_a_failure(one)


def swallow_a_failure(session: Session) -> None:
    with pytest.raises(ProgrammingError, match="nowhere"):
        session.run("SELECT * FROM nowhere")
