"""Checkpoints: what a log commits to (origin, size, root), as the text of a signed note (C2SP `tlog-checkpoint`).

Owns that text, byte for byte; there are no extension lines, because nobody could audit them. A checkpoint is trusted
only when a pinned key *of its origin* signed it; a witness's signature alone never suffices. That no two inconsistent
checkpoints are ever signed is the duty of the sequencer.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

from placet.tlog.encoding import decode_base64, encode_base64
from placet.tlog.errors import CheckpointError, EncodingError, NoteError
from placet.tlog.hashing import EMPTY_ROOT, HASH_SIZE
from placet.tlog.keys import KeyType, NoteSigner, NoteVerifier, require_key_name
from placet.tlog.note import Note, open_note, sign_note
from placet.tlog.tree import MAX_SIZE

MAX_ORIGIN_BYTES: Final = 255
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A log's tree at one moment."""

    origin: str
    """The log: its URL prefix without scheme and trailing slash, at most 255 bytes; also the name of its key."""
    size: int
    root: bytes

    # Invariant: the origin can name a key, 0 <= size < 2**63, the root has 32 bytes, that of size 0 is the empty root.

    def __post_init__(self) -> None:
        require_origin(self.origin)
        if not 0 <= self.size <= MAX_SIZE:
            _refuse("SIZE", f"a tree has 0 to 2**63 - 1 leaves, not {self.size}", "size")
        if len(self.root) != HASH_SIZE:
            _refuse("ROOT", f"a root has 32 bytes, got {len(self.root)}", "root")
        if self.size == 0 and self.root != EMPTY_ROOT:
            _refuse("ROOT", "an empty tree has the root SHA-256 of nothing", "root")


def require_origin(origin: str) -> None:
    """Raise CheckpointError unless `origin` is a URL prefix without scheme and trailing slash of at most 255 bytes."""
    try:
        require_key_name(origin)
    except NoteError as error:
        raise CheckpointError("ORIGIN", f"{origin!r} is no origin: {error}", field="origin") from error
    if "://" in origin or origin.endswith("/") or len(origin.encode()) > MAX_ORIGIN_BYTES:
        _refuse("ORIGIN", f"{origin!r} is no origin: no scheme, no trailing slash, at most 255 bytes", "origin")


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """Return the text of a checkpoint: origin, size and root, a line each."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{encode_base64(checkpoint.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint of a note text that has exactly its three lines; raises CheckpointError naming the line."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        _refuse("LINES", "a checkpoint has three lines (origin, size, root) and no extension", "text")
    origin, size, root = lines[:3]
    if not _DECIMAL.fullmatch(size):
        _refuse("SIZE", f"{size[:40]!r} is no tree size: decimal digits without leading zeros", "size")
    try:
        return Checkpoint(origin=origin, size=int(size), root=decode_base64(root, field="root"))
    except EncodingError as error:
        raise CheckpointError("ROOT", str(error), field="root") from error


def sign_checkpoint(checkpoint: Checkpoint, *signers: NoteSigner) -> str:
    """Return the checkpoint as a note signed by its log, by each of these keys in turn.

    Several keys sign while one replaces another. Raises CheckpointError if a key is not the origin's.
    """
    for signer in signers:
        if signer.vkey.name != checkpoint.origin:
            _refuse("ORIGIN", f"the key {signer.vkey.name} cannot sign for the log {checkpoint.origin}", "signer")
    return sign_note(format_checkpoint(checkpoint), signers)


def open_checkpoint(note: str, verifiers: Iterable[NoteVerifier]) -> Checkpoint:
    """Return the checkpoint of a note that a pinned key of its origin signed.

    Raises NoteError if the note does not verify, CheckpointError if it is no checkpoint or not its log's.
    """
    return checkpoint_of(open_note(note, verifiers))


def checkpoint_of(note: Note) -> Checkpoint:
    """Return the checkpoint of an opened note; raises CheckpointError if it is none or its log has not signed it."""
    checkpoint = parse_checkpoint(note.text)
    if not any(vkey.key_type is KeyType.ED25519 and vkey.name == checkpoint.origin for vkey, _ in note.verified):
        _refuse("ORIGIN", f"no pinned key of the log {checkpoint.origin} signed this checkpoint", "signatures")
    return checkpoint


def _refuse(reason: str, message: str, field: str) -> NoReturn:
    raise CheckpointError(reason, message, field=field)
