"""What a client may keep between calls, restarts and processes: the newest checkpoint, and withdrawal receipts.

Owns both ports and their files. A checkpoint kept is how a log that forked is noticed by whoever shares it; a receipt
kept is what convicts a log that goes back on a withdrawal. Never verifies anything: that is the client's part.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from placet.sdk.durable import sync_folder, write_durably
from placet.sdk.errors import ConfigError

try:
    import fcntl
except ImportError:  # Windows: one process at a time may use a checkpoint file
    fcntl = None  # type: ignore[assignment]


class CheckpointStore(Protocol):
    """Where the callers of one log keep the newest checkpoint (a signed note) that any of them has verified."""

    def read(self) -> str | None:
        """Return what is kept, None if nothing is. Raises ConfigError if it cannot be read."""

    def replace(self, known: str | None, new: str) -> str | None:
        """Keep `new` if `known` is what is kept, in one step; return what is kept afterwards.

        Durable once it returns. Raises ConfigError if it cannot be written.
        """


class ReceiptStore(Protocol):
    """Where a client keeps the receipts (placet.receipt/1) of the withdrawals it made."""

    def keep(self, origin: str, index: int, receipt: str) -> None:
        """Keep the receipt of the withdrawal at that index of a log; what is kept already stays as it is.

        Durable once it returns. Raises ConfigError if it cannot be written.
        """

    def kept(self, origin: str) -> Iterator[str]:
        """Yield every receipt of a log, by index. Raises ConfigError if one cannot be read."""


class CheckpointFile:
    """A checkpoint in a file, for any number of clients and processes of this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> str | None:
        """Return what is kept, None if nothing is. Raises ConfigError if it cannot be read."""
        with _told("checkpoint_file", self._path):
            return self._read()

    def replace(self, known: str | None, new: str) -> str | None:
        """Keep `new` if `known` is what is kept, in one step; return what is kept afterwards.

        Durable once it returns. Raises ConfigError if it cannot be written.
        """
        with _told("checkpoint_file", self._path), _locked(self._path.with_name(f"{self._path.name}.lock")):
            kept = self._read()
            if kept != known:
                return kept
            write_durably(self._path, [new.encode()])
            return new

    def _read(self) -> str | None:
        try:
            return self._path.read_text()
        except FileNotFoundError:
            return None

    def __repr__(self) -> str:
        return f"CheckpointFile({str(self._path)!r})"


class ReceiptFolder:
    """Receipts as files in a folder, which is made when the first is kept; `placet verify FOLDER` reads them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, origin: str, index: int, receipt: str) -> None:
        """Keep the receipt of the withdrawal at that index of a log; what is kept already stays as it is.

        Durable once it returns. Raises ConfigError if it cannot be written.
        """
        path = self._folder / f"{_prefix(origin)}-{index:015d}.json"
        with _told("receipts", path):
            if path.exists():
                return
            if not self._folder.exists():
                self._folder.mkdir(parents=True, mode=0o700)
                sync_folder(self._folder.parent)
            write_durably(path, [receipt.encode()])

    def kept(self, origin: str) -> Iterator[str]:
        """Yield every receipt of a log, by index. Raises ConfigError if one cannot be read."""
        for path in sorted(self._folder.glob(f"{_prefix(origin)}-*.json")):
            with _told("receipts", path):
                text = path.read_text()
            yield text

    def __repr__(self) -> str:
        return f"ReceiptFolder({str(self._folder)!r})"


def _prefix(origin: str) -> str:
    """Return what the files of one log begin with: a folder may hold those of several."""
    return f"{origin.rpartition('/')[2][:40]}-{hashlib.sha256(origin.encode()).hexdigest()[:8]}"


@contextmanager
def _told(field: str, path: Path) -> Iterator[None]:
    """Tell an error of the file system as one of the configuration."""
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError("CONFIG_INVALID", f"{path}: {why}", field=field) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("ab") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
