"""The compiled form says what Cedar says: on every pack, on random policies, on policies that fail."""

from dataclasses import replace
from functools import cache
from typing import Any

import cedarpy
import pytest
from fakes.cedar_nodes import CONTEXTS, Node, policies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from placet.permission.policy.cedar import CedarEvaluator, Evaluator, Findings
from placet.permission.policy.compiled import CompiledEvaluator
from placet.permission.policy.context import Context
from placet.permission.policy.pack import SHIPPED, Pack, load_shipped

PACKS = sorted(folder.name for folder in SHIPPED.iterdir() if folder.is_dir())
RANDOM = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@cache
def pack(name: str) -> Pack:
    return load_shipped(name)


@cache
def schema() -> cedarpy.Schema:
    return cedarpy.Schema.from_str((SHIPPED / "cn-2025" / "schema.cedarschema").read_text(encoding="utf-8"))


def said(evaluator: Evaluator, context: Context) -> tuple[Any, ...]:
    """All that findings say but the wording of diagnostics, of which both have some or none."""
    found: Findings = evaluator.evaluate(context)
    return found.allowed, found.permit, found.forbid, found.errors, bool(found.diagnostics)


@pytest.mark.parametrize("name", PACKS)
@given(context=CONTEXTS)
def test_every_pack_says_what_cedar_says(name: str, context: Context) -> None:
    assert said(pack(name).evaluator, context) == said(pack(name).reference, context)


def same(named: dict[str, Node], contexts: list[Context]) -> None:
    compiled, reference = CompiledEvaluator(named), CedarEvaluator(named, schema())
    for context in contexts:
        assert said(compiled, context) == said(reference, context)


@RANDOM
@given(policies(3), st.lists(CONTEXTS, min_size=1, max_size=3))
def test_random_policies_mean_what_cedar_means(named: dict[str, Node], contexts: list[Context]) -> None:
    same(named, contexts)


@pytest.mark.long
@settings(RANDOM, max_examples=20_000)
@given(policies(4), st.lists(CONTEXTS, min_size=1, max_size=4))
def test_many_random_policies_mean_what_cedar_means(named: dict[str, Node], contexts: list[Context]) -> None:
    same(named, contexts)


@pytest.mark.long
@pytest.mark.parametrize("name", PACKS)
@settings(max_examples=5_000)
@given(context=CONTEXTS)
def test_every_pack_says_what_cedar_says_often(name: str, context: Context) -> None:
    assert said(pack(name).evaluator, context) == said(pack(name).reference, context)


@RANDOM
@given(policies(3), CONTEXTS, st.data())
def test_a_policy_looks_at_no_other_field_than_it_says(named: dict[str, Node], context: Context, data: Any) -> None:
    """The tables, and what an explanation shows, rest on this."""
    compiled = CompiledEvaluator(named)
    seen = {field for fields in compiled.fields.values() for field in fields}
    other = data.draw(CONTEXTS)
    changed = replace(context, **{name: value for name, value in other.items() if name not in seen})
    assert said(compiled, changed) == said(compiled, context)
