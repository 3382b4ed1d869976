"""One look of a monitor at a log: is what it serves now the continuation of what was seen before?

Owns the checks, in order: the signature; no shorter log; consistency with the checkpoint held, proven from the tiles;
the newest entry, which is a state; if wanted, a replay; and the age. Raises `AlarmRaised` with the evidence; a log that
cannot be reached is a PlacetError and no alarm. Pure but for what it reads; never decides what follows from an alarm.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn, TypeVar

from placet.evidence.entries import parse_entry
from placet.evidence.errors import EvidenceError, ReplayError
from placet.evidence.kinds import State
from placet.sdk.errors import ConfigError, NotFound
from placet.sdk.logtree.alarms import Alarm, AlarmKind, AlarmRaised
from placet.sdk.logtree.ports import LogTree
from placet.sdk.logtree.reading import node_reader, read_bundle
from placet.tlog.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from placet.tlog.encoding import encode_base64
from placet.tlog.errors import TlogError
from placet.tlog.hashing import leaf_hash
from placet.tlog.note import NoteVerifier, split_note
from placet.tlog.proof import consistency_proof, inclusion_proof, verify_consistency, verify_inclusion
from placet.tlog.tiles import TILE_WIDTH, EntryBundle, TileReader
from placet.tlog.tree import subtree_root

T = TypeVar("T")
FUTURE: Final = 300_000_000
"""How far ahead of the monitor's clock the newest entry may be, in microseconds."""
Replayer = Callable[[LogTree, Checkpoint], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a monitor holds of a log: the newest checkpoint that it verified, and the time of its last entry."""

    note: str
    t: int

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint of the note, which was verified when it was seen."""
        return parse_checkpoint(split_note(self.note)[0])


class Monitor:
    """Looks at one log under pinned keys. `max_age` in microseconds, None: any age will do."""

    def __init__(
        self,
        tree: LogTree,
        verifiers: Iterable[NoteVerifier],
        *,
        max_age: int | None,
        replay: Replayer | None = None,
    ) -> None:
        self._tree = tree
        self._verifiers = tuple(verifiers)
        self._max_age = max_age
        self._replay = replay

    def look(self, seen: Seen | None) -> Seen:
        """Return what is to be held from now on; raises AlarmRaised, or a PlacetError if the log cannot be read.

        Raises ConfigError if what was seen is not of this log.
        """
        note = self._tree.read("checkpoint").decode("utf-8", "replace")
        held = None if seen is None else seen.note
        look = _Look(self._tree, self._open(note, held), note, held)
        if seen is not None:
            look.compare(self._held(seen))
        t = look.newest()
        if self._replay is not None:
            look.replay(self._replay)
        return Seen(note=note, t=t)

    def require_fresh(self, seen: Seen, *, now: int) -> None:
        """Raise AlarmRaised if what is held is older than allowed, or from the future; `now` in unix microseconds."""
        age = now - seen.t
        details = {"t": seen.t, "now": now}
        if self._max_age is not None and age > self._max_age:
            text = f"the newest entry is {_duration(age)} old; at most {_duration(self._max_age)} is allowed"
            _alarm(AlarmKind.STALE, text, seen.note, seen.note, details)
        if age < -FUTURE:
            text = f"the newest entry is {_duration(-age)} ahead of this clock"
            _alarm(AlarmKind.CLOCK, text, seen.note, seen.note, details)

    def _open(self, note: str, held: str | None) -> Checkpoint:
        try:
            return open_checkpoint(note, self._verifiers)
        except TlogError as error:
            text = f"{self._tree.name} serves no checkpoint that a pinned key signed: {error}"
            _alarm(AlarmKind.SIGNATURE, text, held, note)

    def _held(self, seen: Seen) -> Checkpoint:
        try:
            return open_checkpoint(seen.note, self._verifiers)
        except TlogError as error:
            message = f"what was seen before was signed by none of the pinned keys: {error}"
            raise ConfigError("CONFIG_INVALID", message, field="state") from error


class _Look:
    """One verified checkpoint, and what its tree says."""

    def __init__(self, tree: LogTree, checkpoint: Checkpoint, note: str, held: str | None) -> None:
        self._tree = tree
        self._new = checkpoint
        self._note = note
        self._held = held
        self._nodes = node_reader(tree, checkpoint.size)

    def compare(self, old: Checkpoint) -> None:
        """Raise AlarmRaised unless the tree continues the one that is held."""
        new = self._new
        if new.origin != old.origin:
            raise ConfigError("CONFIG_INVALID", f"{old.origin} was seen before, this is {new.origin}", field="state")
        if new.size < old.size:
            text = (
                f"the log had {old.size} entries and now shows {new.size}: entries were removed, or an old tree shown"
            )
            self._alarm(AlarmKind.ROLLBACK, text)
        if new.size == old.size:
            if new.root != old.root:
                self._alarm(AlarmKind.FORK, f"the log signed two trees of {new.size} entries")
            return
        self._require_consistent(old)

    def _require_consistent(self, old: Checkpoint) -> None:
        new = self._new
        begins = self._read(lambda nodes: subtree_root(0, old.size, nodes))
        proof = self._read(lambda nodes: consistency_proof(old.size, new.size, nodes))
        try:
            verify_consistency(old.size, begins, new.size, new.root, proof)
        except TlogError as error:
            self._alarm(AlarmKind.TREE, f"the tiles are not those that the checkpoint commits to: {error}")
        if begins != old.root:  # and `begins` is proven to be the beginning of the new tree
            text = f"the tree of {new.size} entries does not continue that of {old.size}: the log shows two histories"
            details = {"begins": encode_base64(begins)}
            _alarm(AlarmKind.FORK, text, self._held, self._note, details, proof)

    def newest(self) -> int:
        """Return the time of the newest entry, which is proven and a state."""
        new = self._new
        place, at = divmod(new.size - 1, TILE_WIDTH)
        width = min(TILE_WIDTH, new.size - place * TILE_WIDTH)
        try:
            entry = read_bundle(self._tree, EntryBundle(index=place, width=width))[at]
            proof = inclusion_proof(new.size - 1, new.size, self._nodes)
            verify_inclusion(leaf_hash(entry), new.size - 1, new.size, proof, new.root)
            state = parse_entry(entry)
        except (TlogError, NotFound) as error:
            self._alarm(AlarmKind.TREE, f"entry {new.size - 1} is not proven by what is served: {error}")
        except EvidenceError as error:
            self._alarm(AlarmKind.RULES, f"entry {new.size - 1}: {error}")
        if not isinstance(state, State) or state.i != new.size - 1 or state.covers[1] != state.i:
            self._alarm(AlarmKind.RULES, f"entry {new.size - 1} is not the state that every checkpoint ends in")
        return state.t

    def replay(self, replayer: Replayer) -> None:
        """Raise AlarmRaised unless every entry is as the rules put it."""
        try:
            replayer(self._tree, self._new)
        except ReplayError as error:
            details = {"reason": error.reason, "field": error.field, "index": error.index}
            text = f"the replay refuses it: {error.diagnostics()}"
            _alarm(AlarmKind.RULES, text, self._held, self._note, details)
        except (TlogError, NotFound) as error:
            self._alarm(AlarmKind.TREE, f"the tree that is served does not hold together: {error}")

    def _read(self, made: Callable[[TileReader], T]) -> T:
        try:
            return made(self._nodes)
        except (TlogError, NotFound) as error:
            self._alarm(AlarmKind.TREE, f"the tiles of the tree of {self._new.size} entries are not all there: {error}")

    def _alarm(self, kind: AlarmKind, message: str) -> NoReturn:
        _alarm(kind, message, self._held, self._note)


def _alarm(
    kind: AlarmKind,
    message: str,
    held: str | None,
    answered: str,
    details: Mapping[str, object] | None = None,
    proof: Iterable[bytes] = (),
) -> NoReturn:
    raise AlarmRaised(
        Alarm(kind=kind, message=message, held=held, answered=answered, proof=tuple(proof), details=details or {})
    )


def _duration(micros: int) -> str:
    seconds = micros // 1_000_000
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
