"""The second statement of a replaying witness: every entry below this size replays as valid, the status roots match.

One thread a log fetches what was cosigned and replays it with `placet.evidence.replay`; the second key says no more and
no less than that. A wrong entry ends it for this log: it is written down with the checkpoint that commits to it, an
alarm is raised, and nothing is signed again. Nor is a checkpoint signed whose last entry has a `t` more than 300 s from
this machine's clock (ledger.md section 6); entries before it lie between the times of checkpoints that were signed.
"""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Condition, Thread
from typing import Final

from placet.evidence.errors import EvidenceError
from placet.evidence.replay import Replay
from placet.evidence.terms import LeafIndex
from placet.evidence.view import EventFacts
from placet.sdk.errors import NotFound, Unreachable
from placet.sdk.witness.conflicts import write_whole
from placet.sdk.witness.mirror import Mirror, Tiles
from placet.tlog.cosignature import CosignatureSigner
from placet.tlog.encoding import encode_base64
from placet.tlog.witness import Held

SKEW_S: Final = 300
RETRY_S: Final = 5.0
INVALID: Final = "placet.invalid/1"
_log = logging.getLogger(__name__)


class Replayer:
    """Replays one log, in a thread of its own."""

    # Invariant: `_done` is None or what was cosigned when the replay stood at exactly its size.

    def __init__(self, origin: str, tiles: Tiles, folder: Path, *, retry_s: float = RETRY_S) -> None:
        self._origin = origin
        self._folder = folder
        self._retry_s = retry_s
        self._mirror = Mirror(folder, tiles)
        self._replay = Replay(origin, read_event=self._event)
        self._t = 0
        self._wanted: Held | None = None
        self._done: tuple[Held, int] | None = None
        self._failed = False
        self._stopped = False
        self._changed = Condition()
        Thread(target=self._run, name=f"replay-{origin}", daemon=True).start()

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
        """End the thread; nothing is signed any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _size(self) -> int:
        return 0 if self._done is None else self._done[0].checkpoint.size

    def _run(self) -> None:
        while not self._failed and (wanted := self._next()) is not None:
            try:
                self._advance(wanted)
            except EvidenceError as error:
                self._convict(wanted, error)
            except Exception as error:  # noqa: BLE001 (whatever it was: nothing is signed, and it is tried again)
                self._later(wanted, error)
                continue
            with self._changed:
                if not self._failed:
                    self._done = (wanted, self._t)
                self._changed.notify_all()

    def _later(self, wanted: Held, error: Exception) -> None:
        facts = self._about(wanted) | {"alarm": not isinstance(error, Unreachable | NotFound)}
        _log.warning("the log's entries could not be replayed; trying again: %s", error, extra=facts)
        with self._changed:
            self._changed.wait(self._retry_s)

    def _next(self) -> Held | None:
        """Wait for a checkpoint that was not replayed yet; None when stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._behind())
            return None if self._stopped else self._wanted

    def _behind(self) -> bool:
        return self._wanted is not None and self._wanted.checkpoint.size > self._size()

    def _advance(self, wanted: Held) -> None:
        checkpoint = wanted.checkpoint
        self._mirror.follow(checkpoint)
        for data in self._mirror.entries(self._replay.size, checkpoint.size):
            self._t = self._replay.feed(data).t
        if not self._replay.complete:
            raise EvidenceError(
                "STATE", "checkpoint", f"entry {checkpoint.size - 1} is no state: it must not be signed"
            )

    def _event(self, index: LeafIndex) -> EventFacts | None:
        return self._mirror.event(index) if index < self._replay.size else None

    def _convict(self, wanted: Held, error: EvidenceError) -> None:
        """Write down what is wrong with the log, and never sign for it again."""
        self._failed = True
        at = min(self._replay.size, wanted.checkpoint.size - 1)
        entry = next(self._mirror.entries(at, at + 1))
        path = self._folder / f"invalid-{at}.json"
        facts = self._about(wanted) | {"alarm": True, "index": at, "reason": str(error.reason), "file": str(path)}
        _log.error("an entry that the log has signed for is not valid: %s", error, extra=facts)
        write_whole(path, format_invalid(wanted, at, entry, error))

    def _about(self, held: Held) -> dict[str, object]:
        return {"origin": self._origin, "size": held.checkpoint.size}


def format_invalid(held: Held, index: int, entry: bytes, error: EvidenceError) -> str:
    """Return as JSON text which entry of a signed tree is wrong, and why: whoever replays the log finds the same."""
    said = {
        "format": INVALID,
        "checkpoint": held.note,
        "index": index,
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
