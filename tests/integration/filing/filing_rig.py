"""A whole mesh, and its people: enrolled into the real vault under real consents, one call each."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import grpc.aio
from e2e.bare import Bare, bare, consented, event, furnish, new_id, template

from placet.api.common.v1 import vocabulary_pb2 as words
from placet.api.consent.v1 import consent_pb2 as consent
from placet.api.permission.v1 import filing_pb2 as filing
from placet.api.permission.v1 import permission_pb2 as permission
from placet.api.permission.v1 import posture_pb2 as posture
from placet.api.vault.v1 import vault_pb2 as vault
from placet.kit.errors import PlacetError
from placet.kit.grpc.status import from_rpc_error
from placet.local.controllers import CLIENT_ROLES
from placet.local.mesh import Mesh

THRESHOLD = 3
CONTROLLERS = ("bank", "branch", "retailer")
LAW = "cn-2025/art-15"


class Rig:
    """`async with` starts everything and opens each controller for business."""

    def __init__(self, data: Path, environment: dict[str, str]) -> None:
        services = ("consent", "permission", "vault", "audit")
        self.mesh = Mesh(data, services=services, environment={"permission": environment})
        self.calls: dict[str, Bare] = {}
        self.notices: dict[str, bytes] = {}

    async def __aenter__(self) -> Self:
        self._stack = AsyncExitStack()
        await self._stack.enter_async_context(self.mesh)
        for name in CONTROLLERS:
            files = await self.mesh.create_controller(name)
            self.calls[name] = bare(self.mesh, name, files.token_file.read_text().strip())
            self.notices[name] = await furnish(self.calls[name])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def call(self, controller: str, *others: str) -> Bare:
        """Return a caller whose token names these controllers."""
        token = self.mesh.issuer.mint("dpo", [controller, *others], CLIENT_ROLES)
        return self.calls[controller].with_token(token)

    async def ask(self, call: Bare, request: Any) -> Any:
        """Make a call; raises the PlacetError that came back."""
        try:
            return await call(request)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None

    async def status(self, controller: str, *group: str, token: Bare | None = None) -> filing.GetFilingStatusResponse:
        request = filing.GetFilingStatusRequest(group=group, history=True)
        found: filing.GetFilingStatusResponse = await self.ask(token or self.call(controller, *group), request)
        return found

    async def stored(self, controller: str) -> tuple[int, int]:
        found = (await self.status(controller)).stored
        return found.low, found.high

    async def duty(self, controller: str, *group: str) -> filing.FilingDuty:
        """Return the duty by law to file."""
        found = await self.status(controller, *group)
        return next(one for one in found.duties if one.rule == LAW and one.kind == filing.FILING_KIND_INITIAL)

    async def duty_in_posture(self, controller: str) -> dict[str, list[int | None]]:
        """Return what the posture says of R8: by code, the ledger positions of its evidence."""
        found = await self.ask(self.call(controller), posture.GetPostureRequest())
        points = next(one for one in found.findings if one.rule == "R8").points
        return {one.code: [each.index if each.HasField("index") else None for each in one.evidence] for one in points}

    async def enrol(self, controller: str, subject: bytes) -> consent.Consent:
        """Have somebody consent and store their template in the vault."""
        given = (await consented(self.calls[controller], subject, self.notices[controller])).consent
        await self.store(controller, subject)
        return given

    async def store(self, controller: str, subject: bytes) -> None:
        """Store the template of somebody who consented."""
        call = self.calls[controller]
        asked = permission.AuthorizeRequest(event=event(subject, words.OPERATION_ENROL))
        answer = (await call(asked)).answer
        assert answer.verdict == words.VERDICT_ALLOW, answer
        await call(vault.EnrolRequest(permit=answer.permit, id=new_id(), template=template()))

    async def withdraw(self, controller: str, given: consent.Consent) -> None:
        request = consent.WithdrawConsentRequest(id=given.id, by=words.ENDED_BY_DATA_SUBJECT, reason="no_longer_wanted")
        await self.calls[controller](request)


async def reason_of(awaited: Any) -> str:
    """Return the reason of the error that a call ends with."""
    try:
        await awaited
    except PlacetError as error:
        return error.reason
    raise AssertionError("no error came")
