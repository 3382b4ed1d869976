"""The serving evaluator: the policies of a pack, compiled once, judged without Cedar.

Owns: which policies are looked up in tables (all whose conditions cannot fail and look at few fields each) and which
are evaluated one by one, and how either becomes `Findings`. `cedar.CedarEvaluator` is the reference: `pack` compares
the two when a pack is loaded, and properties hold them equal on every pack, on random policies and on failing ones.
Never: combines packs, builds source text, or takes a policy that it does not wholly understand.
Source: law.md section 4.

As in Cedar, a policy that fails is skipped; its error is a finding, so that a skipped forbid never allows.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from placet.permission.policy.cedar import ErrorCode, Findings
from placet.permission.policy.context import FIELDS, Context
from placet.permission.policy.expressions import Expression, Facts, Unsupported, compile_expression, conjuncts, negation
from placet.permission.policy.metadata import Effect
from placet.permission.policy.tables import Condition, Values, build, cedar_values, tabulate
from placet.permission.policy.values import EvaluationError, as_bool

_KINDS = ("when", "unless")
# Names are put together from tables of so many policies each.
_WIDTH = 10
_ROW = (1 << _WIDTH) - 1
# Contexts are many, the sets of policies that match are few: the first ones met are kept, and never replaced.
_MOST_KNOWN = 1_024


class Policy(NamedTuple):
    """One policy: its conditions from left to right, all of which must hold."""

    ident: str
    conditions: tuple[Expression, ...]

    def matches(self, facts: Facts) -> bool:
        """Tell whether all conditions hold. Raises EvaluationError where Cedar would skip the policy."""
        return all(as_bool(condition.run(facts)) for condition in self.conditions)


class CompiledEvaluator:
    """The policies of one pack as tables and closures. Safe to share between threads."""

    def __init__(self, policies: Mapping[str, Mapping[str, Any]]) -> None:
        """`policies`: `@id` -> the policy in Cedar's JSON form. Raises Unsupported, with the `@id` as `policy`."""
        compiled = {ident: _compile(ident, policies[ident]) for ident in sorted(policies)}
        permits, forbids = (
            [ident for ident in compiled if policies[ident]["effect"] == effect]
            for effect in (Effect.PERMIT, Effect.FORBID)
        )
        self.fields = {ident: _fields(policy) for ident, policy in compiled.items()}
        bits = {ident: bit for bit, ident in enumerate((*permits, *forbids))}
        tables = {ident: _tabulated(policy) for ident, policy in compiled.items()}
        self._evaluated = [(bits[ident], compiled[ident]) for ident, parts in tables.items() if parts is None]
        looked_up = {bits[ident]: parts for ident, parts in tables.items() if parts is not None}
        self._start = sum(1 << bit for bit, parts in looked_up.items() if all(part.fields for part in parts))
        self._groups = build({bit: [part for part in parts if part.fields] for bit, parts in looked_up.items()})
        self._permits, self._forbids = _names(permits), _names(forbids)
        # Which policies match -> what that makes.
        self._known: dict[int, Findings] = {}
        self._split, self._permit_bits = len(permits), (1 << len(permits)) - 1

    def evaluate(self, context: Context) -> Findings:
        """Return all matching permits and forbids; an error of any policy is an error code, and not allowed."""
        values = context.values
        matching = self._start
        for take, table in self._groups:
            matching &= table[take(values)]
        if self._evaluated:
            return self._with_evaluated(values, matching)
        found = self._known.get(matching)
        if found is None:
            found = self._findings(matching, ())
            if len(self._known) < _MOST_KNOWN:
                self._known[matching] = found
        return found

    def _with_evaluated(self, values: Values, matching: int) -> Findings:
        """Return the findings after evaluating what is in no table."""
        facts = cedar_values(values)
        trouble = []
        for bit, policy in self._evaluated:
            try:
                matching |= policy.matches(facts) << bit
            except EvaluationError as error:
                trouble.append(f"{policy.ident}: {error}")
        return self._findings(matching, tuple(trouble))

    def _findings(self, matching: int, trouble: tuple[str, ...]) -> Findings:
        permit: tuple[str, ...] = ()
        forbid: tuple[str, ...] = ()
        permitting, forbidding = matching & self._permit_bits, matching >> self._split
        for names in self._permits:
            permit += names[permitting & _ROW]
            permitting >>= _WIDTH
        if forbidding:
            for names in self._forbids:
                forbid += names[forbidding & _ROW]
                forbidding >>= _WIDTH
        if trouble:
            return Findings(
                allowed=False,
                permit=permit,
                forbid=forbid,
                errors=(ErrorCode.EVALUATION_ERROR,),
                diagnostics=trouble,
            )
        if not (permit or forbid):
            return Findings(allowed=False, errors=(ErrorCode.PACK_SILENT,))
        return Findings(allowed=bool(permit) and not forbid, permit=permit, forbid=forbid)


def _compile(ident: str, policy: Mapping[str, Any]) -> Policy:
    """Return a policy compiled; `conditions` of Cedar's form are `when` and `unless` in their order, all to hold."""
    conditions: list[Expression] = []
    try:
        for clause in policy["conditions"]:
            if clause.keys() != {"kind", "body"} or clause["kind"] not in _KINDS:
                raise Unsupported(f"the clause {clause!r:.80}")
            if clause["kind"] == "when":
                conditions += [compile_expression(part) for part in conjuncts(clause["body"])]
            else:
                conditions.append(negation(compile_expression(clause["body"])))
    except Unsupported as error:
        error.policy = ident
        raise
    return Policy(ident, tuple(conditions))


def _fields(policy: Policy) -> tuple[str, ...]:
    """Return the names of all fields that a policy may look at, in the order of the table."""
    looked_at = frozenset().union(*(condition.fields for condition in policy.conditions))
    return tuple(FIELDS[place] for place in sorted(looked_at))


def _tabulated(policy: Policy) -> list[Condition] | None:
    """Return the conditions of a policy as tables, without those that always hold; None if one has to be evaluated."""
    parts = [tabulate(condition) for condition in policy.conditions]
    if any(part is None for part in parts):
        return None
    return [part for part in parts if part is not None and part.false_for]


def _names(idents: Sequence[str]) -> list[list[tuple[str, ...]]]:
    """Return for each ten policies a table: the bits of those that match -> their ids, ascending."""
    return [
        [tuple(ident for bit, ident in enumerate(some) if row >> bit & 1) for row in range(1 << _WIDTH)]
        for some in (idents[first : first + _WIDTH] for first in range(0, len(idents), _WIDTH))
    ]
