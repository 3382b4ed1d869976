"""The vault as a process, with the real audit service: over gRPC, NATS and files, with everything checked."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import grpc.aio
import numpy as np
import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]
from integration.vault.vault_mesh import VaultMesh, reason_of, template
from integration.vault.world import face, traces_of

from placet.api.vault.v1 import vault_pb2
from placet.evidence.entries import Record, Use, parse_entry
from placet.kit.errors import PlacetError

pytestmark = [pytest.mark.mesh, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[VaultMesh]:
    async with VaultMesh(tmp_path_factory.mktemp("vault") / "mesh") as made:
        yield made


async def gone(mesh: VaultMesh, basis: int) -> int:
    """Wait until the holding of a basis is destroyed; return the index of its record.

    A message that a killed process had taken comes again after the consumer's ack_wait (10 s).
    """
    async with asyncio.timeout(40):
        while True:
            look = await mesh.holding(basis)
            if not look.holdings and look.HasField("destroyed"):
                return look.destroyed
            await asyncio.sleep(0.05)


async def test_the_story_of_a_template(mesh: VaultMesh) -> None:
    basis = await mesh.grant()
    enrolled = await mesh.enrol(basis, face(1))
    mesh.verify(enrolled.receipt)
    use = parse_entry(enrolled.receipt.entry.entry)
    assert isinstance(use, Use)
    assert (use.service, use.verdict) == ("vault", "allow")
    same = await mesh.match(basis, face(1, noise=0.2), seen=enrolled.receipt.checkpoint.tree_size)
    mesh.verify(same.receipt)
    assert same.match
    assert same.receipt.checkpoint.consistency.old_size == enrolled.receipt.checkpoint.tree_size
    other = await mesh.match(basis, face(2))
    assert not other.match
    (holding,) = (await mesh.holding(basis)).holdings
    assert (holding.template_id, holding.model_id) == (enrolled.template_id, "m11")

    late = await mesh.permit(basis, "verify")
    await mesh.withdraw(basis)
    index = await gone(mesh, basis)
    assert await reason_of(mesh.match(basis, face(1), permit=late)) == ("precondition", "TEMPLATE_DESTROYED")
    receipts = (
        await mesh.call("Destroy", vault_pb2.DestroyRequest(controller="bank", basis=basis, reason="x"))
    ).receipts
    mesh.verify(receipts[0])
    record = parse_entry(receipts[0].entry.entry)
    assert isinstance(record, Record)
    assert (record.i, record.type, record.data["reason"]) == (index, "vault.template_destroyed", "consent_withdrawn")


async def test_a_use_after_the_withdrawal_is_denied_before_any_message_came(mesh: VaultMesh) -> None:
    basis = await mesh.grant()
    await mesh.enrol(basis, face(1))
    permit = await mesh.permit(basis, "verify")
    await mesh.withdraw(basis, tell=False)
    with pytest.raises(PlacetError) as caught:
        await mesh.match(basis, face(1), permit=permit)
    assert (caught.value.reason, caught.value.metadata["reasons"]) == ("USE_DENIED", "BASIS_WITHDRAWN")
    await gone(mesh, basis)


async def test_a_guardianship_message_names_the_consents(mesh: VaultMesh) -> None:
    basis = await mesh.grant()
    await mesh.enrol(basis, face(1))
    await mesh.tell(99, 1, kind="guardianship_withdrawn", stopped=[basis])
    await gone(mesh, basis)


METHODS = vault_pb2.DESCRIPTOR.services_by_name["VaultService"].methods
REQUESTS: dict[str, Callable[[], Any]] = {
    "Enrol": lambda: vault_pb2.EnrolRequest(controller="bank", permit="x", id=str(uuid4()), template=template(face(1))),
    "Match": lambda: vault_pb2.MatchRequest(controller="bank", permit="x", id=str(uuid4()), probe=template(face(1))),
    "Destroy": lambda: vault_pb2.DestroyRequest(controller="bank", basis=0, reason="test"),
    "GetHolding": lambda: vault_pb2.GetHoldingRequest(controller="bank", basis=0),
}


@pytest.mark.parametrize("method", [method.name for method in METHODS])
async def test_every_rpc_wants_the_right_token(mesh: VaultMesh, method: str) -> None:
    request = REQUESTS[method]()
    for token, wanted in [
        ("", "TOKEN_"),
        ("x", "TOKEN_INVALID"),
        (mesh.token(aud="another"), "TOKEN_INVALID"),
        (mesh.token(lifetime=-3_600), "TOKEN_EXPIRED"),
        (mesh.token(controllers=["retailer"]), "CONTROLLER_FORBIDDEN"),
        (mesh.token(roles=["capture", "operator", "register"]), "ROLE_MISSING"),
    ]:
        assert (await reason_of(mesh.call(method, request, token=token)))[1].startswith(wanted), token


@pytest.mark.parametrize(
    ("method", "changes", "field"),
    [
        ("Enrol", {"id": "x"}, "id"),
        ("Enrol", {"id": ""}, "id"),
        ("Enrol", {"permit": ""}, "permit"),
        ("Enrol", {"permit": "x" * 9_000}, "permit"),
        ("Enrol", {"permit": "x"}, "permit"),
        ("Enrol", {"seen": 2**63}, "seen"),
        ("Enrol", {"template": None}, "template"),
        ("Enrol", {"template": template(np.full(128, np.nan, "<f4"))}, "template.vector"),
        ("Enrol", {"template": template(face(1), dimension=127)}, "template.vector"),
        ("Enrol", {"template": template(face(1), captured_at=-5)}, "template.captured_at"),
        ("Match", {"probe": template(np.zeros(128, "<f4"))}, "probe.vector"),
        ("Match", {"probe": template(face(1), model_sha256=b"")}, "probe.model_sha256"),
        ("Destroy", {"reason": "no code!"}, "reason"),
        ("Destroy", {"basis": 2**60}, "basis"),
        ("GetHolding", {"basis": 2**60}, "basis"),
        ("GetHolding", {"controller": ""}, "controller"),
    ],
)
async def test_bad_input_is_a_typed_error_that_names_the_field(
    mesh: VaultMesh, method: str, changes: dict[str, Any], field: str
) -> None:
    request = REQUESTS[method]()
    for name, value in changes.items():
        if value is None:
            request.ClearField(name)
        elif isinstance(value, vault_pb2.Template):
            getattr(request, name).CopyFrom(value)
        else:
            setattr(request, name, value)
    with pytest.raises(PlacetError) as caught:
        await mesh.call(method, request)
    assert caught.value.kind.value in ("invalid", "unauthenticated")
    assert caught.value.field == field


async def test_truncated_protobuf_is_invalid(mesh: VaultMesh) -> None:
    call: Any = mesh.channel.unary_unary("/placet.api.vault.v1.VaultService/Enrol")
    good = REQUESTS["Enrol"]().SerializeToString()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(good[:-7], metadata=[("authorization", f"Bearer {mesh.token()}")])
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_without_audit_it_is_unavailable_in_time_and_nothing_arrives_late(mesh: VaultMesh) -> None:
    basis = await mesh.grant()
    await mesh.enrol(basis, face(1))
    permit, request = await mesh.permit(basis, "verify"), str(uuid4())
    mesh.mesh.pause("audit")
    try:
        started = asyncio.get_running_loop().time()
        call = vault_pb2.MatchRequest(controller="bank", permit=permit, probe=template(face(1)), id=request)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await mesh.stub.Match(call, metadata=[("authorization", f"Bearer {mesh.token()}")], timeout=1.5)
        # Told by the vault itself, before the client's own deadline (which would be DEADLINE_EXCEEDED).
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert asyncio.get_running_loop().time() - started < 3
    finally:
        mesh.mesh.resume("audit")
    await asyncio.sleep(0.5)
    answer = await mesh.match(basis, face(1), permit=permit, id=request)
    use = parse_entry(answer.receipt.entry.entry)
    assert isinstance(use, Use)
    assert use.n == 1  # one use, however often it was asked for


async def test_kill_9_at_any_time_loses_no_destruction(mesh: VaultMesh) -> None:
    bases = [await mesh.grant() for _ in range(4)]
    for basis in bases:
        await mesh.enrol(basis, face(basis))
    for number, basis in enumerate(bases):
        await mesh.withdraw(basis)
        await asyncio.sleep(0.02 * number)
        await mesh.mesh.kill("vault", signal.SIGKILL)
        await mesh.mesh.start_service("vault")
    indexes = [await gone(mesh, basis) for basis in bases]
    assert len(set(indexes)) == len(bases)
    answer = await mesh.call("Destroy", vault_pb2.DestroyRequest(controller="bank", basis=bases[0], reason="x"))
    assert [receipt.entry.index for receipt in answer.receipts] == [indexes[0]]


async def health(mesh: VaultMesh) -> int:
    answer = await health_pb2_grpc.HealthStub(mesh.channel).Check(
        health_pb2.HealthCheckRequest(service="placet.api.vault.v1.VaultService"), wait_for_ready=True
    )
    return int(answer.status)


async def test_a_vault_whose_keyring_is_open_to_others_stays_sealed_until_it_is_not(mesh: VaultMesh) -> None:
    basis = await mesh.grant()
    await mesh.enrol(basis, face(1))
    keyring = mesh.mesh.layout.own("vault") / "keyring.json"
    assert keyring.stat().st_mode & 0o777 == 0o600
    keyring.chmod(0o640)
    await mesh.mesh.restart("vault")
    assert await health(mesh) == health_pb2.HealthCheckResponse.NOT_SERVING
    for method in REQUESTS:
        assert await reason_of(mesh.call(method, REQUESTS[method]())) == ("precondition", "VAULT_SEALED")
    keyring.chmod(0o600)
    async with asyncio.timeout(10):
        while await health(mesh) != health_pb2.HealthCheckResponse.SERVING:
            await asyncio.sleep(0.1)
    assert (await mesh.match(basis, face(1))).match


async def test_a_lost_keyring_is_not_made_anew_over_stored_keys(mesh: VaultMesh) -> None:
    keyring = mesh.mesh.layout.own("vault") / "keyring.json"
    kept = keyring.with_suffix(".kept")
    keyring.rename(kept)
    try:
        await mesh.mesh.restart("vault")
        assert not keyring.exists()
        assert await reason_of(mesh.holding(0)) == ("precondition", "VAULT_SEALED")
    finally:
        kept.rename(keyring)
        await mesh.mesh.restart("vault")


async def test_the_canary_is_in_no_file_of_the_whole_mesh(mesh: VaultMesh) -> None:
    canary = face(90210)
    basis = await mesh.grant()
    await mesh.enrol(basis, canary)
    await mesh.match(basis, canary)
    assert await reason_of(mesh.match(basis, canary, permit="not.a.permit")) == ("unauthenticated", "PERMIT_INVALID")
    searched = find(mesh.mesh.layout.data, traces_of(canary))
    assert searched == []
    await mesh.withdraw(basis)
    await gone(mesh, basis)
    assert find(mesh.mesh.layout.data, traces_of(canary)) == []
    assert any(Path(mesh.mesh.layout.data).rglob("vault.log"))
    # Negative control: the search does look into every one of these files.
    names = {path.name for path in mesh.mesh.layout.data.rglob("*") if path.is_file()}
    assert {"vault.db", "vault.log", "audit.log"} <= names
    assert find(mesh.mesh.layout.data, {"template id": b"vault.template_destroyed"})


def find(folder: Path, wanted: dict[str, bytes]) -> list[tuple[str, str]]:
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and os.access(path, os.R_OK):
            data = path.read_bytes()
            found += [(str(path), what) for what, trace in wanted.items() if trace in data]
    return found
