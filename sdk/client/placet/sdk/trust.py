"""What this client holds for certain about its log, and how a new checkpoint is tied to it.

Owns the newest checkpoint held (size *and* root: a fork is seen), and the roots of smaller trees proven to be its
beginnings. Sans-IO: where a proof is missing it says which one (`Gap`), the session fetches it. Nothing is ever
accepted by size alone, and a checkpoint is accepted only when proven to be on one line with the newest one at
that moment. Follows RFC 6962 section 2.1.2 and ledger.md section 7.

Why an anchor proof is not enough: two answers in flight at once are both proven to extend the tree that was seen when
they were asked, and may still contradict one another. So each is tied to the head as well: by being asked from it, by a
prefix root that came with a range proof, or by one more consistency proof.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from placet.sdk.errors import ProofError
from placet.tlog.checkpoint import Checkpoint, open_checkpoint
from placet.tlog.errors import TlogError
from placet.tlog.hashing import EMPTY_ROOT
from placet.tlog.note import NoteVerifier
from placet.tlog.proof import verify_consistency

_NOTES_KEPT: Final = 64
_ROOTS_KEPT: Final = 4_096


class Tree(NamedTuple):
    """A tree that a checkpoint of this log commits to; `note` is the signed checkpoint, empty for the empty tree."""

    size: int
    root: bytes
    note: str


class Gap(NamedTuple):
    """A consistency proof that is missing: that `old` is the beginning of `new`.

    One of them was the head when the gap was found; `behind` tells whether it was the new one.
    """

    old: Tree
    new: Tree
    behind: bool


EMPTY: Final = Tree(0, EMPTY_ROOT, "")


class Trust:
    """The newest tree held, and everything proven to be its beginning.

    Not safe for use by several threads; used on one event loop, without awaits in between.
    """

    __slots__ = ("_notes", "_origin", "_roots", "_verifiers", "head", "signatures_checked")

    # Invariant: every tree in `_roots` is proven to be a beginning of `head`; the head itself is among them.

    def __init__(self, verifier: NoteVerifier, held: str | None = None, more: Sequence[NoteVerifier] = ()) -> None:
        """Pin a key of the log, and `more` of the same log when it is rotated; `held` is a checkpoint kept before."""
        self._verifiers = (verifier, *more)
        self._origin = verifier.vkey.name
        self._notes: OrderedDict[str, Tree] = OrderedDict()
        self._roots: OrderedDict[int, bytes] = OrderedDict()
        self.head = EMPTY
        self.signatures_checked = 0
        if held is not None:
            self._advance(self.open(held))

    @property
    def origin(self) -> str:
        """The name of the log: that of its pinned key."""
        return self._origin

    def open(self, note: str, stated_size: int | None = None) -> Tree:
        """Return the tree of a checkpoint that a pinned key signed; each note's signature is checked once.

        Raises ProofError if it is not signed by it, no checkpoint, or of another size than stated.
        """
        tree = self._notes.get(note)
        if tree is None:
            tree = self._open(note)
            self._notes[note] = tree
            if len(self._notes) > _NOTES_KEPT:
                self._notes.popitem(last=False)
        if stated_size is not None and stated_size != tree.size:
            raise self._refused(f"the answer says the log has {stated_size} entries, its checkpoint {tree.size}", tree)
        return tree

    def tie(
        self, tree: Tree, anchor: Tree, proof: Sequence[bytes] | None, beginnings: Mapping[int, bytes] = {}
    ) -> Gap | None:
        """Accept `tree`, or say which proof is still missing.

        `anchor` is what was held when the question was asked, `proof` the consistency proof from it (None: none was
        asked for), `beginnings` the roots of beginnings of `tree` that its range proofs give away (size -> root).
        Raises ProofError if anything contradicts what is held.
        """
        if proof is not None:
            self._check_anchor(tree, anchor, proof)
        if self._is_known(tree):
            return None
        head = self.head
        if tree.size < head.size:
            return Gap(tree, head, behind=True)
        proven = (proof is not None and anchor.size == head.size) or head.size == 0
        if not proven and beginnings.get(head.size) is not None:
            if beginnings[head.size] != head.root:
                raise self._forked(head, tree, ())
            proven = True
        if not proven:
            return Gap(head, tree, behind=False)
        self._advance(tree, beginnings)
        return None

    def bridge(self, gap: Gap, proof: Sequence[bytes], beginnings: Mapping[int, bytes] = {}) -> Gap | None:
        """Accept the new tree of a gap with the proof that was missing, or say what is missing now.

        The head may have moved meanwhile. Raises ProofError if the proof does not hold: that is a fork.
        """
        try:
            verify_consistency(gap.old.size, gap.old.root, gap.new.size, gap.new.root, proof)
        except TlogError as error:
            raise self._forked(gap.old, gap.new, proof, error) from error
        if gap.behind:  # every former head is a beginning of the head, so this tree is one too
            self._remember(gap.old)
            return None
        if self._is_known(gap.new):
            return None
        if gap.old.size != self.head.size:
            return self.tie(gap.new, EMPTY, None, beginnings)
        self._advance(gap.new, beginnings)
        return None

    def _is_known(self, tree: Tree) -> bool:
        known = self._roots.get(tree.size)
        if known is not None and known != tree.root:
            held = self.head if self.head.size == tree.size else Tree(tree.size, known, self.head.note)
            raise self._forked(held, tree, ())
        return known is not None

    def _check_anchor(self, tree: Tree, anchor: Tree, proof: Sequence[bytes]) -> None:
        if tree.size < anchor.size:
            raise ProofError(
                "LOG_FORKED",
                f"the log was seen with {anchor.size} entries and now claims {tree.size}: entries were removed",
                held=anchor.note,
                answered=tree.note,
                proof=proof,
            )
        if anchor.size == 0:
            return
        try:
            verify_consistency(anchor.size, anchor.root, tree.size, tree.root, proof)
        except TlogError as error:
            raise self._forked(anchor, tree, proof, error) from error

    def _advance(self, tree: Tree, beginnings: Mapping[int, bytes] = {}) -> None:
        for size, root in beginnings.items():
            self._remember(Tree(size, root, ""))
        self._remember(tree)
        if tree.size >= self.head.size:
            self.head = tree

    def _remember(self, tree: Tree) -> None:
        self._roots[tree.size] = tree.root
        if len(self._roots) > _ROOTS_KEPT:
            self._roots.popitem(last=False)

    def _open(self, note: str) -> Tree:
        self.signatures_checked += 1
        try:
            found: Checkpoint = open_checkpoint(note, self._verifiers)
        except TlogError as error:
            message = f"the checkpoint is not signed by a pinned key of {self._origin}: {error}"
            raise ProofError("PROOF_INVALID", message, held=self.head.note, answered=note) from error
        return Tree(found.size, found.root, note)

    def _refused(self, message: str, tree: Tree) -> ProofError:
        return ProofError("PROOF_INVALID", message, held=self.head.note, answered=tree.note)

    def _forked(self, held: Tree, answered: Tree, proof: Sequence[bytes], error: TlogError | None = None) -> ProofError:
        evidence: dict[str, object] = {
            "held_size": held.size,
            "held_root": held.root,
            "answered_size": answered.size,
            "answered_root": answered.root,
        }
        return ProofError(
            "LOG_FORKED",
            f"the log's tree of {answered.size} entries does not continue the one of {held.size} that was held"
            + (f" ({error})" if error else ""),
            held=held.note,
            answered=answered.note,
            proof=proof,
            evidence=evidence,
        )
