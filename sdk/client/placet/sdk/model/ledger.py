"""What the ledger gives to those who read it: receipts, entries, checkpoints, bundles, search results, controllers.

Everything here but a search result was proven under the pinned key before it was returned; a search result is an index
into the ledger, to be proven with `entry` or `bundle`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from placet.evidence.entries import Entry, parse_entry, to_json
from placet.evidence.terms import Kind as EntryKind
from placet.sdk.vocabulary import BasisOrdinal, ControllerState, LeafIndex, Micros, Reason, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One proven entry: its position, the log's time, its bytes, and the proof under `checkpoint` (a signed note)."""

    index: LeafIndex
    at: Micros
    kind: EntryKind
    entry: bytes = field(repr=False)
    proof: tuple[bytes, ...] = field(repr=False)
    checkpoint: str = field(repr=False)

    def content(self) -> Entry:
        """Return the entry, parsed."""
        return parse_entry(self.entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCheckpoint:
    """A verified checkpoint: the log of that origin had `size` entries with that root. `note` is the signed text."""

    origin: str
    size: int
    root: bytes
    note: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One entry of an export or a search: its position and its bytes as the log hashes them."""

    index: LeafIndex
    entry: bytes

    def content(self) -> Entry:
        """Return the entry, parsed."""
        return parse_entry(self.entry)

    def to_json(self) -> dict[str, Any]:
        """Return the entry as JSON values."""
        found: dict[str, Any] = to_json(self.content())
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What to search for; everything that is set must match. Times are of the log, `until` exclusive."""

    since: datetime | int | None = None
    until: datetime | int | None = None
    kind: EntryKind | None = None
    verdict: Verdict | None = None
    reason: Reason | None = None
    purpose: str | None = None
    site: str | None = None
    device: str | None = None
    basis: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a search, newest first. Every entry below `complete_to` was considered; `next_cursor` None: no more.

    Not proven: prove what matters with `entry` or `bundle`.
    """

    found: tuple[LedgerEntry, ...]
    next_cursor: str | None
    complete_to: int
    tree_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofBundle:
    """The self-contained evidence for one event (`placet.bundle/1`), verified; `json` is the file's content.

    `proven` and `unproven` say in words what it proves and what it does not.
    """

    index: LeafIndex
    verdict: Verdict
    reasons: tuple[Reason, ...]
    basis: BasisOrdinal | None
    json: bytes = field(repr=False)
    proven: tuple[str, ...] = field(repr=False)
    unproven: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedReceipt:
    """What a log says now of a withdrawal that it once proved, under the checkpoint of `tree_size` entries.

    `fraud` is None while it says the same; otherwise the file (placet.fraud/1) that convicts the log.
    """

    basis: BasisOrdinal
    index: LeafIndex
    tree_size: int
    receipt: str = field(repr=False)
    fraud: str | None = field(repr=False)

    @property
    def holds(self) -> bool:
        """Whether the log still says what the receipt proves."""
        return self.fraud is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerDetails:
    """A controller and its log.

    `verifier_key` is its newest key, for clients and auditors to pin once they have it from the operator; while it
    replaces another, `signing_keys` names both, the newest last.
    """

    controller: str
    origin: str
    verifier_key: str
    state: ControllerState
    created_at: Micros
    signing_keys: tuple[str, ...] = ()
