"""The witness itself: a request is decided, kept, and only then answered.

Owns the order of these steps; the rules are `placet.tlog.witness`, keeping is `store`. Handed in: keys, the clock,
where conflicts go, and whether entries are replayed. Knows nothing of HTTP but its status codes.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from placet.sdk.witness.conflicts import Conflicts
from placet.sdk.witness.store import Kept
from placet.tlog.addcheckpoint import SIZE_TYPE, Status, format_size, origin_hash
from placet.tlog.cosignature import CosignatureSigner
from placet.tlog.witness import Decision, Held, LogKeys, Refusal, decide

TEXT: Final = "text/plain; charset=utf-8"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back: an HTTP status, a content type and a text."""

    status: int
    body: str
    type: str = TEXT


class Keeper(Protocol):
    """Where the witness's state is."""

    def transaction(self) -> AbstractContextManager[Kept]:
        """Decide and keep in one transaction: durable when the block has been left, undone if it raised."""

    def note(self, origin: str) -> str | None:
        """Return the checkpoint cosigned last of a log, with all signatures; None if there is none."""


class Replays(Protocol):
    """The second statement of a replaying witness: every entry below the size replays, and the status roots match."""

    def line(self, held: Held) -> str | None:
        """Return the cosignature of the second key, or None if the statement cannot be made (now, or ever)."""


class Witness:
    """One witness for the logs whose keys are pinned. Safe for use by several threads."""

    def __init__(
        self,
        keeper: Keeper,
        logs: LogKeys,
        signer: CosignatureSigner,
        conflicts: Conflicts,
        *,
        clock: Callable[[], int],
        replays: Replays | None = None,
    ) -> None:
        """`clock` returns seconds since 1970 UTC."""
        self._keeper = keeper
        self._logs = logs
        self._signer = signer
        self._conflicts = conflicts
        self._clock = clock
        self._replays = replays
        self._origins = {origin_hash(origin): origin for origin in logs.origins}

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer an add-checkpoint call; a cosignature is durably kept before this returns it."""
        decision, line = self._decide(body)
        if isinstance(decision, Refusal):
            return self._refuse(decision)
        _log.info("cosigned", extra=_facts(decision.held))
        return Answer(status=Status.COSIGNED, body=line + self._replayed(decision.held))

    def _decide(self, body: bytes) -> tuple[Decision, str]:
        with self._keeper.transaction() as kept:
            decision = decide(body, self._logs, kept.held)
            if isinstance(decision, Refusal):
                return decision, ""
            line = self._signer.cosign(decision.held.note, timestamp=self._clock()).line()
            kept.put(decision.held, line)
        return decision, line

    def _replayed(self, held: Held) -> str:
        line = None if self._replays is None else self._replays.line(held)
        if line is None:
            return ""
        with self._keeper.transaction() as kept:
            kept.add(held, line)
        return line

    def _refuse(self, refusal: Refusal) -> Answer:
        if refusal.conflict is not None:
            self._conflicts.keep(refusal.conflict, now=self._clock())
        elif refusal.size is None:
            _log.warning("refused: %s", refusal.message, extra={"status": int(refusal.status)})
        if refusal.size is not None:
            return Answer(status=refusal.status, body=format_size(refusal.size), type=SIZE_TYPE)
        return Answer(status=refusal.status, body=f"{refusal.reason}: {refusal.message}\n")

    def checkpoint(self, name: str) -> str | None:
        """Return the checkpoint cosigned last of the log with this origin hash, with all signatures; None if none."""
        origin = self._origins.get(name)
        return None if origin is None else self._keeper.note(origin)


def _facts(held: Held) -> dict[str, object]:
    return {"origin": held.checkpoint.origin, "size": held.checkpoint.size}
