"""The compiled form: what it refuses, what it does with policies that fail, and that its errors deny."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cedarpy
import pytest

from placet.permission.model.vocabulary import Verdict
from placet.permission.policy import pack as packs
from placet.permission.policy.cedar import CedarEvaluator, ErrorCode, Findings
from placet.permission.policy.compiled import CompiledEvaluator
from placet.permission.policy.context import Context, lawful
from placet.permission.policy.engine import judge
from placet.permission.policy.errors import PackInvalid
from placet.permission.policy.expressions import CONSTRUCTS, MAX_DEPTH, Unsupported, compile_expression
from placet.permission.policy.pack import SHIPPED, Pack, load

Write = Callable[[str, str, dict[str, str]], Path]
MAX = 2**63 - 1


def policies(*texts: str) -> dict[str, dict[str, Any]]:
    """Policies by number: `permit when ...` and so on."""
    text = "\n".join(one.replace("permit", "permit (principal, action, resource)", 1) for one in texts)
    text = text.replace("forbid ", "forbid (principal, action, resource) ")
    parsed = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"]
    return {f"t/art-{number}": policy for number, policy in enumerate(parsed.values())}


def both(*texts: str, context: Context | None = None) -> Findings:
    """What the compiled form says, after checking that Cedar says so too."""
    schema = cedarpy.Schema.from_str((SHIPPED / "cn-2025" / "schema.cedarschema").read_text(encoding="utf-8"))
    named, context = policies(*texts), context or lawful()
    compiled, reference = CompiledEvaluator(named).evaluate(context), CedarEvaluator(named, schema).evaluate(context)
    assert (compiled.allowed, compiled.permit, compiled.forbid) == (
        reference.allowed,
        reference.permit,
        reference.forbid,
    )
    assert compiled.errors == reference.errors
    assert bool(compiled.diagnostics) is bool(reference.diagnostics)
    return compiled


TRUE = [
    "true && !false",
    "false || true",
    f"false && {MAX} + 1 > 0 || true",  # && stops early
    f"true || {MAX} + 1 > 0",  # || stops early
    "if true then true else 1 + true > 0",  # the branch not taken is not evaluated
    "1 != true",  # in Python they are equal
    "![true].contains(1)",
    "{a: 1} != {a: true}",
    'Operation::"verify" != "verify"',
    'context.operation == Operation::"verify"',
    'context.operation != Inference::"verify"',  # the same word of another type
    "context.operation is Operation",
    "!(context.operation is Inference)",
    'context.operation is Operation in Operation::"verify"',
    'context.operation in [Operation::"delete", Operation::"verify"]',
    "!(context.operation in [])",
    '!(Controller::"a" in Controller::"b")',
    "[1, 2, 2].containsAll([2, 1]) && [[1]].containsAny([[1], 3])",
    "[].isEmpty() && ![0].isEmpty()",
    '"a*b" like "a\\*b" && "axxb" like "a*b" && !("ab" like "b*a")',
    '"xaybz" like "*a*b*" && !("xbya" like "*a*b*") && "abcab" like "ab*ab" && !("aba" like "ab*ba")',
    "context has egress && !(context has nothing) && !(context.operation has name)",
    '{"a b": {c: 1}}["a b"].c == 1',
    f"-({MAX}) - 1 == -9223372036854775808",
    "3 * -4 + 2 == -10 && 2 <= 2 && 3 >= 2 && !(2 < 2) && 3 > 2",
    "context == context && context.egress == false",
]
FAILS = [
    "context.no_such_fact",
    "{a: 1}.b == 1",
    "context.operation.name == 1",
    "(1).a == 1",
    "1 has a",
    f"{MAX} + 1 > 0",
    f"-{MAX} - 2 < 0",
    f"{MAX} * 2 > 0",
    "-(-9223372036854775808) > 0",
    "!1",
    "1 && true",
    "true && 1",
    "false || 1",
    "if 1 then true else false",
    "true < 1",
    '"a" + 1 == 1',
    "1.contains(1)",
    "[1].containsAll(1)",
    "[1].containsAny(1)",
    '"".isEmpty()',
    '1 like "*"',
    "1 is Operation",
    "1 in context.operation",
    "context.operation in 1",
    "context.operation in [context.operation, 1]",
    "1",
]


@pytest.mark.parametrize("condition", TRUE)
def test_what_a_condition_means(condition: str) -> None:
    assert both(f"permit when {{ {condition} }};").allowed
    assert both("permit;", f"forbid when {{ {condition} }};").forbid == ("t/art-1",)
    assert both("permit;", f"forbid unless {{ {condition} }};").allowed


@pytest.mark.parametrize("condition", FAILS)
def test_a_policy_that_fails_denies_and_says_so(condition: str) -> None:
    """The trap: a skipped forbid. `unless` fails as `when` does, and an earlier false condition hides the failure."""
    for clause in ("when", "unless"):
        found = both("permit;", f"forbid {clause} {{ {condition} }};")
        assert (found.allowed, found.permit, found.forbid) == (False, ("t/art-0",), ())
        assert found.errors == (ErrorCode.EVALUATION_ERROR,)
        assert found.diagnostics[0].startswith("t/art-1: ")
    assert both("permit;", f"forbid when {{ context.egress }} when {{ {condition} }};").allowed
    assert not both(f"permit when {{ {condition} }};").allowed


def test_negative_control_without_its_errors_the_compiled_form_would_allow() -> None:
    class Careless(CompiledEvaluator):
        def _findings(self, matching: int, trouble: tuple[str, ...]) -> Findings:
            return super()._findings(matching, ())

    named = policies("permit;", f"forbid when {{ {MAX} + 1 > 0 }};")
    assert Careless(named).evaluate(lawful()).allowed
    assert not CompiledEvaluator(named).evaluate(lawful()).allowed


def test_a_pack_whose_forbid_fails_denies_with_a_code(written: Write) -> None:
    texts = (
        '@id("trap/art-1") permit (principal, action, resource);\n'
        f'@id("trap/art-2") forbid (principal, action, resource) when {{ context.egress && {MAX} + 1 > 0 }};'
    )
    loaded = load(written("trap", texts, {"trap/art-1": "permit", "trap/art-2": "forbid"}))
    assert isinstance(loaded.evaluator, CompiledEvaluator)
    assert judge([loaded], lawful()).verdict is Verdict.ALLOW
    decision = judge([loaded], lawful(egress=True))
    assert (decision.verdict, decision.errors) == (Verdict.DENY, ("EVALUATION_ERROR",))


UNKNOWN = [
    ('ip("10.0.0.1").isLoopback()', "isLoopback"),
    ('decimal("1.0").lessThan(decimal("2.0"))', "lessThan"),
    ('principal == Controller::"c"', "variable 'principal'"),
    ('action == Action::"process"', "variable 'action'"),
    ("resource == resource", "variable 'resource'"),
    ('context.operation.hasTag("x")', "hasTag"),
]


@pytest.mark.parametrize(("condition", "named"), UNKNOWN)
def test_an_unknown_construct_is_refused_by_name(condition: str, named: str) -> None:
    with pytest.raises(Unsupported, match=named) as caught:
        CompiledEvaluator(policies("permit;", f"forbid when {{ true }} unless {{ [{condition}] == [] }};"))
    assert caught.value.policy == "t/art-1"


def test_a_pack_with_an_unknown_construct_does_not_load(written: Write) -> None:
    text = '@id("new/art-1") permit (principal, action, resource) when { ip("10.0.0.1").isLoopback() };'
    with pytest.raises(PackInvalid, match="isLoopback") as caught:
        load(written("new", text, {"new/art-1": "permit"}))
    assert (caught.value.file, caught.value.policy) == ("policies.cedar", "new/art-1")


CONTEXT = {"Var": "context"}
SPOILED: list[Any] = [
    None,
    [],
    {},
    {"Value": True, "Var": "context"},
    {"Unknown": {"name": "x"}},
    {"Slot": "?principal"},
    {"Value": None},
    {"Value": 1.0},
    {"Value": 2**63},
    {"Value": [1]},
    {"Value": {"__extn": {"fn": "ip", "arg": "::1"}}},
    {"Value": {"__entity": {"type": "T"}}},
    {"Var": "principal"},
    {"!": {"arg": CONTEXT, "more": 1}},
    {"!": CONTEXT},
    {"&&": {"left": CONTEXT}},
    {"==": {"left": CONTEXT, "right": CONTEXT, "third": CONTEXT}},
    {"has": {"left": CONTEXT, "attr": "a", "b": 1}},
    {".": {"left": CONTEXT}},
    {"like": {"left": {"Value": "a"}, "pattern": "a*"}},
    {"like": {"left": {"Value": "a"}, "pattern": [{"Literal": 1}]}},
    {"is": {"left": CONTEXT, "type": "T"}},
    {"Set": {"a": CONTEXT}},
    {"Record": [CONTEXT]},
    {"if-then-else": {"if": CONTEXT, "then": CONTEXT}},
]


@pytest.mark.parametrize("node", SPOILED, ids=lambda node: json.dumps(node)[:40])
def test_a_node_of_another_shape_is_refused(node: Any) -> None:
    with pytest.raises(Unsupported):
        compile_expression(node)


@pytest.mark.parametrize("clause", [{"kind": "while", "body": {"Value": True}}, {"kind": "when"}])
def test_a_clause_of_another_kind_is_refused(clause: dict[str, Any]) -> None:
    with pytest.raises(Unsupported):
        CompiledEvaluator({"t/art-1": {"effect": "permit", "conditions": [clause]}})


def test_deep_conditions_are_refused_and_long_chains_are_not() -> None:
    deep: Any = {"Value": True}
    for _ in range(MAX_DEPTH + 1):
        deep = {"!": {"arg": deep}}
    with pytest.raises(Unsupported, match="levels"):
        compile_expression(deep)
    chain = " || ".join(["context.egress"] * 50 + ["true"])
    assert both(f"permit when {{ {chain} }};").allowed


def test_a_chain_too_long_for_cedars_own_json_is_refused_with_a_reason(written: Write) -> None:
    chain = " || ".join(["context.egress"] * 600)
    text = f'@id("long/art-1") permit (principal, action, resource) when {{ {chain} }};'
    with pytest.raises(PackInvalid, match="Pack long"):
        load(written("long", text, {"long/art-1": "permit"}))


@pytest.mark.parametrize("terms", [61, 100])
def test_a_chain_that_cedar_does_not_read_back_is_refused(written: Write, terms: int) -> None:
    chain = " || ".join(["context.egress"] * terms)
    text = f'@id("long/art-1") permit (principal, action, resource) when {{ {chain} || true }};'
    with pytest.raises(PackInvalid, match="read the policies back"):
        load(written("long", text, {"long/art-1": "permit"}))


def test_every_construct_is_named_once_in_the_tests() -> None:
    """A construct that the compiler learns comes with a case above."""
    seen: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            seen.update(node)
            for part in node.values():
                walk(part)
        elif isinstance(node, list):
            for part in node:
                walk(part)

    for condition in TRUE:
        walk(policies(f"permit when {{ {condition} }};"))
    assert seen >= CONSTRUCTS


def test_what_is_in_no_table_is_evaluated_all_the_same() -> None:
    """A condition over too many fields for a table, beside one that fits: both count, in any order."""
    many = " || ".join(f"context.{name}" for name in FLAGS)
    assert both("permit;", f"forbid when {{ {many} }};").forbid == ("t/art-1",)
    calm = lawful(**dict.fromkeys(FLAGS, False))
    assert both("permit;", f"forbid when {{ {many} }};", context=calm).allowed
    assert both(f"permit unless {{ {many} }};", "forbid when { context.egress };", context=calm).allowed


FLAGS = (
    *("consent_separate", "consent_explicit", "consent_written", "consent_egress", "guardian_active"),
    *("purpose_registered", "necessity_stated", "assessment_valid", "purpose_reviewed", "public_safety"),
    *("in_public_place", "sign_valid", "collection_area_set"),
)


def test_more_sets_of_policies_than_are_kept() -> None:
    """Thirteen duties make 8,192 sets of articles; what is made afresh is the same as what was kept."""
    named = policies("permit;", *(f"forbid unless {{ context.{name} }};" for name in FLAGS))
    compiled = CompiledEvaluator(named)
    for number in range(1 << len(FLAGS)):
        facts = {name: bool(number >> bit & 1) for bit, name in enumerate(FLAGS)}
        expected = tuple(sorted(f"t/art-{bit + 1}" for bit, name in enumerate(FLAGS) if not facts[name]))
        for _ in range(2):
            assert compiled.evaluate(lawful(**facts)).forbid == expected


def test_a_compiled_form_that_differs_from_cedar_does_not_load(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf(CompiledEvaluator):
        """Overhears one article."""

        def evaluate(self, context: Context) -> Findings:
            found = super().evaluate(context)
            return Findings(allowed=True, permit=found.permit) if context.scraped_source else found

    monkeypatch.setattr(packs, "CompiledEvaluator", Deaf)
    with pytest.raises(PackInvalid, match="Cedar says"):
        load(copied)


def test_the_reference_stays_at_hand(cn: Pack) -> None:
    assert isinstance(cn.reference, CedarEvaluator)
    assert isinstance(cn.evaluator, CompiledEvaluator)
    assert cn.looks_at["cn-2025/art-19"] == ("operation", "basis_form")
    assert cn.looks_at.keys() == cn.rules.keys()
