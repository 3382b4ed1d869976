"""One condition of a policy, from Cedar's JSON form to a Python closure with Cedar's meaning.

Owns: what each node means, errors included: all operands are evaluated but for `&&`, `||` and `if`, which stop early;
types are looked at before values are compared; integers have 64 bits. Never: builds source text, or guesses: a node, a
variable or a part that stands in no table here is refused by its name, so that its pack does not load.
Refused on purpose: principal, action, resource, tags, extension functions (ip, decimal, datetime, duration), slots.
Held equal to cedarpy by `tests/property/policy`. Source: Cedar's language reference, "Operators", and its JSON format.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from placet.permission.policy.context import FIELDS
from placet.permission.policy.patterns import matcher
from placet.permission.policy.values import (
    FALSE,
    LEAST,
    MOST,
    TRUE,
    Bool,
    EvaluationError,
    Long,
    Rec,
    SetOf,
    Text,
    Uid,
    Value,
    as_bool,
    as_long,
    as_set,
    as_uid,
    long,
    mistyped,
    truth,
)

# The context as Cedar values, in the order of FIELDS.
Facts: TypeAlias = Sequence[Value]
Run: TypeAlias = Callable[[Facts], Value]

# Deeper conditions are refused: each level is a call of Python's own stack.
MAX_DEPTH = 64
_POSITION = {name: place for place, name in enumerate(FIELDS)}


class Unsupported(Exception):
    """A construct that the compiler does not know; the message names it, `policy` where it stands."""

    policy: str | None = None


class Expression(NamedTuple):
    """A compiled node: what it gives, and the positions in FIELDS of all that it may look at."""

    run: Run
    fields: frozenset[int]


def compile_expression(node: Any, depth: int = 0) -> Expression:
    """Return the closure of a node of Cedar's JSON form. Raises Unsupported naming what is not known."""
    if depth > MAX_DEPTH:
        raise Unsupported(f"the condition nests more than {MAX_DEPTH} levels deep")
    kind, body = _only("a node", node)
    build = _BUILDERS.get(kind)
    if build is None:
        raise Unsupported(f"the construct {kind!r}")
    return build(kind, body, depth + 1)


def conjuncts(node: Any) -> list[Any]:
    """Return the parts of a chain of `&&` from left to right; the node itself if it is none."""
    return _chain("&&", node)


def _chain(kind: str, node: Any) -> list[Any]:
    """Return the operands of an associative operator, left to right, without a call for each."""
    found: list[Any] = []
    left_to_do = [node]
    while left_to_do:
        one = left_to_do.pop()
        if isinstance(one, dict) and one.keys() == {kind}:
            left_to_do += (_part(kind, one[kind], "right", ("left", "right")), one[kind]["left"])
        else:
            found.append(one)
    return found


def _only(what: str, node: Any) -> tuple[str, Any]:
    """Return the one key of an object, and what stands under it."""
    if not isinstance(node, dict) or len(node) != 1:
        raise Unsupported(f"{what} that is not one operator with its operands: {node!r:.80}")
    return next(iter(node.items()))


def _part(kind: str, body: Any, name: str, names: Sequence[str]) -> Any:
    """Return a part of a node's body, which must have exactly these."""
    if not isinstance(body, dict) or body.keys() != set(names):
        raise Unsupported(f"the construct {kind!r} with other parts than {', '.join(names)}")
    return body[name]


def _operands(kind: str, body: Any, depth: int, *names: str) -> list[Expression]:
    return [compile_expression(_part(kind, body, name, names), depth) for name in names]


def _fields(*parts: Expression) -> frozenset[int]:
    return frozenset().union(*(part.fields for part in parts))


# --- literals, context


def _literal(_kind: str, body: Any, _depth: int) -> Expression:
    value = _value_of(body)
    return Expression(lambda _: value, frozenset())


def _value_of(body: Any) -> Value:
    if isinstance(body, bool):
        return truth(body)
    if isinstance(body, int) and LEAST <= body <= MOST:
        return Long(body)
    if isinstance(body, str):
        return Text(body)
    if isinstance(body, dict) and body.keys() == {"__entity"}:
        named = body["__entity"]
        if isinstance(named, dict) and named.keys() == {"type", "id"}:
            return Uid(str(named["type"]), str(named["id"]))
    raise Unsupported(f"the literal {body!r:.80}")


def _variable(_kind: str, body: Any, _depth: int) -> Expression:
    if body != "context":
        raise Unsupported(f"the variable {body!r}: a policy may see nothing but the context")
    ordered = sorted(_POSITION.items())
    return Expression(
        lambda facts: Rec(tuple((name, facts[place]) for name, place in ordered)), frozenset(_POSITION.values())
    )


def _attribute(kind: str, body: Any, depth: int) -> Expression:
    names = ("left", "attr")
    left, name = _part(kind, body, "left", names), _part(kind, body, "attr", names)
    place = _POSITION.get(name)
    if left == {"Var": "context"} and place is not None:
        return Expression(operator.itemgetter(place), frozenset((place,)))
    of = compile_expression(left, depth)

    def run(facts: Facts) -> Value:
        value = of.run(facts)
        if isinstance(value, Rec):
            for known, item in value.items:
                if known == name:
                    return item
            raise EvaluationError(f"the record has no attribute {name}")
        if isinstance(value, Uid):
            raise EvaluationError(f'{value.kind}::"{value.ident}" has no attributes')
        raise mistyped("a record", value)

    return Expression(run, of.fields)


def _has(kind: str, body: Any, depth: int) -> Expression:
    names = ("left", "attr")
    of, name = compile_expression(_part(kind, body, "left", names), depth), body["attr"]

    def run(facts: Facts) -> Value:
        value = of.run(facts)
        if isinstance(value, Rec):
            return truth(any(known == name for known, _ in value.items))
        if isinstance(value, Uid):
            return FALSE
        raise mistyped("a record", value)

    return Expression(run, of.fields)


def _set(_kind: str, body: Any, depth: int) -> Expression:
    if not isinstance(body, list):
        raise Unsupported("a set that is no list")
    parts = [compile_expression(item, depth) for item in body]
    return Expression(lambda facts: SetOf(frozenset([part.run(facts) for part in parts])), _fields(*parts))


def _record(_kind: str, body: Any, depth: int) -> Expression:
    if not isinstance(body, dict):
        raise Unsupported("a record that is no object")
    parts = [(name, compile_expression(item, depth)) for name, item in sorted(body.items())]
    return Expression(
        lambda facts: Rec(tuple((name, part.run(facts)) for name, part in parts)), _fields(*(part for _, part in parts))
    )


# --- truth and choice


def _all_of(kind: str, body: Any, depth: int) -> Expression:
    return _until(kind, body, depth, stop=FALSE, otherwise=TRUE)


def _any_of(kind: str, body: Any, depth: int) -> Expression:
    return _until(kind, body, depth, stop=TRUE, otherwise=FALSE)


def _until(kind: str, body: Any, depth: int, *, stop: Bool, otherwise: Bool) -> Expression:
    """Return what evaluates from left to right and stops at the first operand that settles it."""
    parts = [compile_expression(one, depth) for one in _chain(kind, {kind: body})]

    def run(facts: Facts) -> Value:
        for part in parts:
            if as_bool(part.run(facts)) is stop.value:
                return stop
        return otherwise

    return Expression(run, _fields(*parts))


def negation(of: Expression) -> Expression:
    """Return the expression that is true where `of` is false."""
    return Expression(lambda facts: FALSE if as_bool(of.run(facts)) else TRUE, of.fields)


def _not(kind: str, body: Any, depth: int) -> Expression:
    return negation(_operands(kind, body, depth, "arg")[0])


def _choice(kind: str, body: Any, depth: int) -> Expression:
    asked, then, otherwise = _operands(kind, body, depth, "if", "then", "else")

    def run(facts: Facts) -> Value:
        return (then if as_bool(asked.run(facts)) else otherwise).run(facts)

    return Expression(run, _fields(asked, then, otherwise))


# --- operators of two operands


def _binary(compute: Callable[[Value, Value], Value]) -> "Builder":
    def build(kind: str, body: Any, depth: int) -> Expression:
        left, right = _operands(kind, body, depth, "left", "right")
        return Expression(lambda facts: compute(left.run(facts), right.run(facts)), _fields(left, right))

    return build


def _unary(compute: Callable[[Value], Value]) -> "Builder":
    def build(kind: str, body: Any, depth: int) -> Expression:
        (of,) = _operands(kind, body, depth, "arg")
        return Expression(lambda facts: compute(of.run(facts)), of.fields)

    return build


def _comparing(compare: Callable[[int, int], bool]) -> "Builder":
    return _binary(lambda left, right: truth(compare(as_long(left), as_long(right))))


def _reckoning(reckon: Callable[[int, int], int]) -> "Builder":
    return _binary(lambda left, right: long(reckon(as_long(left), as_long(right))))


def _within(left: Value, right: Value) -> Value:
    """Return `left in right`; without parents an entity is in nothing but itself."""
    asked = as_uid(left)
    if isinstance(right, SetOf):
        return truth(asked in {as_uid(item) for item in right.items})
    return truth(asked == as_uid(right))


def _like(kind: str, body: Any, depth: int) -> Expression:
    names = ("left", "pattern")
    of, pattern = compile_expression(_part(kind, body, "left", names), depth), body["pattern"]
    matches = matcher(pattern)
    if matches is None:
        raise Unsupported(f"the pattern {pattern!r:.80}")

    def run(facts: Facts) -> Value:
        value = of.run(facts)
        if not isinstance(value, Text):
            raise mistyped("a string", value)
        return truth(matches(value.value))

    return Expression(run, of.fields)


def _is(kind: str, body: Any, depth: int) -> Expression:
    names = ("left", "entity_type", "in") if isinstance(body, dict) and "in" in body else ("left", "entity_type")
    of, wanted = compile_expression(_part(kind, body, "left", names), depth), body["entity_type"]
    within = compile_expression(body["in"], depth) if "in" in names else None

    def run(facts: Facts) -> Value:
        value = of.run(facts)
        if as_uid(value).kind != wanted:
            return FALSE
        return TRUE if within is None else _within(value, within.run(facts))

    return Expression(run, _fields(of, within) if within else of.fields)


Builder: TypeAlias = Callable[[str, Any, int], Expression]
_BUILDERS: Mapping[str, Builder] = {
    "Value": _literal,
    "Var": _variable,
    ".": _attribute,
    "has": _has,
    "Set": _set,
    "Record": _record,
    "&&": _all_of,
    "||": _any_of,
    "!": _not,
    "if-then-else": _choice,
    "==": _binary(lambda left, right: truth(left == right)),
    "!=": _binary(lambda left, right: truth(left != right)),
    "<": _comparing(operator.lt),
    "<=": _comparing(operator.le),
    ">": _comparing(operator.gt),
    ">=": _comparing(operator.ge),
    "+": _reckoning(operator.add),
    "-": _reckoning(operator.sub),
    "*": _reckoning(operator.mul),
    "neg": _unary(lambda value: long(-as_long(value))),
    "in": _binary(_within),
    "is": _is,
    "like": _like,
    "contains": _binary(lambda left, right: truth(right in as_set(left))),
    "containsAll": _binary(lambda left, right: truth(as_set(left) >= as_set(right))),
    "containsAny": _binary(lambda left, right: truth(not as_set(left).isdisjoint(as_set(right)))),
    "isEmpty": _unary(lambda value: truth(not as_set(value))),
}
CONSTRUCTS = frozenset(_BUILDERS)
