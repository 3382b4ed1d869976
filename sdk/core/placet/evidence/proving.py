"""The single steps of a verification: a checkpoint opened, an entry proven under it, a status proven under its state.

Keys are pinned by whoever verifies, never taken from the evidence. Each step raises VerifyError naming the place in the
evidence and saying what is wrong; what it returns may be relied on. The order of steps is `placet.evidence.verify`.
"""

from collections.abc import Iterable
from typing import NoReturn, TypeVar

from placet.evidence.bundle import ProvenEntry, ProvenStatus
from placet.evidence.canonical import unb64url
from placet.evidence.entries import parse_entry
from placet.evidence.errors import EntryError, VerifyError
from placet.evidence.kinds import Entry, State
from placet.evidence.status import status_leaf
from placet.evidence.terms import RULES, value
from placet.evidence.words import Saying, Statement
from placet.tlog.checkpoint import Checkpoint, checkpoint_of
from placet.tlog.errors import ProofError, TlogError
from placet.tlog.hashing import leaf_hash
from placet.tlog.keys import KeyType, NoteVerifier, format_vkey
from placet.tlog.note import open_note
from placet.tlog.proof import verify_inclusion

K = TypeVar("K", bound=Entry)
REMEMBERED = 1024


@value
class Opened:
    """A checkpoint that a pinned key of its log signed, and who else cosigned it."""

    checkpoint: Checkpoint
    signers: tuple[str, ...]
    witnesses: tuple[str, ...]


class Trust:
    """The pinned keys, and the checkpoints that they were found to have signed (the last 1,024)."""

    def __init__(self, verifiers: Iterable[NoteVerifier]) -> None:
        self._verifiers = tuple(verifiers)
        self._opened: dict[str, Opened] = {}

    def open(self, note: str, field: str) -> Opened:
        """Return the checkpoint of a signed note; raises VerifyError if no pinned key of its log signed it."""
        known = self._opened.get(note)
        if known is not None:
            return known
        try:
            opened_note = open_note(note, self._verifiers)
            checkpoint = checkpoint_of(opened_note)
        except TlogError as error:
            raise VerifyError(field, Statement(saying=Saying.WRONG_CHECKPOINT, facts={"why": error})) from error
        vkeys = [vkey for vkey, _ in opened_note.verified]
        opened = Opened(
            checkpoint=checkpoint,
            signers=tuple(format_vkey(vkey) for vkey in vkeys if vkey.key_type is KeyType.ED25519),
            witnesses=tuple(format_vkey(vkey) for vkey in vkeys if vkey.key_type is not KeyType.ED25519),
        )
        self._remember(note, opened)
        return opened

    def _remember(self, note: str, opened: Opened) -> None:
        if len(self._opened) >= REMEMBERED:
            del self._opened[next(iter(self._opened))]
        self._opened[note] = opened


def refuse(field: str, saying: Saying, /, **facts: object) -> NoReturn:
    """Raise VerifyError with this sentence."""
    raise VerifyError(field, Statement(saying=saying, facts=facts))


def prove(opened: Opened, proven: ProvenEntry, kind: type[K], field: str) -> K:
    """Return the entry once it is in the signed tree, is well-formed, of this kind and where it says it is."""
    checkpoint, index = opened.checkpoint, proven.index
    try:
        verify_inclusion(leaf_hash(proven.entry), index, checkpoint.size, proven.proof, checkpoint.root)
    except ProofError as error:
        facts = {"index": index, "size": checkpoint.size, "why": error}
        raise VerifyError(f"{field}.proof", Statement(saying=Saying.WRONG_INCLUSION, facts=facts)) from error
    try:
        entry = parse_entry(proven.entry)
    except EntryError as error:
        facts = {"index": index, "why": f"{error.field} {error}"}
        raise VerifyError(f"{field}.entry", Statement(saying=Saying.WRONG_ENTRY, facts=facts)) from error
    if entry.i != index:
        refuse(f"{field}.entry", Saying.WRONG_INDEX, index=index, claimed=entry.i)
    if not isinstance(entry, kind):
        refuse(f"{field}.entry", Saying.WRONG_KIND, index=index, kind=entry.kind, wanted=kind.__name__.lower())
    return entry


def prove_state(opened: Opened, proven: ProvenEntry) -> State:
    """Return the state that ends the checkpoint's tree: without it the log was not allowed to sign."""
    state = prove(opened, proven, State, "state")
    last = opened.checkpoint.size - 1
    begin = 0 if state.prev_state is None else state.prev_state + 1
    if state.i != last or state.covers != (begin, last) or begin > last:
        refuse("state", Saying.WRONG_LAST_STATE, last=last, index=state.i, covers=state.covers)
    if state.rules != RULES:
        refuse("state.rules", Saying.WRONG_RULES_VERSION, rules=state.rules, known=RULES)
    return state


def prove_status(state: State, status: ProvenStatus, field: str) -> None:
    """Verify that the state's status root commits to exactly this status of this basis."""
    leaf = status_leaf(status.ordinal, status.granted, status.ended, status.history)
    try:
        verify_inclusion(leaf, status.ordinal, state.bases, status.proof, unb64url(state.status_root))
    except ProofError as error:
        facts = {"ordinal": status.ordinal, "why": error}
        raise VerifyError(f"{field}.proof", Statement(saying=Saying.WRONG_STATUS_PROOF, facts=facts)) from error
