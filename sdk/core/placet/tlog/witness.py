"""What a witness answers to a checkpoint: a pure decision over what it cosigned last of each log (C2SP `tlog-witness`).

`decide` is the whole rule; keeping what it returns, durably and *before* anyone sees a cosignature, is the duty of the
caller, and so are clock and keys. In this order, the first rule that fails gives the answer:

1. The body is an old size, at most 63 hashes, an empty line and a checkpoint of three lines: else 400.
2. The origin is that of a pinned key: else 404.
3. A pinned key of the origin signed the checkpoint, and no pinned key's signature fails: else 403.
4. The old size is not above the checkpoint's: else 400.
5. The old size is that of the checkpoint cosigned last, 0 if there is none: else 409 with that size.
6. Of the same size, it has the same root: else 409 without a size. The two checkpoints are a `Conflict`.
7. The proof leads from the root cosigned last to the checkpoint's: else 422. The two checkpoints are a `Conflict`.

So what is cosigned of a log is one history, and its size never falls. Left out: extension lines, which this witness
refuses (rule 1), and `sign-subtree`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from placet.tlog.addcheckpoint import AddCheckpoint, Status, parse_request
from placet.tlog.checkpoint import Checkpoint
from placet.tlog.errors import NoteError, ProofError, ProofReason, RequestError
from placet.tlog.hashing import EMPTY_ROOT
from placet.tlog.note import Note, Verifier, open_note
from placet.tlog.proof import verify_consistency


class LogKeys:
    """The pinned keys of the logs that a witness serves; a log whose key was rotated has several."""

    def __init__(self, keys: Iterable[Verifier]) -> None:
        self._by_origin: dict[str, list[Verifier]] = {}
        for key in keys:
            self._by_origin.setdefault(key.vkey.name, []).append(key)

    @property
    def origins(self) -> tuple[str, ...]:
        """The logs, by their names."""
        return tuple(self._by_origin)

    def of(self, origin: str) -> Sequence[Verifier]:
        """Return the keys of a log; none if it is unknown."""
        return self._by_origin.get(origin, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a witness cosigned last of a log."""

    checkpoint: Checkpoint
    note: str
    """The checkpoint with the signatures of the log's pinned keys, and no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A checkpoint that does not continue what was cosigned: keep it, the two together may convict the log."""

    held: Held
    offered: Held
    proof: tuple[bytes, ...]

    @property
    def proven(self) -> bool:
        """Whether the three show by themselves that the log signed two histories (see `contradicts`)."""
        return contradicts(self.held.checkpoint, self.offered.checkpoint, self.proof)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosign:
    """Keep `held`, then answer 200 with the cosignature of its note."""

    held: Held


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Answer with this status, and with `size` alone as `text/x.tlog.size` if there is one; change nothing."""

    status: Status
    reason: str
    message: str
    size: int | None = None
    conflict: Conflict | None = None


Decision: TypeAlias = Cosign | Refusal
_EMPTY: Final = (0, EMPTY_ROOT)


def decide(body: bytes, logs: LogKeys, held: Callable[[str], Held | None]) -> Decision:
    """Return what a witness does with the body of an add-checkpoint call; `held` says what it cosigned last of a log.

    What `held` tells must not change before the caller has kept the outcome.
    """
    try:
        request = parse_request(body)
    except RequestError as error:
        return Refusal(status=Status.MALFORMED, reason=error.reason, message=str(error))
    origin = request.checkpoint.origin
    keys = logs.of(origin)
    if not keys:
        return Refusal(status=Status.UNKNOWN_LOG, reason="UNKNOWN_LOG", message=f"no key of {origin} is pinned here")
    try:
        note = open_note(request.note, keys)
    except NoteError as error:
        return Refusal(status=Status.UNTRUSTED, reason=error.reason, message=str(error))
    offered = Held(checkpoint=request.checkpoint, note=_by_the_log(note))
    return _continue(request, offered, held(origin))


def _continue(request: AddCheckpoint, offered: Held, held: Held | None) -> Decision:
    """Rules 4 to 7: does the checkpoint continue the one that was cosigned last?"""
    new = offered.checkpoint
    if request.old > new.size:
        return Refusal(
            status=Status.MALFORMED,
            reason="OLD_SIZE",
            message=f"the old size {request.old} is above the checkpoint's, {new.size}",
        )
    size, root = _EMPTY if held is None else (held.checkpoint.size, held.checkpoint.root)
    if request.old != size:
        message = f"the checkpoint cosigned last has the size {size}, not {request.old}: prove from there"
        return Refusal(status=Status.CONFLICT, reason="OLD_SIZE", message=message, size=size)
    try:
        verify_consistency(size, root, new.size, new.root, request.proof)
    except ProofError as error:
        return _inconsistent(request, offered, held, error)
    return Cosign(held=offered)


def _inconsistent(request: AddCheckpoint, offered: Held, held: Held | None, error: ProofError) -> Refusal:
    conflict, status = None, Status.INCONSISTENT
    if held is not None and held.checkpoint != offered.checkpoint:
        conflict = Conflict(held=held, offered=offered, proof=request.proof)
        if held.checkpoint.size == offered.checkpoint.size:
            status = Status.CONFLICT
    return Refusal(status=status, reason=str(error.reason), message=str(error), conflict=conflict)


def contradicts(held: Checkpoint, offered: Checkpoint, proof: Sequence[bytes]) -> bool:
    """Tell whether two checkpoints of a log prove by themselves that it has two histories, `offered` the larger.

    So do two roots of one size, and a proof that leads from another old root to the new one. A proof that leads nowhere
    proves nothing: anybody may have sent it.
    """
    if held.size == offered.size:
        return held.root != offered.root
    try:
        verify_consistency(held.size, held.root, offered.size, offered.root, proof)
    except ProofError as error:
        if error.reason is not ProofReason.OLD_ROOT_MISMATCH:
            return False
        other = error.evidence["computed"]
        assert isinstance(other, bytes)
        return _leads(held.size, other, offered, proof)
    return False


def _leads(old: int, root: bytes, offered: Checkpoint, proof: Sequence[bytes]) -> bool:
    try:
        verify_consistency(old, root, offered.size, offered.root, proof)
    except ProofError:
        return False
    return True


def _by_the_log(note: Note) -> str:
    """Return the note with the verified signatures of its log alone."""
    return note.text + "\n" + "".join(signature.line() for _, signature in note.verified)
