"""Nobody reads without a token of the issuer, for Placet, in force, with a reader's role, for this controller."""

from collections.abc import Callable

import jwt
import pytest
from fastapi import Response
from integration.gateway.gateway_rig import Rig, problem
from integration.gateway.gateway_routes import GUARDED, OPEN, address, operations, uncovered

from placet.kit.app import now_us

Bearer = Callable[[Rig], str | None]
_PAST = {"iat": 1_700_000_000, "exp": 1_700_000_600}


def _unsigned(rig: Rig) -> str:
    claims = jwt.decode(rig.token(), options={"verify_signature": False})
    return jwt.encode(claims, None, algorithm="none", headers={"kid": "k1"})


REFUSED: dict[str, tuple[Bearer, int, str]] = {
    "no token": (lambda rig: None, 401, "TOKEN_MISSING"),
    "no bearer": (lambda rig: "Basic YTpi", 401, "TOKEN_INVALID"),
    "empty": (lambda rig: "Bearer ", 401, "TOKEN_INVALID"),
    "nonsense": (lambda rig: "Bearer x.y.z", 401, "TOKEN_INVALID"),
    "alg none": (lambda rig: f"Bearer {_unsigned(rig)}", 401, "TOKEN_INVALID"),
    "changed": (lambda rig: f"Bearer {rig.token()[:-6]}AAAAAA", 401, "TOKEN_INVALID"),
    "wrong audience": (lambda rig: f"Bearer {rig.token(aud='urn:placet:vault:bank')}", 401, "TOKEN_INVALID"),
    "wrong issuer": (lambda rig: f"Bearer {rig.token(iss='https://other.test')}", 401, "TOKEN_INVALID"),
    "expired": (lambda rig: f"Bearer {rig.token(**_PAST)}", 401, "TOKEN_EXPIRED"),
    "another controller's": (lambda rig: f"Bearer {rig.token(controllers=['retailer'])}", 403, "CONTROLLER_FORBIDDEN"),
    "every controller's": (lambda rig: f"Bearer {rig.token(controllers=['*'])}", 403, "CONTROLLER_FORBIDDEN"),
    "no role": (lambda rig: f"Bearer {rig.token(roles=[])}", 403, "ROLE_MISSING"),
    "a device's role": (lambda rig: f"Bearer {rig.token(roles=['process', 'capture'])}", 403, "ROLE_MISSING"),
    "an operator's role": (lambda rig: f"Bearer {rig.token(roles=['operator'])}", 403, "ROLE_MISSING"),
}


@pytest.mark.parametrize("template", GUARDED)
async def test_every_route_refuses_every_wrong_token(rig: Rig, template: str) -> None:
    url = address(template, rig.bank)
    for name, (bearer, status, reason) in REFUSED.items():
        value = bearer(rig)
        answer = await rig.client.get(url, headers={} if value is None else {"authorization": value})
        field = "controller" if reason == "CONTROLLER_FORBIDDEN" else None
        problem(answer, status, reason, field)
        assert ("www-authenticate" in answer.headers) == (status == 401), name
    assert rig.audit.calls == [], "a refused call reached audit"


@pytest.mark.parametrize("template", GUARDED)
async def test_every_route_answers_each_reader(rig: Rig, template: str) -> None:
    for role in ("auditor", "dpo", "regulator"):
        bearer = {"authorization": f"Bearer {rig.token(roles=[role], sub=role)}"}
        assert (await rig.client.get(address(template, rig.bank), headers=bearer)).status_code == 200
    assert [actor for _, _, actor in rig.audit.calls] == ["auditor", "dpo", "regulator"], "audit did not see the token"


async def test_a_reader_of_both_reads_each_log_for_itself(rig: Rig) -> None:
    bearer = {"authorization": f"Bearer {rig.token(controllers=['bank', 'retailer'])}"}
    for controller, story in rig.stories.items():
        answer = await rig.client.get(f"/log/{controller}/checkpoint", headers=bearer)
        assert answer.text == story.log.checkpoint


async def test_refusal_comes_before_anything_else_is_said(rig: Rig) -> None:
    for url in ("/v1/bank/events?limit=x", "/v1/bank/events/x", "/v1/BAD NAME/events", "/log/bank/tile/x"):
        problem(await rig.client.get(url), 401, "TOKEN_MISSING")


async def test_two_authorizations_are_none(rig: Rig) -> None:
    headers = [("authorization", f"Bearer {rig.token()}"), ("authorization", f"Bearer {rig.token()}")]
    problem(await rig.client.get("/v1/bank/checkpoint", headers=headers), 401, "TOKEN_INVALID")


async def test_health_and_the_document_are_open(rig: Rig) -> None:
    for path in (*OPEN, "/openapi.json"):
        assert (await rig.client.get(path)).status_code == 200


async def test_a_token_of_an_unknown_controller_is_told_by_audit(rig: Rig) -> None:
    bearer = {"authorization": f"Bearer {rig.token(controllers=['nobody'])}"}
    answer = await rig.client.get("/v1/nobody/checkpoint", headers=bearer)
    problem(answer, 404, "CONTROLLER_UNKNOWN", "controller")


async def test_audit_judges_again(rig: Rig) -> None:
    """The gateway lets a token through that audit does not: audit's refusal is what the caller is told."""
    rig.app.state.verifier = _Credulous(rig)
    forged = rig.token(**_PAST)
    answer = await rig.client.get("/v1/bank/checkpoint", headers={"authorization": f"Bearer {forged}"})
    problem(answer, 401, "TOKEN_EXPIRED")
    assert rig.audit.calls == []


class _Credulous:
    """Takes any token for a good one."""

    def __init__(self, rig: Rig) -> None:
        self._real = rig.app.state.verifier
        self._good = rig.token(exp=now_us() // 1_000_000 + 60)

    async def verify(self, token: str) -> object:
        return await self._real.verify(self._good)


async def test_no_route_is_without_a_case(rig: Rig) -> None:
    assert uncovered(rig.app) == set()
    assert {method for _, method in operations(rig.app)} == {"get"}


async def test_a_new_route_would_be_noticed(rig: Rig) -> None:
    async def news() -> Response:
        return Response()

    rig.app.add_api_route("/v1/{controller}/news", news, methods=["GET"], include_in_schema=False)
    assert uncovered(rig.app) == {"/v1/{controller}/news"}
