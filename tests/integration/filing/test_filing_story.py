"""Persons are stored over a threshold, and what follows: on the real services, over gRPC and the command line."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from e2e.bare import person
from integration.filing.filing_rig import THRESHOLD, Rig, reason_of

from placet.api.permission.v1 import filing_pb2 as pb
from placet.api.vault.v1 import vault_pb2 as vault
from placet.evidence.canonical import decode
from placet.evidence.entries import Record, parse_entry
from placet.kit.errors import PlacetError
from placet.sdk.commands import run

pytestmark = [pytest.mark.mesh, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(180)]


async def until(true: Callable[[], Awaitable[bool]], within: float = 30.0) -> None:
    async with asyncio.timeout(within):
        while not await true():
            await asyncio.sleep(0.05)


async def test_the_count_follows_the_vault_and_the_threshold_is_reached(rig: Rig) -> None:
    assert await rig.stored("bank") == (0, 0)
    first = await rig.enrol("bank", person("a"))
    assert await rig.stored("bank") == (1, 1)
    await rig.store("bank", person("a"))  # again: the new template takes the old one's place
    assert (await rig.stored("bank"))[1] == 1
    second = await rig.enrol("bank", person("b"))
    assert (await rig.duty("bank")).state == pb.FILING_STATE_NOT_REACHED
    await rig.enrol("bank", person("c"))
    duty = await rig.duty("bank")
    assert await rig.stored("bank") == (THRESHOLD, THRESHOLD)
    today = date.fromisoformat((await rig.status("bank")).today)
    assert (duty.state, duty.reached_on) == (pb.FILING_STATE_DUE, today.isoformat())
    assert (duty.since, duty.left, duty.problem) == (today.isoformat(), 30, "")
    assert date.fromisoformat(duty.deadline) >= today + timedelta(days=40)

    # Destroyed by role: the number is exact at once. Withdrawn: as soon as the vault has destroyed.
    await rig.calls["bank"](vault.DestroyRequest(basis=second.basis, reason="purpose_ended"))
    assert (await rig.stored("bank"))[1] == THRESHOLD - 1
    assert first.basis != second.basis
    below = await rig.duty("bank")
    assert (below.state, below.reached_on, below.below_since) == (
        pb.FILING_STATE_DUE, today.isoformat(), today.isoformat(),
    )  # fmt: skip
    third = await rig.enrol("bank", person("d"))
    assert (await rig.stored("bank"))[1] == THRESHOLD
    await rig.withdraw("bank", third)
    await until(lambda: _is(rig, "bank", THRESHOLD - 1))


async def _is(rig: Rig, controller: str, high: int) -> bool:
    return (await rig.stored(controller))[1] == high


async def test_no_one_reads_or_adds_up_what_is_anothers(rig: Rig) -> None:
    stranger = rig.call("retailer")
    for request in (
        pb.GetFilingStatusRequest(controller="bank"),
        pb.ExportFilingRequest(controller="bank", kind=pb.FILING_KIND_INITIAL),
        pb.RecordFilingRequest(controller="bank"),
        pb.PutFilingFactsRequest(controller="bank"),
        pb.GetFilingStatusRequest(group=["bank"]),
        pb.GetFilingStatusRequest(group=["retailer", "nobody"]),
        pb.ExportFilingRequest(group=["bank"], kind=pb.FILING_KIND_INITIAL),
    ):
        assert await reason_of(rig.ask(stranger, request)) == "CONTROLLER_FORBIDDEN", request
    assert (await rig.status("retailer")).stored.high == 0  # the control: its own number it may read


async def test_a_group_is_a_range_and_reaches_the_threshold_together(rig: Rig) -> None:
    await rig.enrol("branch", person("a"))  # perhaps the bank's customer: nobody can tell
    bank, both = (await rig.status("bank")).stored, (await rig.status("bank", "branch")).stored
    assert (both.low, both.high) == (bank.high, bank.high + 1)
    assert (await rig.duty("branch")).state == pb.FILING_STATE_NOT_REACHED
    assert (await rig.duty("branch", "bank")).state == pb.FILING_STATE_DUE
    assert (await rig.status("bank", "bank")).stored == bank


async def test_records_are_entries_with_nothing_to_read_in_them(rig: Rig) -> None:
    call = rig.call("bank")
    today = (await rig.status("bank")).today
    made = pb.Filing(
        id="2026-initial", kind=pb.FILING_KIND_INITIAL, since=today, authority="浙江省网信办", summary="首次备案"
    )
    first = await rig.ask(call, pb.RecordFilingRequest(filing=made))
    again = await rig.ask(call, pb.RecordFilingRequest(filing=made))
    assert again.receipt.entry.index == first.receipt.entry.index
    assert (await rig.duty("bank")).state == pb.FILING_STATE_DUE  # recorded, not filed

    made.filed_on, made.reference, made.persons, made.document_sha256 = today, "浙备-1", THRESHOLD, b"d" * 32
    done = await rig.ask(call, pb.RecordFilingRequest(filing=made))
    entry = parse_entry(done.receipt.entry.entry)
    assert isinstance(entry, Record)
    assert (entry.type, entry.data["filing"], entry.data["version"]) == ("register.filing_put", "2026-initial", 2)
    assert set(decode(done.receipt.entry.entry)["data"]) == {"commitment", "filing", "version"}
    duty = await rig.duty("bank")
    assert (duty.state, duty.filing, duty.filed_on) == (pb.FILING_STATE_FILED, "2026-initial", today)

    change = pb.Filing(id="change-1", kind=pb.FILING_KIND_CHANGE, since="2026-01-05", summary="new purpose")
    end = pb.Filing(id="end", kind=pb.FILING_KIND_CANCELLATION, since=today)
    at = [(await rig.ask(call, pb.RecordFilingRequest(filing=one))).receipt.entry.index for one in (change, end)]
    found = {one.filing: one for one in (await rig.status("bank")).duties if one.binding}
    assert found["change-1"].state == pb.FILING_STATE_OVERDUE
    assert (found["end"].state, found["end"].left) == (pb.FILING_STATE_DUE, 30)
    assert await rig.duty_in_posture("bank") == {
        "filing_open_overdue": [at[0]], "filing_open_due": [at[1]], "filing_done": [done.receipt.entry.index],
    }  # fmt: skip
    late = pb.Filing(id="change-1", kind=pb.FILING_KIND_CHANGE, since="2026-01-05", filed_on=today)
    await rig.ask(call, pb.RecordFilingRequest(filing=late))
    found = {one.filing: one for one in (await rig.status("bank")).duties if one.binding}
    assert found["change-1"].state == pb.FILING_STATE_FILED_LATE
    assert set(await rig.duty_in_posture("bank")) == {"filing_open_due", "filing_done"}

    tomorrow = (date.fromisoformat(today) + timedelta(days=1)).isoformat()
    for wrong in ({"since": "5 January"}, {"since": today, "filed_on": tomorrow}, {"since": ""}, {"id": ""}):
        asked = pb.Filing(**{"id": "x", "kind": pb.FILING_KIND_CHANGE, "since": today, **wrong})
        assert (await reason_of(rig.ask(call, pb.RecordFilingRequest(filing=asked)))).startswith("FIELD_")


async def test_without_the_vault_no_number_is_given_and_a_restart_forgets_neither_number_nor_day(rig: Rig) -> None:
    before = await rig.status("bank")
    await rig.mesh.kill("vault")
    assert await reason_of(rig.status("bank")) == "DEPENDENCY_UNAVAILABLE"
    # What the posture knows without the count it still says: the end of use that is not filed.
    assert set(await rig.duty_in_posture("bank")) == {"filing_open_due", "filing_attested"}
    await rig.mesh.kill("consent")
    assert await reason_of(rig.status("bank")) == "DEPENDENCY_UNAVAILABLE"
    await asyncio.gather(rig.mesh.start_service("vault"), rig.mesh.start_service("consent"))
    await until(lambda: _answers(rig))
    after = await rig.status("bank")
    assert (after.stored, list(after.history)) == (before.stored, list(before.history))
    assert [one.reached_on for one in after.duties] == [one.reached_on for one in before.duties]


async def _answers(rig: Rig) -> bool:
    try:
        await rig.status("bank")
    except PlacetError:
        return False
    return True


async def test_the_command_line_from_facts_to_the_page_that_was_filed(
    rig: Rig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = str(rig.mesh.controllers["retailer"].config)

    async def placet(*words: str) -> tuple[int, str, str]:
        status = await asyncio.to_thread(run, ["filing", *words, "--config", config])
        said = capsys.readouterr()
        return status, said.out, said.err

    page = tmp_path / "page.html"
    status, out, err = await placet("export", str(page))
    assert status == 1
    assert "facts.credit_code" in err
    assert "待补" in page.read_text()

    (tmp_path / "rules.pdf").write_bytes(b"rules")
    facts = {
        "name": "示例零售有限公司", "credit_code": "91330000MA0000000X", "address": "杭州市", "contact": "张三 0571-0",
        "legal_representative": "李四", "method": "一比一比对 <script>alert(1)</script>", "rules": "规则",
        "rules_file": "rules.pdf", "procedures": "规程", "procedures_sha256": "ab" * 32, "stored_elsewhere": 2,
        "stored_elsewhere_since": "2026-01-05", "other": ["承诺书"],
    }  # fmt: skip
    (tmp_path / "facts.json").write_text(json.dumps(facts))
    assert (await placet("facts", str(tmp_path / "facts.json")))[0] == 0
    status, out, err = await placet("export", str(page), "--language", "en")
    assert (status, err) == (0, "")
    text = page.read_text()
    assert "示例零售有限公司" in text
    assert "<script>" not in text
    assert "2 persons" in text

    await rig.enrol("retailer", person("r"))
    status, out, err = await placet("status", "-o", "json")
    found = json.loads(out)
    assert (status, found["stored"], found["elsewhere"]) == (0, {"low": 2, "high": 3}, 2)
    law = next(one for one in found["duties"] if one["rule"] == "cn-2025/art-15")
    assert (law["state"], law["reached_on"]) == ("due", found["today"])

    today = found["today"]
    record = ("record", "r-1", "--kind", "initial", "--since", today, "--filed-on", today)
    status, out, err = await placet(*record, "--document", str(page), "--persons", "3")
    assert status == 0
    assert re.search(r"r-1 at entry \d+", out)
    status, out, err = await placet("status", "--history")
    assert status == 0
    assert "FILED" in out
    assert "peak 2 to 3" in out
    assert (await placet("status", "--with", "bank"))[0] == 1  # its token does not name the bank
    assert (await placet("facts", str(page)))[0] == 2
