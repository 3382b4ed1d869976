"""A little log for the tests of the SDK: real entries, tree, checkpoints and proofs; no database, no rules.

Can be copied, so that a test makes two histories out of one.
"""

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from placet.api.common.v1 import evidence_pb2
from placet.evidence.canonical import b64url
from placet.evidence.kinds import NO_PREV, Entry, Grant, Record, State
from placet.tlog.checkpoint import Checkpoint, sign_checkpoint
from placet.tlog.hashing import leaf_hash
from placet.tlog.note import Signer, format_vkey
from placet.tlog.proof import consistency_proof, inclusion_proof, range_proof
from placet.tlog.tree import LevelTree, subtree_root

NOW = 1_790_000_000_000_000


class LittleLog:
    """Entries, tree and key of one log."""

    def __init__(self, origin: str = "placet.test/log/shop", seed: bytes = b"\x07" * 32) -> None:
        self.signer = Signer.from_seed(origin, seed)
        self.origin = origin
        self.vkey = format_vkey(self.signer.vkey)
        self.tree = LevelTree()
        self.entries: list[bytes] = []
        self.bases = 0
        self.last_state: int | None = None
        self.covered = 0
        self.t = NOW
        self.append(Record, type="log.created", data={"origin": origin, "vkey": self.vkey})
        self.state()

    def fork(self) -> "LittleLog":
        """Return another history that begins like this one."""
        other = copy.copy(self)
        other.tree = LevelTree.from_leaves(b"".join(leaf_hash(entry) for entry in self.entries))
        other.entries = list(self.entries)
        return other

    @property
    def size(self) -> int:
        return len(self.entries)

    def append(self, kind: type[Entry], **fields: Any) -> int:
        """Append an entry with its chain fields filled in; returns its index."""
        index = self.size
        prev = b64url(leaf_hash(self.entries[-1])) if self.entries else NO_PREV
        self.t += 1
        return self.put(msgspec.json.encode(kind(i=index, prev=prev, t=self.t, **fields), order="sorted"))

    def put(self, entry: bytes) -> int:
        """Append the bytes of an entry."""
        self.entries.append(entry)
        self.tree.append(leaf_hash(entry))
        return self.size - 1

    def grant(self, **fields: Any) -> int:
        """Append a consent; returns its index."""
        ordinal, self.bases = self.bases, self.bases + 1
        told = {
            "form": "consent",
            "subject": b64url(bytes(16)),
            "purposes": ("payment",),
            "operations": ("verify",),
            "sites": ("*",),
            "egress": True,
            "not_before": NOW,
            "not_after": None,
            "needs": (),
            "max_events": None,
            "approvals": (),
            "record": NO_PREV,
            "notice": NO_PREV,
            "law": "cn-2025",
            "authority": None,
            "imported": False,
        }
        return self.append(Grant, basis=ordinal, **{**told, **fields})

    def state(self) -> None:
        """End a batch as the sequencer does."""
        index = self.size
        self.append(
            State,
            prev_state=self.last_state,
            covers=(self.covered, index),
            bases=self.bases,
            status_root=NO_PREV,
        )
        self.last_state, self.covered = index, index + 1

    def note(self, size: int | None = None) -> str:
        """Return the signed checkpoint of the first `size` entries."""
        size = self.size if size is None else size
        return sign_checkpoint(Checkpoint(origin=self.origin, size=size, root=self.root(size)), self.signer)

    def root(self, size: int) -> bytes:
        return subtree_root(0, size, self.tree)

    def checkpoint(self, seen: int = 0, size: int | None = None) -> evidence_pb2.Checkpoint:
        """Return the checkpoint message with the consistency proof from `seen`."""
        size = self.size if size is None else size
        made = evidence_pb2.Checkpoint(note=self.note(size), tree_size=size)
        if 0 < seen <= size:
            made.consistency.old_size = seen
            made.consistency.hashes.extend(consistency_proof(seen, size, self.tree))
        return made

    def proven(self, index: int, size: int | None = None) -> evidence_pb2.ProvenEntry:
        """Return an entry with its inclusion proof."""
        entry = self.entries[index]
        return evidence_pb2.ProvenEntry(
            index=index, entry=entry, leaf_hash=leaf_hash(entry), proof=self.inclusion(index, size)
        )

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        return inclusion_proof(index, self.size if size is None else size, self.tree)

    def receipt(self, index: int, seen: int = 0) -> evidence_pb2.LedgerReceipt:
        """Return a receipt of an entry."""
        return evidence_pb2.LedgerReceipt(entry=self.proven(index), checkpoint=self.checkpoint(seen))

    def runs(self, indexes: Iterable[int]) -> list[evidence_pb2.RangeProof]:
        """Return a range proof for each maximal run of the distinct indexes, ascending."""
        found: list[list[int]] = []
        for index in sorted(set(indexes)):
            if found and found[-1][1] == index:
                found[-1][1] = index + 1
            else:
                found.append([index, index + 1])
        return [self._run(begin, end) for begin, end in found]

    def _run(self, begin: int, end: int) -> evidence_pb2.RangeProof:
        made = range_proof(begin, end, self.size, self.tree)
        return evidence_pb2.RangeProof(begin=begin, end=end, left=made.left, right=made.right)

    def consistency(self, old: int, new: int) -> list[bytes]:
        return consistency_proof(old, new, self.tree)


def leaves(entries: Sequence[bytes]) -> list[bytes]:
    return [leaf_hash(entry) for entry in entries]
