"""Which policies can still match, looked up instead of evaluated.

Every field of a context has a short list of values, so that a condition over few fields is a table. A policy is a
chain of conditions (`a && b && c`). For a group of fields and each combination of their values, one integer says which
policies no condition over these fields rules out, a bit for each policy. What is left after all groups matches.

Owns: the tables and how fields are put into groups. Never: takes a condition that fails for some combination: which
of several conditions comes first matters only then, and `compiled` evaluates such a policy in its own order.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from operator import itemgetter
from typing import Any, TypeAlias

from placet.permission.policy.context import DOMAINS, FIELDS
from placet.permission.policy.expressions import Expression
from placet.permission.policy.values import FALSE, EvaluationError, Uid, Value, as_bool, truth

# Combinations in the table of one group: larger ones save a look-up, and lose it again in the processor's cache.
MOST_ROWS = 512
# Combinations of one condition's own fields; a policy with a larger one is evaluated instead.
MOST_CASES = 4_096

# The values of one context, in the order of FIELDS.
Values: TypeAlias = Sequence[Any]
Group: TypeAlias = tuple[Callable[[Values], Any], Mapping[Any, int]]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as a table: the fields that it looks at, and the combinations of their values where it is false."""

    fields: tuple[int, ...]
    false_for: frozenset[tuple[Any, ...]]


def cedar_value(place: int, value: Any) -> Value:
    """Return the value of the field at a position of FIELDS as Cedar's: words are entities of their own type."""
    return truth(value) if isinstance(value, bool) else Uid(type(value).__name__, value.value)


_CEDAR: tuple[dict[Any, Value], ...] = tuple(
    {value: cedar_value(place, value) for value in domain} for place, domain in enumerate(DOMAINS)
)


def cedar_values(values: Values) -> list[Value]:
    """Return the values of a context as Cedar's, in the same order."""
    return [known[value] for known, value in zip(_CEDAR, values, strict=True)]


def tabulate(condition: Expression) -> Condition | None:
    """Return a condition as a table; None if it looks at too much, or fails for some combination of values."""
    fields = tuple(sorted(condition.fields))
    if prod(len(DOMAINS[place]) for place in fields) > MOST_CASES:
        return None
    facts: list[Value] = [FALSE] * len(FIELDS)
    false_for = set()
    try:
        for case in product(*(DOMAINS[place] for place in fields)):
            for place, value in zip(fields, case, strict=True):
                facts[place] = _CEDAR[place][value]
            if not as_bool(condition.run(facts)):
                false_for.add(case)
    except EvaluationError:
        return None
    return Condition(fields, frozenset(false_for))


def build(conditions: Mapping[int, Sequence[Condition]]) -> list[Group]:
    """Return the tables of all policies: bit -> the conditions of the policy with that bit.

    A condition has at least one field. What `mask &= table[take(values)]` leaves of all bits are the policies that
    match.
    """
    ruled_out: dict[Condition, int] = {}
    for bit, parts in conditions.items():
        for part in parts:
            ruled_out[part] = ruled_out.get(part, 0) | 1 << bit
    return [_group(fields, ruled_out) for fields in _groups({part.fields for part in ruled_out})]


def _groups(wanted: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Put the sets of fields into few groups of at most MOST_ROWS combinations (a larger set is a group alone)."""
    groups: list[set[int]] = []
    for fields in sorted(wanted, key=lambda fields: (-_rows(fields), fields)):
        fitting = [group for group in groups if _rows(group.union(fields)) <= max(MOST_ROWS, _rows(group))]
        if fitting:
            min(fitting, key=lambda group: _rows(group.union(fields)) / _rows(group)).update(fields)
        else:
            groups.append(set(fields))
    return [tuple(sorted(group)) for group in groups]


def _rows(fields: Iterable[int]) -> int:
    return prod(len(DOMAINS[place]) for place in fields)


def _group(fields: tuple[int, ...], ruled_out: Mapping[Condition, int]) -> Group:
    """Return what takes the values of these fields from a context, and which policies each combination leaves."""
    mine = [
        (_taker([fields.index(place) for place in part.fields]), part.false_for, ~bits)
        for part, bits in ruled_out.items()
        if set(part.fields) <= set(fields)
    ]
    take = itemgetter(*range(len(fields)))
    table: dict[Any, int] = {}
    for row in product(*(DOMAINS[place] for place in fields)):
        mask = -1
        for case_of, false_for, others in mine:
            if case_of(row) in false_for:
                mask &= others
        table[take(row)] = mask
    return itemgetter(*fields), table


def _taker(places: Sequence[int]) -> Callable[[Values], tuple[Any, ...]]:
    """Return what takes the values at these places of a row, as a tuple also when there is one."""
    if len(places) == 1:
        (place,) = places
        return lambda row: (row[place],)
    return itemgetter(*places)
