"""Where a command reads a log from: an exported C2SP tree, or the database of the audit service.

Owns: finding out which of the two was named, and yielding entries in log order, a few hundred at a time. Reads only,
and verifies nothing: that the files are the log's is what `placet ledger replay` proves.
Of the audit database it knows two tables, `log` (id, controller, size) and `entry` (log, idx, body).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Engine, inspect, text

from placet.kit.db.engine import open_engines
from placet.kit.db.errors import mapped
from placet.kit.errors import Invalid, NotFound
from placet.tlog.checkpoint import parse_checkpoint
from placet.tlog.errors import TlogError
from placet.tlog.note import split_note
from placet.tlog.tiles import TILE_WIDTH, EntryBundle, bundles_for, decode_entries

_SQLITE: Final = b"SQLite format 3\0"
PAGE: Final = 2_048
_LOGS = text("SELECT id, controller, size FROM log ORDER BY controller")
_PAGE = text("SELECT body FROM entry WHERE log = :log AND idx >= :first AND idx < :end ORDER BY idx")


class LogSource(Protocol):
    """The entries [0, size) of one log."""

    @property
    def name(self) -> str:
        """What to call it in messages."""

    @property
    def size(self) -> int:
        """How many entries there are; those appended meanwhile are not read."""

    def batches(self) -> Iterator[Sequence[bytes]]:
        """Yield all entries in log order. Raises a PlacetError or TlogError if they cannot be read."""

    def entry(self, index: int) -> bytes:
        """Return one entry. Raises NotFound, or as `batches`."""


@contextmanager
def open_log(where: str, controller: str | None) -> Iterator[LogSource]:
    """Open what `--log` names: a folder with a tree, a database file (or the folder it is in), a database URL.

    Raises Invalid when it is none of these, or holds several logs and no controller was named; NotFound.
    """
    path = Path(where)
    if "://" not in where and (path / "checkpoint").is_file():
        yield FolderLog(path)
        return
    engines = open_engines(where if "://" in where else f"sqlite:///{_database(path)}")
    try:
        yield _database_log(engines.reader, where, controller)
    finally:
        engines.dispose()


class FolderLog:
    """An exported tree: `checkpoint` and `tile/entries/...` (C2SP tlog-tiles)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            note = (folder / "checkpoint").read_text(encoding="utf-8")
            self.size = parse_checkpoint(split_note(note)[0]).size
        except (TlogError, ValueError) as error:
            raise Invalid("--log", f"{folder}/checkpoint is no checkpoint: {error}; export the log again") from error
        self.name = str(folder)

    def batches(self) -> Iterator[Sequence[bytes]]:
        """Yield the entries, a file at a time."""
        for bundle in bundles_for(0, self.size):
            yield self._read(bundle)

    def entry(self, index: int) -> bytes:
        """Return one entry."""
        _require(index, self)
        place, at = divmod(index, TILE_WIDTH)
        return self._read(EntryBundle(index=place, width=min(TILE_WIDTH, self.size - place * TILE_WIDTH)))[at]

    def _read(self, bundle: EntryBundle) -> list[bytes]:
        """Return the entries of a bundle; a partial one may be gone once the full one exists (C2SP)."""
        for one in (bundle, EntryBundle(index=bundle.index)):
            path = self._folder / one.path
            if path.is_file():
                return decode_entries(path.read_bytes(), one.width)[: bundle.width]
        raise NotFound(f"{self._folder} has no {bundle.path}; export the log again")


class DatabaseLog:
    """A log in the database of the audit service, up to the size that it had when it was opened."""

    def __init__(self, reader: Engine, log: int, name: str, size: int) -> None:
        self._reader = reader
        self._log = log
        self.name = name
        self.size = size

    def batches(self) -> Iterator[Sequence[bytes]]:
        """Yield the entries, a page at a time."""
        for first in range(0, self.size, PAGE):
            yield self._page(first, min(self.size, first + PAGE))

    def entry(self, index: int) -> bytes:
        """Return one entry."""
        _require(index, self)
        return self._page(index, index + 1)[0]

    def _page(self, first: int, end: int) -> list[bytes]:
        with mapped(), self._reader.connect() as connection:
            rows = connection.execute(_PAGE, {"log": self._log, "first": first, "end": end}).scalars().all()
        if len(rows) != end - first:
            raise NotFound(f"{self.name}: entries between {first} and {end} are missing; run `placet ledger fsck`")
        return [bytes(row) for row in rows]


def _require(index: int, log: LogSource) -> None:
    if not 0 <= index < log.size:
        raise NotFound(f"{log.name} has the entries 0 to {log.size - 1}, not {index}")


def _database(path: Path) -> Path:
    for one in (path, path / "audit.db", path / "audit" / "audit.db"):
        if one.is_file() and _is_sqlite(one):
            return one
    why = f"{path} is neither an exported log (a folder with a checkpoint) nor an audit database"
    raise Invalid("--log", f"{why}; export one with `placet ledger export --tiles DIR`")


def _is_sqlite(file: Path) -> bool:
    """Tell whether a file begins as every SQLite database does (sqlite.org/fileformat.html, section 1.3)."""
    with file.open("rb") as opened:
        return opened.read(len(_SQLITE)) == _SQLITE


def _database_log(reader: Engine, where: str, controller: str | None) -> DatabaseLog:
    with mapped(), reader.connect() as connection:
        if not inspect(connection).has_table("log"):
            raise Invalid(
                "--log", f"{where} is a database, but not that of the audit service; name that one (audit.db)"
            )
        logs = connection.execute(_LOGS).all()
    found = [log for log in logs if controller in (None, log.controller)]
    if not found:
        raise NotFound(f"{where} has no log" + (f" of controller {controller}" if controller else ""))
    if len(found) > 1:
        names = ", ".join(log.controller for log in found)
        raise Invalid("--controller", f"{where} has several logs: name one of {names}")
    return DatabaseLog(reader, found[0].id, found[0].controller, found[0].size)
