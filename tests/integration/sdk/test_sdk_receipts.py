"""What else is in the ledger: consents, registers, permissions, uses, exports. True receipts pass, lies are caught."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc.aio
import pytest
from integration.sdk.conftest import config_of
from integration.sdk.little_log import LittleLog
from integration.sdk.little_mesh import LittleMesh

from placet.api.audit.v1 import audit_pb2
from placet.api.consent.v1 import consent_pb2, consent_pb2_grpc
from placet.api.permission.v1 import permission_pb2, register_pb2, register_pb2_grpc
from placet.api.vault.v1 import vault_pb2, vault_pb2_grpc
from placet.evidence.canonical import b64url
from placet.evidence.digests import grant_digest
from placet.evidence.drafts import scope_of
from placet.evidence.entries import Amend, Record, Use, Withdraw, parse_entry
from placet.sdk import (
    Approver,
    ApproverRole,
    AsyncClient,
    Device,
    LegalRequest,
    Operation,
    PlaceClass,
    ProofError,
    Template,
    Unreachable,
)
from placet.sdk.wire.words import OPERATION
from placet.tlog.encoding import encode_base64

IDENT = "019aaaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa"
HASH = b"h" * 32
PERMIT = f"e30.{base64.urlsafe_b64encode(json.dumps({'event': {'index': 4}}).encode()).decode()}.c2ln"
PROBE = Template.of([0.1, 0.2], model_id="m", model_sha256=HASH, quality=80, captured_at=1)
DEVICE = Device(id="cam-1", site="site-1", place_class=PlaceClass.SHOP_FLOOR, alternative="card")
REQUEST = LegalRequest(id=IDENT, digest=HASH, origin="placet.test/log/shop")
APPROVER = Approver.from_seed(b"a" * 32)


class FullMesh(
    LittleMesh,
    consent_pb2_grpc.ConsentServiceServicer,
    register_pb2_grpc.RegisterServiceServicer,
    vault_pb2_grpc.VaultServiceServicer,
):
    """Answers with receipts of real entries. `instead` replaces the index that a receipt is made of."""

    instead: int | None = None
    proven_by: LittleLog | None = None

    def extend(self, server: grpc.aio.Server) -> None:
        consent_pb2_grpc.add_ConsentServiceServicer_to_server(self, server)
        register_pb2_grpc.add_RegisterServiceServicer_to_server(self, server)
        vault_pb2_grpc.add_VaultServiceServicer_to_server(self, server)

    def receipt(self, index: int, seen: int = 0) -> Any:
        self.log.state()
        return (self.proven_by or self.log).receipt(index if self.instead is None else self.instead, seen)

    def withdrawal(self, index: int) -> bytes:
        log, index = self.proven_by or self.log, index if self.instead is None else self.instead
        proven = log.proven(index)
        entry = {
            "index": index,
            "entry": encode_base64(proven.entry),
            "proof": [encode_base64(one) for one in proven.proof],
        }
        return json.dumps({"format": "placet.receipt/1", "checkpoint": log.note(), "withdraw": entry}).encode()

    async def CaptureConsent(self, request: Any, context: Any) -> Any:
        if request.choice == consent_pb2.CHOICE_REFUSED:
            return consent_pb2.CaptureConsentResponse(
                consent=consent_pb2.Consent(id=request.id, state=consent_pb2.CONSENT_STATE_REFUSED)
            )
        index = self.log.grant(
            purposes=(request.purpose,),
            operations=scope_of(str(OPERATION.word(one)) for one in request.operations),
            sites=scope_of(request.sites),
            egress=request.egress,
            notice=b64url(request.notice_hash),
            max_events=request.max_events or None,
        )
        told = consent_pb2.Consent(
            id=request.id, state=consent_pb2.CONSENT_STATE_GIVEN, basis=self.log.bases - 1, granted=index
        )
        return consent_pb2.CaptureConsentResponse(consent=told, receipt=self.receipt(index))

    async def AmendConsent(self, request: Any, context: Any) -> Any:
        operations = scope_of(str(OPERATION.word(one)) for one in request.operations) or None
        egress = False if request.end_egress else None
        index = self.log.append(
            Amend, basis=0, purposes=None, operations=operations, sites=None, egress=egress, not_after=None
        )
        told = consent_pb2.Consent(id=request.id, state=consent_pb2.CONSENT_STATE_GIVEN, basis=0)
        return consent_pb2.AmendConsentResponse(consent=told, receipt=self.receipt(index))

    async def WithdrawConsent(self, request: Any, context: Any) -> Any:
        index = self.log.append(Withdraw, basis=0, by="data_subject", reason=request.reason)
        told = consent_pb2.Consent(id=request.id, state=consent_pb2.CONSENT_STATE_WITHDRAWN, basis=0, ended=index)
        return consent_pb2.WithdrawConsentResponse(
            consent=told, receipt=self.receipt(index), withdrawal_receipt=self.withdrawal(index)
        )

    async def PutDevice(self, request: Any, context: Any) -> Any:
        data = {"commitment": b64url(HASH), "device": request.device.id, "version": 1}
        index = self.log.append(Record, type="register.device_put", data=data)
        return register_pb2.PutDeviceResponse(receipt=self.receipt(index))

    async def ListDevices(self, request: Any, context: Any) -> Any:
        device = register_pb2.Device(id="cam-2", site="s", place_class=2, alternative="cash")
        return register_pb2.ListDevicesResponse(devices=[device])

    async def Match(self, request: Any, context: Any) -> Any:
        index = self.log.append(Use, event=4, n=1, service="vault", verdict="allow", reasons=())
        return vault_pb2.MatchResponse(match=True, score=85, receipt=self.receipt(index, request.seen))

    async def Destroy(self, request: Any, context: Any) -> Any:
        index = self.log.append(Record, type="vault.template_destroyed", data={"basis": request.basis})
        return vault_pb2.DestroyResponse(destroyed=1, receipts=[self.receipt(index)])

    async def ApproveLegalPermission(self, request: Any, context: Any) -> Any:
        data = {
            "approver": "ann",
            "draft": b64url(HASH),
            "expires": request.expires,
            "key": b64url(APPROVER.public_key),
            "role": "approve_legal",
            "signature": b64url(request.signature),
        }
        index = self.log.append(Record, type="permission.approved", data=data)
        return permission_pb2.ApproveLegalPermissionResponse(receipt=self.receipt(index), approvals=1)

    async def IssueLegalPermission(self, request: Any, context: Any) -> Any:
        index = self.log.grant(form="legal_permission", subject=None, notice=None, authority="pipl:13")
        return permission_pb2.IssueLegalPermissionResponse(basis=self.log.bases - 1, receipt=self.receipt(index))

    async def RevokeLegalPermission(self, request: Any, context: Any) -> Any:
        index = self.log.append(Withdraw, basis=0, by="controller", reason=request.reason)
        self.log.state()
        return permission_pb2.RevokeLegalPermissionResponse(receipt=self.withdrawal(index))

    async def GetEntry(self, request: Any, context: Any) -> Any:
        index = request.index if self.instead is None else self.instead
        return audit_pb2.GetEntryResponse(receipt=(self.proven_by or self.log).receipt(index))

    async def Export(self, request: Any, context: Any) -> AsyncIterator[Any]:
        for begin in range(request.begin, request.end, 3):
            entries = self.log.entries[begin : min(begin + 3, request.end)]
            yield self.lie("Export", audit_pb2.ExportResponse(begin=begin, entries=entries))

    async def GetController(self, request: Any, context: Any) -> Any:
        details = audit_pb2.Controller(controller="shop", origin=self.log.origin, verifier_key=self.log.vkey, state=1)
        return self.lie("GetController", audit_pb2.GetControllerResponse(details=details))

    async def Search(self, request: Any, context: Any) -> Any:
        begin = int(request.cursor or self.log.size)
        found = [
            audit_pb2.Found(index=index, entry=self.log.entries[index])
            for index in range(begin - 1, max(begin - 1 - request.page_size, -1), -1)
        ]
        left = begin - len(found)
        return audit_pb2.SearchResponse(found=found, next_cursor=str(left) if left else "", complete_to=self.log.size)


@pytest.fixture
async def mesh() -> AsyncIterator[FullMesh]:
    made = FullMesh()
    for _ in range(3):
        made.log.grant()
        made.log.state()
    made.address = await made.start()
    yield made
    await made.stop()


async def capture(client: AsyncClient) -> Any:
    told = await client.capture_consent(
        customer="C-1",
        purpose="payment",
        notice_hash=HASH,
        operations=[Operation.VERIFY, Operation.ENROL],
        egress=True,
        max_events=5,
    )
    assert told.receipt is not None
    return told.receipt


async def amend(client: AsyncClient) -> Any:
    return (await client.amend_consent(IDENT, operations=[Operation.VERIFY], end_egress=True)).receipt


async def withdraw(client: AsyncClient) -> Any:
    return (await client.withdraw_consent(IDENT)).receipt


async def put_device(client: AsyncClient) -> Any:
    return await client.put_device(DEVICE)


async def match(client: AsyncClient) -> Any:
    return (await client.match(PERMIT, PROBE)).receipt


async def destroy(client: AsyncClient) -> Any:
    return (await client.destroy(0, reason="purpose_ended")).receipts[0]


async def approve(client: AsyncClient) -> Any:
    approval = client.approve_legal_permission(REQUEST, role=ApproverRole.LEGAL, approver=APPROVER, expires=5)
    return (await approval).receipt


async def issue(client: AsyncClient) -> Any:
    return (await client.issue_legal_permission(IDENT)).receipt


async def revoke(client: AsyncClient) -> Any:
    return (await client.revoke_legal_permission(IDENT, reason="purpose_ended")).receipt


async def entry(client: AsyncClient) -> Any:
    return await client.entry(4)


WAYS: list[Callable[[AsyncClient], Any]] = [
    capture,
    amend,
    withdraw,
    put_device,
    match,
    destroy,
    approve,
    issue,
    revoke,
    entry,
]
EACH = pytest.mark.parametrize("ask", WAYS, ids=lambda way: way.__name__)


@EACH
async def test_a_true_receipt_is_returned_with_its_entry(mesh: FullMesh, client: AsyncClient, ask: Any) -> None:
    await client.checkpoint()
    receipt = await ask(client)
    assert receipt.entry == mesh.log.entries[receipt.index]
    assert receipt.content() == parse_entry(receipt.entry)
    assert client._session.trust.head.size == mesh.log.size


@EACH
@pytest.mark.parametrize("index", [0, 1, 2])
async def test_the_receipt_of_another_entry_is_caught(
    mesh: FullMesh, client: AsyncClient, ask: Any, index: int
) -> None:
    await client.checkpoint()
    mesh.instead = index
    with pytest.raises(ProofError):
        await ask(client)


@EACH
async def test_a_receipt_out_of_another_history_is_caught(mesh: FullMesh, client: AsyncClient, ask: Any) -> None:
    await client.checkpoint()
    mesh.proven_by = LittleLog()
    for _ in range(6):
        mesh.proven_by.grant(law="other")
    mesh.proven_by.state()
    mesh.instead = 3
    with pytest.raises(ProofError):
        await ask(client)


async def test_a_true_entry_of_a_forked_history_is_caught(mesh: FullMesh, client: AsyncClient) -> None:
    """The entry is the one asked for, and proven; only the history around it is another."""
    await client.checkpoint()
    mesh.proven_by = LittleLog()
    for _ in range(3):
        mesh.proven_by.grant()
        mesh.proven_by.state()
    assert mesh.proven_by.entries[4] == mesh.log.entries[4]
    mesh.proven_by.grant(law="other")
    mesh.proven_by.state()
    mesh.log.grant()
    mesh.log.state()
    await client.checkpoint()
    with pytest.raises(ProofError) as caught:
        await entry(client)
    assert caught.value.reason == "LOG_FORKED"


@EACH
async def test_a_receipt_signed_by_another_key_is_caught(mesh: FullMesh, client: AsyncClient, ask: Any) -> None:
    mesh.log.signer = LittleLog(seed=b"\x0a" * 32).signer
    with pytest.raises(ProofError):
        await ask(client)


async def test_a_refusal_has_no_receipt(mesh: FullMesh, client: AsyncClient) -> None:
    told = await client.capture_consent(
        customer="C-1", purpose="payment", notice_hash=HASH, operations=["verify"], choice="refused"
    )
    assert told.receipt is None
    assert told.consent.basis is None


@pytest.mark.parametrize(("ask", "told"), [(capture, True), (amend, True), (withdraw, True), (put_device, False)])
async def test_the_next_question_says_what_this_client_wrote(
    mesh: FullMesh, client: AsyncClient, ask: Any, told: bool
) -> None:
    receipt = await ask(client)
    await client.check(customer="C-1", purpose="payment", device="cam-1", operation="verify")
    assert mesh.requests[-1].after == (receipt.index if told else 0)


async def test_the_wrong_draft_is_not_taken_for_the_one_approved(mesh: FullMesh, client: AsyncClient) -> None:
    with pytest.raises(ProofError, match="draft"):
        await client.issue_legal_permission(REQUEST)
    grant = (await client.issue_legal_permission(IDENT)).receipt.content()
    right = LegalRequest(id=IDENT, digest=grant_digest(grant), origin=mesh.log.origin)
    assert (await client.issue_legal_permission(right)).basis == grant.basis + 1


async def test_an_export_is_proven_entry_by_entry(mesh: FullMesh, client: AsyncClient) -> None:
    found = [one async for one in client.export()]
    assert [one.entry for one in found] == mesh.log.entries
    part = [one.index async for one in client.export(2, 6)]
    assert part == [2, 3, 4, 5]
    for at in range(mesh.log.size):

        def lie(name: str, response: Any, at: int = at) -> Any:
            if name == "Export" and response.begin <= at < response.begin + len(response.entries):
                response.entries[at - response.begin] = mesh.log.entries[at].replace(b'"v":1', b'"v":2')
            return response

        mesh.lie = lie
        given = []
        with pytest.raises(ProofError):
            given.extend([one async for one in client.export()])
        mesh.lie = lambda _, response: response
        assert all(one.entry == mesh.log.entries[one.index] for one in given)


async def test_an_export_that_skips_or_stops_is_caught(mesh: FullMesh, client: AsyncClient) -> None:
    for lie in (
        lambda name, one: audit_pb2.ExportResponse() if name == "Export" and one.begin == 3 else one,
        lambda name, one: audit_pb2.ExportResponse() if name == "Export" and one.begin >= 6 else one,
    ):
        mesh.lie = lie
        with pytest.raises(ProofError):
            _ = [one async for one in client.export()]


async def test_a_search_is_paged_through(mesh: FullMesh, client: AsyncClient) -> None:
    found = [one.index async for one in client.search(page_size=3)]
    assert found == list(range(mesh.log.size))[::-1]
    page = await client.search_page(page_size=4)
    assert page.next_cursor == str(mesh.log.size - 4)


async def test_another_key_than_the_pinned_one_is_noticed(mesh: FullMesh, client: AsyncClient) -> None:
    assert (await client.get_controller()).origin == mesh.log.origin
    other = LittleLog(seed=b"\x0b" * 32).vkey

    def lie(_: str, response: Any) -> Any:
        response.details.verifier_key = other
        del response.details.signing_keys[:]
        return response

    mesh.lie = lie
    with pytest.raises(ProofError, match="pinned"):
        await client.get_controller()

    def lie_of_signers(_: str, response: Any) -> Any:
        response.details.signing_keys.append(other)
        return response

    mesh.lie = lie_of_signers
    with pytest.raises(ProofError, match="pinned"):
        await client.get_controller()


async def test_while_a_key_is_replaced_either_may_be_pinned(mesh: FullMesh, client: AsyncClient) -> None:
    newest = LittleLog(seed=b"\x0b" * 32).vkey

    def rotated(_: str, response: Any) -> Any:
        response.details.verifier_key = newest
        response.details.signing_keys.extend([mesh.log.vkey, newest])
        return response

    mesh.lie = rotated
    details = await client.get_controller()
    assert (details.verifier_key, details.signing_keys) == (newest, (mesh.log.vkey, newest))


async def test_an_older_note_is_proven_to_begin_the_newest(mesh: FullMesh, client: AsyncClient) -> None:
    old = mesh.log.note()
    mesh.log.grant()
    mesh.log.state()
    assert (await client.consistency(old)).size == mesh.log.size
    other = LittleLog()
    other.grant(law="other")
    other.state()
    with pytest.raises(ProofError) as caught:
        await client.consistency(other.note())
    assert caught.value.held == other.note()


async def test_a_cosigned_checkpoint_may_be_older_than_what_others_saw(mesh: FullMesh, client: AsyncClient) -> None:
    """What witnesses have cosigned lags behind: no fork, neither for who has seen more nor for who has not."""
    mesh.cosigned = mesh.log.size
    mesh.log.grant()
    mesh.log.state()
    newest = mesh.log.note()
    assert (await client.checkpoint()).size == mesh.cosigned
    assert (await client.consistency(newest)).size == mesh.log.size
    assert (await client.checkpoint()).size == mesh.log.size  # it has seen more by now
    assert (await client.consistency(mesh.log.note(mesh.cosigned))).size == mesh.cosigned


async def test_a_log_that_became_shorter_is_a_fork(mesh: FullMesh, client: AsyncClient) -> None:
    mesh.log.grant()
    mesh.log.state()
    longer = mesh.log.note()
    mesh.audit_log = LittleLog()
    with pytest.raises(ProofError) as caught:
        await client.consistency(longer)
    assert caught.value.reason == "LOG_FORKED"


async def test_registers_tell_the_alternative_for_when_nothing_answers(mesh: FullMesh) -> None:
    async with AsyncClient(config_of(mesh, timeout=0.3)) as client:
        await client.put_device(DEVICE)
        await client.list_devices()
        await mesh.stop()
        for device, alternative in (("cam-1", "card"), ("cam-2", "cash"), ("cam-3", None)):
            with pytest.raises(Unreachable) as caught:
                await client.authorize(customer=None, purpose="payment", device=device, operation="verify")
            assert caught.value.alternative == alternative
