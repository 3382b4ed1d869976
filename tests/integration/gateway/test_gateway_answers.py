"""What holds for every answer: headers, ETag, problems for everything that goes wrong, and no word too much."""

import asyncio
from pathlib import Path

import httpx
import pytest
from integration.gateway.gateway_rig import ERROR_ID, Rig, problem, rigged
from integration.gateway.gateway_routes import GUARDED, OPEN, address

from placet.gateway.boundary import SECURITY_HEADERS
from placet.kit.errors import Conflict, Corrupt, Exhausted, Precondition, Unavailable

ALL = [*OPEN, *GUARDED, "/openapi.json", "/nothing"]


def check_headers(answer: httpx.Response) -> None:
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "server" not in answer.headers


@pytest.mark.parametrize("template", ALL)
async def test_every_answer_has_the_security_headers(rig: Rig, template: str) -> None:
    url = address(template, rig.bank) if template in GUARDED else template
    for answer in (await rig.get(url), await rig.client.get(url), await rig.client.post(url)):
        check_headers(answer)
        assert answer.headers.get_list("cache-control") != []
        if template in GUARDED:
            kept = answer.status_code == 200
            assert ("private" in answer.headers["cache-control"]) == kept
            assert ("no-store" in answer.headers["cache-control"]) != kept


@pytest.mark.parametrize("template", GUARDED)
async def test_an_etag_saves_the_body(rig: Rig, template: str) -> None:
    url = address(template, rig.bank)
    first = await rig.get(url)
    tag = first.headers["etag"]
    for asked in (tag, f'"x", W/{tag}', "*"):
        again = await rig.get(url, headers={"if-none-match": asked})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        check_headers(again)
    assert (await rig.get(url, headers={"if-none-match": '"x"'})).content == first.content
    denied = await rig.client.get(url, headers={"if-none-match": tag})
    assert denied.status_code == 401, "a tag is no token"


async def test_an_etag_changes_with_the_log(rig: Rig) -> None:
    before = (await rig.get("/v1/bank/checkpoint")).headers["etag"]
    rig.bank.log.end_batch()
    answer = await rig.get("/v1/bank/checkpoint", headers={"if-none-match": before})
    assert answer.status_code == 200
    assert answer.headers["etag"] != before


async def test_unknown_addresses_and_methods_are_problems(rig: Rig) -> None:
    for path in ("/", "/v1", "/v1/bank", "/v1/bank/events/", "/log/bank", "/docs", "/redoc", "/v1/bank/checkpoint/x"):
        problem(await rig.get(path), 404, "NOT_FOUND")
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = await rig.client.request(method, "/v1/bank/events")
        problem(answer, 405, "NOT_SERVED")
        assert answer.headers["allow"] == "GET"


async def test_kinds_of_errors_have_their_status(rig: Rig) -> None:
    for fail, status, after in (
        (Exhausted("QUEUE_FULL", "full", retry_after=7.2), 429, "8"),
        (Unavailable("LEDGER_UNAVAILABLE", "away"), 503, "1"),
        (Precondition("CONTROLLER_CLOSED", "closed"), 409, None),
        (Conflict("CONCURRENT_CHANGE", "lost"), 409, None),
        (Corrupt("STORAGE_CORRUPT", "bits"), 500, None),
    ):
        rig.audit.fail = fail
        answer = await rig.get("/v1/bank/checkpoint")
        problem(answer, status, fail.reason)
        assert answer.headers.get("retry-after") == after


async def test_what_audit_did_not_expect_is_told_by_id_only(rig: Rig) -> None:
    rig.audit.fail = ValueError("canary: secret")
    said = problem(await rig.get("/v1/bank/checkpoint"), 500, "INTERNAL")
    assert said["metadata"]["error_id"] == ERROR_ID
    assert "canary" not in str(said)


async def test_what_the_gateway_did_not_expect_is_told_by_id_only(rig: Rig) -> None:
    rig.app.state.verifier = None
    answer = await rig.get("/v1/bank/checkpoint")
    said = problem(answer, 500, "INTERNAL")
    assert said["metadata"] == {"error_id": ERROR_ID}
    assert "NoneType" not in answer.text
    check_headers(answer)


async def test_an_answer_that_is_none_is_an_alarm(rig: Rig) -> None:
    index = rig.bank.at["allowed"]
    for forged in (b"{}x", b"[]", b'{"b":1,"a":2}'):
        rig.audit.forged = forged
        for path in (f"entries/{index}", f"events/{index}"):
            said = problem(await rig.get(f"/v1/bank/{path}"), 500, "STORAGE_CORRUPT")
            assert said["metadata"] == {"error_id": ERROR_ID}


async def test_without_audit_there_is_a_retry_delay_not_a_hang(rig: Rig) -> None:
    assert (await rig.client.get("/readyz")).json() == {"status": "ok"}
    await rig.audit_server.stop(grace=0)
    async with asyncio.timeout(3):
        answer = await rig.get("/v1/bank/checkpoint")
        assert problem(answer, 503, "DEPENDENCY_UNAVAILABLE")["metadata"] == {"dependency": "audit"}
        assert answer.headers["retry-after"] == "1"
        assert "127.0.0.1" not in answer.text, "the mesh's addresses are nobody's business"
        problem(await rig.client.get("/readyz"), 503, "DEPENDENCY_UNAVAILABLE")
    assert (await rig.client.get("/healthz")).status_code == 200


async def test_a_health_check_hears_that_audit_does_not_serve(rig: Rig) -> None:
    await rig.audit_server.set_serving(False)
    problem(await rig.client.get("/readyz"), 503, "DEPENDENCY_UNAVAILABLE")


async def test_a_slow_audit_is_not_waited_for(tmp_path: Path) -> None:
    async with rigged(tmp_path, timeout=0.3) as rig:
        rig.audit.sleep = 5
        async with asyncio.timeout(3):
            answer = await rig.get("/v1/bank/checkpoint")
        problem(answer, 503, "DEADLINE_PASSED")


async def test_too_many_at_once_are_sent_away(tmp_path: Path) -> None:
    async with rigged(tmp_path, max_concurrent=2) as rig:
        rig.audit.sleep = 0.3
        answers = await asyncio.gather(*(rig.get("/v1/bank/checkpoint") for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429, 429]
        for answer in answers:
            if answer.status_code == 429:
                problem(answer, 429, "QUEUE_FULL")
                check_headers(answer)
        rig.audit.sleep = 0
        assert (await rig.get("/v1/bank/checkpoint")).status_code == 200, "the places are free again"


async def test_calls_are_counted_by_route_not_by_address(rig: Rig) -> None:
    for url in ("/v1/bank/entries/0", "/v1/bank/entries/1", "/nothing/4711"):
        await rig.get(url)
    counted = rig.metrics.snapshot()["placet.http.calls"]
    assert {dict(labels)["route"]: count for labels, count in counted.items()} == {
        "/v1/{controller}/entries/{index}": 2,
        "none": 1,
    }


async def test_the_document_is_openapi_31_with_problems(rig: Rig) -> None:
    document = (await rig.client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1.")
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, item in document["paths"].items():
        for operation in item.values():
            assert "422" not in operation["responses"]
            assert [*operation["responses"]["default"]["content"]] == ["application/problem+json"]
            assert ("security" in operation) == (path in GUARDED)
            assert operation["description"]
