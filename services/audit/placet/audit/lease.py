"""The lease on a log: which replica sequences it. A row with an epoch, taken over when it runs out.

Leases only decide who works; that two holders do no harm is the head's compare-and-swap (`store.py`). A holder that
is stopped and wakes up finds another epoch and can commit nothing. Times are microseconds of the database host's
callers: a wrong clock costs availability, never correctness. See architecture.md section 6.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, or_, select, update

from placet.audit.store import LOG
from placet.kit.failpoints import Write

TTL: Final = 3_000_000
RENEW_EVERY: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A held lease: commits carry its epoch."""

    log: int
    epoch: int


def acquire(engine: Engine, log: int, holder: str, now: int) -> Lease | None:
    """Take the lease if it is free, run out, or already this holder's; return None if another has it."""
    free = or_(LOG.c.holder.is_(None), LOG.c.lease_until < now, LOG.c.holder == holder)
    with Write.LEASE_ACQUIRE, engine.begin() as connection:
        taken = connection.execute(
            update(LOG).where(LOG.c.id == log, free).values(holder=holder, lease_until=now + TTL, epoch=LOG.c.epoch + 1)
        )
        if taken.rowcount != 1:
            return None
        epoch: int = connection.execute(select(LOG.c.epoch).where(LOG.c.id == log)).scalar_one()
        return Lease(log=log, epoch=epoch)


def renew(engine: Engine, lease: Lease, now: int) -> bool:
    """Prolong the lease; return False if another epoch holds the log."""
    with Write.LEASE_RENEW, engine.begin() as connection:
        kept = connection.execute(
            update(LOG).where(LOG.c.id == lease.log, LOG.c.epoch == lease.epoch).values(lease_until=now + TTL)
        )
        return kept.rowcount == 1


def release(engine: Engine, lease: Lease) -> None:
    """Give the lease back, so that the next holder need not wait."""
    with Write.LEASE_RELEASE, engine.begin() as connection:
        connection.execute(
            update(LOG).where(LOG.c.id == lease.log, LOG.c.epoch == lease.epoch).values(holder=None, lease_until=0)
        )
