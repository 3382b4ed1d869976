"""Every entry replayed, in order, with all that follows from it; and against signed checkpoints, if there are any.

Names the first entry that is wrong and stops there: what follows a wrong entry cannot be judged. Where a link of the
chain is broken, one of two entries was changed; the link after it tells which.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from sqlalchemy import Connection

from placet.audit.checking.cosigned import CosignedCheck
from placet.audit.checking.findings import Findings
from placet.audit.checking.rows import Passed, RowCheck, read_passed
from placet.audit.checking.streaming import AT_ONCE, Values, streamed
from placet.audit.checking.tiles import TileCheck
from placet.audit.model import Head, Log
from placet.audit.statements import Session
from placet.evidence.canonical import unb64url
from placet.evidence.entries import parse_entry
from placet.evidence.errors import EntryError, EvidenceError, ReplayError
from placet.evidence.kinds import Event, Record
from placet.evidence.replay import Replay
from placet.evidence.rotation import Rotation, rotation_of
from placet.evidence.terms import LeafIndex
from placet.evidence.view import EventFacts
from placet.tlog.checkpoint import Checkpoint
from placet.tlog.hashing import HASH_SIZE, leaf_hash

Progress = Callable[[int, int], None]
_ENTRIES: Final = "SELECT idx, body FROM entry WHERE log = ? ORDER BY idx"
_ENTRY: Final = "SELECT body FROM entry WHERE log = ? AND idx = ?"
_CLOSED: Final = "controller.closed"


class EntryCheck:
    """Replays the entries of one log; afterwards `replay`, `last`, `closed` and `rotations` say what they give."""

    def __init__(
        self,
        connection: Connection,
        log: Log,
        head: Head,
        found: Findings,
        *,
        checkpoints: Sequence[Checkpoint] = (),
        cosigned: CosignedCheck | None = None,
    ) -> None:
        self.replay = Replay(log.origin, read_event=self._event)
        self.last = bytes(HASH_SIZE)
        self.t = 0
        self.closed: int | None = None
        self.rotations: list[Rotation] = []
        self._connection = connection
        self._log = log
        self._head = head
        self._found = found
        self._roots = {one.size: one.root for one in checkpoints}
        self._stored = streamed(connection, _ENTRIES, log.id)
        self._tiles = TileCheck(connection, log.id, found)
        self._rows = RowCheck(connection, log.id, found)
        self._cosigned = cosigned

    def run(self, progress: Progress) -> bool:
        """Check the entries below the head's size, and that nothing is left over; return whether all were accepted."""
        stored, size = iter(self._stored), self._head.size
        for body in self._in_order(islice(stored, size), size):
            if not self._entry(body):
                return False
            if self.replay.size % AT_ONCE == 0 or self.replay.size == size:
                progress(self.replay.size, size)
        if self.replay.size < size:
            return False
        for row in islice(stored, 1):
            self._found.add("entry", row[0], f"stands beyond the head, which has size {size}")
        self._tiles.end()
        self._rows.end()
        if self._cosigned is not None:
            self._cosigned.end(size)
        return True

    def close(self) -> None:
        """Read no more."""
        self._stored.close()
        self._tiles.close()
        self._rows.close()

    def _in_order(self, stored: Iterable[Values], size: int) -> Iterator[bytes]:
        """Return the entries from 0 on; stop at the first that is not there or is not one."""
        expected = 0
        for row in stored:
            index, body = row[0], row[1]
            if index != expected:
                misplaced = not isinstance(index, int) or index < expected
                message = "no log has such an index" if misplaced else f"is missing; the log has {size} entries"
                self._found.add("entry", index if misplaced else expected, message)
                return
            if not isinstance(body, bytes):
                self._found.add("entry", index, "its bytes are none")
                return
            yield body
            expected += 1
        if expected < size:
            self._found.add("entry", expected, f"is missing; the log has {size} entries")

    def _entry(self, body: bytes) -> bool:
        index = self.replay.size
        try:
            entry = self.replay.feed(body)
            rotation = rotation_of(entry, self._log.origin)
        except ReplayError as error:
            self._found.add("entry", *self._blame(error, body))
            return False
        except EntryError as error:
            self._found.add("entry", index, f"{error.reason} {error.field}: {error.message}")
            return False
        if rotation is not None:
            self.rotations.append(rotation)
        if index == 0 and isinstance(entry, Record) and entry.data.get("vkey") != self._log.vkey:
            self._found.add("head", 0, "its vkey is not the one that entry 0 names")
        passed = read_passed(body)
        self.last = leaf_hash(body)
        self._tiles.leaf(self.last)
        self._rows.entry(passed, body, rotates=rotation is not None)
        self._note(passed)
        return self._agrees_with_checkpoint()

    def _note(self, passed: Passed) -> None:
        self.t = passed.t
        if passed.type == _CLOSED:
            self.closed = passed.i
        if passed.kind == "state" and self._cosigned is not None:
            self._cosigned.state(passed.i + 1, passed.t, self.replay.root)

    def _agrees_with_checkpoint(self) -> bool:
        size = self.replay.size
        root = self._roots.get(size)
        if root is None or root == self.replay.root():
            return True
        agreed = max((one for one in self._roots if one < size), default=0)
        self._found.add("checkpoint", agreed, f"some entry of {agreed} to {size - 1} is not the one that was signed")
        return False

    def _blame(self, error: ReplayError, body: bytes) -> tuple[int, str]:
        """Return the entry that was changed, and why: where the chain breaks, the next link vouches for one of two."""
        index = self.replay.size
        if error.reason == "CHAIN" and index:
            after = self._read(index + 1)
            vouched = self._head.prev if after is None else self._prev(after)
            if vouched == leaf_hash(body):
                return index - 1, f"CHAIN: its bytes are not those that entry {index} was appended to"
        return index, f"{error.reason} {error.field}: {error.message}"

    def _read(self, index: int) -> bytes | None:
        row = Session.over(self._connection).run(_ENTRY, self._log.id, index).fetchone()
        return row[0] if row is not None and isinstance(row[0], bytes) else None

    @staticmethod
    def _prev(body: bytes) -> bytes | None:
        try:
            return unb64url(parse_entry(body).prev)
        except EvidenceError:
            return None

    def _event(self, index: LeafIndex) -> EventFacts | None:
        body = self._read(index) if 0 <= index < self.replay.size else None
        entry = None if body is None else parse_entry(body)
        return EventFacts.of(entry) if isinstance(entry, Event) else None
