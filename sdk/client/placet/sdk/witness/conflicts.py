"""Conflicts on disk: two checkpoints that are not one history, as a file that can be handed on, and an alarm.

Owns `placet.conflict/1` (docs/adr/0011-witnesses.md): both signed checkpoints and the hashes that were offered as the
proof between them. A file is whole or not there. What is `proven` convicts the log by itself; what is not may be a
stranger's nonsense, so of those only so many are kept.
"""

import json
import logging
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from placet.sdk.durable import write_durably
from placet.tlog.checkpoint import open_checkpoint
from placet.tlog.encoding import decode_base64, encode_base64
from placet.tlog.errors import EncodingError, RequestError
from placet.tlog.note import NoteVerifier
from placet.tlog.witness import Conflict, Held

FORMAT: Final = "placet.conflict/1"
MAX_UNPROVEN: Final = 1_000
_KEYS: Final = {"format", "held", "offered", "proof", "proven", "noticed"}
_log = logging.getLogger(__name__)


class Conflicts:
    """The conflicts that a witness met, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, conflict: Conflict, *, now: int) -> Path | None:
        """Write a conflict down, once, and raise the alarm; `now` in seconds since 1970 UTC. Returns the file."""
        path = self._path(conflict)
        kept = path.exists() or self._write(path, conflict, now)
        _log.error(
            "a log offered a checkpoint that does not continue the one cosigned last: refused",
            extra={
                "alarm": True,
                "origin": conflict.held.checkpoint.origin,
                "held_size": conflict.held.checkpoint.size,
                "offered_size": conflict.offered.checkpoint.size,
                "proven": conflict.proven,
                "file": str(path) if kept else None,
            },
        )
        return path if kept else None

    def _path(self, conflict: Conflict) -> Path:
        both = sha256(conflict.held.note.encode() + b"\0" + conflict.offered.note.encode()).hexdigest()[:32]
        return self._folder / f"{'proven' if conflict.proven else 'unproven'}-{both}.json"

    def _write(self, path: Path, conflict: Conflict, now: int) -> bool:
        if not conflict.proven and sum(1 for _ in self._folder.glob("unproven-*")) >= MAX_UNPROVEN:
            return False
        self._folder.mkdir(parents=True, exist_ok=True)
        write_durably(path, [format_conflict(conflict, now=now).encode()])
        return True


def format_conflict(conflict: Conflict, *, now: int) -> str:
    """Return a conflict as JSON text."""
    said = {
        "format": FORMAT,
        "held": conflict.held.note,
        "offered": conflict.offered.note,
        "proof": [encode_base64(one) for one in conflict.proof],
        "proven": conflict.proven,
        "noticed": now,
    }
    return json.dumps(said, ensure_ascii=False, indent=1) + "\n"


def parse_conflict(text: str, verifiers: list[NoteVerifier]) -> Conflict:
    """Return the conflict of a file, both checkpoints verified under the log's pinned keys.

    Raises RequestError if it is malformed, NoteError or CheckpointError if a signature does not hold.
    """
    said = _members(text)
    try:
        proof = tuple(decode_base64(one, field="proof") for one in said["proof"])
    except EncodingError as error:
        raise RequestError("PROOF", str(error), field="proof") from error
    held, offered = (Held(checkpoint=open_checkpoint(note, verifiers), note=note) for note in _notes(said))
    return Conflict(held=held, offered=offered, proof=proof)


def _notes(said: dict[str, Any]) -> tuple[str, str]:
    return said["held"], said["offered"]


def _members(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError as error:
        raise RequestError("CONFLICT", f"not JSON: {error}", field="conflict") from error
    if not isinstance(said, dict) or said.keys() != _KEYS or said["format"] != FORMAT:
        raise RequestError("CONFLICT", f"not a {FORMAT}", field="conflict")
    texts = [said["held"], said["offered"], *(said["proof"] if isinstance(said["proof"], list) else [None])]
    if not all(isinstance(one, str) for one in texts):
        raise RequestError("CONFLICT", "held, offered and every hash of the proof are texts", field="conflict")
    return said
