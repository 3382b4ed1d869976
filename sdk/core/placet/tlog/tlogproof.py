"""`.tlog-proof` files: one entry's inclusion proof and the checkpoint it leads to, as text (C2SP `tlog-proof`).

Owns the format, byte for byte, in its strict reading: one text for one content. The entry itself is not in the file:
whoever verifies has it and hashes it. `extra` is signed by nobody and believed by nobody. How many witnesses must have
cosigned the checkpoint is `placet.tlog.policy`. Permanent: `docs/adr/0010-tlog-proofs-and-policies.md`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

from placet.tlog.checkpoint import Checkpoint, open_checkpoint
from placet.tlog.encoding import decode_base64, encode_base64
from placet.tlog.errors import EncodingError, TlogProofError
from placet.tlog.hashing import HASH_SIZE
from placet.tlog.keys import NoteVerifier
from placet.tlog.note import split_note
from placet.tlog.proof import verify_inclusion
from placet.tlog.tree import MAX_SIZE

HEADER: Final = "c2sp.org/tlog-proof@v1"
SUFFIX: Final = ".tlog-proof"
"""The extension of a file that holds one."""
MAX_HASHES: Final = 63
"""No tree of fewer than 2**63 leaves has a longer path."""
MAX_EXTRA_BYTES: Final = 1 << 20
_EXTRA, _INDEX = "extra ", "index "
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogProof:
    """What a `.tlog-proof` file says; none of it is verified."""

    index: int
    hashes: tuple[bytes, ...]
    """The inclusion proof, the leaf's sibling first."""
    checkpoint: str
    """The signed note, verbatim."""
    extra: bytes = b""
    """What the application put beside it; authenticated by nobody."""

    # Invariant: 0 <= index < 2**63 - 1, at most 63 hashes of 32 bytes, the checkpoint is a note, extra has a bound.

    def __post_init__(self) -> None:
        if not 0 <= self.index < MAX_SIZE:
            _refuse("INDEX", f"an index is 0 to 2**63 - 2, not {self.index}", "index")
        if len(self.hashes) > MAX_HASHES:
            _refuse("HASHES", f"a path has at most {MAX_HASHES} hashes, not {len(self.hashes)}", "hashes")
        if any(len(one) != HASH_SIZE for one in self.hashes):
            _refuse("HASHES", f"a hash has {HASH_SIZE} bytes", "hashes")
        if len(self.extra) > MAX_EXTRA_BYTES:
            _refuse("EXTRA", f"extra data has at most {MAX_EXTRA_BYTES} bytes, not {len(self.extra)}", "extra")
        split_note(self.checkpoint)


def format_tlog_proof(proof: TlogProof) -> str:
    """Return the text of a `.tlog-proof` file."""
    extra = [f"{_EXTRA}{encode_base64(proof.extra)}"] if proof.extra else []
    lines = [HEADER, *extra, f"{_INDEX}{proof.index}", *(encode_base64(one) for one in proof.hashes)]
    return "\n".join(lines) + "\n\n" + proof.checkpoint


def parse_tlog_proof(text: str) -> TlogProof:
    """Return the proof of a `.tlog-proof` file; raises TlogProofError naming the line, or NoteError for its note."""
    head, _, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != HEADER:
        _refuse("HEADER", f"the first line must be {HEADER}", "line 1")
    at, extra = 1, b""
    if len(lines) > 1 and lines[1].startswith(_EXTRA):
        at, extra = 2, _base64(lines[1].removeprefix(_EXTRA), 2)
        if not extra:
            _refuse("EXTRA", "extra data that is empty has no line", "line 2")
    index = lines[at] if at < len(lines) else ""
    number = index.removeprefix(_INDEX)
    if not index.startswith(_INDEX) or not _DECIMAL.fullmatch(number):
        _refuse("INDEX", "this line must be `index` and a decimal number without leading zeros", f"line {at + 1}")
    hashes = tuple(_base64(line, number) for number, line in enumerate(lines[at + 1 :], at + 2))
    return TlogProof(index=int(number), hashes=hashes, checkpoint=checkpoint, extra=extra)


def verify_tlog_proof(proof: TlogProof, leaf: bytes, verifiers: Iterable[NoteVerifier]) -> Checkpoint:
    """Return the checkpoint, signed by a pinned key of its log, whose tree has this leaf hash at the proof's index.

    Raises NoteError, CheckpointError or ProofError. Witnesses are not counted.
    """
    checkpoint = open_checkpoint(proof.checkpoint, verifiers)
    verify_inclusion(leaf, proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return checkpoint


def _base64(text: str, line: int) -> bytes:
    try:
        return decode_base64(text, field=f"line {line}")
    except EncodingError as error:
        raise TlogProofError("BASE64", str(error), field=f"line {line}") from error


def _refuse(reason: str, message: str, field: str) -> NoReturn:
    raise TlogProofError(reason, message, field=field)
