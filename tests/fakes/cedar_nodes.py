"""Random policies in Cedar's JSON form over the context of Placet, well-typed mostly and wrong often enough.

Owns the strategies only; what they are compared with is `tests/property/policy/test_compiled_properties.py`.
"""

from functools import cache
from typing import Any

from hypothesis import strategies as st

from placet.permission.policy.context import DOMAINS, ENUMS, FIELDS, Context, lawful

Node = dict[str, Any]
Nodes = st.SearchStrategy[Node]

BOOLEANS = [name for name in FIELDS if name not in ENUMS]
EXTREMES = [-(2**63), -(2**63) + 1, -1, 0, 1, 2, 2**62, 2**63 - 2, 2**63 - 1]
STRINGS = ["", "a", "ab", "aab", "*", "a*b", "delete", "名"]
NAMES = ["a", "b", "egress", "no such"]


def context_of(name: str) -> Node:
    return {".": {"left": {"Var": "context"}, "attr": name}}


def entity(kind: str, ident: str) -> Node:
    return {"Value": {"__entity": {"type": kind, "id": ident}}}


def pair(kind: str, left: Nodes, right: Nodes) -> Nodes:
    return st.tuples(left, right).map(lambda both: {kind: {"left": both[0], "right": both[1]}})


def one(kind: str, of: Nodes) -> Nodes:
    return of.map(lambda node: {kind: {"arg": node}})


def choice(asked: Nodes, given: Nodes) -> Nodes:
    return st.tuples(asked, given, given).map(
        lambda parts: {"if-then-else": {"if": parts[0], "then": parts[1], "else": parts[2]}}
    )


ENTITIES: Nodes = st.one_of(
    st.sampled_from(sorted(ENUMS)).map(context_of),
    st.sampled_from([entity(kind.__name__, word.value) for kind in ENUMS.values() for word in kind]),
    st.sampled_from([entity("Operation", "stranger"), entity("Controller", "c"), entity("Action", "process")]),
)
PATTERNS = st.lists(st.sampled_from(["Wildcard", {"Literal": "a"}, {"Literal": "b"}, {"Literal": "*"}]), max_size=4)


def sets(of: Nodes) -> Nodes:
    return st.lists(of, max_size=3).map(lambda items: {"Set": items})


def records(of: Nodes) -> Nodes:
    return st.dictionaries(st.sampled_from(NAMES), of, max_size=2).map(lambda items: {"Record": items})


def is_of(entities: Nodes, kinds: st.SearchStrategy[str]) -> Nodes:
    plain = st.tuples(entities, kinds).map(lambda two: {"is": {"left": two[0], "entity_type": two[1]}})
    within = st.tuples(entities, kinds, entities).map(
        lambda three: {"is": {"left": three[0], "entity_type": three[1], "in": three[2]}}
    )
    return plain | within


@cache
def booleans(depth: int) -> Nodes:
    """A condition, `depth` operators deep at most; one operand in twenty or so is of any type at all."""
    leaf: Nodes = st.sampled_from(BOOLEANS).map(context_of)
    leaf |= pair("==", st.sampled_from(sorted(ENUMS)).map(context_of), ENTITIES)
    leaf |= st.booleans().map(lambda value: {"Value": value})
    if depth == 0:
        return leaf
    inner, numbers, some = booleans(depth - 1), longs(depth - 1), anything(depth - 1)
    entities, kinds = choice(inner, ENTITIES) | ENTITIES, st.sampled_from(["Operation", "BasisForm", "Stranger"])
    strings = st.sampled_from(STRINGS).map(lambda text: {"Value": text})
    return st.one_of(
        leaf,
        some,
        *(pair(kind, inner, inner) for kind in ("&&", "||", "&&", "||")),
        one("!", inner),
        choice(inner, inner),
        pair("==", some, some),
        pair("!=", some, some),
        *(pair(kind, numbers, numbers) for kind in ("<", "<=", ">", ">=")),
        pair("in", entities, entities | sets(ENTITIES)),
        is_of(entities, kinds),
        st.tuples(strings, PATTERNS).map(lambda two: {"like": {"left": two[0], "pattern": two[1]}}),
        pair("contains", sets(some), some),
        pair("contains", sets(ENTITIES), ENTITIES),
        *(pair(kind, sets(ENTITIES), sets(ENTITIES)) for kind in ("containsAll", "containsAny")),
        one("isEmpty", sets(some)),
        st.tuples(records(some), st.sampled_from(NAMES)).map(lambda two: {"has": {"left": two[0], "attr": two[1]}}),
        st.sampled_from(NAMES).map(lambda name: {"has": {"left": {"Var": "context"}, "attr": name}}),
        ENTITIES.map(lambda node: {"has": {"left": node, "attr": "a"}}),
    )


@cache
def longs(depth: int) -> Nodes:
    """An integer expression, at the edges of 64 bits often."""
    leaf: Nodes = st.sampled_from(EXTREMES).map(lambda value: {"Value": value})
    if depth == 0:
        return leaf
    inner = longs(depth - 1)
    reckoned = [pair(kind, inner, inner) for kind in ("+", "-", "*")]
    return st.one_of(leaf, *reckoned, one("neg", inner), choice(booleans(depth - 1), inner))


@cache
def anything(depth: int) -> Nodes:
    """A node of any type, attributes that may be missing among them."""
    leaves = ENTITIES | st.sampled_from([*STRINGS, *EXTREMES, True, False]).map(lambda value: {"Value": value})
    if depth == 0:
        return leaves | st.just({"Var": "context"})
    inner = anything(depth - 1)
    attribute = st.tuples(records(inner) | inner, st.sampled_from(NAMES)).map(
        lambda two: {".": {"left": two[0], "attr": two[1]}}
    )
    return st.one_of(leaves, booleans(depth - 1), longs(depth - 1), sets(inner), records(inner), attribute)


def clauses(depth: int) -> st.SearchStrategy[list[Node]]:
    return st.lists(
        st.tuples(st.sampled_from(["when", "unless"]), booleans(depth)).map(
            lambda two: {"kind": two[0], "body": two[1]}
        ),
        max_size=3,
    )


def policies(depth: int) -> st.SearchStrategy[dict[str, Node]]:
    """Up to six policies by id, permits and forbids."""
    scope = {"op": "All"}
    policy = st.tuples(st.sampled_from(["permit", "forbid"]), clauses(depth)).map(
        lambda two: {
            "effect": two[0],
            "principal": scope,
            "action": scope,
            "resource": scope,
            "conditions": two[1],
        }
    )
    return st.dictionaries(st.integers(1, 30).map(lambda n: f"r/art-{n}"), policy, min_size=1, max_size=6)


# Any facts at all (nearly always denied), or a few changes to the lawful base (often allowed).
ANY_CONTEXT = st.tuples(*(st.sampled_from(domain) for domain in DOMAINS)).map(
    lambda values: Context(**dict(zip(FIELDS, values, strict=True)))
)
NEAR_CONTEXT = st.lists(st.sampled_from(range(len(FIELDS))), max_size=4, unique=True).flatmap(
    lambda places: st.tuples(*(st.sampled_from(DOMAINS[place]) for place in places)).map(
        lambda values: lawful(**{FIELDS[place]: value for place, value in zip(places, values, strict=True)})
    )
)
CONTEXTS = ANY_CONTEXT | NEAR_CONTEXT
