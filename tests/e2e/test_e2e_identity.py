"""Every RPC, found through the descriptors, refuses whoever is not entitled; a new RPC is walked without a change
here.
"""

from typing import Any

import grpc
import pytest
from e2e.bare import STUBS
from e2e.conftest import World
from google.protobuf import descriptor_pool, message_factory
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from placet.kit.grpc.access import access_of

pytestmark = pytest.mark.mesh
PACKAGES = ("placet.api.permission.v1", "placet.api.consent.v1", "placet.api.vault.v1", "placet.api.audit.v1")
SERVICES = {
    "PermissionService": "permission",
    "RegisterService": "permission",
    "FilingService": "permission",
    "ConsentService": "consent",
    "VaultService": "vault",
    "AuditService": "audit",
}


def methods() -> list[tuple[str, Any]]:
    pool = descriptor_pool.Default()
    found = []
    for package in PACKAGES:
        for name, target in SERVICES.items():
            try:
                service = pool.FindServiceByName(f"{package}.{name}")
            except KeyError:
                continue
            found.extend((target, method) for method in service.methods)
    return found


METHODS = methods()


def test_no_service_is_forgotten() -> None:
    assert len(STUBS) == len(SERVICES)
    assert len(METHODS) >= 45


async def call(world: World, target: str, method: Any, token: str | None, controller: str) -> tuple[Any, str]:
    """Call a method with a request that names a controller and nothing else; return status code and reason."""
    request = message_factory.GetMessageClass(method.input_type)(controller=controller)
    path = f"/{method.containing_service.full_name}/{method.name}"
    metadata = () if token is None else (("authorization", f"Bearer {token}"),)
    raw = request.SerializeToString()
    async with grpc.aio.insecure_channel(world.mesh.addresses[target]) as channel:
        try:
            if method.client_streaming:
                stream = channel.stream_stream(path)(iter([raw]), metadata=metadata, timeout=5)
                await stream.read()
            elif method.server_streaming:
                await channel.unary_stream(path)(raw, metadata=metadata, timeout=5).read()
            else:
                await channel.unary_unary(path)(raw, metadata=metadata, timeout=5)
        except grpc.aio.AioRpcError as error:
            status = rpc_status.from_call(error)
            info = error_details_pb2.ErrorInfo()
            if status is not None and status.details and status.details[0].Unpack(info):
                return error.code(), info.reason
            return error.code(), ""
    return grpc.StatusCode.OK, ""


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("target", "method"), METHODS, ids=[method.full_name for _, method in METHODS])
async def test_only_the_entitled_get_in(world: World, target: str, method: Any) -> None:
    roles = tuple(access_of(method.containing_service.full_name, method.name).roles)
    unauthenticated, denied = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED
    issuer = world.mesh.issuer

    assert await call(world, target, method, None, "bank") == (unauthenticated, "TOKEN_MISSING")
    assert await call(world, target, method, "not.a.token", "bank") == (unauthenticated, "TOKEN_INVALID")
    elsewhere = issuer.mint("someone", ["bank"], roles, aud="somewhere-else")
    assert await call(world, target, method, elsewhere, "bank") == (unauthenticated, "TOKEN_INVALID")
    expired = issuer.mint("someone", ["bank"], roles, lifetime=-60)
    assert await call(world, target, method, expired, "bank") == (unauthenticated, "TOKEN_EXPIRED")
    other = issuer.mint("someone", ["shop"], roles)
    assert await call(world, target, method, other, "bank") == (denied, "CONTROLLER_FORBIDDEN")
    roleless = issuer.mint("someone", ["bank"], ["nobody"])
    assert await call(world, target, method, roleless, "bank") == (denied, "ROLE_MISSING")

    # The control: with the right token the guard lets the call through to whatever the use case says of it.
    code, _ = await call(world, target, method, issuer.mint("someone", ["bank"], roles), "bank")
    assert code not in (unauthenticated, denied, grpc.StatusCode.INTERNAL)
