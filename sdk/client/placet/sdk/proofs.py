"""Checks an answer's own proofs: are these entries in the tree of that checkpoint, and are they what was asked for?

Owns the checks of single entries and of runs, and the comparison of an event entry with the question. Whether the
checkpoint itself is to be believed is `placet.sdk.trust`. Raises `ProofError` with the evidence, never returns a doubt.
Follows RFC 9162 section 2.1.3.2 and ledger.md sections 1 and 4.
"""

from collections.abc import Mapping, Sequence
from typing import NoReturn

from placet.evidence.entries import Entry, parse_entry
from placet.evidence.entryview import EventView, read_event
from placet.evidence.errors import EvidenceError
from placet.sdk.errors import ProofError
from placet.sdk.trust import Tree
from placet.tlog.errors import TlogError
from placet.tlog.hashing import fold, leaf_hash
from placet.tlog.proof import RangeProof, verify_inclusion, verify_range


class EventAsked:
    """What was asked of the ledger for one event: all that its entry is compared with. `max_uses` 0: no permit."""

    __slots__ = (
        "basis",
        "device",
        "egress",
        "frame",
        "id",
        "lifetime",
        "max_uses",
        "named",
        "occurred",
        "offline",
        "operation",
        "purpose",
        "seen",
        "site",
    )

    id: str
    named: bool
    """The caller chose the id, so the event may have been in the log before this client asked."""
    basis: int | None
    purpose: str
    device: str
    site: str
    operation: str
    egress: bool
    occurred: int
    offline: bool
    frame: str | None
    max_uses: int
    lifetime: int
    seen: tuple[int, ...]
    """The tree sizes sent with this event so far, one for each attempt."""


def check_entry(index: int, entry: bytes, stated_leaf: bytes, proof: Sequence[bytes], tree: Tree) -> Entry:
    """Return the parsed entry once it is proven to stand at `index` of the tree.

    Raises ProofError if hash, proof or position do not hold, or if the bytes are no entry.
    """
    leaf = leaf_hash(entry)
    if leaf != stated_leaf:
        refuse("the entry does not have the leaf hash that the answer states", tree, {"entry": entry}, [stated_leaf])
    try:
        verify_inclusion(leaf, index, tree.size, proof, tree.root)
        found = parse_entry(entry)
    except (TlogError, EvidenceError) as error:
        refuse(f"the entry at {index} is not proven: {error}", tree, {"entry": entry, "index": index}, proof, error)
    if found.i != index:
        refuse(f"the entry proven at {index} says it stands at {found.i}", tree, {"entry": entry}, proof)
    return found


def check_inclusion(index: int, entry: bytes, proof: Sequence[bytes], tree: Tree) -> None:
    """Raise ProofError unless the entry's bytes are the leaf `index` of the tree."""
    try:
        verify_inclusion(leaf_hash(entry), index, tree.size, proof, tree.root)
    except TlogError as error:
        refuse(f"the entry at {index} is not proven: {error}", tree, {"entry": entry, "index": index}, proof, error)


def check_runs(entries: Mapping[int, bytes], runs: Sequence[RangeProof], tree: Tree) -> dict[int, bytes]:
    """Raise ProofError unless the runs prove exactly these entries (index -> bytes) under the tree.

    Returns the roots of the beginnings of the tree that the runs give away (size -> root): they tie this tree to an
    older one without a proof of its own.
    """
    beginnings: dict[int, bytes] = {}
    left = len(entries)
    for run in runs:
        left -= run.end - run.begin
        if left < 0:
            break
        try:
            leaves = [leaf_hash(entries[index]) for index in range(run.begin, run.end)]
            verify_range(run, leaves, tree.size, tree.root)
        except KeyError:
            refuse(f"the run [{run.begin}, {run.end}) is not that of the answers", tree, {}, run.left + run.right)
        except TlogError as error:
            refuse(f"the run [{run.begin}, {run.end}) is not proven: {error}", tree, {}, run.left + run.right, error)
        beginnings[run.begin] = fold(run.left)
    if left:
        refuse("the runs do not cover the answers one for one", tree, {"answers": sorted(entries)}, ())
    return beginnings


def check_event(asked: EventAsked, index: int, entry: bytes, *, repeated: bool, tree: Tree) -> EventView:
    """Return what an event's proven entry says, once it is about what was asked.

    Raises ProofError naming the first field that differs.
    """
    try:
        view = read_event(entry)
    except EvidenceError as error:
        refuse(f"the entry at {index} is no event: {error}", tree, {"entry": entry}, (), error)
    wrong = _difference(asked, view, index, repeated=repeated)
    if wrong:
        refuse(
            f"the entry at {index} is not about the event {asked.id} as asked: {wrong} differs", tree, {"entry": entry}
        )
    return view


def _difference(asked: EventAsked, view: EventView, index: int, *, repeated: bool) -> str | None:
    """Return the first field in which an entry is not what was asked, None if there is none."""
    if view.id != asked.id:
        return "id"
    if view.i != index:
        return "i"
    if view.purpose != asked.purpose:
        return "purpose"
    if view.device != asked.device:
        return "device"
    if asked.site and view.site != asked.site:
        return "site"
    if view.operation != asked.operation:
        return "operation"
    if asked.egress and not view.egress:
        return "egress"
    if view.frame != asked.frame:
        return "frame"
    if asked.occurred and view.occurred != asked.occurred:
        return "occurred"
    if view.offline is not asked.offline:
        return "offline"
    # A named basis that does not exist stands as null, with its reason (ledger.md section 5, rule 1).
    if asked.basis is not None and view.basis != asked.basis and (view.basis is not None or view.allowed):
        return "basis"
    if view.seen not in asked.seen and not (repeated and asked.named):
        return "seen"
    return _permit_difference(asked, view)


def _permit_difference(asked: EventAsked, view: EventView) -> str | None:
    if view.allowed == bool(view.reasons):
        return "verdict"
    if view.max_uses is None or view.not_after is None:
        return "permit" if asked.max_uses and view.allowed else None
    if not view.allowed or view.max_uses != asked.max_uses:
        return "permit"
    if asked.lifetime and view.not_after > view.t + asked.lifetime * 1_000_000:
        return "permit"
    return None


def refuse(
    message: str,
    tree: Tree,
    evidence: Mapping[str, object] | None = None,
    proof: Sequence[bytes] = (),
    cause: Exception | None = None,
) -> NoReturn:
    """Raise the ProofError of an answer under this tree."""
    raise ProofError("PROOF_INVALID", message, answered=tree.note, proof=proof, evidence=evidence) from cause
