"""Search, the detail of an event, and its bundle, verified with the log's pinned key."""

import json
from pathlib import Path
from typing import Any

import pytest
from fakes.evidence_log import T0
from integration.gateway.gateway_rig import Rig, problem, rigged

from placet.evidence.errors import VerifyError
from placet.evidence.terms import SECOND
from placet.evidence.verify import verify_bundle
from placet.gateway.times import MAX_TIME

EVENTS = "/v1/bank/events"


async def found(rig: Rig, **params: Any) -> list[int]:
    page = await rig.json(EVENTS, **params)
    for item in page["items"]:
        assert item["entry"] == json.loads(rig.bank.log.entries[item["index"]])
    assert page["complete_to"] == page["tree_size"] == rig.bank.log.size
    return [item["index"] for item in page["items"]]


async def test_events_come_newest_first(rig: Rig) -> None:
    at = rig.bank.at
    everything = [at["withdrawn"], at["uncovered"], at["forbidden"], at["guarded"], at["allowed"]]
    assert await found(rig) == everything
    assert await found(rig, kind="event") == everything


async def test_each_filter_selects(rig: Rig) -> None:
    at = rig.bank.at
    assert await found(rig, verdict="allow") == [at["guarded"], at["allowed"]]
    assert await found(rig, reason="POLICY") == [at["forbidden"]]
    assert await found(rig, purpose="marketing") == [at["uncovered"]]
    assert await found(rig, device="cam.7") == [at["forbidden"]]
    assert await found(rig, basis=2) == [at["guarded"]]
    assert await found(rig, site="branch.9") == []
    assert await found(rig, verdict="deny", reason="BASIS_WITHDRAWN", basis=0) == [at["withdrawn"]]
    assert await found(rig, kind="use") == [at["use"]]
    assert await found(rig, kind="grant", basis=0) == [at["grant"]]
    assert await found(rig, kind="any", limit=500) == list(range(rig.bank.log.size - 1, -1, -1))


async def test_times_are_microseconds_or_rfc_3339(rig: Rig) -> None:
    at = rig.bank.at
    wanted = [at["guarded"]]
    assert await found(rig, since=T0 + 2 * SECOND, until=T0 + 3 * SECOND) == wanted
    assert await found(rig, since="2027-01-15T08:00:02Z", until="2027-01-15T08:00:03Z") == wanted
    assert await found(rig, since="2027-01-15T16:00:02+08:00", until="2027-01-15t03:00:02.000001-05:00") == wanted
    answer = await rig.get(f"{EVENTS}?since=2027-01-15T16:00:02+08:00&until={T0 + 3 * SECOND}")
    assert [item["index"] for item in answer.json()["items"]] == wanted, "a bare + arrives as a space"
    assert await found(rig, until=T0 + SECOND) == []


async def test_pages_neither_skip_nor_repeat(rig: Rig) -> None:
    seen: list[int] = []
    cursor: dict[str, str] = {}
    for _ in range(10):
        page = await rig.json(EVENTS, limit=2, **cursor)
        seen += [item["index"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == await found(rig)


BAD = {
    "limit": ["0", "501", "x", "-1", "1.5", ""],
    "since": ["yesterday", "2027-01-15", "2027-13-01T00:00:00Z", "2027-01-15T08:00:60Z", "-1", str(MAX_TIME + 1), ""],
    "until": ["0", "1969-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59+99:99", "1e9"],
    "verdict": ["maybe", "ALLOW", ""],
    "reason": ["POLITICS", "policy"],
    "kind": ["face", "Event"],
    "basis": ["-1", "x", str(2**53)],
    "purpose": ["", "p" * 65],
    "device": ["d" * 5_000],
    "cursor": ["", "abc", "12345678901234567", "%00"],
    "sice": ["1"],
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_parameter_is_named(rig: Rig, name: str) -> None:
    for value in BAD[name]:
        answer = await rig.get(EVENTS, **{name: value})
        said = answer.json()
        assert said["field"] == name, (value, said)
        problem(answer, 400, said["reason"], name)
        assert said["reason"] in ("FIELD_INVALID", "FIELD_TOO_LARGE", "CURSOR_INVALID")


async def test_an_empty_period_and_a_repeated_parameter_are_refused(rig: Rig) -> None:
    problem(await rig.get(EVENTS, since=T0, until=T0), 400, "FIELD_INVALID", "until")
    problem(await rig.get(f"{EVENTS}?verdict=allow&verdict=deny"), 400, "FIELD_INVALID", "verdict")
    assert rig.audit.calls == []


async def test_the_detail_says_why(rig: Rig) -> None:
    at = rig.bank.at
    allowed = await rig.json(f"{EVENTS}/{at['allowed']}")
    assert (allowed["verdict"], allowed["reasons"]) == ("allow", [])
    assert allowed["articles"] == {"permit": ["cn-2025/consent"], "forbid": []}
    assert [use["index"] for use in allowed["uses"]] == [at["use"]]
    assert allowed["entry"] == json.loads(rig.bank.log.entries[at["allowed"]])
    basis = allowed["bases"][0]
    assert (basis["ordinal"], basis["form"], basis["granted"]) == (0, "consent", at["grant"])
    assert basis["ended"] == basis["withdraw"]["index"] > at["allowed"], "a later withdrawal is shown"
    forbidden = await rig.json(f"{EVENTS}/{at['forbidden']}")
    assert (forbidden["verdict"], forbidden["reasons"]) == ("deny", ["POLICY"])
    assert forbidden["articles"] == forbidden["decision"]["articles"]
    assert forbidden["articles"]["forbid"] == ["cn-2025/art-13"]
    guarded = await rig.json(f"{EVENTS}/{at['guarded']}")
    assert [basis["form"] for basis in guarded["bases"]] == ["consent", "guardianship"]


async def test_the_bundle_is_audits_byte_for_byte_and_verifies(rig: Rig) -> None:
    for name in ("allowed", "guarded", "forbidden", "uncovered", "withdrawn"):
        index = rig.bank.at[name]
        detail = await rig.json(f"{EVENTS}/{index}")
        answer = await rig.get(detail["bundle"])
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["content-disposition"] == f'attachment; filename="bank-event-{index}.bundle.json"'
        report = verify_bundle(answer.content, rig.bank.log.verifiers)
        assert (report.index, report.verdict) == (index, detail["verdict"])
        with pytest.raises(VerifyError):
            verify_bundle(answer.content, rig.stories["retailer"].log.verifiers)


async def test_what_is_no_event_has_no_detail(rig: Rig) -> None:
    for path in (f"{rig.bank.at['grant']}", f"{rig.bank.log.size}", f"{2**53 - 1}"):
        for tail in ("", "/bundle"):
            problem(await rig.get(f"{EVENTS}/{path}{tail}"), 404, "NOT_FOUND", "index")
    for path in ("-1", "x", str(2**53), str(2**70), "1.5", "%00"):
        problem(await rig.get(f"{EVENTS}/{path}"), 400, "FIELD_INVALID", "index")


async def test_a_search_of_many(tmp_path: Path) -> None:
    async with rigged(tmp_path, many=300) as rig:
        assert len(await found(rig, site="branch.2", limit=500)) == 300
