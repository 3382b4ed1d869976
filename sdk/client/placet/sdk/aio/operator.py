"""What an operator does: create and close controllers. An operator reads neither consents nor templates.

A controller's verifier key is born here: hand it to the controller and to every auditor, who pin it.
"""

from typing import Self

from placet.api.audit.v1 import audit_pb2 as pb
from placet.evidence.entries import Record
from placet.sdk.config import OperatorConfig, Targets, pinned
from placet.sdk.errors import ProofError
from placet.sdk.model.ledger import ControllerDetails, Receipt
from placet.sdk.proofs import check_entry, refuse
from placet.sdk.session import Link, Sources
from placet.sdk.transport import methods
from placet.sdk.trust import Trust
from placet.sdk.vocabulary import LeafIndex, Micros
from placet.sdk.wire.ledger import controller_of


class AsyncOperatorClient:
    """An operator's client, for asyncio; its token has the role `operator`."""

    def __init__(self, config: OperatorConfig, *, sources: Sources | None = None) -> None:
        self._link = Link(Targets(audit=config.target), config.tls, config.token, config.timeout, sources or Sources())

    async def create_controller(self, controller: str, *, timeout: float | None = None) -> ControllerDetails:
        """Create a controller with its log and key; repeated, it returns the same.

        The first checkpoint must be signed by the key that is returned.
        """
        request = pb.CreateControllerRequest(controller=controller)
        answer = await self._link.call(methods.CREATE_CONTROLLER, request, self._link.deadline(timeout))
        details = controller_of(answer.details)
        trust = Trust(pinned(details.verifier_key))
        tree = trust.open(answer.checkpoint.note, answer.checkpoint.tree_size)
        if trust.origin != details.origin or details.controller != controller:
            refuse(f"the log {details.origin} of {details.controller} is not what its key says", tree)
        return details

    async def close_controller(
        self, controller: str, *, reason: str, log_vkey: str, timeout: float | None = None
    ) -> Receipt:
        """Close a controller: its log takes only withdrawals and erasures from now on. `reason` is a code."""
        trust = Trust(pinned(log_vkey))
        request = pb.CloseControllerRequest(controller=controller, reason=reason)
        answer = await self._link.call(methods.CLOSE_CONTROLLER, request, self._link.deadline(timeout))
        checkpoint, proven = answer.receipt.checkpoint, answer.receipt.entry
        tree = trust.open(checkpoint.note, checkpoint.tree_size)
        entry = check_entry(proven.index, proven.entry, proven.leaf_hash, proven.proof, tree)
        if not isinstance(entry, Record) or entry.type != "controller.closed":
            raise ProofError("PROOF_INVALID", f"the entry at {entry.i} does not close a controller", answered=tree.note)
        return Receipt(
            index=LeafIndex(entry.i),
            at=Micros(entry.t),
            kind=entry.kind,
            entry=proven.entry,
            proof=tuple(proven.proof),
            checkpoint=tree.note,
        )

    async def get_controller(self, controller: str, *, timeout: float | None = None) -> ControllerDetails:
        """Return origin, key and state of a controller's log: the operator's word, not a proof."""
        request = pb.GetControllerRequest(controller=controller)
        answer = await self._link.call(methods.GET_CONTROLLER, request, self._link.deadline(timeout))
        return controller_of(answer.details)

    async def close(self) -> None:
        """Close the channel."""
        await self._link.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
