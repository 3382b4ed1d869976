"""The client against the whole mesh: the README's quickstart, and one person's story from notice to destruction."""

import datetime
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from placet.sdk import (
    Approver,
    ApproverRole,
    AsyncClient,
    Attestation,
    Channel,
    CheckpointFile,
    Choice,
    Client,
    ConsentState,
    Device,
    FaceEvent,
    Filter,
    Forbidden,
    GuardianKind,
    LegalCode,
    LegalDraft,
    LegalState,
    NoticeText,
    Operation,
    OperatorClient,
    OperatorConfig,
    PlaceClass,
    PlacetError,
    Precondition,
    ProofError,
    Purpose,
    Reason,
    ReceiptFolder,
    Site,
    Storage,
    Template,
)
from placet.sdk.commands import run
from placet.sdk.testing import RunningMesh, start_mesh
from placet.sdk.trust import Tree

pytestmark = [pytest.mark.mesh, pytest.mark.timeout(180)]
README = Path(__file__).parents[3] / "sdk/client/README.md"
YEAR = 365 * 86_400 * 1_000_000
BOTH = (Operation.ENROL, Operation.VERIFY)


def now() -> int:
    return time.time_ns() // 1_000


@pytest.fixture(scope="module")
def mesh() -> Iterator[RunningMesh]:
    with start_mesh(["shop", "quick"]) as made:
        yield made


@pytest.fixture(scope="module")
def client(mesh: RunningMesh) -> Iterator[Client]:
    with mesh.client("shop", timeout=15) as made:
        yield made


@pytest.fixture(scope="module")
def notice(client: Client) -> bytes:
    client.put_attestation(Attestation(protection_valid_until=now() + YEAR, filing_current=True, refusal_equal=True))
    client.put_site(Site(id="branch-1", name="Main branch", place_class=PlaceClass.BRANCH_COUNTER))
    client.put_device(
        Device(
            id="cam-1",
            site="branch-1",
            place_class=PlaceClass.BRANCH_COUNTER,
            sign_sha256=b"s" * 32,
            sign_valid_until=now() + YEAR,
            collection_area_set=True,
            alternative="card-and-pin",
        )
    )
    client.put_purpose(
        Purpose(
            id="payment",
            name="Pay at the counter",
            necessity="the person asked to pay with the face",
            operations=BOTH,
            storage=Storage.VAULT,
            retention_days=365,
            assessment_sha256=b"a" * 32,
            assessment_valid_until=now() + YEAR,
            reviewed_by="actor-1",
            reviewed_at=now(),
            alternative="card",
        )
    )
    words = dict.fromkeys(
        ("title", "controller_name", "contact", "purpose", "method", "retention", "necessity", "impact", "rights"), "x"
    )
    texts = [NoticeText(language=language, **words) for language in ("zh-CN", "en")]
    return client.publish_notice(notice_id="n-1", purposes=["payment"], texts=texts).notice.content_hash


def consent(client: Client, notice: bytes, customer: str, **more: Any) -> Any:
    served = client.record_notice_served(
        customer=customer, notice_hash=notice, language="en", channel=Channel.COUNTER, device="cam-1"
    )
    return client.capture_consent(
        customer=customer,
        purpose="payment",
        notice_hash=notice,
        notice_served=served,
        operations=BOTH,
        egress=True,
        language="en",
        channel=Channel.COUNTER,
        alternative="card-and-pin",
        **more,
    )


def asks(customer: str, operation: Operation = Operation.VERIFY) -> dict[str, Any]:
    return {"customer": customer, "purpose": "payment", "device": "cam-1", "operation": operation}


def template(**changes: Any) -> Template:
    values = [((n * 37) % 101 - 50) / 50 for n in range(128)]
    about = {"model_id": "m-1", "model_sha256": b"m" * 32, "quality": 90, "captured_at": now()}
    return Template.of(values, **{**about, **changes})


def test_the_quickstart_of_the_readme_runs(mesh: RunningMesh) -> None:
    script = README.read_text().split("```python\n")[1].split("```")[0]
    assert len(script.strip().splitlines()) <= 22
    config = mesh.run(mesh.mesh.create_controller("quick")).config
    environment = {**os.environ, "PLACET_CONFIG": str(config)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "BASIS_MISSING" in done.stdout
    assert "card" in done.stdout


def test_one_person_from_notice_to_destruction(client: Client, notice: bytes, tmp_path: Path, capsys: Any) -> None:
    given = consent(client, notice, "C-1")
    assert given.consent.state is ConsentState.GIVEN
    enrolment = client.authorize(**asks("C-1", Operation.ENROL))
    assert enrolment.allowed, enrolment
    assert enrolment.basis == given.consent.basis
    assert enrolment.permit is not None
    enrolled = client.enrol(enrolment.permit, template())
    assert enrolled.basis == given.consent.basis
    with pytest.raises(PlacetError) as again:  # one use
        client.enrol(enrolment.permit, template())
    assert again.value.reason in ("USE_DENIED", "ALREADY_EXISTS")
    with client.permit(**asks("C-1")) as permitted:
        assert permitted.permit is not None
        found = client.match(permitted.permit, template())
        permitted.outcome = "match" if found.match else "no_match"
    assert found.match
    assert found.score == 1.0
    assert [one.template_id for one in client.holding(enrolled.basis).items] == [enrolled.template_id]
    with client.permit(**asks("C-1")) as permitted, pytest.raises(Precondition) as other:  # noqa: PT012
        assert permitted.permit is not None
        client.match(permitted.permit, template(model_id="m-2", model_sha256=b"n" * 32))
    assert other.value.reason == "MODEL_MISMATCH"

    bundle = client.bundle(permitted.index)
    path = tmp_path / "bundle.json"
    path.write_bytes(bundle.json)
    assert run(["verify", str(path), "--key", client._client._session.config.log_vkey]) == 0
    capsys.readouterr()

    withdrawn = client.withdraw_consent(given.consent.id)
    assert withdrawn.consent.state is ConsentState.WITHDRAWN
    assert client.withdraw_consent(given.consent.id).receipt.entry == withdrawn.receipt.entry
    (tmp_path / "receipt.json").write_text(withdrawn.evidence)
    assert run(["verify", str(tmp_path / "receipt.json"), "--key", client._client._session.config.log_vkey]) == 0
    denied = client.authorize(**asks("C-1"))
    assert Reason.BASIS_WITHDRAWN in denied.reasons
    assert denied.permit is None
    assert denied.alternative == "card-and-pin"
    deadline = time.monotonic() + 20
    while client.holding(enrolled.basis).items and time.monotonic() < deadline:
        time.sleep(0.1)
    holding = client.holding(enrolled.basis)
    assert holding.items == ()
    assert [one.state for one in client.list_consents("C-1")] == [ConsentState.WITHDRAWN]


def test_a_refusal_and_a_narrowing(client: Client, notice: bytes) -> None:
    refused = consent(client, notice, "C-2", choice=Choice.REFUSED)
    assert refused.receipt is None
    assert client.authorize(**asks("C-2")).reasons[0] is Reason.BASIS_MISSING
    given = consent(client, notice, "C-3")
    amended = client.amend_consent(given.consent.id, operations=[Operation.VERIFY])
    assert amended.consent.operations == (Operation.VERIFY,)
    assert Reason.OPERATION_NOT_COVERED in client.authorize(**asks("C-3", Operation.ENROL)).reasons


def test_a_minor_and_a_guardian(mesh: RunningMesh, client: Client, notice: bytes) -> None:
    born = datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=12 * 365)
    opened = client.open_guardianship(
        minor="K-1", guardian="P-1", kind=GuardianKind.PARENT, minor_birth_date=born, proof_sha256=b"p" * 32
    )
    with pytest.raises(PlacetError) as same:
        client.confirm_guardianship(opened.id)
    assert same.value.reason == "SAME_PERSON"
    with mesh.client("shop", actor="second") as second:
        second.confirm_guardianship(opened.id)
    given = consent(client, notice, "K-1", birth_date=born, guardianships=[opened.id])
    assert client.authorize(**asks("K-1")).allowed
    ended = client.withdraw_guardianship(opened.id)
    assert ended.consents == (given.consent.id,)
    assert Reason.GUARDIAN_WITHDRAWN in client.authorize(**asks("K-1")).reasons


def test_a_legal_permission_needs_two_people(mesh: RunningMesh, client: Client, notice: bytes) -> None:
    draft = LegalDraft(
        code=LegalCode.COURT_ORDER,
        authority="pipl:13-1-3",
        document_sha256=b"d" * 32,
        purposes=("payment",),
        operations=(Operation.VERIFY,),
        sites=("*",),
        not_before=now(),
        not_after=now() + YEAR,
        law="cn-2025",
    )
    request = client.request_legal_permission(draft)
    for actor, role in (("ann", ApproverRole.LEGAL), ("bob", ApproverRole.DPO)):
        with pytest.raises(Precondition) as missing:
            client.issue_legal_permission(request)
        assert missing.value.reason == "APPROVALS_MISSING"
        approver = Approver.from_seed(actor.encode().ljust(32))
        with mesh.client("shop", actor=actor) as person:
            person.register_approver(approver)
            person.approve_legal_permission(request, role=role, approver=approver, expires=now() + YEAR)
    issued = client.issue_legal_permission(request)
    assert client.authorize(**asks("nobody asked"), basis=issued.basis).basis == issued.basis
    assert client.get_legal_permission(request).state is LegalState.ISSUED
    client.revoke_legal_permission(request, reason="purpose_ended")
    assert client.get_legal_permission(request).state is LegalState.REVOKED


def test_reading_the_ledger(client: Client, notice: bytes) -> None:
    exported = list(client.export())
    assert exported[0].content().kind == "record"
    newest = client.checkpoint()
    assert len(exported) <= newest.size
    kept = newest.note
    client.put_site(Site(id="branch-2", place_class=PlaceClass.OFFICE))
    assert client.consistency(kept).size > newest.size
    deadline = time.monotonic() + 10
    while client.search_page(Filter(kind="event")).complete_to < newest.size and time.monotonic() < deadline:
        time.sleep(0.05)
    found = list(client.search(Filter(kind="event"), page_size=2))
    assert [one.index for one in found] == sorted((one.index for one in found), reverse=True)
    assert all(client.entry(one.index).entry == one.entry for one in found[:3])
    assert client.get_controller().controller == "shop"
    assert "keys" in client.permit_keys()
    assert client.tile("checkpoint")


def test_receipts_are_kept_and_the_log_still_says_the_same(
    mesh: RunningMesh, client: Client, notice: bytes, tmp_path: Path
) -> None:
    given = consent(client, notice, "C-20")
    draft = LegalDraft(
        code=LegalCode.COURT_ORDER,
        authority="pipl:13-1-3",
        document_sha256=b"e" * 32,
        purposes=("payment",),
        operations=(Operation.VERIFY,),
        sites=("*",),
        not_before=now(),
        not_after=now() + YEAR,
        law="cn-2025",
    )
    request = client.request_legal_permission(draft)
    for actor, role in (("cleo", ApproverRole.LEGAL), ("dan", ApproverRole.DPO)):
        approver = Approver.from_seed(actor.encode().ljust(32))
        with mesh.client("shop", actor=actor) as person:
            person.register_approver(approver)
            person.approve_legal_permission(request, role=role, approver=approver, expires=now() + YEAR)
    client.issue_legal_permission(request)
    stores = {"receipts": ReceiptFolder(tmp_path / "kept"), "checkpoints": CheckpointFile(tmp_path / "checkpoint")}
    with mesh.client("shop", **stores) as keeper:
        withdrawn = keeper.withdraw_consent(given.consent.id)
        revoked = keeper.revoke_legal_permission(request, reason="purpose_ended")
        client.authorize(**asks("C-20"))
        checked = keeper.check_receipts()
        assert [one.index for one in checked] == [withdrawn.receipt.index, revoked.receipt.index]
        assert all(one.holds and one.tree_size > one.index for one in checked)
    with mesh.client("shop", roles=["capture"], **stores) as other:
        assert all(one.holds for one in other.check_receipts())
        assert other.checkpoint_held == stores["checkpoints"].read()
    with mesh.client("shop", roles=["enrol"], **stores) as stranger, pytest.raises(Forbidden):
        stranger.check_receipts()
    vkey = client._client._session.config.log_vkey
    assert run(["verify", str(tmp_path / "kept"), "--key", vkey]) == 0


async def test_who_has_seen_more_than_there_is_gets_no_proof_and_alarms(mesh: RunningMesh) -> None:
    """A log restored from a backup, say: the answer comes, and the client says what is wrong with it."""
    async with mesh.async_client("shop") as client:
        held = await client.checkpoint()
        client._session.trust.head = Tree(held.size + 10**6, b"x" * 32, held.note)
        with pytest.raises(ProofError, match="entries were removed") as caught:
            await client.checkpoint()
        assert caught.value.reason == "LOG_FORKED"


def test_the_log_is_monitored_and_replayed_through_the_gateway(
    mesh: RunningMesh, client: Client, notice: bytes, tmp_path: Path, capsys: Any
) -> None:
    files = mesh.run(mesh.mesh.create_controller("shop"))
    arguments = ["monitor", f"{mesh.mesh.gateway}/log/shop", "--key", files.vkey, "--once", "--replay"]
    arguments += ["--state", str(tmp_path / "state"), "--token-file", str(files.token_file)]
    consent(client, notice, "C-21")
    for _ in range(2):
        assert client.authorize(**asks("C-21")).allowed
        assert run(arguments) == 0
    told = capsys.readouterr().out
    assert "seen for the first time" in told
    assert "continues the" in told
    assert list(tmp_path.glob("alarm-*")) == []


async def test_a_stream_a_batch_and_many_callers(mesh: RunningMesh, client: Client, notice: bytes) -> None:
    consent(client, notice, "C-9")
    async with mesh.async_client("shop", timeout=30) as other:
        events = [FaceEvent(**asks("C-9")) for _ in range(300)]
        assert all(one.allowed for one in await other.authorize_batch(events))
        assert sum([one.allowed async for one in other.authorize_stream(events)]) == 300
        assert isinstance(other, AsyncClient)


def test_roles_are_kept_apart(mesh: RunningMesh, notice: bytes) -> None:
    with mesh.client("shop", roles=["auditor"]) as auditor:
        assert auditor.checkpoint().size
        with pytest.raises(Forbidden) as caught:
            auditor.authorize(**asks("C-9"))
        assert caught.value.reason == "ROLE_MISSING"
    with mesh.client("shop", roles=["request"]) as requester:
        assert requester.checkpoint().size, "whoever may write may ask for the proof that ties it"
    with mesh.client("quick", token=mesh.mesh.issuer.mint("x", ["shop"], ["process"])) as stranger:
        with pytest.raises(Forbidden) as caught:
            stranger.authorize(**asks("C-9"))
        assert caught.value.reason == "CONTROLLER_FORBIDDEN"


def test_an_operator_creates_and_closes_a_controller(mesh: RunningMesh) -> None:
    token = mesh.mesh.issuer.mint("op", ["fresh"], ["operator"])
    config = OperatorConfig(target=mesh.mesh.addresses["audit"], token=token)
    with OperatorClient(config) as operator:
        made = operator.create_controller("fresh")
        assert operator.create_controller("fresh") == made
        operator.close_controller("fresh", reason="contract_ended", log_vkey=made.verifier_key)
        assert operator.get_controller("fresh").state == "closed"


async def test_a_mesh_for_asynchronous_tests_leaves_nothing_behind(tmp_path: Path) -> None:
    async with start_mesh(["shop"], data=tmp_path / "mesh") as mesh:
        pids = [mesh.mesh.child(name).pid for name in ("audit", "consent", "permission", "vault")]
        async with mesh.async_client() as client:
            assert (await client.checkpoint()).size >= 2
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert (tmp_path / "mesh").exists(), "a directory that was named is kept"
