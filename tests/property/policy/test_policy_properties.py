"""What holds for every context, whatever the facts: on the shipped pack and on evaluators that say anything."""

import json
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import cedarpy
from hypothesis import given, settings
from hypothesis import strategies as st

from placet.evidence import canonical
from placet.evidence.drafts import check_draft
from placet.permission.model.vocabulary import AgeBand, BasisForm, Inference, Operation, PlaceClass, Storage, Verdict
from placet.permission.policy.cedar import Findings, cedar_record
from placet.permission.policy.context import ENUMS, FIELDS, Context, from_words, lawful
from placet.permission.policy.engine import Engine, judge
from placet.permission.policy.pack import SHIPPED, Pack, load_shipped
from placet.permission.policy.scenarios import names

AT = 1_772_000_000_000_000  # 2026-02-25


@cache
def cn() -> Pack:
    return load_shipped("cn-2025")


@cache
def engine() -> Engine:
    return Engine([cn()], memo=64)


@cache
def text_and_schema() -> tuple[str, cedarpy.Schema]:
    folder = SHIPPED / "cn-2025"
    return (
        (folder / "policies.cedar").read_text(encoding="utf-8"),
        cedarpy.Schema.from_str((folder / "schema.cedarschema").read_text(encoding="utf-8")),
    )


def value_of(field: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(list(ENUMS[field])) if field in ENUMS else st.booleans()


# Any facts at all (nearly always denied), or a few changes to the lawful base (often allowed).
ANY = st.fixed_dictionaries({field: value_of(field) for field in FIELDS}).map(lambda values: Context(**values))
NEAR = st.lists(st.sampled_from(FIELDS), max_size=4, unique=True).flatmap(
    lambda changed: st.fixed_dictionaries({field: value_of(field) for field in changed}).map(
        lambda values: lawful(**values)
    )
)
CONTEXTS = ANY | NEAR


@given(CONTEXTS)
def test_findings_are_those_of_cedar_given_plain_text(context: Context) -> None:
    text, schema = text_and_schema()
    request = {"principal": 'Controller::"x"', "action": 'Action::"process"', "resource": 'FaceEvent::"y"'}
    answer = cedarpy.is_authorized({**request, "context": cedar_record(context)}, text, [], schema)
    named = sorted(answer.diagnostics.id_annotations_by_reason.values())
    found = cn().evaluator.evaluate(context)
    assert found.allowed is (answer.decision is cedarpy.Decision.Allow)
    assert list(found.permit if found.allowed else found.forbid) == named


@given(CONTEXTS)
def test_an_answer_always_names_an_article(context: Context) -> None:
    decision = engine().decide(context, AT)
    assert decision.errors == ()
    assert (decision.verdict is Verdict.ALLOW) is (decision.forbid == ())
    assert decision.permit or decision.forbid
    assert {*decision.permit, *decision.forbid} <= cn().rules.keys()
    for articles in (decision.permit, decision.forbid):
        assert list(articles) == sorted(set(articles))


@given(CONTEXTS)
def test_what_an_allow_implies(context: Context) -> None:
    if engine().decide(context, AT).verdict is Verdict.DENY:
        return
    assert context.basis_form is not BasisForm.NONE
    assert context.place_class not in (
        PlaceClass.HOTEL_ROOM,
        PlaceClass.RESTROOM,
        PlaceClass.BATHROOM,
        PlaceClass.CHANGING_ROOM,
    )
    assert context.inference not in (Inference.ETHNICITY, Inference.RELIGION, Inference.HEALTH)
    assert not context.sale_or_profit
    if context.operation is Operation.IDENTIFY:
        assert context.basis_form is BasisForm.LEGAL_PERMISSION
    if context.operation is not Operation.DELETE:
        assert context.purpose_registered
        assert context.assessment_valid
        assert context.notice_served
        assert context.protection_attested
        if context.in_public_place:
            assert context.public_safety
            assert context.sign_valid
        if context.basis_form is BasisForm.CONSENT and (context.egress or context.storage.value == "vault"):
            assert context.consent_egress


@given(CONTEXTS)
def test_every_permit_side_is_named_also_on_a_denial(context: Context) -> None:
    permits = set(engine().decide(context, AT).permit)
    assert ("cn-2025/art-6-1" in permits) is (context.basis_form is BasisForm.CONSENT)
    assert ("cn-2025/art-6-2" in permits) is (context.basis_form is BasisForm.LEGAL_PERMISSION)


@given(CONTEXTS, st.sampled_from(AgeBand))
def test_the_logged_context_tells_all_that_the_verdict_hangs_on(context: Context, band: AgeBand) -> None:
    """Two people who are alike in the log are alike before the law: a log can be judged again without the band."""
    one, other = engine().decide(context, AT), engine().decide(replace(context, age_band=band), AT)
    if one.context == other.context:
        assert one == other


@given(CONTEXTS)
def test_the_logged_context_is_canonical_and_keeps_the_band_to_itself(context: Context) -> None:
    decision = engine().decide(context, AT)
    assert decision.context.keys() == {*FIELDS, "minor"} - {"age_band"}
    assert canonical.decode(canonical.encode(decision.context)) == decision.context
    if context.egress or context.storage is not Storage.VAULT:
        check_draft(decision.draft())  # the service never asks about the vault without egress, and the log refuses it
    words = {name: value for name, value in decision.context.items() if name != "minor"}
    assert from_words(words, base=lawful(age_band=context.age_band)) == context


@settings(max_examples=30)
@given(st.lists(NEAR, max_size=12))
def test_the_memo_never_changes_an_answer(contexts: list[Context]) -> None:
    small = Engine([cn()], memo=3)
    for context in [*contexts, *contexts]:
        assert small.decide(context, AT) == judge([cn()], context)


@dataclass
class Says:
    findings: Findings

    def evaluate(self, context: Context) -> Findings:
        return self.findings


ARTICLES = st.lists(st.sampled_from(["a/art-1", "a/art-2", "b/art-1"]), unique=True).map(lambda ids: tuple(sorted(ids)))


@st.composite
def anybody(draw: st.DrawFn) -> Pack:
    """A pack with an evaluator that keeps to the invariant of `Findings`, and no more."""
    permit, forbid = draw(ARTICLES), draw(ARTICLES)
    allowed = draw(st.booleans()) and bool(permit) and not forbid
    name = draw(st.text("abc", min_size=1, max_size=3))
    return replace(cn(), id=name, evaluator=Says(Findings(allowed=allowed, permit=permit, forbid=forbid)))


@given(st.lists(anybody(), max_size=4, unique_by=lambda pack: pack.id))
def test_strictest_wins(packs: list[Pack]) -> None:
    decision = judge(packs, lawful())
    alone = [judge([pack], lawful()) for pack in packs]
    assert (decision.verdict is Verdict.ALLOW) is (bool(packs) and all(d.verdict is Verdict.ALLOW for d in alone))
    assert set(decision.forbid) == {article for d in alone for article in d.forbid}
    assert set(decision.permit) == {article for d in alone for article in d.permit}
    assert [ref.id for ref in decision.policies] == sorted(pack.id for pack in packs)


@given(st.text("art-123/"), st.text("art-123/"))
def test_a_prefix_names_itself_and_what_follows_a_dash(prefix: str, rest: str) -> None:
    assert names(prefix, prefix)
    assert names(prefix, f"{prefix}-{rest}")
    if rest and not rest.startswith("-"):
        assert not names(prefix, prefix + rest)


def test_the_logged_context_is_plain_json() -> None:
    assert json.loads(json.dumps(engine().decide(lawful(), AT).context)) == engine().decide(lawful(), AT).context
