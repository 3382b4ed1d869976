"""A client made of nothing but the protos: what somebody without our SDK has. One method: call the RPC of a request."""

import hashlib
import os
import struct
import time
import uuid
from dataclasses import dataclass, replace
from typing import Any

import grpc.aio

from placet.api.audit.v1 import audit_pb2_grpc
from placet.api.common.v1 import vocabulary_pb2 as words
from placet.api.consent.v1 import consent_pb2 as consent
from placet.api.consent.v1 import consent_pb2_grpc
from placet.api.permission.v1 import filing_pb2_grpc, permission_pb2_grpc, register_pb2_grpc
from placet.api.permission.v1 import permission_pb2 as permission
from placet.api.permission.v1 import register_pb2 as register
from placet.api.vault.v1 import vault_pb2 as vault
from placet.api.vault.v1 import vault_pb2_grpc
from placet.local.mesh import Mesh

STUBS = (
    ("permission", permission_pb2_grpc.PermissionServiceStub),
    ("permission", register_pb2_grpc.RegisterServiceStub),
    ("permission", filing_pb2_grpc.FilingServiceStub),
    ("consent", consent_pb2_grpc.ConsentServiceStub),
    ("vault", vault_pb2_grpc.VaultServiceStub),
    ("audit", audit_pb2_grpc.AuditServiceStub),
)
FAR = 10**13


def now() -> int:
    return time.time_ns() // 1_000


def new_id() -> str:
    """Return a UUIDv7."""
    milliseconds = time.time_ns() // 1_000_000
    return str(uuid.UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | int.from_bytes(os.urandom(7), "big")))


def sha(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def person(name: str) -> bytes:
    """Return a subject reference, as the SDK would compute one."""
    return b"test" + sha(name)


@dataclass(frozen=True)
class Bare:
    """One controller's client."""

    stubs: tuple[Any, ...]
    controller: str
    token: str

    async def __call__(self, request: Any, *, timeout: float = 8.0) -> Any:
        """Call the RPC that takes this request; raises AioRpcError."""
        name = type(request).__name__.removesuffix("Request")
        method = next(getattr(stub, name) for stub in self.stubs if hasattr(stub, name))
        if "controller" in request.DESCRIPTOR.fields_by_name and not request.controller:
            request.controller = self.controller
        return await method(request, metadata=(("authorization", f"Bearer {self.token}"),), timeout=timeout)

    def with_token(self, token: str) -> "Bare":
        return replace(self, token=token)


def bare(mesh: Mesh, controller: str, token: str) -> Bare:
    """Return a client of a running mesh."""
    channels = {name: grpc.aio.insecure_channel(address) for name, address in mesh.addresses.items()}
    return Bare(tuple(stub(channels[name]) for name, stub in STUBS), controller, token)


def event(subject: bytes, operation: int = words.OPERATION_VERIFY, **changes: Any) -> permission.FaceEvent:
    """Return a lawful event at the counter."""
    fields: dict[str, Any] = {
        "id": new_id(),
        "subject": subject,
        "purpose": "payment",
        "device": "counter-1",
        "operation": operation,
        "storage": words.STORAGE_VAULT if operation == words.OPERATION_ENROL else words.STORAGE_DEVICE,
        "occurred": now(),
    }
    return permission.FaceEvent(**(fields | changes))


def template(seed: int = 1, dimension: int = 128) -> vault.Template:
    """Return a template that is always the same for a seed."""
    values = [((seed * 7919 + n * 104_729) % 2_003 - 1_001) / 1_001 for n in range(dimension)]
    return vault.Template(
        vector=struct.pack(f"<{dimension}f", *values),
        dimension=dimension,
        model_id="model-1",
        model_sha256=sha("model-1"),
        quality=80,
        captured_at=now(),
    )


async def furnish(call: Bare) -> bytes:
    """Fill the registers with one lawful counter and publish a notice; return the notice's hash."""
    await call(
        register.PutPurposeRequest(
            purpose=register.Purpose(
                id="payment",
                name="Pay at the counter",
                necessity="the person asked to pay with the face",
                operations=[words.OPERATION_ENROL, words.OPERATION_VERIFY],
                storage=words.STORAGE_VAULT,
                retention_days=365,
                assessment_sha256=sha("assessment"),
                assessment_valid_until=now() + FAR,
                reviewed_by="actor-1",
                reviewed_at=now(),
                alternative="card-and-pin",
            )
        )
    )
    await call(
        register.PutSiteRequest(
            site=register.Site(id="branch-1", name="Main branch", place_class=words.PLACE_CLASS_BRANCH_COUNTER)
        )
    )
    await call(
        register.PutDeviceRequest(
            device=register.Device(
                id="counter-1",
                name="Counter 1",
                site="branch-1",
                place_class=words.PLACE_CLASS_BRANCH_COUNTER,
                sign_sha256=sha("sign"),
                sign_valid_until=now() + FAR,
                collection_area_set=True,
                alternative="card-and-pin",
            )
        )
    )
    await call(
        register.PutAttestationRequest(
            attestation=register.Attestation(
                protection_valid_until=now() + FAR, filing_current=True, refusal_equal=True
            )
        )
    )
    texts = [
        consent.NoticeText(
            language=language,
            controller_name="示例银行",
            contact="95500",
            purpose="付款",
            method="人脸比对",
            retention="一年",
            necessity="必要",
            impact="影响",
            rights="可随时撤回",
            title="人脸信息告知",
        )
        for language in ("zh-CN", "en")
    ]
    notice = consent.Notice(id="payment", purposes=["payment"], texts=texts)
    published = await call(consent.PublishNoticeRequest(notice=notice))
    found: bytes = published.notice.content_hash
    return found


async def consented(call: Bare, subject: bytes, notice: bytes, **changes: Any) -> consent.CaptureConsentResponse:
    """Have a person consent to payment."""
    served = await call(
        consent.RecordNoticeServedRequest(
            id=new_id(),
            subject=subject,
            notice_hash=notice,
            language="zh-CN",
            channel=consent.CHANNEL_COUNTER,
            served_at=now(),
        )
    )
    fields: dict[str, Any] = {
        "id": new_id(),
        "subject": subject,
        "purpose": "payment",
        "choice": consent.CHOICE_GIVEN,
        "notice_hash": notice,
        "notice_served": served.id,
        "language": "zh-CN",
        "operations": [words.OPERATION_ENROL, words.OPERATION_VERIFY],
        "sites": ["*"],
        "egress": True,
        "channel": consent.CHANNEL_COUNTER,
        "expression": consent.EXPRESSION_SIGNATURE,
        "not_after": now() + FAR,
        "alternative": "card-and-pin",
    }
    answered: consent.CaptureConsentResponse = await call(consent.CaptureConsentRequest(**(fields | changes)))
    return answered
