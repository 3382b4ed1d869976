"""The lease on a log: which replica sequences it. A row with an epoch, taken over when it runs out.

Leases only decide who works; that two holders do no harm is the head's compare-and-swap (`store.py`). A holder that
is stopped and wakes up finds another epoch and can commit nothing. Times are microseconds: on PostgreSQL the server's
own, so replicas need not agree on one; on SQLite the callers', who are on one machine. A wrong clock costs
availability, never correctness. See architecture.md section 6.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Engine, cast, func, literal, or_, select, text, update

from placet.audit.store import LOG
from placet.kit.db.errors import mapped
from placet.kit.failpoints import Write

TTL: Final = 3_000_000
# A connection's name has as many bytes at most, and so a holder's.
MAX_NAME: Final = 63

_FENCE: Final = text(
    "SELECT pg_terminate_backend(pid) FROM log JOIN pg_stat_activity ON application_name = holder "
    "WHERE id = :log AND usename = current_user AND lease_until < extract(epoch FROM clock_timestamp()) * 1000000"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A held lease: commits carry its epoch."""

    log: int
    epoch: int


def vacant(engine: Engine, holder: str, now: int) -> frozenset[int]:
    """Return the logs that this holder may take: whose lease nobody else has, or has let run out."""
    with mapped(), engine.connect() as connection:
        return frozenset(connection.execute(select(LOG.c.id).where(_free(holder, _time(engine, now)))).scalars())


def acquire(engine: Engine, log: int, holder: str, now: int) -> Lease | None:
    """Take the lease if it is free, run out, or already this holder's; return None if another has it.

    Never waits for a holder that is in the middle of a commit; if that goes on beyond its lease: `fence`.
    """
    time = _time(engine, now)
    at_rest = select(LOG.c.id).where(LOG.c.id == log, _free(holder, time)).with_for_update(skip_locked=True)
    taken = {"holder": holder, "lease_until": time + TTL, "epoch": LOG.c.epoch + 1}
    take = update(LOG).where(LOG.c.id == at_rest.scalar_subquery()).values(taken).returning(LOG.c.epoch)
    with Write.LEASE_ACQUIRE, _at_once(engine) as connection:
        epoch: int | None = connection.execute(take).scalar_one_or_none()
        return None if epoch is None else Lease(log=log, epoch=epoch)


def fence(engine: Engine, log: int) -> None:
    """End the connections of a holder whose lease has run out: one that was stopped in mid-commit locks the log.

    Its unfinished transaction is undone, whatever it was waiting for. PostgreSQL only: a holder's connections bear its
    name (`application_name`), and a role may end those of its own.
    """
    if engine.dialect.name == "postgresql":
        with mapped(), engine.begin() as connection:
            connection.execute(_FENCE, {"log": log})


def renew(engine: Engine, holder: str, now: int) -> Mapping[int, int]:
    """Prolong every lease of this holder; return the epoch of each by log: what is not among them is lost."""
    kept = update(LOG).where(LOG.c.holder == holder).values(lease_until=_time(engine, now) + TTL)
    with Write.LEASE_RENEW, _at_once(engine) as connection:
        return {row.id: row.epoch for row in connection.execute(kept.returning(LOG.c.id, LOG.c.epoch))}


def release(engine: Engine, lease: Lease) -> None:
    """Give the lease back, so that the next holder need not wait."""
    ours = (LOG.c.id == lease.log) & (LOG.c.epoch == lease.epoch)
    with Write.LEASE_RELEASE, _at_once(engine) as connection:
        connection.execute(update(LOG).where(ours).values(holder=None, lease_until=0))


@contextmanager
def _at_once(engine: Engine) -> Iterator[Connection]:
    """Run one statement that is its own transaction: on PostgreSQL whoever is stopped half-way leaves no lock behind.

    Between a statement and its commit a stopped process would lock the log, and nobody may fence who does not hold it.
    """
    alone = {"isolation_level": "AUTOCOMMIT"} if engine.dialect.name == "postgresql" else {}
    with mapped(), engine.execution_options(**alone).begin() as connection:
        yield connection


def _free(holder: str, time: Any) -> Any:
    return or_(LOG.c.holder.is_(None), LOG.c.lease_until < time, LOG.c.holder == holder)


def _time(engine: Engine, now: int) -> Any:
    if engine.dialect.name == "postgresql":
        return cast(func.extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)
    return literal(now, BigInteger)
