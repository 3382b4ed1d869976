"""An operator's consent and audit services on a real grpc.aio server, over the honest log of the fakes; lies when told.

`hide(basis)` is the lie that a bundle cannot show: from then on the states say that a withdrawn basis stands. `forget`
drops it from the status tree altogether. The entries stay true, so every checkpoint continues the one before.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import grpc.aio
from fakes.evidence_drafts import consent, decision, event
from fakes.evidence_log import MemoryLog

from placet.api.audit.v1 import audit_pb2, audit_pb2_grpc
from placet.api.common.v1 import evidence_pb2
from placet.api.consent.v1 import consent_pb2, consent_pb2_grpc
from placet.evidence.building import build_bundle, build_receipt, build_status
from placet.evidence.bundle import ProvenStatus, format_evidence
from placet.evidence.canonical import b64url
from placet.evidence.drafts import WithdrawDraft
from placet.evidence.status import Status, StatusTree
from placet.tlog.hashing import leaf_hash
from placet.tlog.note import format_vkey
from placet.tlog.proof import consistency_proof
from placet.tlog.tree import subtree_root


class Operator(consent_pb2_grpc.ConsentServiceServicer, audit_pb2_grpc.AuditServiceServicer):
    """One log with a few consents; basis 1 is the one that gets withdrawn."""

    def __init__(self, origin: str = "placet.test/log/shop", bases: int = 3) -> None:
        self.log = MemoryLog(origin)
        self.vkey = format_vkey(self.log.signer.vkey)
        self.log.submit(*(consent() for _ in range(bases)))
        self.statuses: StatusTree | None = None
        self.told: dict[int, Status] = {}
        self.bend: Callable[[Any], Any] = lambda response: response

    async def start(self) -> str:
        self.server = grpc.aio.server()
        consent_pb2_grpc.add_ConsentServiceServicer_to_server(self, self.server)
        audit_pb2_grpc.add_AuditServiceServicer_to_server(self, self.server)
        port = self.server.add_insecure_port("127.0.0.1:0")
        await self.server.start()
        return f"127.0.0.1:{port}"

    async def stop(self) -> None:
        await self.server.stop(None)

    def use(self, basis: int = 1) -> int:
        """Append an event under a basis; what the rules say of it stands in the log."""
        return int(self.log.submit(event(number=self.log.size, basis=basis), decision=decision())[0].i)  # type: ignore[union-attr]

    def hide(self, basis: int = 1) -> None:
        """End a batch whose state says that the basis still stands."""
        granted = self.log.status[basis].granted
        self._lie({**self.log.status, basis: Status.at_grant(basis, granted)})  # type: ignore[arg-type]

    def forget(self, basis: int = 1) -> None:
        """End a batch whose state has only the bases before this one."""
        self._lie({ordinal: status for ordinal, status in self.log.status.items() if ordinal < basis})

    def _lie(self, told: dict[int, Status]) -> None:
        self.told, self.statuses = told, StatusTree()
        for ordinal in sorted(told):
            self.statuses.put(told[ordinal])
        self.log.end_batch(status_root=b64url(self.statuses.root()), bases=self.statuses.size)

    def status(self, basis: int) -> ProvenStatus | None:
        if self.statuses is None:
            return build_status(self.log, basis) if basis in self.log.status else None  # type: ignore[arg-type]
        if basis not in self.told:
            return None
        one = self.told[basis]
        proof = tuple(self.statuses.proof(basis))  # type: ignore[arg-type]
        return ProvenStatus(ordinal=one.ordinal, granted=one.granted, ended=one.ended, history=one.history, proof=proof)

    def checkpoint(self, seen: int = 0) -> evidence_pb2.Checkpoint:
        made = evidence_pb2.Checkpoint(note=self.log.checkpoint, tree_size=self.log.size)
        if 0 < seen <= self.log.size:
            made.consistency.old_size = seen
            made.consistency.hashes.extend(self.log.consistency(seen))
        return made

    def receipt(self, index: int, seen: int = 0) -> evidence_pb2.LedgerReceipt:
        entry = self.log.entries[index]
        proven = evidence_pb2.ProvenEntry(
            index=index, entry=entry, leaf_hash=leaf_hash(entry), proof=self.log.inclusion(index)
        )
        return evidence_pb2.LedgerReceipt(entry=proven, checkpoint=self.checkpoint(seen))

    async def WithdrawConsent(self, request: Any, context: Any) -> Any:
        draft = WithdrawDraft(basis=1, by="data_subject", reason=request.reason)
        if self.log.status[1].ended is None:
            self.log.submit(draft)
        index = self.log.status[1].ended
        assert index is not None
        told = consent_pb2.Consent(id=request.id, state=consent_pb2.CONSENT_STATE_WITHDRAWN, basis=1, ended=index)
        return consent_pb2.WithdrawConsentResponse(
            consent=told,
            receipt=self.receipt(index),
            withdrawal_receipt=format_evidence(build_receipt(self.log, index)).encode(),
        )

    async def GetCheckpoint(self, request: Any, context: Any) -> Any:
        return audit_pb2.GetCheckpointResponse(checkpoint=self.checkpoint(request.seen))

    async def GetConsistency(self, request: Any, context: Any) -> Any:
        size = request.new_size or self.log.size
        return audit_pb2.GetConsistencyResponse(
            proof={"old_size": request.old_size, "hashes": consistency_proof(request.old_size, size, self.log.tree)},
            new_size=size,
            new_root=subtree_root(0, size, self.log.tree),
            checkpoint=self.checkpoint(),
        )

    async def GetStatus(self, request: Any, context: Any) -> Any:
        status, made = self.status(request.basis), None
        if status is not None:
            made = audit_pb2.BasisStatus(
                basis=status.ordinal,
                granted=status.granted,
                ended=status.ended,
                history=status.history,
                proof=status.proof,
            )
        state = self.receipt(self.log.size - 1, request.seen)
        return self.bend(audit_pb2.GetStatusResponse(state=state, status=made))

    async def GetBundle(self, request: Any, context: Any) -> Any:
        return audit_pb2.GetBundleResponse(bundle=format_evidence(build_bundle(self.log, request.event)).encode())


def forked(operator: Operator, at: int) -> Operator:
    """Return an operator with the same key whose log has the first `at` entries in common, and then another story."""
    other = Operator(operator.log.origin)
    assert operator.log.entries[:at] == other.log.entries[:at]
    other.log.submit(replace(consent(), law="other"))
    return other
