"""What the sequencer works with: heads, stored bases, and the one commit that appends a group of entries.

Frozen values only; nothing here reads a clock or a database. Positions are indexes of the log (0-based), times
microseconds since 1970 UTC, hashes raw 32 bytes. See ledger.md section 7.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from msgspec import Struct

from placet.audit.tail import FullTile
from placet.tlog.hashing import EMPTY_ROOT
from placet.tlog.note import Vkey


class LogState(Enum):
    """Whether a controller may still have events."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKey:
    """A key of a log; in force from the entry at `since` on, while its predecessor signs too up to the time `until`.

    Asked for, but not in force yet, while `since` is None. `overlap` is the time in microseconds asked for both.
    """

    number: int
    vkey: str
    overlap: int = 0
    since: int | None = None
    until: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A controller's log: who it is, not how long it is. `vkey` is its first key, `rotated` are those that followed."""

    id: int
    controller: str
    origin: str
    vkey: str
    state: LogState
    created_at: int
    rotated: tuple[LogKey, ...] = ()

    @property
    def keys(self) -> tuple[LogKey, ...]:
        """All keys that are or were in force, in order."""
        return (LogKey(number=1, vkey=self.vkey, since=-1), *self.rotated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where a log stands: everything that the next entry depends on."""

    size: int = 0
    prev: bytes = bytes(32)
    t: int = 0
    state: int | None = None
    bases: int = 0
    status_root: bytes = EMPTY_ROOT

    # Invariant: a non-empty log ends in a state entry, so every head can be signed (ledger.md section 5).
    def __post_init__(self) -> None:
        if self.size and self.state != self.size - 1:
            raise ValueError(f"a head of size {self.size} must end in a state entry, not {self.state}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBasis:
    """A basis as the log keeps it: the facts of its status leaf, and how many allowed events stand under it."""

    ordinal: int
    granted: int
    ended: int | None
    history: bytes
    events: int


class StoredKey(Struct, frozen=True, gc=False):
    """What an idempotency key stands for."""

    index: int
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One group of entries and all that follows from them: written in one transaction, or not at all."""

    before: Head
    after: Head
    entries: Sequence[bytes]
    tiles: Sequence[FullTile]
    bases: Mapping[int, StoredBasis]  # new and changed, by ordinal
    changes: Sequence[tuple[int, int]]  # (ordinal, index) of amends and withdraws
    uses: Sequence[tuple[int, int, bool]]  # (event, index, allowed)
    keys: Sequence[tuple[str, bytes, int, bytes]]  # (service, key, index, digest)
    decisions: Sequence[tuple[bytes, int]]  # (digest, index)

    def __post_init__(self) -> None:
        if self.before.size + len(self.entries) != self.after.size:
            raise ValueError("a commit's entries must lead from its old size to its new size")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """A checkpoint of a log as a signed note, with the cosignatures that it has."""

    note: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Lines:
    """A witness cosigned: the line of each of its keys, verified."""

    by_key: Mapping[Vkey, str]


@dataclass(frozen=True, slots=True)
class Holds:
    """A witness wants the proof to begin at the size that it holds."""

    size: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A witness refuses. `conflict`: it holds a tree that the checkpoint does not continue."""

    status: int
    message: str
    conflict: bool
