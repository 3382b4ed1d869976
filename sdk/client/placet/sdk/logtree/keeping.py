"""A replay that is kept in a file: written now and then while it runs, read when the next one begins.

Owns when the file is written (atomically: `statefile`) and how often at most. Whether what it holds is of the tree at
hand is for `placet.sdk.logtree.replaying` to check.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from placet.evidence.replay import Saved
from placet.evidence.resuming import dump, load
from placet.sdk.logtree.statefile import read_lines, write_lines

SAVE_EVERY: Final = 30.0
"""Seconds between two writings, at least; and at least twenty times what the last one took."""


def _never() -> bool:
    return False


class KeptReplay:
    """Looks on while a log is replayed (`Watch`); `path` None keeps nothing. Stops when `stop` says so."""

    def __init__(
        self,
        path: Path | None,
        *,
        moved: Callable[[int], None] = lambda _: None,
        stop: Callable[[], bool] = _never,
        every: float = SAVE_EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self.moved = moved
        self._stop = stop
        self._every = every
        self._clock = clock
        self._next = clock() + every

    def load(self) -> Saved | None:
        """Return what an earlier replay kept; raises EvidenceError if the file is damaged."""
        return load(read_lines(self._path)) if self._path is not None and self._path.exists() else None

    def forget(self) -> None:
        """Remove the file: whatever it holds is of no use."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def due(self) -> bool:
        """Tell whether to write the file, or to stop."""
        return self._stop() or (self._path is not None and self._clock() >= self._next)

    def save(self, saved: Saved) -> bool:
        """Write the file, if there is one; go on unless stopped."""
        if self._path is not None:
            began = self._clock()
            write_lines(self._path, dump(saved))
            now = self._clock()
            self._next = now + max(self._every, 20 * (now - began))
        return not self._stop()
