"""The second statement of a replaying witness: every entry below this size replays as valid, the status roots match.

One thread a log reads what was cosigned and replays it (`placet.sdk.logtree`); the second key says no more and no less
than that. Before a log is blamed for an entry, the entry and all before it are proven to be those that it signed: what
a lying server sends says nothing of the log. A wrong entry ends it for this log: it is written down with the checkpoint
that commits to it, an alarm is raised, and nothing is signed again. Nor is a checkpoint signed whose last entry has a
`t` more than 300 s from this machine's clock (ledger.md section 6); entries before it lie between the times of
checkpoints that were signed.
"""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Condition, Thread
from typing import Final

from placet.evidence.errors import EvidenceError, ReplayError
from placet.sdk.durable import write_durably
from placet.sdk.errors import NotFound, ProofError, Unreachable
from placet.sdk.logtree.keeping import KeptReplay
from placet.sdk.logtree.ports import LogTree
from placet.sdk.logtree.replaying import TreeMismatch, TreeReplay
from placet.tlog.checkpoint import Checkpoint
from placet.tlog.cosignature import CosignatureSigner
from placet.tlog.encoding import encode_base64
from placet.tlog.errors import TlogError
from placet.tlog.witness import Held

SKEW_S: Final = 300
RETRY_S: Final = 5.0
STOP_S: Final = 10.0
KEPT: Final = "replay"
INVALID: Final = "placet.invalid/1"
_log = logging.getLogger(__name__)


class Replayer:
    """Replays one log, in a thread of its own; goes on after a restart from what was kept in `folder`."""

    # Invariant: `_done` is None or what was cosigned when the replay stood at exactly its size.

    def __init__(self, origin: str, tree: LogTree, folder: Path, *, retry_s: float = RETRY_S) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._origin = origin
        self._tree = tree
        self._folder = folder
        self._retry_s = retry_s
        self._kept = KeptReplay(folder / KEPT, stop=lambda: self._stopped)
        self._replay: TreeReplay | None = None
        self._wanted: Held | None = None
        self._done: tuple[Held, int] | None = None
        self._failed = False
        self._stopped = False
        self._changed = Condition()
        self._thread = Thread(target=self._run, name=f"replay-{origin}", daemon=True)
        self._thread.start()

    def reach(self, held: Held, *, within: float) -> int | None:
        """Return the `t` of the last entry once the replay stands at `held`, all valid.

        None if it does not within so many seconds, has gone past it, or never will.
        """
        size = held.checkpoint.size
        with self._changed:
            if self._wanted is None or size > self._wanted.checkpoint.size:
                self._wanted = held
                self._changed.notify_all()
            self._changed.wait_for(lambda: self._failed or self._size() >= size, timeout=within)
            if self._done is None or self._done[0].checkpoint != held.checkpoint:
                return None
            return self._done[1]

    def stop(self) -> None:
        """End the thread, once it has kept what it replayed; nothing is signed any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join(STOP_S)

    def _size(self) -> int:
        return 0 if self._done is None else self._done[0].checkpoint.size

    def _run(self) -> None:
        while not self._failed and (wanted := self._next()) is not None:
            try:
                t = self._advance(wanted)
            except Exception as error:  # noqa: BLE001 (whatever it was: nothing is signed, and it is tried again)
                self._later(wanted, error)
                continue
            with self._changed:
                if t is not None:
                    self._done = (wanted, t)
                self._changed.notify_all()
        if self._replay is not None:
            self._kept.save(self._replay.replay.saved())

    def _later(self, wanted: Held, error: Exception) -> None:
        facts = self._about(wanted) | {"alarm": not isinstance(error, Unreachable | NotFound)}
        _log.warning("the log's entries could not be replayed; trying again: %s", error, extra=facts)
        with self._changed:
            self._changed.wait_for(lambda: self._stopped, timeout=self._retry_s)

    def _next(self) -> Held | None:
        """Wait for a checkpoint that was not replayed yet; None when stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._behind())
            return None if self._stopped else self._wanted

    def _behind(self) -> bool:
        return self._wanted is not None and self._wanted.checkpoint.size > self._size()

    def _advance(self, wanted: Held) -> int | None:
        """Replay up to a checkpoint and return the time of its last entry; None if stopped before, or convicted."""
        replay, self._replay = self._going_on(wanted.checkpoint), None
        try:
            if not replay.run(self._kept):
                return None
        except TreeMismatch:
            self._kept.forget()
            raise
        except ReplayError as error:
            self._convict(wanted, error, self._signed(replay, error))
            return None
        self._replay = replay
        saved = replay.replay.saved()
        if self._kept.due():
            self._kept.save(saved)
        return saved.t

    def _going_on(self, checkpoint: Checkpoint) -> TreeReplay:
        """Return the replay to go on with: the one in memory, one from what was kept, or else a new one."""
        if self._replay is not None:
            self._replay.go_on(checkpoint)
            return self._replay
        try:
            return TreeReplay(self._tree, checkpoint, saved=self._kept.load())
        except (EvidenceError, TlogError) as error:
            # Of another version, damaged, or of another tree than is served now: it is a copy, and begun anew.
            self._kept.forget()
            raise ProofError("PROOF_INVALID", f"what was replayed before is of no use: {error}", answered="") from error

    def _signed(self, replay: TreeReplay, error: ReplayError) -> bytes:
        """Return the entry that was refused, if the log has signed for it; raises ProofError if others were served."""
        try:
            return replay.signed_entry(error.index)
        except (TlogError, TreeMismatch) as lie:
            self._kept.forget()
            message = f"other entries than the checkpoint's were answered ({error}): {lie}"
            raise ProofError("PROOF_INVALID", message, answered="") from lie

    def _convict(self, wanted: Held, error: ReplayError, entry: bytes) -> None:
        """Write down what is wrong with the log, and never sign for it again."""
        self._failed = True
        path = self._folder / f"invalid-{error.index}.json"
        facts = {"alarm": True, "index": error.index, "reason": str(error.reason), "file": str(path)}
        _log.error("an entry that the log has signed for is not valid: %s", error, extra=self._about(wanted) | facts)
        write_durably(path, [format_invalid(wanted, entry, error).encode()])

    def _about(self, held: Held) -> dict[str, object]:
        return {"origin": self._origin, "size": held.checkpoint.size}


def format_invalid(held: Held, entry: bytes, error: ReplayError) -> str:
    """Return as JSON text which entry of a signed tree is wrong, and why: whoever replays the log finds the same."""
    said = {
        "format": INVALID,
        "checkpoint": held.note,
        "index": error.index,
        "entry": encode_base64(entry),
        "reason": str(error.reason),
        "message": str(error),
    }
    return json.dumps(said, ensure_ascii=False, indent=1) + "\n"


class ReplayingWitness:
    """The second key, and the logs that are replayed for it."""

    def __init__(
        self, replayers: Mapping[str, Replayer], signer: CosignatureSigner, *, clock: Callable[[], int], wait_s: float
    ) -> None:
        """`clock` in seconds since 1970 UTC; a request waits `wait_s` for the replay at most."""
        self._replayers = replayers
        self._signer = signer
        self._clock = clock
        self._wait_s = wait_s

    def stop(self) -> None:
        """End what runs."""
        for replayer in self._replayers.values():
            replayer.stop()

    def line(self, held: Held) -> str | None:
        """Return the second cosignature, or None if the statement cannot be made."""
        replayer = self._replayers.get(held.checkpoint.origin)
        t = None if replayer is None else replayer.reach(held, within=self._wait_s)
        if t is None:
            return None
        now = self._clock()
        skew = t / 1e6 - now
        if abs(skew) > SKEW_S:
            facts = {"origin": held.checkpoint.origin, "size": held.checkpoint.size, "alarm": skew > 0}
            message = "valid, but not signed for: its last entry is %.0f s %s this clock"
            _log.error(message, abs(skew), "ahead of" if skew > 0 else "behind", extra=facts)
            return None
        return self._signer.cosign(held.note, timestamp=now).line()
