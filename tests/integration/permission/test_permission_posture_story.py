"""Registers and posture over the real mesh: proven entries, decisions, tenants, bad input, the command."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from integration.permission.permission_rig import DAY, Client, now_us, until

from placet.api.audit.v1 import audit_pb2
from placet.api.common.v1 import vocabulary_pb2 as words
from placet.api.permission.v1 import attestations_pb2 as apb
from placet.api.permission.v1 import posture_pb2 as ppb
from placet.api.permission.v1 import register_pb2 as rpb
from placet.evidence.entries import Record
from placet.kit.errors import Denied, Invalid, NotFound, PlacetError, Precondition
from placet.local.mesh import Mesh
from placet.sdk.commands import run

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.mesh]
LENDER = "lender"
PURPOSE = "vip"
BARE = {"assessment_sha256": b"", "assessment_valid_until": 0}


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def bank(mesh: Mesh) -> AsyncIterator[Client]:
    """A controller of its own: an incident here ends no assessment elsewhere."""
    await mesh.create_controller(LENDER)
    client = Client(mesh, LENDER)
    await client.open_shop()
    yield client
    await client.close()


def assessment(ident: str = "pia-1", **changes: Any) -> apb.Assessment:
    values: dict[str, Any] = {
        "id": ident, "purposes": [PURPOSE], "report_sha256": ident.encode().ljust(32, b"."), "lawfulness": "asked for",
        "rights_impact": "small", "risks": "leak", "protection": "encrypted", "assessor": "assessor-1",
        "concluded_at": now_us() - 1_000, "valid_until": now_us() + 90 * DAY, **changes,
    }  # fmt: skip
    return apb.Assessment(**values)


async def put(client: Client, what: str, **item: Any) -> Any:
    request = getattr(apb, f"Put{what}Request")(controller=client.controller, **item)
    return await client.call("register", f"Put{what}", request)


async def posture(client: Client, language: str = "") -> dict[str, Any]:
    request = ppb.GetPostureRequest(controller=client.controller, language=language)
    answer = await client.call("permission", "GetPosture", request)
    return {one.rule: one for one in answer.findings}


async def code(client: Client, rule: str) -> set[str]:
    found = (await posture(client))[rule]
    return {point.code for point in found.points if any(one.id == PURPOSE for one in point.evidence)}


async def test_an_assessment_from_first_to_redone(bank: Client) -> None:
    await bank.put("Purpose", purpose=bank.purpose(PURPOSE, **BARE))
    given = await bank.consent("ann", purpose=PURPOSE)
    event: dict[str, Any] = {"purpose": PURPOSE}

    async def articles() -> list[str]:
        after = given.receipt.entry.index
        return list((await bank.authorize(bank.event("ann", **event), after=after)).forbidden_by)

    assert await articles() == ["cn-2025/art-9"]
    assert await code(bank, "R2") == {"assessment_missing"}
    receipt = (await put(bank, "Assessment", assessment=assessment())).receipt
    entry = bank.check_receipt(receipt)
    assert isinstance(entry, Record)
    assert (entry.type, entry.data["assessment"]) == ("register.assessment_put", "pia-1")
    assert b"asked for" not in receipt.entry.entry
    assert await articles() == []
    assert await code(bank, "R2") == {"assessment_stands"}

    await bank.put("Purpose", purpose=bank.purpose(PURPOSE, **BARE, operations=[words.OPERATION_VERIFY]))
    assert await articles() == ["cn-2025/art-9"]
    assert await code(bank, "R2") == {"assessment_method_changed"}
    longer = assessment(valid_until=now_us() + 300 * DAY)
    await put(bank, "Assessment", assessment=longer)  # the same report
    assert await articles() == ["cn-2025/art-9"]
    await put(bank, "Assessment", assessment=assessment("pia-2"))
    assert await articles() == []
    listed = await bank.call("register", "ListAssessments", apb.ListAssessmentsRequest(controller=LENDER))
    assert [one.id for one in listed.assessments] == ["pia-1", "pia-2"]
    with pytest.raises(Precondition) as error:
        await bank.call("register", "DestroyAssessment", apb.DestroyAssessmentRequest(controller=LENDER, id="pia-1"))
    assert error.value.reason == "RETENTION_REQUIRED"
    assert int(error.value.metadata["kept_until"]) > now_us() + 3 * 365 * DAY - DAY


async def test_the_posture_names_evidence_and_next_steps_in_both_languages(bank: Client) -> None:
    shown = bank.device("cam-door", public_place=True, sign_valid_until=now_us() - DAY)
    receipt = (await bank.put("Device", device=shown)).receipt
    english, chinese = await posture(bank, "en"), await posture(bank, "zh-CN")
    assert list(english) == [f"R{number}" for number in range(1, 17)]
    (point,) = [one for one in english["R5"].points if one.code == "sign_missing"]
    assert (english["R5"].state, point.state) == (ppb.POSTURE_STATE_NOT_MET, ppb.POSTURE_STATE_NOT_MET)
    assert (point.evidence[0].kind, point.evidence[0].id) == ("device", "cam-door")
    assert point.evidence[0].index == receipt.entry.index
    assert point.evidence[0].valid_until == shown.sign_valid_until
    assert point.next
    (said,) = [one for one in chinese["R5"].points if one.code == "sign_missing"]
    assert "公共场所" in said.text
    assert english["R6"].articles[0].confidence == "unverified"
    await bank.put("Device", device=bank.device("cam-door", retired=True))
    assert (await posture(bank))["R5"].state == ppb.POSTURE_STATE_MET


@pytest.mark.parametrize("place", ["HOTEL_ROOM", "RESTROOM", "BATHROOM", "CHANGING_ROOM"])
async def test_a_private_space_is_refused_with_the_article_and_nothing_is_appended(bank: Client, place: str) -> None:
    await until(lambda: settled(bank))
    before = await bank.size()
    device = bank.device("cam-private", place_class=words.PlaceClass.Value(f"PLACE_CLASS_{place}"))
    with pytest.raises(Denied) as error:
        await bank.put("Device", device=device)
    assert (error.value.reason, error.value.metadata["article"]) == ("PLACE_FORBIDDEN", "cn-2025/art-13")
    assert "cn-2025/art-13" in error.value.message
    assert await bank.size() == before
    listed = await bank.call("register", "ListDevices", rpb.ListDevicesRequest(controller=LENDER))
    assert "cam-private" not in [one.id for one in listed.devices]


async def settled(client: Client) -> bool:
    before = await client.size()
    await asyncio.sleep(0.3)
    return await client.size() == before


async def test_bad_input_is_typed_and_appends_nothing(bank: Client) -> None:
    await until(lambda: settled(bank))
    before = await bank.size()
    span = {"checked_at": 5, "valid_until": 9}
    bad: list[tuple[str, str, dict[str, Any]]] = [
        ("assessment", "Assessment", {}),
        ("assessment.risks", "Assessment", {"assessment": assessment(risks="")}),
        ("assessment.report_sha256", "Assessment", {"assessment": assessment(report_sha256=b"1")}),
        ("assessment.valid_until", "Assessment", {"assessment": assessment(valid_until=1)}),
        ("incident.noticed_at", "Incident", {"incident": apb.Incident(id="i", description="x")}),
        (
            "deployment.measures[0].measure",
            "Deployment",
            {"deployment": apb.Deployment(id="d", measures=[apb.MeasureAttestation(**span)])},
        ),
        ("flow.evidence_sha256", "CaptureFlow", {"flow": apb.CaptureFlow(purpose="kyc", **span)}),
        ("alternative.name", "Alternative", {"alternative": apb.Alternative(id="a", purposes=["kyc"], checked_at=5)}),
        ("usage.period", "AlternativeUsage", {"usage": apb.AlternativeUsage(purpose="kyc", period="May")}),
    ]
    for field, what, item in bad:
        with pytest.raises(Invalid) as error:
            await put(bank, what, **item)
        assert error.value.field == field
    with pytest.raises(NotFound) as unknown:
        await put(bank, "Assessment", assessment=assessment(purposes=["ghost"]))
    assert unknown.value.field == "assessment.purposes[0]"
    with pytest.raises(NotFound):
        await bank.call("register", "DestroyAssessment", apb.DestroyAssessmentRequest(controller=LENDER, id="ghost"))
    with pytest.raises(Invalid) as language:
        await posture(bank, "fr")
    assert language.value.field == "language"
    assert await bank.size() == before


async def test_another_tenant_reads_and_writes_nothing(mesh: Mesh, bank: Client) -> None:
    await put(bank, "Alternative", alternative=apb.Alternative(id="desk", name="desk", purposes=["kyc"], checked_at=5))
    theirs = Client(mesh, "retailer")
    try:
        methods = rpb.DESCRIPTOR.services_by_name["RegisterService"].methods
        requests = [("register", one.name, one.input_type._concrete_class) for one in methods]
        requests.append(("permission", "GetPosture", ppb.GetPostureRequest))
        assert len(requests) == 21
        for service, name, request in requests:
            with pytest.raises(Denied) as error:
                await theirs.call(service, name, request(controller=LENDER))
            assert error.value.reason == "CONTROLLER_FORBIDDEN"
        listed = await theirs.call("register", "ListAlternatives", apb.ListAlternativesRequest(controller="retailer"))
        assert not listed.alternatives
        answer = await theirs.call("permission", "GetPosture", ppb.GetPostureRequest(controller="retailer"))
        assert not answer.HasField("as_of")
        named = [one.id for found in answer.findings for point in found.points for one in point.evidence]
        assert named == []
        alternative = apb.Alternative(id="desk", name="desk", purposes=["kyc"], checked_at=5)
        with pytest.raises(NotFound):  # the bank's purpose is none of the retailer's
            await put(theirs, "Alternative", alternative=alternative)
    finally:
        await theirs.close()


async def test_only_who_registers_may_write_and_readers_may_read(mesh: Mesh, bank: Client) -> None:
    reader = Client(mesh, LENDER, actor="rex", roles=["regulator"])
    try:
        assert await posture(reader)
        await reader.call("register", "ListIncidents", apb.ListIncidentsRequest(controller=LENDER))
        with pytest.raises(PlacetError) as error:
            await put(reader, "Incident", incident=apb.Incident(id="i", noticed_at=1, description="x"))
        assert error.value.reason == "ROLE_MISSING"
    finally:
        await reader.close()


async def test_every_kind_of_item_is_a_proven_entry_and_comes_back(bank: Client) -> None:
    day = now_us() - DAY
    span = {"checked_at": day, "valid_until": day + 90 * DAY}
    measures = [
        apb.MeasureAttestation(measure=number, evidence_sha256=b"e" * 32, **span)  # type: ignore[arg-type]
        for number in apb.Measure.values()
        if number
    ]
    flow = apb.CaptureFlow(purpose="kyc", refusal_equal=True, evidence_sha256=b"f" * 32, **span)
    items: list[tuple[str, str, str, Any]] = [
        ("Deployment", "Deployments", "deployment", apb.Deployment(id="core", measures=measures)),
        ("CaptureFlow", "CaptureFlows", "flow", flow),
        ("Alternative", "Alternatives", "alternative", apb.Alternative(
            id="card", name="card", purposes=["kyc"], in_service=True, checked_at=day)),
        ("AlternativeUsage", "AlternativeUsage", "usage", apb.AlternativeUsage(
            purpose="kyc", period="2026-11", face=9, alternative=3)),
    ]  # fmt: skip
    for what, plural, field, item in items:
        entry = bank.check_receipt((await put(bank, what, **{field: item})).receipt)
        assert isinstance(entry, Record)
        assert entry.type.startswith("register.")
        listed = await bank.call("register", f"List{plural}", getattr(apb, f"List{plural}Request")(controller=LENDER))
        (members,) = [value for _, value in listed.ListFields()]
        assert item in list(members)
    found = await posture(bank)
    assert found["R3"].state == ppb.POSTURE_STATE_MET
    assert [point.code for point in found["R3"].points] == ["measures_stand"]
    assert found["R3"].points[0].evidence[0].valid_until == span["valid_until"]


async def test_an_incident_stops_all_purposes(bank: Client) -> None:
    given = await bank.consent("ida")
    after = given.receipt.entry.index
    assert (await bank.authorize(bank.event("ida"), after=after)).verdict == words.VERDICT_ALLOW
    incident = apb.Incident(id="inc-1", noticed_at=now_us(), description="a backup was stolen")
    entry = bank.check_receipt((await put(bank, "Incident", incident=incident)).receipt)
    answer = await bank.authorize(bank.event("ida"))
    assert list(answer.forbidden_by) == ["cn-2025/art-9"]
    points = (await posture(bank))["R2"].points
    assert {point.code for point in points} == {"assessment_incident"}
    assert ("incident", "inc-1", entry.i) in [(one.kind, one.id, one.index) for one in points[0].evidence]
    redone = bank.purpose(assessment_sha256=b"r" * 32)
    await bank.put("Purpose", purpose=redone)
    assert (await bank.authorize(bank.event("ida"))).verdict == words.VERDICT_ALLOW


async def test_the_command(mesh: Mesh, bank: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, page = str(mesh.controllers[LENDER].config), tmp_path / "posture.html"
    arguments = ["posture", "--config", config, "-o", "json", "--export", str(page)]
    status = await asyncio.to_thread(run, arguments)
    told = json.loads(capsys.readouterr().out)
    assert status == (0 if told["holds"] else 1) == 1
    assert [one["rule"] for one in told["findings"]] == [f"R{number}" for number in range(1, 17)]
    latest = await bank.call("audit", "GetCheckpoint", audit_pb2.GetCheckpointRequest(controller=LENDER))
    assert 0 < told["as_of"] < latest.checkpoint.tree_size
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert await asyncio.to_thread(run, ["posture", "--config", config, "--lang", "zh-CN"]) == 1
    out = capsys.readouterr().out
    assert "合规状况" in out
    assert "不符合" in out
    assert await asyncio.to_thread(run, ["posture", "--config", config, "--export", "x.pdf"]) == 2
