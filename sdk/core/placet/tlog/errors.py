"""What can be wrong with a log, a proof, a note or a tile: each error names the field, the reason and the next step.

A refused proof carries its whole evidence (sizes, roots, hashes), so that whoever catches it can show it to a third
party; `diagnostics()` says it in words. Nothing here decides anything.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum


class TlogError(Exception):
    """The root of all errors of `placet.tlog`.

    `reason` is a stable code, `field` the name of the refused argument or line, the message a sentence for people.
    """

    def __init__(self, reason: str, message: str, *, field: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field

    def diagnostics(self) -> str:
        """Return the error as a few lines for people."""
        return f"{self.reason} ({self.field}): {self}"


class RangeError(TlogError):
    """A position, size or level that the tree at hand does not have."""


class EncodingError(TlogError):
    """Base64 that is not in its one canonical form."""


class NoteError(TlogError):
    """A signed note, signature or verifier key that is malformed, unsigned or wrongly signed."""


class CheckpointError(TlogError):
    """A checkpoint whose text is malformed or whose signature is not that of its origin."""


class TileError(TlogError):
    """A tile path, tile or entry bundle that is malformed."""


class TlogProofError(TlogError):
    """A `.tlog-proof` file that is malformed."""


class PolicyError(TlogError):
    """A trust policy that is malformed. `line` counts from 1; None when something is missing from the whole file."""

    def __init__(self, reason: str, message: str, *, line: int | None) -> None:
        super().__init__(reason, message, field="policy" if line is None else f"line {line}")
        self.line = line


class RequestError(TlogError):
    """A call to a witness, or its answer, that is malformed."""


class ProofReason(StrEnum):
    """Why a proof was refused."""

    POSITION = "POSITION"
    LEAF_COUNT = "LEAF_COUNT"
    HASH_LENGTH = "HASH_LENGTH"
    PROOF_SHORT = "PROOF_SHORT"
    PROOF_LONG = "PROOF_LONG"
    ROOT_MISMATCH = "ROOT_MISMATCH"
    OLD_ROOT_MISMATCH = "OLD_ROOT_MISMATCH"


_IN_WORDS = {
    ProofReason.POSITION: "the positions do not lie in a tree of that size",
    ProofReason.LEAF_COUNT: "the number of leaves is not the length of the range",
    ProofReason.HASH_LENGTH: "a hash is not 32 bytes long",
    ProofReason.PROOF_SHORT: "the proof has fewer hashes than the sizes demand",
    ProofReason.PROOF_LONG: "the proof has more hashes than the sizes demand",
    ProofReason.ROOT_MISMATCH: "the proof leads to another root",
    ProofReason.OLD_ROOT_MISMATCH: "the proof leads to another old root",
}


class ProofError(TlogError):
    """A proof that does not prove what it was given for; keep `evidence`: it may convict the log."""

    def __init__(self, reason: ProofReason, proof: str, evidence: Mapping[str, object]) -> None:
        super().__init__(
            reason,
            f"{proof} proof refused: {_IN_WORDS[reason]}; trust nothing that rests on it",
            field=f"{proof} proof",
        )
        self.evidence = dict(evidence)

    def diagnostics(self) -> str:
        """Return the refusal and every piece of its evidence, hashes in hex, one a line."""
        lines = [super().diagnostics()]
        for name, value in self.evidence.items():
            lines.extend(_evidence_lines(name, value))
        return "\n".join(lines)


def _evidence_lines(name: str, value: object) -> Iterable[str]:
    if isinstance(value, bytes):
        yield f"  {name}: {value.hex()}"
    elif isinstance(value, list | tuple):
        yield f"  {name}: {len(value)} hashes"
        for position, item in enumerate(value):
            yield from _evidence_lines(f"{name}[{position}]", item)
    else:
        yield f"  {name}: {value}"
