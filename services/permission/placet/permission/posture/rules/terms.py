"""What the rules share: how long before its end a thing counts as at risk, and evidence of a register item."""

from placet.permission.model.registers import ItemKind
from placet.permission.model.vocabulary import MAX_INT, SECOND
from placet.permission.posture.facts import Facts
from placet.permission.posture.findings import Evidence, Point
from placet.permission.posture.sayings import Saying

DAY = 86_400 * SECOND
# What lapses within this time is at risk.
SOON = 30 * DAY


def soon(until: int, now: int) -> bool:
    """Tell whether something that stands lapses within 30 days; 0 and MAX_INT: no end."""
    return 0 < until < MAX_INT and until - now <= SOON


def item(facts: Facts, kind: ItemKind, ident: str, *, valid_until: int = 0, count: int | None = None) -> Evidence:
    """Return evidence that names a register item and where its version in force stands in the ledger."""
    index = facts.indexes.get((kind, ident))
    return Evidence(kind=kind.value, id=ident, index=index, valid_until=valid_until, count=count)


def no_purpose() -> list[Point]:
    """Return what is said where nothing is registered that a rule could look at."""
    return [Point(saying=Saying.NO_PURPOSE)]
