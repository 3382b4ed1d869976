"""The single steps of a verification: an entry proven under an opened checkpoint, a status proven under its state.

Each step raises VerifyError naming the place in the evidence and saying what is wrong; what it returns may be relied
on. What was proven before is not proven again. Opening a checkpoint is `placet.evidence.trust`, the order of steps
`placet.evidence.verify`.
"""

from typing import Final, NoReturn, TypeVar

from placet.evidence.bundle import ProvenEntry, ProvenStatus
from placet.evidence.canonical import unb64url
from placet.evidence.entries import parse_entry
from placet.evidence.errors import EntryError, VerifyError
from placet.evidence.kinds import Entry, State
from placet.evidence.status import status_leaf
from placet.evidence.terms import RULES
from placet.evidence.trust import Opened
from placet.evidence.words import Saying, Statement
from placet.tlog.errors import ProofError
from placet.tlog.hashing import leaf_hash
from placet.tlog.proof import verify_inclusion

K = TypeVar("K", bound=Entry)
REMEMBERED_BYTES: Final = 4_096
"""A longer entry is not remembered, so that what is stays within some ten megabytes."""


def refuse(field: str, saying: Saying, /, **facts: object) -> NoReturn:
    """Raise VerifyError with this sentence."""
    raise VerifyError(field, Statement(saying=saying, facts=facts))


def prove(opened: Opened, proven: ProvenEntry, kind: type[K], field: str) -> K:
    """Return the entry once it is in the signed tree, is well-formed, of this kind and where it says it is."""
    checkpoint = opened.checkpoint
    known = (checkpoint.root, checkpoint.size, proven.index, proven.entry, proven.proof)
    entry = opened.entries.get(known)
    if entry is None:
        entry = _prove(opened, proven, field)
        if len(proven.entry) <= REMEMBERED_BYTES:
            opened.entries.put(known, entry)
    if not isinstance(entry, kind):
        refuse(f"{field}.entry", Saying.WRONG_KIND, index=entry.i, kind=entry.kind, wanted=kind.__name__.lower())
    return entry


def _prove(opened: Opened, proven: ProvenEntry, field: str) -> Entry:
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
