"""A mesh of NATS, audit, consent and permission as processes, and bare clients made from the protos."""

import asyncio
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc.aio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from placet.api.audit.v1 import audit_pb2, audit_pb2_grpc
from placet.api.common.v1 import access_pb2
from placet.api.common.v1 import vocabulary_pb2 as words
from placet.api.consent.v1 import consent_pb2, consent_pb2_grpc
from placet.api.permission.v1 import permission_pb2 as pb
from placet.api.permission.v1 import permission_pb2_grpc, register_pb2, register_pb2_grpc
from placet.evidence.approvals import approval_message
from placet.evidence.entries import Entry, parse_entry
from placet.kit.errors import PlacetError
from placet.kit.grpc.status import from_rpc_error
from placet.local.mesh import Mesh
from placet.tlog.checkpoint import open_checkpoint
from placet.tlog.hashing import leaf_hash
from placet.tlog.keys import Verifier
from placet.tlog.proof import RangeProof, verify_inclusion, verify_range

SECOND = 1_000_000
DAY = 86_400 * SECOND
ROLES = ["capture", "process", "register", "request", "auditor", "dpo"]
_LINES = ("controller_name", "contact", "purpose", "method", "retention", "necessity", "impact", "rights", "title")
_STUBS = {
    "permission": permission_pb2_grpc.PermissionServiceStub,
    "register": register_pb2_grpc.RegisterServiceStub,
    "consent": consent_pb2_grpc.ConsentServiceStub,
    "audit": audit_pb2_grpc.AuditServiceStub,
}


def now_us() -> int:
    """Return the time."""
    return time.time_ns() // 1_000


def uuid() -> str:
    """Return a fresh UUID."""
    return str(uuid4())


def subject(name: str) -> bytes:
    """Return a subject reference."""
    return b"k1" + sha256(name.encode()).digest()


class Client:
    """One controller's staff calling three services; errors are typed."""

    def __init__(self, mesh: Mesh, controller: str, *, actor: str = "anna", roles: list[str] | None = None) -> None:
        self.mesh = mesh
        self.controller = controller
        self.token = mesh.issuer.mint(actor, [controller], roles or ROLES)
        self.vkey = mesh.controllers[controller].vkey
        self.origin = mesh.controllers[controller].origin
        self.notice = b""
        self._channels = {
            name: grpc.aio.insecure_channel(mesh.addresses["permission" if name == "register" else name])
            for name in _STUBS
        }
        self._stubs: dict[str, Any] = {name: stub(self._channels[name]) for name, stub in _STUBS.items()}

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return the call's credentials."""
        return (("authorization", f"Bearer {self.token}"),)

    async def close(self) -> None:
        """Close all channels."""
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))

    async def call(self, service: str, method: str, request: Any, *, timeout: float = 5.0) -> Any:
        """Call a method; raises PlacetError."""
        try:
            return await getattr(self._stubs[service], method)(request, timeout=timeout, metadata=self.metadata)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None

    def stream(self, requests: Any) -> Any:
        """Open a stream of batches."""
        return self._stubs["permission"].AuthorizeStream(requests, timeout=10, metadata=self.metadata)

    # ------------------------------------------------------------------------------------------------ registers

    async def open_shop(self) -> None:
        """Register a lawful purpose, site, device and attestation, and publish a notice."""
        await self.put("Purpose", purpose=self.purpose())
        site = register_pb2.Site(id="hq", name="总行 Head office", place_class=words.PLACE_CLASS_BRANCH_COUNTER)
        await self.put("Site", site=site)
        await self.put("Device", device=self.device())
        attested = register_pb2.Attestation(
            protection_valid_until=now_us() + 90 * DAY, filing_current=True, refusal_equal=True
        )
        await self.put("Attestation", attestation=attested)
        text = consent_pb2.NoticeText(language="zh-CN", **{name: f"{name} 内容" for name in _LINES})
        notice = consent_pb2.Notice(id="notice-1", purposes=["kyc", "vip"], texts=[text])
        answer = await self.call(
            "consent", "PublishNotice", consent_pb2.PublishNoticeRequest(controller=self.controller, notice=notice)
        )
        self.notice = answer.notice.content_hash

    async def put(self, what: str, **item: Any) -> Any:
        """Put one register item."""
        request = getattr(register_pb2, f"Put{what}Request")(controller=self.controller, **item)
        return await self.call("register", f"Put{what}", request)

    def purpose(self, ident: str = "kyc", **changes: Any) -> register_pb2.Purpose:
        """Return a lawful purpose."""
        values: dict[str, Any] = {
            "id": ident,
            "name": "开户核验",
            "necessity": "cards are lent",
            "operations": [words.OPERATION_VERIFY, words.OPERATION_ENROL, words.OPERATION_IDENTIFY],
            "storage": words.STORAGE_DEVICE,
            "retention_days": 30,
            "assessment_sha256": b"a" * 32,
            "assessment_valid_until": now_us() + 365 * DAY,
            "reviewed_by": "reviewer-7",
            "reviewed_at": now_us() - DAY,
            "alternative": "card and PIN",
        }
        return register_pb2.Purpose(**values | changes)

    def device(self, ident: str = "cam-1", **changes: Any) -> register_pb2.Device:
        """Return a lawful device."""
        values: dict[str, Any] = {
            "id": ident,
            "site": "hq",
            "place_class": words.PLACE_CLASS_BRANCH_COUNTER,
            "sign_sha256": b"s" * 32,
            "sign_valid_until": now_us() + 30 * DAY,
            "collection_area_set": True,
        }
        return register_pb2.Device(**values | changes)

    # ------------------------------------------------------------------------------------------------- consents

    async def consent(self, who: str, **changes: Any) -> Any:
        """Serve the notice and capture a consent; return the answer."""
        served = uuid()
        await self.call(
            "consent",
            "RecordNoticeServed",
            consent_pb2.RecordNoticeServedRequest(
                controller=self.controller, id=served, subject=subject(who), notice_hash=self.notice,
                language="zh-CN", channel=consent_pb2.CHANNEL_COUNTER, served_at=now_us(),
            ),
        )  # fmt: skip
        values: dict[str, Any] = {
            "controller": self.controller,
            "id": uuid(),
            "subject": subject(who),
            "purpose": "kyc",
            "choice": consent_pb2.CHOICE_GIVEN,
            "notice_hash": self.notice,
            "notice_served": served,
            "language": "zh-CN",
            "operations": [words.OPERATION_VERIFY, words.OPERATION_ENROL],
            "sites": ["*"],
            "channel": consent_pb2.CHANNEL_COUNTER,
            "expression": consent_pb2.EXPRESSION_SIGNATURE,
        }
        return await self.call("consent", "CaptureConsent", consent_pb2.CaptureConsentRequest(**values | changes))

    async def withdraw(self, ident: str) -> Any:
        """Withdraw a consent."""
        request = consent_pb2.WithdrawConsentRequest(
            controller=self.controller, id=ident, by=words.ENDED_BY_DATA_SUBJECT, reason="no_longer_wanted"
        )
        return await self.call("consent", "WithdrawConsent", request)

    # --------------------------------------------------------------------------------------------------- events

    def event(self, who: str = "", **changes: Any) -> pb.FaceEvent:
        """Return a lawful event of a person."""
        values: dict[str, Any] = {
            "id": uuid(),
            "subject": subject(who) if who else b"",
            "purpose": "kyc",
            "device": "cam-1",
            "operation": words.OPERATION_VERIFY,
            "occurred": now_us(),
        }
        return pb.FaceEvent(**values | changes)

    async def authorize(self, event: pb.FaceEvent, **changes: Any) -> Any:
        """Authorize one event and check its proof; return the answer."""
        request = pb.AuthorizeRequest(controller=self.controller, event=event, **changes)
        response = await self.call("permission", "Authorize", request)
        self.check_inclusion(response.answer, response.proof, response.checkpoint)
        return response.answer

    async def batch(self, *events: pb.FaceEvent, **changes: Any) -> Any:
        """Authorize a batch and check its range proofs; return the response."""
        request = pb.AuthorizeBatchRequest(controller=self.controller, events=events, **changes)
        response = await self.call("permission", "AuthorizeBatch", request)
        self.check_batch(response)
        return response

    def check_inclusion(self, answer: Any, proof: Any, checkpoint: Any) -> None:
        """Check an answer against the pinned key."""
        opened = open_checkpoint(checkpoint.note, [Verifier.parse(self.vkey)])
        assert opened.size == checkpoint.tree_size
        verify_inclusion(leaf_hash(answer.entry), answer.index, opened.size, list(proof), opened.root)
        assert parse_entry(answer.entry).i == answer.index

    def check_batch(self, response: Any) -> None:
        """Check that the range proofs of a batch cover exactly its answers."""
        opened = open_checkpoint(response.checkpoint.note, [Verifier.parse(self.vkey)])
        entries = {answer.index: answer.entry for answer in response.answers}
        for run in response.proofs:
            leaves = [leaf_hash(entries.pop(index)) for index in range(run.begin, run.end)]
            proof = RangeProof(begin=run.begin, end=run.end, left=tuple(run.left), right=tuple(run.right))
            verify_range(proof, leaves, opened.size, opened.root)
        assert not entries

    def check_receipt(self, receipt: Any) -> Entry:
        """Check a receipt against the pinned key and return its entry."""
        opened = open_checkpoint(receipt.checkpoint.note, [Verifier.parse(self.vkey)])
        proven = receipt.entry
        verify_inclusion(leaf_hash(proven.entry), proven.index, opened.size, list(proven.proof), opened.root)
        return parse_entry(proven.entry)

    async def size(self) -> int:
        """Return the size of the controller's log."""
        answer = await self.call("audit", "GetCheckpoint", audit_pb2.GetCheckpointRequest(controller=self.controller))
        return int(answer.checkpoint.tree_size)

    async def entry(self, index: int) -> Entry:
        """Return an entry of the log."""
        request = audit_pb2.GetEntryRequest(controller=self.controller, index=index)
        return parse_entry((await self.call("audit", "GetEntry", request)).receipt.entry.entry)


class Approver:
    """Somebody with a token in one role, and a key."""

    def __init__(self, mesh: Mesh, controller: str, actor: str, role: str) -> None:
        self.client = Client(mesh, controller, actor=actor, roles=[role])
        self.role = role
        self.key = Ed25519PrivateKey.generate()

    async def register(self) -> str:
        """Register the key."""
        key = self.key.public_key().public_bytes_raw()
        request = pb.RegisterApproverRequest(controller=self.client.controller, public_key=key)
        return str((await self.client.call("permission", "RegisterApprover", request)).approver)

    async def approve(self, asked: Any) -> Any:
        """Approve a draft."""
        expires = now_us() + 600 * SECOND
        message = approval_message(asked.origin, self.role, asked.digest, expires)
        request = pb.ApproveLegalPermissionRequest(
            controller=self.client.controller,
            id=asked.id,
            role=access_pb2.Role.Value(f"ROLE_{self.role.upper()}"),
            expires=expires,
            signature=self.key.sign(message),
        )
        return await self.client.call("permission", "ApproveLegalPermission", request)


async def start(folder: Path) -> Mesh:
    """Start NATS, audit, consent and permission, with a bank and a retailer."""
    mesh = Mesh(folder, services=("audit", "consent", "permission"))
    await mesh.start()
    for controller in ("bank", "retailer"):
        await mesh.create_controller(controller)
    return mesh


async def until(check: Callable[[], Any], within: float = 20.0) -> Any:
    """Repeat a check until it returns something true; what it raises of PlacetError counts as not yet."""
    end = time.monotonic() + within
    while True:
        try:
            found = await check()
        except PlacetError:
            found = None
        if found:
            return found
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.05)
