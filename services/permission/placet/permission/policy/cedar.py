"""The reference evaluator: Cedar itself, through cedarpy, with everything parsed once.

Owns: how a context becomes a Cedar request, how an answer becomes `Findings`, and that trouble never passes for a yes.
Never: combines packs or looks at dates (`engine` does). Source: law.md section 4.

Cedar skips a policy that fails while it is evaluated. A skipped forbid turns a denial into an Allow, so the verdict
alone is worth nothing: `Findings.allowed` is only true when the diagnostics are empty as well.
Cedar names only the policies that determined its answer: the forbids, on a denial. The permits that match then are
found by asking again with the permits alone.
"""

import json
from enum import StrEnum
from typing import Any, Protocol

import cedarpy
import msgspec

from placet.permission.policy.context import ENUMS, Context
from placet.permission.policy.metadata import Effect

# Policies see nothing but the context; the rest of a Cedar request is always the same.
REQUEST = {
    "principal": {"type": "Controller", "id": "controller"},
    "action": {"type": "Action", "id": "process"},
    "resource": {"type": "FaceEvent", "id": "event"},
}
NO_ENTITIES = cedarpy.Entities.from_json_str("[]")


class ErrorCode(StrEnum):
    """Why a decision is a denial although no article forbids: the codes in a decision's `errors`."""

    # No pack is in force at this moment: there is no law to permit by.
    NO_PACK_IN_FORCE = "NO_PACK_IN_FORCE"
    # A policy failed while it was evaluated, so it may have been skipped.
    EVALUATION_ERROR = "EVALUATION_ERROR"
    # Cedar refused the request: the context does not fit the schema.
    NO_DECISION = "NO_DECISION"
    # The evaluator itself failed; not memoised, the next try may succeed.
    EVALUATOR_FAILED = "EVALUATOR_FAILED"
    # A pack neither permits nor forbids: a gap in the pack, since each denial has to name an article.
    PACK_SILENT = "PACK_SILENT"


class Findings(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one pack says about one context: article ids, ascending, and what went wrong."""

    # Invariant: allowed implies a permit, no forbid and no error.
    allowed: bool
    permit: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    errors: tuple[ErrorCode, ...] = ()
    # For people who mend the pack; never logged.
    diagnostics: tuple[str, ...] = ()


class Evaluator(Protocol):
    """Judges a context by the policies of one pack."""

    def evaluate(self, context: Context) -> Findings:
        """Return all matching permits and forbids; an error of any policy is an error code, and not allowed.

        Pure: the same context always has the same findings.
        """


class CedarEvaluator:
    """Policies, schema and (no) entities as parsed handles. Immutable, safe to share between threads."""

    def __init__(self, policies: dict[str, dict[str, Any]], schema: cedarpy.Schema) -> None:
        """`policies`: `@id` -> the policy in Cedar's JSON form. Raises ValueError when Cedar does not take them."""
        permits = {ident: policy for ident, policy in policies.items() if policy["effect"] == Effect.PERMIT}
        self._all = _policy_set(policies)
        self._permits = _policy_set(permits)
        self._schema = schema

    def evaluate(self, context: Context) -> Findings:
        """Return the findings of Cedar. Raises what cedarpy raises; no well-typed context is known to cause that."""
        request = {**REQUEST, "context": json.dumps(cedar_record(context))}
        answer = self._ask(request, self._all)
        if answer.decision is cedarpy.Decision.NoDecision:
            trouble = tuple(answer.diagnostics.errors)
            return Findings(allowed=False, errors=(ErrorCode.NO_DECISION,), diagnostics=trouble)
        named = tuple(sorted(answer.diagnostics.reasons))
        if answer.decision is cedarpy.Decision.Allow:
            return _findings(answer, permit=named, forbid=())
        permit = tuple(sorted(self._ask(request, self._permits).diagnostics.reasons)) if named else ()
        return _findings(answer, permit=permit, forbid=named)

    def _ask(self, request: dict[str, Any], policies: cedarpy.PolicySet) -> cedarpy.AuthzResult:
        return cedarpy.is_authorized(request, policies, NO_ENTITIES, self._schema)


def cedar_record(context: Context) -> dict[str, Any]:
    """Return the context as Cedar JSON: words as entities of their enumerated type, the rest as booleans."""
    return {
        name: {"type": ENUMS[name].__name__, "id": fact.value} if name in ENUMS else fact
        for name, fact in context.items()
    }


def _findings(answer: cedarpy.AuthzResult, *, permit: tuple[str, ...], forbid: tuple[str, ...]) -> Findings:
    """Return the findings; allowed only without any error (the fail-open trap of law.md section 4)."""
    trouble = tuple(answer.diagnostics.errors)
    errors = (ErrorCode.EVALUATION_ERROR,) if trouble else ()
    if not (permit or forbid or errors):
        errors = (ErrorCode.PACK_SILENT,)
    allowed = answer.decision is cedarpy.Decision.Allow and bool(permit) and not forbid and not errors
    return Findings(allowed=allowed, permit=permit, forbid=forbid, errors=errors, diagnostics=trouble)


def _policy_set(policies: dict[str, dict[str, Any]]) -> cedarpy.PolicySet:
    """Return a handle whose policy ids are the `@id`s, so that answers and errors name articles."""
    return cedarpy.PolicySet.from_json_str(
        json.dumps({"templates": {}, "staticPolicies": policies, "templateLinks": []})
    )
