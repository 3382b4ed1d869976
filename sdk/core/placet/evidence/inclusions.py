"""The inclusions that a piece of evidence holds, each as a C2SP `tlog-proof` beside the bytes of its entry.

What other people's tools can check without knowing what an entry means: that these bytes are in the log. Which bases,
decisions and histories an event rests on, and the status tree, only `placet.evidence.verify` checks. Verifies nothing.
"""

from collections.abc import Iterator

from placet.evidence.bundle import Bundle, Evidence, Fraud, ProvenBasis, ProvenEntry, Receipt
from placet.evidence.terms import value
from placet.tlog.tlogproof import TlogProof


@value
class Inclusion:
    """One entry and the proof that it is in the log."""

    name: str
    """What the entry is in the evidence, and its index: `event-812`."""
    entry: bytes
    proof: TlogProof


def inclusions(evidence: Evidence) -> Iterator[Inclusion]:
    """Yield every inclusion of a bundle, receipt or fraud proof, in its order.

    Raises NoteError if its checkpoint is no signed note, TlogProofError if a path is longer than any tree has.
    """
    if isinstance(evidence, Bundle):
        places = _of_bundle(evidence)
    elif isinstance(evidence, Receipt):
        places = _of_receipt(evidence)
    else:
        places = _of_fraud(evidence)
    for name, checkpoint, proven in places:
        proof = TlogProof(index=proven.index, hashes=proven.proof, checkpoint=checkpoint)
        yield Inclusion(name=f"{name}-{proven.index}", entry=proven.entry, proof=proof)


def _of_bundle(bundle: Bundle) -> Iterator[tuple[str, str, ProvenEntry]]:
    yield "event", bundle.checkpoint, bundle.event
    yield "decision", bundle.checkpoint, bundle.decision
    for basis in bundle.bases:
        for name, proven in _of_basis(basis):
            yield name, bundle.checkpoint, proven
    for use in bundle.uses:
        yield "use", bundle.checkpoint, use
    yield "state", bundle.checkpoint, bundle.state


def _of_basis(basis: ProvenBasis) -> Iterator[tuple[str, ProvenEntry]]:
    yield "grant", basis.grant
    for approval in basis.approvals:
        yield "approval", approval
    for amend in basis.amends:
        yield "amend", amend
    if basis.withdraw is not None:
        yield "withdraw", basis.withdraw


def _of_receipt(receipt: Receipt) -> Iterator[tuple[str, str, ProvenEntry]]:
    yield "withdraw", receipt.checkpoint, receipt.withdraw


def _of_fraud(fraud: Fraud) -> Iterator[tuple[str, str, ProvenEntry]]:
    yield from _of_receipt(fraud.receipt)
    yield "state", fraud.checkpoint, fraud.state
