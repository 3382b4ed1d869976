"""Putting a bundle, a receipt or a fraud proof together from whoever can read a log.

Owns which entries belong in which evidence (ledger.md section 5), never how they are read: that is the reader's duty.
Checks nothing but what it needs to find its way; verify what comes out before handing it to anyone.
"""

from collections.abc import Sequence
from typing import Protocol

from placet.evidence.bundle import Bundle, Fraud, ProvenBasis, ProvenEntry, ProvenStatus, Receipt
from placet.evidence.entries import parse_entry
from placet.evidence.errors import BundleError
from placet.evidence.kinds import Amend, Entry, Event, Grant, Withdraw
from placet.evidence.status import Status
from placet.evidence.terms import BasisOrdinal, LeafIndex
from placet.tlog.hashing import leaf_hash


class EvidenceReader(Protocol):
    """One log at one checkpoint: every answer is for the tree of exactly `size` entries."""

    @property
    def checkpoint(self) -> str:
        """The signed note of the checkpoint."""

    @property
    def size(self) -> int:
        """The checkpoint's tree size; entry size - 1 is a state."""

    def entry(self, index: LeafIndex) -> bytes:
        """Return the bytes of an entry."""

    def inclusion(self, index: LeafIndex) -> Sequence[bytes]:
        """Return the inclusion proof of an entry in the tree of `size` entries, the leaf's sibling first."""

    def granted(self, ordinal: BasisOrdinal) -> LeafIndex:
        """Return the index of a basis's grant."""

    def changes(self, ordinal: BasisOrdinal) -> Sequence[LeafIndex]:
        """Return the indexes of a basis's amends and withdraw below `size`, ascending."""

    def status_proof(self, ordinal: BasisOrdinal) -> Sequence[bytes]:
        """Return the inclusion proof of a basis's status leaf in the status tree of entry size - 1."""

    def uses(self, event: LeafIndex) -> Sequence[LeafIndex]:
        """Return the indexes of the uses of an event below `size`, ascending."""


def build_bundle(reader: EvidenceReader, event: LeafIndex) -> Bundle:
    """Return the bundle of the event at this index; raises BundleError if that entry is no event."""
    proven, entry = _read(reader, event)
    if not isinstance(entry, Event):
        raise BundleError("NOT_AN_EVENT", "event", f"entry {event} is a {entry.kind}; name the index of an event")
    bases: list[ProvenBasis] = []
    if entry.basis is not None:
        basis, grant = _basis(reader, entry.basis)
        bases = [basis, *(_basis(reader, needed)[0] for needed in grant.needs)]
    return Bundle(
        checkpoint=reader.checkpoint,
        event=proven,
        decision=_prove(reader, entry.decision),
        bases=tuple(bases),
        uses=tuple(_prove(reader, index) for index in reader.uses(event)),
        state=_prove(reader, LeafIndex(reader.size - 1)),
    )


def build_status(reader: EvidenceReader, ordinal: BasisOrdinal) -> ProvenStatus:
    """Return the status of a basis that the reader has, proven against its last state."""
    return _basis(reader, ordinal)[0].status


def build_receipt(reader: EvidenceReader, withdraw: LeafIndex) -> Receipt:
    """Return the receipt of the withdraw at this index; raises BundleError if that entry is no withdraw."""
    proven, entry = _read(reader, withdraw)
    if not isinstance(entry, Withdraw):
        raise BundleError("NOT_A_WITHDRAW", "withdraw", f"entry {withdraw} is a {entry.kind}")
    return Receipt(checkpoint=reader.checkpoint, withdraw=proven)


def build_fraud(
    receipt: Receipt, reader: EvidenceReader, status: ProvenStatus | None, consistency: Sequence[bytes]
) -> Fraud:
    """Return the fraud proof that a receipt and a later checkpoint make.

    `status` is the status leaf that the later tree shows for the receipt's basis, None if the tree has no such basis;
    `consistency` proves the later tree to extend the receipt's.
    """
    return Fraud(
        receipt=receipt,
        checkpoint=reader.checkpoint,
        consistency=tuple(consistency),
        state=_prove(reader, LeafIndex(reader.size - 1)),
        status=status,
    )


def _basis(reader: EvidenceReader, ordinal: BasisOrdinal) -> tuple[ProvenBasis, Grant]:
    granted, grant = _read(reader, reader.granted(ordinal))
    if not isinstance(grant, Grant):
        raise BundleError("NOT_A_GRANT", "grant", f"entry {granted.index} is a {grant.kind}")
    amends: list[ProvenEntry] = []
    withdraw: ProvenEntry | None = None
    status = Status.at_grant(ordinal, granted.index)
    for index in reader.changes(ordinal):
        change, entry = _read(reader, index)
        leaf = leaf_hash(change.entry)
        if isinstance(entry, Amend):
            amends.append(change)
            status = status.amended(leaf)
        else:
            withdraw = change
            status = status.withdrawn(leaf, index)
    basis = ProvenBasis(
        grant=granted,
        amends=tuple(amends),
        withdraw=withdraw,
        approvals=tuple(_prove(reader, index) for index in grant.approvals),
        status=ProvenStatus(
            ordinal=ordinal,
            granted=status.granted,
            ended=status.ended,
            history=status.history,
            proof=tuple(reader.status_proof(ordinal)),
        ),
    )
    return basis, grant


def _read(reader: EvidenceReader, index: LeafIndex) -> tuple[ProvenEntry, Entry]:
    proven = _prove(reader, index)
    return proven, parse_entry(proven.entry)


def _prove(reader: EvidenceReader, index: LeafIndex) -> ProvenEntry:
    return ProvenEntry(index=index, entry=reader.entry(index), proof=tuple(reader.inclusion(index)))
