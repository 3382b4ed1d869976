"""Receipts proven and compared with what was asked, before any method returns them.

Owns the comparison of an entry's fields with the request, and withdrawal receipts (placet.receipt/1). Raises ProofError
for the first field that differs; the signature, inclusion and tie are `Session.prove`.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from placet.api.common.v1 import evidence_pb2
from placet.evidence.bundle import parse_receipt
from placet.evidence.entries import Entry, Placed, Record, Withdraw
from placet.evidence.errors import EvidenceError
from placet.evidence.terms import Kind
from placet.sdk.errors import ProofError
from placet.sdk.model.ledger import Receipt
from placet.sdk.proofs import check_entry, refuse
from placet.sdk.session import Session
from placet.sdk.trust import Tree
from placet.sdk.vocabulary import LeafIndex, Micros
from placet.tlog.hashing import leaf_hash

P = TypeVar("P", bound=Placed)


async def prove(
    session: Session,
    receipt: evidence_pb2.LedgerReceipt,
    kind: type[P],
    expected: Mapping[str, object],
    deadline: float,
    *,
    anchor: Tree | None = None,
) -> tuple[Receipt, P]:
    """Return a proven receipt and its entry, once it is of that kind and its fields are the expected ones."""
    entry, tree = await session.prove(receipt, deadline, anchor=anchor)
    proven = receipt.entry
    return _receipt(entry, proven.entry, tuple(proven.proof), tree), _require(entry, kind, expected, tree, proven.entry)


async def prove_record(
    session: Session,
    receipt: evidence_pb2.LedgerReceipt,
    record: str,
    data: Mapping[str, object],
    deadline: float,
) -> Receipt:
    """Return a proven receipt of a record of that type, whose data has the given members."""
    made, entry = await prove(session, receipt, Record, {"type": record}, deadline)
    for name, value in data.items():
        if entry.data.get(name) != value:
            raise _differs(f"data.{name}", made)
    return made


async def prove_withdrawal(
    session: Session, evidence: bytes, deadline: float, *, basis: int | None = None
) -> tuple[Receipt, Withdraw]:
    """Return the proven withdrawal of a placet.receipt/1, of that basis if one is told; the receipt is kept."""
    try:
        found = parse_receipt(evidence)
    except EvidenceError as error:
        raise ProofError("PROOF_INVALID", f"the withdrawal receipt is malformed: {error}") from error
    withdraw = found.withdraw
    tree = session.trust.open(found.checkpoint)
    entry = check_entry(withdraw.index, withdraw.entry, leaf_hash(withdraw.entry), withdraw.proof, tree)
    await session.tie(tree, deadline)
    expected = {} if basis is None else {"basis": basis}
    ended = _require(entry, Withdraw, expected, tree, withdraw.entry)
    session.wrote(entry.i)
    await session.keep_receipt(entry.i, evidence.decode())
    return _receipt(entry, withdraw.entry, withdraw.proof, tree), ended


def must_be(what: str, got: object, expected: object, receipt: Receipt) -> None:
    """Raise ProofError unless what the answer says of an entry is what the proven entry says."""
    if got != expected:
        raise _differs(what, receipt)


def _require(entry: Entry, kind: type[P], expected: Mapping[str, object], tree: Tree, data: bytes) -> P:
    if not isinstance(entry, kind):
        refuse(f"the entry at {entry.i} is of the kind {entry.kind}, not what was asked for", tree, {"entry": data})
    for name, value in expected.items():
        if getattr(entry, name) != value:
            refuse(f"the entry at {entry.i} is not what was asked for: {name} differs", tree, {"entry": data})
    return entry


def _receipt(entry: Entry, data: bytes, proof: tuple[bytes, ...], tree: Tree) -> Receipt:
    return Receipt(
        index=LeafIndex(entry.i),
        at=Micros(entry.t),
        kind=Kind(entry.kind),
        entry=data,
        proof=proof,
        checkpoint=tree.note,
    )


def _differs(what: str, receipt: Receipt) -> ProofError:
    evidence: dict[str, Any] = {"entry": receipt.entry}
    return ProofError(
        "PROOF_INVALID",
        f"the entry at {receipt.index} is not what was asked for: {what} differs",
        answered=receipt.checkpoint,
        proof=receipt.proof,
        evidence=evidence,
    )


async def prove_any(session: Session, receipt: evidence_pb2.LedgerReceipt, index: int, deadline: float) -> Receipt:
    """Return the proven receipt of the entry at that index, whatever its kind."""
    entry, tree = await session.prove(receipt, deadline)
    made = _receipt(entry, receipt.entry.entry, tuple(receipt.entry.proof), tree)
    must_be("position", made.index, index, made)
    return made
