"""The vault and the audit service as processes on a real NATS, and the parts of consent and permission a test plays.

Owns: the mesh (`placet.local.mesh`), tokens, stubs, and appending to the log with the credentials of consent and
permission, so that the vault's own NATS permissions are the shipped ones.
"""

import secrets
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self, cast
from uuid import uuid4

import grpc.aio
from integration.vault.world import MODEL, Floats, Permission

from placet.api.common.v1 import evidence_pb2
from placet.api.vault.v1 import vault_pb2, vault_pb2_grpc
from placet.evidence.canonical import b64url
from placet.evidence.drafts import DecisionDraft, EventDraft, GrantDraft, PermitAsked, WithdrawDraft
from placet.evidence.entries import Event, Grant, Withdraw, parse_entry
from placet.evidence.terms import BasisOrdinal, EndedBy, Form, Micros, Operation, Verdict
from placet.kit.bus.bus import Bus, Credentials
from placet.kit.bus.jetstream import JetStream
from placet.kit.bus.messages import Message, encode_message
from placet.kit.errors import PlacetError
from placet.kit.grpc.status import from_rpc_error
from placet.kit.ledger.client import LedgerClient
from placet.kit.ledger.messages import submission
from placet.local.mesh import Mesh
from placet.tlog.checkpoint import open_checkpoint
from placet.tlog.hashing import leaf_hash
from placet.tlog.keys import Verifier
from placet.tlog.proof import verify_inclusion

SECOND = 1_000_000


def now() -> int:
    return time.time_ns() // 1_000


class VaultMesh:
    """`async with` starts audit and vault, and creates the controller `bank`."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.mesh = Mesh(data, services=("audit", "vault"), environment={"vault": environment})
        self.permission = Permission()
        self.vkeys: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        self._stack = AsyncExitStack()
        try:
            await self._stack.enter_async_context(self.mesh)
            await self._connect()
            await self.create("bank")
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _connect(self) -> None:
        self.consent, self.granting = await self._service("consent")
        self.permissions, self.authorizing = await self._service("permission")
        await self.permissions.serve("placet.*.permission.keys", self.permission.answer, queue="permission")
        self.channel = await self._stack.enter_async_context(grpc.aio.insecure_channel(self.mesh.addresses["vault"]))
        self.stub = vault_pb2_grpc.VaultServiceStub(self.channel)

    async def _service(self, name: str) -> tuple[Bus, LedgerClient]:
        seed = self.mesh.layout.data  # the run's seeds lie below it
        (found,) = seed.rglob(f"{name}.seed")
        bus = await self._stack.enter_async_context(
            Bus(
                self.mesh.nats_url,
                name=name,
                clock=now,
                random=secrets.token_bytes,
                credentials=Credentials(seed_file=found),
            )
        )
        return bus, LedgerClient(bus, name)

    async def create(self, controller: str) -> None:
        files = await self.mesh.create_controller(controller)
        self.vkeys[controller] = files.vkey

    # --- tokens and calls

    def token(
        self, roles: Iterable[str] = ("process", "enrol"), controllers: Iterable[str] = ("bank",), **other: Any
    ) -> str:
        return self.mesh.issuer.mint("someone", controllers, roles, **other)

    async def call(self, method: str, request: Any, *, token: str | None = None, within: float = 10.0) -> Any:
        """Call a method of the vault; raises the PlacetError that came back."""
        metadata = [("authorization", f"Bearer {self.token() if token is None else token}")]
        try:
            return await getattr(self.stub, method)(request, metadata=metadata, timeout=within)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None

    async def enrol(self, basis: int, values: Floats, *, permit: str = "", **how: Any) -> vault_pb2.EnrolResponse:
        permit = permit or await self.permit(basis, "enrol")
        request = vault_pb2.EnrolRequest(
            controller="bank", permit=permit, template=template(values), **{"id": str(uuid4()), **how}
        )
        return cast("vault_pb2.EnrolResponse", await self.call("Enrol", request))

    async def match(self, basis: int, values: Floats, *, permit: str = "", **how: Any) -> vault_pb2.MatchResponse:
        permit = permit or await self.permit(basis, "verify")
        request = vault_pb2.MatchRequest(
            controller="bank", permit=permit, probe=template(values), **{"id": str(uuid4()), **how}
        )
        return cast("vault_pb2.MatchResponse", await self.call("Match", request))

    async def holding(self, basis: int) -> vault_pb2.GetHoldingResponse:
        request = vault_pb2.GetHoldingRequest(controller="bank", basis=basis)
        return cast("vault_pb2.GetHoldingResponse", await self.call("GetHolding", request))

    def verify(self, receipt: evidence_pb2.LedgerReceipt, controller: str = "bank") -> None:
        """Check a receipt with the pinned key of the log."""
        checkpoint = open_checkpoint(receipt.checkpoint.note, [Verifier.parse(self.vkeys[controller])])
        entry = receipt.entry
        assert leaf_hash(entry.entry) == entry.leaf_hash
        verify_inclusion(entry.leaf_hash, entry.index, checkpoint.size, list(entry.proof), checkpoint.root)

    # --- what consent and permission would do

    async def grant(self, controller: str = "bank") -> BasisOrdinal:
        draft = GrantDraft(
            form=Form.CONSENT,
            subject=b64url(secrets.token_bytes(16)),
            purposes=("payment",),
            operations=("enrol", "verify"),
            sites=("*",),
            egress=True,
            not_before=Micros(now()),
            not_after=None,
            needs=(),
            max_events=None,
            approvals=(),
            record=b64url(bytes(32)),
            notice=None,
            law="cn-2025",
            authority=None,
        )
        entry = parse_entry(await self._append(self.granting, controller, draft))
        assert isinstance(entry, Grant)
        return entry.basis

    async def withdraw(self, basis: int, *, tell: bool = True) -> int:
        """Withdraw a basis in the log, and tell the others over the stream."""
        draft = WithdrawDraft(basis=BasisOrdinal(basis), by=EndedBy.DATA_SUBJECT, reason="asked")
        entry = parse_entry(await self._append(self.granting, "bank", draft))
        assert isinstance(entry, Withdraw)
        if tell:
            await self.tell(basis, entry.i)
        return entry.i

    async def tell(self, basis: int, index: int, kind: str = "withdrawn", **data: Any) -> None:
        told = Message(
            id=uuid4().hex,
            controller="bank",
            service="consent",
            kind=kind,
            at=now(),
            index=index,
            basis=basis,
            data=data,
        )
        await JetStream(self.consent).publish(
            told.subject, encode_message(told), message_id=told.id, deadline=now() + 5 * SECOND
        )

    async def permit(self, basis: int, operation: str, controller: str = "bank", *, max_uses: int = 1) -> str:
        """Authorize an event and mint its permit."""
        context: dict[str, Any] = {"operation": operation, "egress": True, "basis_form": "consent", "minor": ()}
        decision = DecisionDraft(policies=(), context=context, verdict=Verdict.ALLOW, permit=(), forbid=(), errors=())
        draft = EventDraft(
            id=str(uuid4()),
            frame=None,
            basis=BasisOrdinal(basis),
            purpose="payment",
            operation=Operation(operation),
            device="cam-1",
            site="branch-1",
            egress=True,
            occurred=Micros(now()),
            offline=False,
            seen=0,
            permit=PermitAsked(max_uses=max_uses, lifetime_us=60 * SECOND),
        )
        asked = submission(draft, key=uuid4().bytes, decision=0)
        appended = await self.authorizing.append(controller, [asked], [decision], deadline=now() + 5 * SECOND)
        event = parse_entry(appended.receipt().entry)
        assert isinstance(event, Event)
        assert event.verdict == Verdict.ALLOW, event.reasons
        return self.permission.permit(controller, event)

    async def _append(self, ledger: LedgerClient, controller: str, draft: Any) -> bytes:
        asked = [submission(draft, key=uuid4().bytes)]
        return (await ledger.append(controller, asked, deadline=now() + 5 * SECOND)).receipt().entry


def template(values: Floats, **changes: Any) -> vault_pb2.Template:
    fields: dict[str, Any] = {
        "vector": values.tobytes(),
        "dimension": len(values),
        "model_id": "m11",
        "model_sha256": MODEL,
        "quality": 80,
        "captured_at": 1_700_000_000 * SECOND,
    }
    return vault_pb2.Template(**{**fields, **changes})


async def reason_of(call: Any) -> tuple[str, str]:
    """Return kind and reason of the error that a call ends with."""
    try:
        await call
    except PlacetError as error:
        return error.kind.value, error.reason
    raise AssertionError("no error came")
