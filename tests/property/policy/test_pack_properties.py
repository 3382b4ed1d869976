"""What holds of every pack that comes with Placet for every context, and of any of them together."""

from dataclasses import replace
from functools import cache

import cedarpy
from hypothesis import given
from hypothesis import strategies as st
from property.policy.test_policy_properties import CONTEXTS
from unit.policy import shipped

from placet.permission.model.vocabulary import AgeBand, Verdict
from placet.permission.policy.cedar import cedar_record
from placet.permission.policy.context import Context, lawful
from placet.permission.policy.engine import judge
from placet.permission.policy.pack import POLICIES, SCHEMA, SHIPPED

NAMES = st.sampled_from(shipped.NAMES)
REQUEST = {"principal": 'Controller::"x"', "action": 'Action::"process"', "resource": 'FaceEvent::"y"'}


@cache
def text_and_schema(name: str) -> tuple[str, cedarpy.Schema]:
    text, schema = ((SHIPPED / name / file).read_text(encoding="utf-8") for file in (POLICIES, SCHEMA))
    return text, cedarpy.Schema.from_str(schema)


@given(NAMES, CONTEXTS)
def test_findings_of_each_pack_are_those_of_cedar_given_plain_text(name: str, context: Context) -> None:
    text, schema = text_and_schema(name)
    answer = cedarpy.is_authorized({**REQUEST, "context": cedar_record(context)}, text, [], schema)
    found = shipped.pack(name).evaluator.evaluate(context)
    assert found.allowed is (answer.decision is cedarpy.Decision.Allow)
    assert list(found.permit if found.allowed else found.forbid) == sorted(
        answer.diagnostics.id_annotations_by_reason.values()
    )


@given(NAMES, CONTEXTS)
def test_each_pack_always_names_an_article_of_its_own(name: str, context: Context) -> None:
    decision = judge([shipped.pack(name)], context)
    assert decision.errors == ()
    assert (decision.verdict is Verdict.ALLOW) is (decision.forbid == ())
    assert decision.permit or decision.forbid
    assert {*decision.permit, *decision.forbid} <= shipped.pack(name).rules.keys()


@given(CONTEXTS, st.sampled_from(AgeBand))
def test_each_pack_looks_at_the_age_only_through_minor(context: Context, band: AgeBand) -> None:
    for name in shipped.NAMES:
        pack, other = shipped.pack(name), replace(context, age_band=band)
        if pack.counts_as_minor(context.age_band) is pack.counts_as_minor(band):
            assert judge([pack], context) == judge([pack], other), name


def test_the_control_age_does_matter_to_every_pack_that_knows_minors() -> None:
    """Negative control: across the line the verdict does change, so the property above is not empty."""
    for name in shipped.NAMES:
        pack = shipped.pack(name)
        verdicts = {judge([pack], lawful(age_band=band)).verdict for band in AgeBand}
        assert len(verdicts) == (2 if pack.minor_bands else 1), name


@given(st.lists(NAMES, min_size=1, max_size=4, unique=True), CONTEXTS)
def test_of_any_packs_together_the_strictest_wins(names: list[str], context: Context) -> None:
    packs = [shipped.pack(name) for name in names]
    together, alone = judge(packs, context), [judge([pack], context) for pack in packs]
    assert (together.verdict is Verdict.ALLOW) is all(one.verdict is Verdict.ALLOW for one in alone)
    assert together.permit == tuple(sorted(article for one in alone for article in one.permit))
    assert together.forbid == tuple(sorted(article for one in alone for article in one.forbid))
    assert [ref.id for ref in together.policies] == sorted(names)
