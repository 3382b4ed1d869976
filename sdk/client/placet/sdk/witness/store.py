"""What the witness cosigned last of each log: one row in SQLite, durable before anyone sees the cosignature.

Owns the transaction in which a decision is made and kept (so two requests, or two processes, never decide on the same
row), and that a size never falls. It belongs to one key and is made with it: a witness whose state was lost or brought
back from a copy could cosign a second history, so a missing one is never made anew.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final, Protocol

from placet.sdk.errors import ConfigError
from placet.tlog.checkpoint import Checkpoint
from placet.tlog.witness import Held

_SCHEMA: Final = """
CREATE TABLE identity (vkey TEXT NOT NULL) STRICT;
CREATE TABLE latest (
    origin TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    note TEXT NOT NULL,
    lines TEXT NOT NULL
) STRICT;
-- Invariant: of a log one history is cosigned, and its size never falls.
CREATE TRIGGER latest_only_grows BEFORE UPDATE ON latest
WHEN new.size < old.size OR new.size = old.size AND new.root <> old.root
BEGIN SELECT RAISE(ABORT, 'a witness never goes back'); END;
CREATE TRIGGER latest_stays BEFORE DELETE ON latest
BEGIN SELECT RAISE(ABORT, 'a witness never forgets'); END;
"""
_PUT: Final = (
    "INSERT INTO latest (origin, size, root, note, lines) VALUES (?, ?, ?, ?, ?) ON CONFLICT (origin) "
    "DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note, lines = excluded.lines"
)
_ADD: Final = "UPDATE latest SET lines = lines || ? WHERE origin = ? AND size = ?"
_PRAGMAS: Final = {"journal_mode": ("WAL", "wal"), "synchronous": ("FULL", 2)}
_BUSY_S: Final = 10.0


class Kept(Protocol):
    """The state inside one transaction."""

    def held(self, origin: str) -> Held | None:
        """Return what was cosigned last of a log; it stays so until the transaction ends."""

    def put(self, held: Held, lines: str) -> None:
        """Keep a checkpoint and the cosignature lines of it: durable once the transaction has been left."""

    def add(self, held: Held, line: str) -> None:
        """Add a line to those of a checkpoint, if it is still the last."""


class Store:
    """The state in a file. Safe for use by several threads, one transaction at a time."""

    def __init__(self, path: Path, vkey: str) -> None:
        """Open the state of this key; raises ConfigError if it is missing, another key's, or not to be relied on."""
        if not path.is_file():
            raise ConfigError(
                "CONFIG_INVALID",
                f"{path} is missing: a witness that forgot what it cosigned must take a new key (keygen)",
                field="state",
            )
        self._lock = Lock()
        try:
            self._db = _connect(path)
            found = self._db.execute("SELECT vkey FROM identity").fetchone()
        except sqlite3.DatabaseError as error:
            message = f"{path} cannot be used ({error}): a witness whose state is damaged must take a new key (keygen)"
            raise ConfigError("CONFIG_INVALID", message, field="state") from error
        if found != (vkey,):
            raise ConfigError("CONFIG_INVALID", f"{path} is the state of another key than {vkey}", field="state")

    @classmethod
    def create(cls, path: Path, vkey: str) -> None:
        """Make the empty state of a new key."""
        if path.exists():
            raise ConfigError("CONFIG_INVALID", f"{path} exists; a state is never made anew", field="state")
        db = _connect(path)
        db.executescript(_SCHEMA)
        db.execute("INSERT INTO identity VALUES (?)", (vkey,))
        db.close()

    @contextmanager
    def transaction(self) -> Iterator[Kept]:
        """Decide and keep in one transaction: durable when the block has been left, undone if it raised."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield _Rows(self._db)
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    def note(self, origin: str) -> str | None:
        """Return the checkpoint cosigned last of a log, with the log's signatures and ours; None if there is none."""
        with self._lock:
            row = self._db.execute("SELECT note || lines FROM latest WHERE origin = ?", (origin,)).fetchone()
        return None if row is None else str(row[0])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


class _Rows:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def held(self, origin: str) -> Held | None:
        row = self._db.execute("SELECT size, root, note FROM latest WHERE origin = ?", (origin,)).fetchone()
        if row is None:
            return None
        return Held(checkpoint=Checkpoint(origin=origin, size=row[0], root=row[1]), note=row[2])

    def put(self, held: Held, lines: str) -> None:
        at = held.checkpoint
        self._db.execute(_PUT, (at.origin, at.size, at.root, held.note, lines))

    def add(self, held: Held, line: str) -> None:
        self._db.execute(_ADD, (line, held.checkpoint.origin, held.checkpoint.size))


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    for name, (value, expected) in _PRAGMAS.items():
        db.execute(f"PRAGMA {name} = {value}")
        found = db.execute(f"PRAGMA {name}").fetchone()[0]
        if found != expected:
            raise ConfigError("CONFIG_INVALID", f"{path}: {name} is {found}, needed is {value}", field="state")
    return db
