"""A mesh of NATS, audit and consent as processes, and a bare client of the consent service made from the protos."""

import asyncio
import os
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc.aio

from placet.api.common.v1 import vocabulary_pb2 as words
from placet.api.consent.v1 import consent_pb2 as pb
from placet.api.consent.v1 import consent_pb2_grpc
from placet.evidence.entries import Entry, parse_entry
from placet.kit.bus.bus import Bus, Credentials
from placet.kit.errors import PlacetError
from placet.kit.grpc.status import from_rpc_error
from placet.local.mesh import Mesh
from placet.tlog.checkpoint import open_checkpoint
from placet.tlog.hashing import leaf_hash
from placet.tlog.keys import Verifier
from placet.tlog.proof import verify_inclusion

LINES = ("controller_name", "contact", "purpose", "method", "retention", "necessity", "impact", "rights", "title")


def now_us() -> int:
    """Return the time."""
    return time.time_ns() // 1_000


def uuid() -> str:
    """Return a fresh UUID."""
    return str(uuid4())


def subject(name: str) -> bytes:
    """Return a subject reference."""
    return b"k1" + sha256(name.encode()).digest()


def born(years_ago: int) -> str:
    """Return a birth date of somebody who turned that old on the first of January."""
    return f"{datetime.now(UTC).year - years_ago}-01-01"


class Client:
    """The consent service as one member of staff of one controller calls it; errors are typed."""

    def __init__(self, mesh: Mesh, *, actor: str = "anna", controller: str = "bank", vkey: str = "") -> None:
        self.mesh = mesh
        self.controller = controller
        self.vkey = vkey
        roles = ["capture", "register", "auditor"]
        self.token = mesh.issuer.mint(actor, [controller], roles)
        self.channel = grpc.aio.insecure_channel(mesh.addresses["consent"])
        self.stub = consent_pb2_grpc.ConsentServiceStub(self.channel)
        self.notice = b""

    async def call(self, method: str, request: Any, *, timeout: float = 5.0) -> Any:
        """Call a method; raises PlacetError."""
        metadata = (("authorization", f"Bearer {self.token}"),)
        try:
            return await getattr(self.stub, method)(request, timeout=timeout, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None

    async def until(self, method: str, request: Any, *, within: float = 20.0) -> Any:
        """Repeat a call until it is answered, as a client does after UNAVAILABLE."""
        end = time.monotonic() + within
        while True:
            try:
                return await self.call(method, request)
            except PlacetError as error:
                if error.kind != "unavailable" or time.monotonic() > end:
                    raise
            await asyncio.sleep(0.1)

    async def publish(self, **changes: str) -> Any:
        """Publish a notice and use it from now on."""
        text = pb.NoticeText(language="zh-CN", **{name: f"{name} 内容" for name in LINES} | changes)
        notice = pb.Notice(id="notice-1", purposes=["kyc", "vip"], texts=[text])
        request = pb.PublishNoticeRequest(controller=self.controller, notice=notice)
        answer = await self.until("PublishNotice", request)
        self.notice = answer.notice.content_hash
        return answer

    def asked(self, who: str = "alice", **changes: Any) -> pb.CaptureConsentRequest:
        """Return a lawful capture."""
        whole: dict[str, Any] = {
            "controller": self.controller,
            "id": uuid(),
            "subject": subject(who),
            "purpose": "kyc",
            "choice": pb.CHOICE_GIVEN,
            "notice_hash": self.notice,
            "language": "zh-CN",
            "operations": [words.OPERATION_ENROL, words.OPERATION_VERIFY],
            "sites": ["*"],
            "channel": pb.CHANNEL_COUNTER,
            "expression": pb.EXPRESSION_SIGNATURE,
        }
        return pb.CaptureConsentRequest(**whole | changes)

    async def capture(self, who: str = "alice", **changes: Any) -> Any:
        """Capture a decision."""
        return await self.call("CaptureConsent", self.asked(who, **changes))

    def withdrawal(self, ident: str) -> pb.WithdrawConsentRequest:
        """Return a withdrawal."""
        return pb.WithdrawConsentRequest(
            controller=self.controller, id=ident, by=words.ENDED_BY_DATA_SUBJECT, reason="no_longer_wanted"
        )

    async def withdraw(self, ident: str) -> Any:
        """Withdraw a consent."""
        return await self.call("WithdrawConsent", self.withdrawal(ident))

    async def get(self, ident: str) -> Any:
        """Return a consent."""
        return (await self.call("GetConsent", pb.GetConsentRequest(controller=self.controller, id=ident))).consent

    def check(self, receipt: Any) -> Entry:
        """Check a receipt against the pinned key and return its entry."""
        opened = open_checkpoint(receipt.checkpoint.note, [Verifier.parse(self.vkey)])
        assert opened.size == receipt.checkpoint.tree_size
        proven = receipt.entry
        assert proven.leaf_hash == leaf_hash(proven.entry)
        verify_inclusion(proven.leaf_hash, proven.index, opened.size, list(proven.proof), opened.root)
        entry = parse_entry(proven.entry)
        assert entry.i == proven.index
        return entry


def bus_of(mesh: Mesh, service: str) -> Bus:
    """Return a connection to NATS with a service's own credentials."""
    seed = mesh._bus().seed_file(service)
    return Bus(mesh.nats_url, name=service, clock=now_us, random=os.urandom, credentials=Credentials(seed_file=seed))


async def start(folder: Path) -> Mesh:
    """Start NATS, audit and consent, with a bank and a retailer."""
    mesh = Mesh(folder, services=("audit", "consent"))
    await mesh.start()
    for controller in ("bank", "retailer"):
        await mesh.create_controller(controller)
    return mesh
