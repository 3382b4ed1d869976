"""Withdrawal receipts held against the log: does it still say what it once proved?

Owns the check of a receipt under the newest checkpoint, and the fraud proof (placet.fraud/1) when the log has gone back
on a withdrawal. Needs a token with the role capture, request, auditor, dpo or regulator.
"""

import asyncio

from placet.api.audit.v1 import audit_pb2 as pb
from placet.evidence.bundle import Fraud, ProvenEntry, ProvenStatus, Receipt, format_evidence, parse_receipt
from placet.evidence.entries import State
from placet.evidence.errors import EvidenceError, VerifyError
from placet.evidence.terms import BasisOrdinal, LeafIndex
from placet.evidence.verify import Verifier
from placet.evidence.words import Saying
from placet.sdk.aio.base import Area
from placet.sdk.errors import ProofError
from placet.sdk.model.ledger import CheckedReceipt
from placet.sdk.proofs import refuse
from placet.sdk.transport import methods
from placet.sdk.trust import Gap, Tree
from placet.tlog.errors import TlogError


class Receipts(Area):
    """The receipts of the withdrawals that this client made, or was given."""

    async def check_receipts(self, *, timeout: float | None = None) -> tuple[CheckedReceipt, ...]:
        """Check every receipt that `Config.receipts` keeps; `timeout` is for each."""
        store = self._session.config.receipts
        if store is None:
            return ()
        kept = await asyncio.to_thread(lambda: list(store.kept(self._session.trust.origin)))
        return tuple([await self.check_receipt(receipt, timeout=timeout) for receipt in kept])

    async def check_receipt(self, receipt: str, *, timeout: float | None = None) -> CheckedReceipt:
        """Check a withdrawal receipt (placet.receipt/1) under the newest checkpoint.

        Where the log says otherwise now, `fraud` is the proof that convicts it: publish it. Raises ProofError if the
        receipt is not of this log, if the log forked, or if it gives no proof of what it says.
        """
        deadline = self._session.deadline(timeout)
        parsed, basis = self._parsed(receipt)
        old = self._session.trust.open(parsed.checkpoint)
        await self._session.tie(old, deadline)
        request = pb.GetStatusRequest(controller=self.controller, basis=basis)
        answer, anchor = await self._session.ask(methods.GET_STATUS, request, deadline)
        state, new = await self._session.prove(answer.state, deadline, anchor=anchor)
        if not isinstance(state, State) or state.i != new.size - 1:
            refuse(f"entry {state.i} is not the state that the tree of {new.size} entries ends in", new)
        proof = await self._session.consistency(Gap(old, new, behind=False), deadline) if old.size < new.size else []
        fraud = _fraud(parsed, answer, new, proof)
        return CheckedReceipt(
            basis=basis,
            index=parsed.withdraw.index,
            tree_size=new.size,
            receipt=receipt,
            fraud=format_evidence(fraud) if self._convicts(fraud, new) else None,
        )

    def _parsed(self, receipt: str) -> tuple[Receipt, BasisOrdinal]:
        try:
            parsed = parse_receipt(receipt)
            report = Verifier(self._session.config.verifiers()).receipt(parsed)
        except (EvidenceError, TlogError) as error:
            raise ProofError("PROOF_INVALID", f"the withdrawal receipt does not verify: {error}") from error
        assert report.basis is not None
        return parsed, report.basis

    def _convicts(self, fraud: Fraud, new: Tree) -> bool:
        """Tell whether a fraud proof holds; raises ProofError if the log has proven neither."""
        try:
            Verifier(self._session.config.verifiers()).fraud(fraud)
        except VerifyError as error:
            if error.reason == Saying.NO_FRAUD:
                return False
            refuse(f"the status of the basis is not proven: {error}", new, cause=error)
        return True


def _fraud(receipt: Receipt, answer: pb.GetStatusResponse, new: Tree, consistency: list[bytes]) -> Fraud:
    """Return what would convict the log, if it does."""
    proven, told = answer.state.entry, answer.status
    status = None
    if answer.HasField("status"):
        status = ProvenStatus(
            ordinal=BasisOrdinal(told.basis),
            granted=LeafIndex(told.granted),
            ended=LeafIndex(told.ended) if told.HasField("ended") else None,
            history=told.history,
            proof=tuple(told.proof),
        )
    state = ProvenEntry(index=LeafIndex(proven.index), entry=proven.entry, proof=tuple(proven.proof))
    return Fraud(receipt=receipt, checkpoint=new.note, consistency=tuple(consistency), state=state, status=status)
