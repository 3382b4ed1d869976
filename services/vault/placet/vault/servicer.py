"""The gRPC face of the vault: from wire, handler, to wire.

Owns: nothing but that order. The guard has checked token, role and controller before a method runs.
Never: holds state, catches an error. Service: placet/api/vault/v1/vault.proto.
"""

from collections.abc import Callable
from typing import Any

from placet.api.vault.v1 import vault_pb2, vault_pb2_grpc
from placet.evidence.terms import Micros
from placet.kit.grpc.caller import deadline
from placet.kit.grpc.peer import certificate_thumbprint
from placet.vault import wire
from placet.vault.handlers.destroy import destroy
from placet.vault.handlers.enrol import enrol
from placet.vault.handlers.holdings import holdings
from placet.vault.handlers.match import match
from placet.vault.policy import answer_by
from placet.vault.ports import Ports, Rules


class VaultServicer(vault_pb2_grpc.VaultServiceServicer):
    """Serves `placet.api.vault.v1.VaultService`; `now` gives unix microseconds."""

    def __init__(self, ports: Ports, rules: Rules, *, now: Callable[[], int]) -> None:
        self._ports = ports
        self._rules = rules
        self._now = now

    async def Enrol(self, request: vault_pb2.EnrolRequest, context: Any) -> vault_pb2.EnrolResponse:
        """Store a template under the permit's basis."""
        now, until = self._times()
        cmd = wire.enrol_from_pb(request, until, certificate_thumbprint(context))
        return wire.enrolled_to_pb(await enrol(cmd, ports=self._ports, now=now))

    async def Match(self, request: vault_pb2.MatchRequest, context: Any) -> vault_pb2.MatchResponse:
        """Compare a probe with the template of the permit's basis."""
        now, until = self._times()
        cmd = wire.match_from_pb(request, until, certificate_thumbprint(context))
        return wire.compared_to_pb(await match(cmd, rules=self._rules, ports=self._ports, now=now))

    async def Destroy(self, request: vault_pb2.DestroyRequest, context: Any) -> vault_pb2.DestroyResponse:
        """Destroy every template of a basis."""
        now, until = self._times()
        controller, basis, reason = wire.destroy_from_pb(request)
        receipts = await destroy(controller, basis, reason, ports=self._ports, now=now, deadline=until)
        return wire.destroyed_to_pb(receipts)

    async def GetHolding(self, request: vault_pb2.GetHoldingRequest, context: Any) -> vault_pb2.GetHoldingResponse:
        """Say what is stored under a basis."""
        controller, basis = wire.holding_from_pb(request)
        return wire.holdings_to_pb(await holdings(controller, basis, ports=self._ports))

    def _times(self) -> tuple[Micros, Micros]:
        """Return now, and until when the ledger and others may take."""
        now = Micros(self._now())
        return now, answer_by(Micros(deadline()), now)
