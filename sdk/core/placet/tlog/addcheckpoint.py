"""The add-checkpoint call, by which a log asks a witness for a cosignature: its bytes (C2SP `tlog-witness`).

Owns the request body, the answers' bodies and the status codes; the witness's decision is `placet.tlog.witness`, moving
the bytes is the caller's. A request that reads is not yet trusted: its checkpoint is a note that nobody has verified.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Final, NoReturn

from placet.tlog.checkpoint import Checkpoint, parse_checkpoint
from placet.tlog.cosignature import CosignatureVerifier
from placet.tlog.encoding import decode_base64, encode_base64
from placet.tlog.errors import EncodingError, RequestError, TlogError
from placet.tlog.hashing import HASH_SIZE
from placet.tlog.note import Vkey, add_signatures, open_note, split_note
from placet.tlog.tree import MAX_SIZE

ADD_CHECKPOINT: Final = "add-checkpoint"
"""The call's path, below the witness's submission prefix."""
SIZE_TYPE: Final = "text/x.tlog.size"
MAX_PROOF: Final = 63
MAX_REQUEST_BYTES: Final = 1 << 18
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")


class Status(IntEnum):
    """What a witness answers, as an HTTP status."""

    COSIGNED = 200
    MALFORMED = 400
    UNTRUSTED = 403
    UNKNOWN_LOG = 404
    CONFLICT = 409
    INCONSISTENT = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """A request: the size that the witness cosigned last, the proof from there, and the signed checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    note: str
    """The checkpoint as a signed note, verbatim."""
    checkpoint: Checkpoint
    """What the note says; nobody has verified its signatures."""

    # Invariant: 0 <= old < 2**63; at most 63 hashes of 32 bytes; `checkpoint` is the text of `note`.

    @classmethod
    def of(cls, old: int, proof: Sequence[bytes], note: str) -> "AddCheckpoint":
        """Return the request; raises RequestError if it cannot be made."""
        if not 0 <= old <= MAX_SIZE:
            _refuse("OLD_SIZE", f"{old} is no tree size: 0 to 2**63 - 1", "old")
        if len(proof) > MAX_PROOF or any(len(one) != HASH_SIZE for one in proof):
            _refuse("PROOF", f"a consistency proof has at most {MAX_PROOF} hashes of {HASH_SIZE} bytes", "proof")
        try:
            checkpoint = parse_checkpoint(split_note(note)[0])
        except TlogError as error:
            raise RequestError("CHECKPOINT", str(error), field="checkpoint") from error
        return cls(old=old, proof=tuple(proof), note=note, checkpoint=checkpoint)


def format_request(request: AddCheckpoint) -> bytes:
    """Return the body: `old <size>`, a hash a line, an empty line, the checkpoint."""
    hashes = "".join(f"{encode_base64(one)}\n" for one in request.proof)
    return f"old {request.old}\n{hashes}\n{request.note}".encode()


def parse_request(body: bytes) -> AddCheckpoint:
    """Return the request of a body; raises RequestError naming the line."""
    if len(body) > MAX_REQUEST_BYTES:
        _refuse("REQUEST_SIZE", f"a request has at most {MAX_REQUEST_BYTES} bytes", "body")
    try:
        head, empty, note = body.decode().partition("\n\n")
    except UnicodeDecodeError as error:
        raise RequestError("UTF8", "a request is UTF-8 text", field="body") from error
    if not empty:
        _refuse("REQUEST", "a request is: old size, hashes, an empty line, a checkpoint", "body")
    first, *hashes = head.split("\n")
    word, _, size = first.partition(" ")
    if word != "old" or not _DECIMAL.fullmatch(size):
        _refuse("OLD_SIZE", f"{first[:40]!r} is not `old <size>`: decimal digits without leading zeros", "old")
    try:
        proof = [decode_base64(one, field="proof") for one in hashes]
    except EncodingError as error:
        raise RequestError("PROOF", str(error), field="proof") from error
    return AddCheckpoint.of(int(size), proof, note)


def format_size(size: int) -> str:
    """Return the body of a 409: the size of the checkpoint cosigned last."""
    return f"{size}\n"


def parse_size(text: str) -> int:
    """Return the size that a 409 of the type `text/x.tlog.size` tells; raises RequestError if it is none."""
    digits = text.removesuffix("\n")
    if not _DECIMAL.fullmatch(digits) or int(digits) > MAX_SIZE:
        _refuse("SIZE", f"{text[:40]!r} is no tree size", "size")
    return int(digits)


def cosignatures_of(note: str, lines: str, verifiers: Iterable[CosignatureVerifier]) -> Mapping[Vkey, str]:
    """Return, by key, the line of each pinned witness key that cosigned the note, out of the lines it answered.

    Lines of other keys are passed over. Raises NoteError if a pinned key's line fails, the lines are none, or no pinned
    key signed.
    """
    opened = open_note(add_signatures(note, [lines]), verifiers)
    return {vkey: signature.line() for vkey, signature in opened.verified}


def origin_hash(origin: str) -> str:
    """Return the name under which a witness serves a log's checkpoint: the lower-case hex SHA-256 of the origin."""
    return sha256(origin.encode()).hexdigest()


def _refuse(reason: str, message: str, field: str) -> NoReturn:
    raise RequestError(reason, message, field=field)
