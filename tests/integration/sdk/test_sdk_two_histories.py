"""An operator that shows two callers two histories: caught by callers who share a checkpoint, and by one who sees both.

Both histories are whole and signed by the true key; each caller alone has no way to tell. Every answer that carries a
checkpoint is tied to what was held, whichever RPC it is the answer of: a server that answers any of them out of another
history shows that. Negative controls: without the shared store, and without the tie, the fork is believed.
"""

import json
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from integration.sdk.conftest import ASK, config_of
from integration.sdk.little_log import LittleLog
from integration.sdk.little_mesh import LittleMesh
from integration.sdk.test_sdk_receipts import APPROVER, DEVICE, HASH, IDENT, PERMIT, PROBE

from placet.api.common.v1 import evidence_pb2
from placet.evidence.kinds import Withdraw
from placet.sdk import (
    Alternative,
    AlternativeUsage,
    ApproverRole,
    Assessment,
    AsyncClient,
    Attestation,
    CaptureFlow,
    CheckpointFile,
    Config,
    Deployment,
    FaceEvent,
    Filing,
    FilingFacts,
    FilingKind,
    Incident,
    NoticeText,
    PermitWish,
    PlaceClass,
    PlacetError,
    ProofError,
    Purpose,
    Site,
    SubjectReferences,
    Targets,
    Template,
)
from placet.sdk.config import Coalescing
from placet.sdk.sharing import Sharing
from placet.sdk.transport import methods
from placet.sdk.transport.methods import Method
from placet.sdk.trust import Trust
from placet.tlog.encoding import encode_base64

OFTEN = 0.0
"""How often checkpoints are exchanged here: with every answer."""


def other_history(log: LittleLog) -> LittleLog:
    other = log.fork()
    for _ in range(3):
        other.grant(law="other")
    other.state()
    return other


async def two_operators(mesh: LittleMesh) -> LittleMesh:
    """Start a second server that shows another history of the same log, under the same key."""
    second = LittleMesh(other_history(mesh.log))
    second.address = await second.start()  # type: ignore[attr-defined]
    for _ in range(2):  # and the first goes on as well
        mesh.log.grant()
        mesh.log.state()
    return second


@pytest.mark.parametrize("turns", [("first", "second"), ("second", "first")])
async def test_two_callers_who_share_a_checkpoint_notice(
    mesh: LittleMesh, tmp_path: Path, turns: tuple[str, str]
) -> None:
    second = await two_operators(mesh)
    store = CheckpointFile(tmp_path / "checkpoint")
    shown = {"first": mesh, "second": second}
    async with AsyncClient(config_of(shown[turns[0]], checkpoints=store)) as one:
        assert (await one.authorize(**ASK)).allowed
        held = one.checkpoint_held
        assert store.read() == held
        other = AsyncClient(config_of(shown[turns[1]], checkpoints=store))
        with pytest.raises(ProofError) as caught:
            await other.authorize(**ASK)
        assert caught.value.held == held
        assert caught.value.answered
        assert store.read() == held, "what was proven first stays"
    await second.stop()


async def test_two_callers_at_work_notice_with_their_next_exchange(
    mesh: LittleMesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both began on common ground; the fork comes later."""
    monkeypatch.setattr("placet.sdk.sharing.EVERY", OFTEN)
    store = CheckpointFile(tmp_path / "checkpoint")
    async with AsyncClient(config_of(mesh, checkpoints=store)) as one:
        await one.authorize(**ASK)
        second = LittleMesh(mesh.log.fork())
        second.address = await second.start()  # type: ignore[attr-defined]
        second.log.bases, second.log.last_state, second.log.covered = mesh.log.bases, mesh.log.last_state, 0
        other = AsyncClient(config_of(second, checkpoints=store))
        assert (await other.authorize(**ASK)).allowed
        assert "LOG_FORKED" in [await refusal(one.authorize(**ASK)) for _ in range(3)]
        await other._session.channels.close()
        await second.stop()


async def test_callers_who_see_the_same_log_share_their_checkpoint_in_peace(
    mesh: LittleMesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("placet.sdk.sharing.EVERY", OFTEN)
    store = CheckpointFile(tmp_path / "checkpoint")
    async with (
        AsyncClient(config_of(mesh, checkpoints=store)) as one,
        AsyncClient(config_of(mesh, checkpoints=store)) as other,
    ):
        for _ in range(5):
            assert (await one.authorize(**ASK)).allowed
            assert (await other.authorize(**ASK)).allowed
    assert store.read() == mesh.log.note()


async def test_without_a_shared_checkpoint_each_believes_its_own_history(mesh: LittleMesh) -> None:
    """Negative control: nothing else could have told them."""
    second = await two_operators(mesh)
    async with AsyncClient(config_of(mesh)) as one, AsyncClient(config_of(second)) as other:
        assert (await one.authorize(**ASK)).allowed
        assert (await other.authorize(**ASK)).allowed
    await second.stop()


async def test_a_store_that_nobody_ties_to_notices_nothing(
    mesh: LittleMesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: it is the tie in the exchange that finds the fork, not the file."""

    async def overwrite(self: Sharing, deadline: float) -> None:
        self._store.replace(self._store.read(), self._trust.head.note)

    second = await two_operators(mesh)
    store = CheckpointFile(tmp_path / "checkpoint")
    one, other = (AsyncClient(config_of(shown, checkpoints=store)) for shown in (mesh, second))
    async with one, other:
        assert (await one.authorize(**ASK)).allowed
        monkeypatch.setattr(Sharing, "exchange", overwrite)
        assert (await other.authorize(**ASK)).allowed
    await second.stop()


async def test_an_exchange_that_cannot_be_proven_in_time_costs_no_answer(mesh: LittleMesh, tmp_path: Path) -> None:
    """Audit is away: what others saw is tied later, this client's own answers are proven all the same."""
    from integration.sdk.test_sdk_faults import status

    store = CheckpointFile(tmp_path / "checkpoint")
    before = mesh.log.note()
    mesh.log.grant()
    mesh.log.state()
    store.replace(None, mesh.log.note())
    mesh.log.grant()
    mesh.log.state()
    mesh.fail = lambda name, _: status("unavailable", "LEDGER_UNAVAILABLE") if name == "GetConsistency" else None
    async with AsyncClient(config_of(mesh, checkpoints=store, checkpoint=before, timeout=0.5)) as client:
        assert (await client.authorize(**ASK)).allowed
        mesh.fail = lambda *_: None
    assert store.read() == mesh.log.note(), "tied when the client was closed"


# One caller who sees both: any RPC whose answer carries a checkpoint, answered out of the other history.

REST: dict[str, Any] = {"customer": "C-1", "purpose": "payment"}
TEXT = NoticeText(language="en", **{name: "x" for name in NoticeText.__slots__ if name != "language"})
ART_9 = dict.fromkeys(("lawfulness", "rights_impact", "risks", "protection", "assessor"), "x")
CALLS: dict[str, Callable[[AsyncClient], Awaitable[Any]]] = {
    "PublishNotice": lambda one: one.publish_notice(notice_id="n", purposes=["payment"], texts=[TEXT]),
    "CaptureConsent": lambda one: one.capture_consent(**REST, notice_hash=HASH, operations=["verify"]),
    "AmendConsent": lambda one: one.amend_consent(IDENT, end_egress=True),
    "WithdrawConsent": lambda one: one.withdraw_consent(IDENT),
    "WithdrawGuardianship": lambda one: one.withdraw_guardianship(IDENT),
    "AuthorizeBatch": lambda one: one.authorize_batch([FaceEvent(**ASK, permit=PermitWish())]),
    "ApproveLegalPermission": lambda one: one.approve_legal_permission(
        _request(one), role=ApproverRole.LEGAL, approver=APPROVER, expires=5
    ),
    "IssueLegalPermission": lambda one: one.issue_legal_permission(IDENT),
    "RevokeLegalPermission": lambda one: one.revoke_legal_permission(IDENT, reason="purpose_ended"),
    "PutPurpose": lambda one: one.put_purpose(Purpose(id="payment", necessity="x", operations=("verify",))),  # type: ignore[arg-type]
    "PutSite": lambda one: one.put_site(Site(id="site-1", place_class=PlaceClass.SHOP_FLOOR)),
    "PutDevice": lambda one: one.put_device(DEVICE),
    "PutAttestation": lambda one: one.put_attestation(Attestation(filing_current=True)),
    "PutAssessment": lambda one: one.put_assessment(
        Assessment(id="a", purposes=("payment",), report_sha256=HASH, concluded_at=1, valid_until=2, **ART_9)
    ),
    "DestroyAssessment": lambda one: one.destroy_assessment("a"),
    "PutIncident": lambda one: one.put_incident(Incident(id="i", noticed_at=1, description="x")),
    "PutDeployment": lambda one: one.put_deployment(Deployment(id="core")),
    "PutCaptureFlow": lambda one: one.put_capture_flow(
        CaptureFlow(purpose="payment", evidence_sha256=HASH, checked_at=1, valid_until=2)
    ),
    "PutAlternative": lambda one: one.put_alternative(
        Alternative(id="card", name="card", purposes=("payment",), checked_at=1)
    ),
    "PutAlternativeUsage": lambda one: one.put_alternative_usage(
        AlternativeUsage(purpose="payment", period="2026-11", face=1, alternative=1)
    ),
    "RecordFiling": lambda one: one.record_filing(Filing(id="f", kind=FilingKind.CHANGE, since=date(2026, 3, 2))),
    "PutFilingFacts": lambda one: one.put_filing_facts(FilingFacts(name="x")),
    "Enrol": lambda one: one.enrol(PERMIT, _template()),
    "Match": lambda one: one.match(PERMIT, PROBE),
    "Destroy": lambda one: one.destroy(0, reason="purpose_ended"),
    "GetCheckpoint": lambda one: one.checkpoint(),
    "GetEntry": lambda one: one.entry(2),
    "GetStatus": lambda one: one.check_receipt(_receipt(_log())),
    "Export": lambda one: _all(one.export(0, 0)),
}
ELSEWHERE = {
    "Authorize": "test_sdk_lies.py, alone",
    "AuthorizeStream": "test_sdk_lies.py, stream",
    "GetConsistency": "asked only to tie something else; nothing is taken from the checkpoint beside it",
    "CreateController": "an operator holds no checkpoint of a log that it creates",
    "CloseController": "an operator holds no checkpoint of a log that it closes",
}


def _request(_: AsyncClient) -> Any:
    from integration.sdk.test_sdk_receipts import REQUEST

    return REQUEST


def _template() -> Template:
    return PROBE


async def _all(found: Any) -> list[Any]:
    return [one async for one in found]


def _log() -> LittleLog:
    """The true history: a grant, a withdrawal, a state."""
    log = LittleLog()
    log.grant()
    log.append(Withdraw, basis=0, by="data_subject", reason="x")
    log.state()
    return log


def _receipt(log: LittleLog) -> str:
    proven = log.proven(3)
    entry = {"index": 3, "entry": encode_base64(proven.entry), "proof": [encode_base64(one) for one in proven.proof]}
    return json.dumps({"format": "placet.receipt/1", "checkpoint": log.note(), "withdraw": entry})


class AnyAnswer(grpc.GenericRpcHandler):
    """Answers every RPC with true entries of a log, proven under its newest checkpoint; nothing else is as asked."""

    def __init__(self, log: LittleLog) -> None:
        self.log = log
        self.methods = {value.path: value for value in vars(methods).values() if isinstance(value, Method)}

    def service(self, details: Any) -> Any:
        method = self.methods[details.method]

        async def answer(request: Any, context: Any) -> Any:
            return self._filled(method.answer(), getattr(request, "seen", 0), request)

        async def stream(request: Any, context: Any) -> Any:
            yield await answer(request, context)

        codec = {
            "request_deserializer": method.request.FromString,
            "response_serializer": lambda message: message.SerializeToString(),
        }
        if details.method.endswith("/Export"):
            return grpc.unary_stream_rpc_method_handler(stream, **codec)
        return grpc.unary_unary_rpc_method_handler(answer, **codec)

    def _filled(self, message: Any, seen: int, request: Any) -> Any:
        log = self.log
        for field in message.DESCRIPTOR.fields:
            kind = field.message_type.name if field.message_type is not None else ""
            made: Any = None
            if kind == "LedgerReceipt":
                made = log.receipt(log.size - 1 if request.DESCRIPTOR.name == "GetStatusRequest" else 2, seen)
            elif kind == "Checkpoint":
                made = log.checkpoint(seen)
            elif kind == "ConsistencyProof":
                size = request.new_size or log.size
                made = evidence_pb2.ConsistencyProof(
                    old_size=request.old_size, hashes=log.consistency(min(request.old_size, size), size)
                )
            elif field.type == field.TYPE_BYTES and "receipt" in field.name:
                made = _receipt(log).encode()
            elif field.name in ("consent", "guardianship"):
                getattr(message, field.name).state = 1
                if field.name == "guardianship":
                    message.guardianship.kind = 1
            if made is not None:
                self._put(message, field, made)
        if message.DESCRIPTOR.name == "AuthorizeBatchResponse":
            message.answers.add(index=2, entry=log.entries[2])
            message.proofs.extend(log.runs([2]))
        return message

    def _put(self, message: Any, field: Any, made: Any) -> None:
        if field.is_repeated:
            getattr(message, field.name).append(made)
        elif isinstance(made, Message):
            getattr(message, field.name).CopyFrom(made)
        else:
            setattr(message, field.name, made)


@pytest.fixture
async def anything() -> Any:
    server = grpc.aio.server()
    handler = AnyAnswer(_log())
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    address = f"127.0.0.1:{port}"
    targets = Targets(consent=address, permission=address, vault=address, audit=address)
    config = Config(
        controller="shop",
        targets=targets,
        token="a.b.c",
        log_vkey=handler.log.vkey,
        references=SubjectReferences(b"k" * 32),
        coalescing=Coalescing(enabled=False),
    )
    async with AsyncClient(config) as client:
        await client.checkpoint()
        yield handler, client
    await server.stop(None)


def carries_a_checkpoint(descriptor: Descriptor) -> bool:
    for field in descriptor.fields:
        if field.message_type is not None and (
            field.message_type.name in ("LedgerReceipt", "Checkpoint") or carries_a_checkpoint(field.message_type)
        ):
            return True
        if field.type == field.TYPE_BYTES and "receipt" in field.name and "signed" not in field.name:
            return True
    return False


def test_no_answer_with_a_checkpoint_is_left_out() -> None:
    """A new RPC whose answer carries one has to be added above."""
    table = [value for value in vars(methods).values() if isinstance(value, Method)]
    names = {one.path.rpartition("/")[2] for one in table if carries_a_checkpoint(one.answer.DESCRIPTOR)}
    assert names == {*CALLS, *ELSEWHERE}


@pytest.mark.parametrize("name", CALLS)
async def test_one_caller_who_sees_both_histories_notices(anything: Any, name: str) -> None:
    handler, client = anything
    held = client.checkpoint_held
    other = LittleLog()
    other.grant()
    other.append(Withdraw, basis=0, by="system", reason="y")
    other.state()
    other.grant(law="other")
    other.state()
    handler.log = other
    with pytest.raises(ProofError) as caught:
        await CALLS[name](client)
    assert caught.value.reason == "LOG_FORKED"
    assert caught.value.held == held
    assert caught.value.answered == other.note()
    assert client.checkpoint_held == held


@pytest.mark.parametrize("name", CALLS)
async def test_without_the_tie_the_other_history_is_not_what_is_refused(
    anything: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: with the protection off no call says LOG_FORKED; some stumble over what else is untrue."""
    handler, client = anything
    other = _log()
    other.entries[3] = other.entries[3].replace(b'"x"', b'"y"')
    rebuilt = LittleLog()
    rebuilt.entries, rebuilt.tree = [], type(other.tree)()
    for entry in other.entries:
        rebuilt.put(entry)
    handler.log = rebuilt
    monkeypatch.setattr(Trust, "tie", lambda self, tree, *_: None)
    assert await refusal(CALLS[name](client)) != "LOG_FORKED"


async def refusal(call: Awaitable[Any]) -> str | None:
    """Why a call fails, None if it does not."""
    try:
        await call
    except PlacetError as error:
        return error.reason
    return None
