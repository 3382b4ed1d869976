"""`client.explain`: texts from the service, facts from the proven entry, as far as the token may read it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from integration.sdk.conftest import ASK
from integration.sdk.little_mesh import LittleMesh
from integration.sdk.test_sdk_faults import status

from placet.api.audit.v1 import audit_pb2
from placet.api.permission.v1 import permission_pb2 as pb
from placet.evidence.kinds import Decision, PolicyRef
from placet.sdk import AsyncClient, Confidence, Denied, Invalid, Language, ProofError, Standing, Unreachable

RULED = pb.ExplainedArticle(
    id="cn-2025/art-13-1",
    forbids=True,
    standing=pb.ExplainedArticle.STANDING_EXACT,
    version="1",
    explanation=pb.Wording(en="No camera in a hotel room.", zh_cn="客房内不得安装。"),
    source=pb.Wording(en="Order 19, article 13", zh_cn="第19号令第13条"),
    address="https://law.example/13",
    confidence=pb.ExplainedArticle.CONFIDENCE_UNVERIFIED,
    next=pb.Wording(en="Remove it.", zh_cn="请拆除。"),
    looks_at=["place_class", "age_band", "egress", "mood"],
)
GONE = pb.ExplainedArticle(id="old/art-1", forbids=True, standing=pb.ExplainedArticle.STANDING_UNKNOWN)
PERMITS = pb.ExplainedArticle(
    id="cn-2025/art-6-1",
    standing=pb.ExplainedArticle.STANDING_OTHER_VERSION,
    version="2",
    explanation=pb.Wording(en="It rests on consent.", zh_cn="以同意为依据。"),
    source=pb.Wording(en="Order 19, article 6", zh_cn="第19号令第6条"),
    confidence=pb.ExplainedArticle.CONFIDENCE_READ,
    next=pb.Wording(en="Nothing.", zh_cn="无。"),
)
CONTEXT = {"place_class": "hotel_room", "egress": False, "minor": ["cn-2025"]}


class Explaining(LittleMesh):
    """Explains one decision, whose entry it has."""

    def __init__(self) -> None:
        super().__init__()
        self.articles = [RULED, GONE, PERMITS]

    async def ExplainDecision(self, request: Any, context: Any) -> Any:
        return await self.answer(
            "ExplainDecision", request, context, 1, lambda: pb.ExplainDecisionResponse(articles=self.articles)
        )

    async def GetEntry(self, request: Any, context: Any) -> Any:
        receipt = self.log.receipt(request.index)
        return await self.answer("GetEntry", request, context, 1, lambda: audit_pb2.GetEntryResponse(receipt=receipt))


@pytest.fixture
async def mesh() -> AsyncIterator[Explaining]:
    made = Explaining()
    made.log.grant()
    made.decision = made.log.append(
        Decision,
        policies=(PolicyRef(id="cn-2025", hash="A" * 43),),
        context=CONTEXT,
        verdict="deny",
        permit=(),
        forbid=("cn-2025/art-13-1",),
        errors=(),
    )
    made.log.state()
    made.address = await made.start()
    yield made
    await made.stop()


async def test_an_explanation_has_texts_and_facts(mesh: Explaining, client: AsyncClient) -> None:
    found = await client.explain(mesh.decision)
    ruled, gone, permits = found.articles
    assert (ruled.standing, ruled.confidence, ruled.version) == (Standing.EXACT, Confidence.UNVERIFIED, "1")
    assert ruled.facts == {"place_class": "hotel_room", "minor": True, "egress": False, "mood": None}
    assert (gone.standing, gone.explanation, gone.facts) == (Standing.UNKNOWN, None, None)
    assert (permits.forbids, permits.standing) == (False, Standing.OTHER_VERSION)
    assert mesh.requests[0].decision == mesh.decision


async def test_it_is_told_in_both_languages(mesh: Explaining, client: AsyncClient) -> None:
    found = await client.explain(mesh.decision)
    english, chinese = found.text(), found.text(Language.ZH_CN)
    assert english.splitlines()[:6] == [
        "Forbidden by cn-2025/art-13-1",
        "  Rule: No camera in a hotel room.",
        "  Source: Order 19, article 13, https://law.example/13 (UNVERIFIED: nobody has read the text)",
        "  Facts: place_class: hotel_room, minor: true, egress: false, mood: ?",
        "  What to do: Remove it.",
        "Forbidden by old/art-1",
    ]
    assert "not shipped any more; this is the text of version 2" in english
    assert "Nothing." not in english  # what permits asks for nothing
    for said in ("客房内不得安装。", "未核实", "请拆除。", "不再随附"):
        assert said in chinese


async def test_a_token_that_may_not_read_entries_gets_the_texts(mesh: Explaining, client: AsyncClient) -> None:
    mesh.fail = lambda name, _: status("denied", "ROLE_MISSING") if name == "GetEntry" else None
    found = await client.explain(mesh.decision)
    assert [article.facts for article in found.articles] == [None, None, None]
    assert "Facts" not in found.text()
    assert "Remove it." in found.text()


async def test_facts_that_are_not_proven_are_not_told(mesh: Explaining, client: AsyncClient) -> None:
    def lie(name: str, response: Any) -> Any:
        if name == "GetEntry":
            response.receipt.entry.entry = response.receipt.entry.entry.replace(b"hotel_room", b"shop_floor")
        return response

    mesh.lie = lie
    with pytest.raises(ProofError):
        await client.explain(mesh.decision)


async def test_an_index_of_something_else_is_refused_and_not_explained_with_nothing(
    mesh: Explaining, client: AsyncClient
) -> None:
    mesh.lie = lambda name, response: type(response)() if name == "ExplainDecision" else response
    with pytest.raises(Invalid, match="is no decision"):
        await client.explain(mesh.decision + 1)


async def test_what_is_out_of_order_is_an_error(mesh: Explaining, new_client: Any) -> None:
    mesh.fail = lambda name, _: status("unavailable", "BUS_UNAVAILABLE") if name == "ExplainDecision" else None
    with pytest.raises(Unreachable):
        await new_client(timeout=0.3).explain(mesh.decision)


async def test_a_denial_leads_to_its_explanation(mesh: Explaining, client: AsyncClient) -> None:
    mesh.deny["payment"] = ("POLICY",)
    mesh.lie = lambda name, response: (
        _forbidden(response) if name == "AuthorizeBatch" or name == "Authorize" else response
    )
    with pytest.raises(Denied) as caught:
        async with client.permit(**ASK):
            raise AssertionError("the body ran")
    assert "client.explain(denied.decision)" in caught.value.explain()
    await client.explain(caught.value.decision)
    assert mesh.requests[-2].decision == caught.value.decision.decision


def _forbidden(response: Any) -> Any:
    for answer in response.answers if hasattr(response, "answers") else [response.answer]:
        answer.forbidden_by.append("cn-2025/art-13-1")
    return response
