"""The logs that exist: found by controller, created with their first entries, closed. SQL only; the entries are the
sequencer's.

A log's row is made before its first entries; until entry 1 is there its head has size 0 and nothing else may be
appended. See architecture.md section 7 (creating and closing a controller).
"""

import re
from typing import Any, Final

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.exc import IntegrityError

from placet.audit.model import Head, Log, LogKey, LogState
from placet.audit.signing import signing
from placet.audit.store import LOG
from placet.audit.tables import LogKeyRow, of
from placet.kit.db.errors import mapped
from placet.kit.errors import Invalid
from placet.kit.failpoints import Write
from placet.tlog.hashing import EMPTY_ROOT

KEYS: Final = of(LogKeyRow)
CONTROLLER: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")


def require_controller(name: str) -> str:
    """Return the name; raises Invalid unless it is 1 to 63 of a-z, 0-9 and dash, starting with a letter."""
    if not CONTROLLER.fullmatch(name):
        raise Invalid("controller", "a controller is 1 to 63 of a-z, 0-9 and -, starting with a letter")
    return name


class Logs:
    """The table of logs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, controller: str) -> Log | None:
        """Return the log of a controller, or None."""
        with self._engine.connect() as connection:
            return _one(connection, LOG.c.controller == controller)

    def all(self) -> list[Log]:
        """Return every log."""
        with self._engine.connect() as connection:
            return [_log(connection, row) for row in connection.execute(select(LOG).order_by(LOG.c.id)).all()]

    def create(self, controller: str, origin: str, vkey: str, now: int) -> Log:
        """Return the controller's log, making its row if there is none yet."""
        row = {
            "controller": controller,
            "origin": origin,
            "vkey": vkey,
            "created_at": now,
            "size": 0,
            "prev": bytes(32),
            "at": 0,
            "bases": 0,
            "status_root": EMPTY_ROOT,
            "epoch": 0,
            "lease_until": 0,
        }
        try:
            with Write.LOG_CREATE, self._engine.begin() as connection:
                connection.execute(LOG.insert().values(**row))
        except IntegrityError:
            pass  # made before, perhaps by a replica at this moment
        found = self.find(controller)
        assert found is not None
        return found

    def ask_key(self, log: Log, vkey: str, overlap: int) -> LogKey:
        """Ask for the next key of a log, in the place of one that was asked for and waits; its holder puts it in force.

        Raises DuplicateKey if the waiting one has just been put in force: ask again.
        """
        key = LogKey(number=log.keys[-1].number + 1, vkey=vkey, overlap=overlap)
        mine = (KEYS.c.log == log.id) & (KEYS.c.number == key.number) & KEYS.c.since.is_(None)
        asked = {"vkey": vkey, "overlap": overlap}
        with Write.KEY_ASK, mapped(), self._engine.begin() as connection:
            if not connection.execute(update(KEYS).where(mine).values(**asked)).rowcount:
                connection.execute(KEYS.insert().values(log=log.id, number=key.number, until=0, **asked))
        return key

    def signers(self, log: Log) -> list[LogKey]:
        """Return the keys that sign the newest checkpoint of a log, the older first."""
        with mapped(), self._engine.connect() as connection:
            row = connection.execute(select(LOG.c.size, LOG.c.at).where(LOG.c.id == log.id)).one()
        return signing(log, Head(size=row.size, t=row.at, state=row.size - 1 if row.size else None))

    def waiting_keys(self) -> dict[int, LogKey]:
        """Return the keys that were asked for and are not in force yet, by log."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(KEYS).where(KEYS.c.since.is_(None)))
            return {row.log: _key(row) for row in rows}

    def close(self, log: Log, now: int) -> Log:
        """Mark a log closed; repeating it changes nothing."""
        with Write.LOG_CLOSE, self._engine.begin() as connection:
            still_open = (LOG.c.id == log.id) & LOG.c.closed_at.is_(None)
            connection.execute(update(LOG).where(still_open).values(closed_at=now))
            closed = _one(connection, LOG.c.id == log.id)
        assert closed is not None
        return closed


def _one(connection: Connection, condition: Any) -> Log | None:
    row = connection.execute(select(LOG).where(condition)).one_or_none()
    return None if row is None else _log(connection, row)


def _key(row: Any) -> LogKey:
    return LogKey(number=row.number, vkey=row.vkey, overlap=row.overlap, since=row.since, until=row.until)


def _log(connection: Connection, row: Any) -> Log:
    in_force = (KEYS.c.log == row.id) & KEYS.c.since.is_not(None)
    keys = connection.execute(select(KEYS).where(in_force).order_by(KEYS.c.number))
    return Log(
        id=row.id,
        controller=row.controller,
        origin=row.origin,
        vkey=row.vkey,
        state=LogState.OPEN if row.closed_at is None else LogState.CLOSED,
        created_at=row.created_at,
        rotated=tuple(_key(key) for key in keys),
    )
