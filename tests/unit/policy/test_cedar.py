"""The reference evaluator, and the fail-open trap of law.md section 4 with its negative control."""

import json
from collections.abc import Callable
from pathlib import Path

import cedarpy
import pytest

from placet.permission.model.vocabulary import Verdict
from placet.permission.policy.cedar import CedarEvaluator, ErrorCode, cedar_record
from placet.permission.policy.context import lawful
from placet.permission.policy.engine import judge
from placet.permission.policy.errors import PackInvalid
from placet.permission.policy.pack import SHIPPED, Pack, load

# A forbid that fails only where it should bite: the sum overflows, Cedar skips the policy and allows.
TRAP = """
@id("trap/art-1")
permit (principal, action, resource);
@id("trap/art-2")
forbid (principal, action, resource) when { !context.sign_valid && 9223372036854775807 + 1 > 0 };
@id("trap/art-3")
forbid (principal, action, resource) when { context.sale_or_profit };
"""
EFFECTS = {"trap/art-1": "permit", "trap/art-2": "forbid", "trap/art-3": "forbid"}
REQUEST = {"principal": 'Controller::"c"', "action": 'Action::"process"', "resource": 'FaceEvent::"e"'}
Write = Callable[[str, str, dict[str, str]], Path]


def shipped_schema() -> cedarpy.Schema:
    return cedarpy.Schema.from_str((SHIPPED / "cn-2025" / "schema.cedarschema").read_text(encoding="utf-8"))


def test_negative_control_cedar_alone_allows_when_a_forbid_fails() -> None:
    context = cedar_record(lawful(sign_valid=False))
    answer = cedarpy.is_authorized({**REQUEST, "context": context}, TRAP, [], shipped_schema())
    assert answer.decision is cedarpy.Decision.Allow
    assert answer.diagnostics.errors


def test_negative_control_the_trap_of_the_law_page() -> None:
    policies = "permit (principal, action, resource); forbid (principal, action, resource) when { context.age < 14 };"
    answer = cedarpy.is_authorized({**REQUEST, "context": {}}, policies, [])
    assert answer.decision is cedarpy.Decision.Allow
    assert answer.diagnostics.errors


def test_a_failing_policy_is_a_denial_with_a_code(written: Write) -> None:
    pack = load(written("trap", TRAP, EFFECTS))
    assert judge([pack], lawful()).verdict is Verdict.ALLOW
    assert not pack.evaluator.evaluate(lawful(sign_valid=False)).allowed
    decision = judge([pack], lawful(sign_valid=False))
    assert decision.verdict is Verdict.DENY
    assert decision.errors == ("EVALUATION_ERROR",)
    assert decision.permit == ("trap/art-1",)
    assert "trap/art-2" in decision.diagnostics[0]


def test_articles_and_errors_stand_side_by_side(written: Write) -> None:
    pack = load(written("trap", TRAP, EFFECTS))
    decision = judge([pack], lawful(sign_valid=False, sale_or_profit=True))
    assert (decision.permit, decision.forbid) == (("trap/art-1",), ("trap/art-3",))
    assert decision.errors == ("EVALUATION_ERROR",)


def test_a_pack_that_fails_on_the_lawful_base_does_not_load(written: Write) -> None:
    folder = written("trap", TRAP.replace("!context.sign_valid", "context.sign_valid"), EFFECTS)
    with pytest.raises(PackInvalid, match="trap/art-2"):
        load(folder)


def test_a_context_that_the_schema_refuses_is_no_decision() -> None:
    text = (SHIPPED / "cn-2025" / "schema.cedarschema").read_text(encoding="utf-8")
    narrow = cedarpy.Schema.from_str(text.replace("    egress: Bool,\n", ""))
    policies = json.loads(cedarpy.policies_to_json_str("permit (principal, action, resource);"))["staticPolicies"]
    findings = CedarEvaluator(policies, narrow).evaluate(lawful())
    assert not findings.allowed
    assert findings.errors == (ErrorCode.NO_DECISION,)
    assert findings.diagnostics


def test_a_silent_pack_denies_with_a_code(written: Write) -> None:
    policy = '@id("quiet/art-1") forbid (principal, action, resource) when { context.egress };'
    pack = load(written("quiet", policy, {"quiet/art-1": "forbid"}))
    decision = judge([pack], lawful())
    assert decision.verdict is Verdict.DENY
    assert decision.errors == ("PACK_SILENT",)
    assert judge([pack], lawful(egress=True)).errors == ()


def test_permits_are_named_on_a_denial_too(cn: Pack) -> None:
    findings = cn.evaluator.evaluate(lawful(sale_or_profit=True, filing_current=False))
    assert findings.permit == ("cn-2025/art-6-1",)
    assert findings.forbid == ("cn-2025/art-15", "cn-2025/pipl-10-1")
    assert not findings.allowed
