"""Where no device may stand, by the packs in force: which articles forbid it.

Owns: asking the packs about such a place, so that a refused registration names what a denied event there would. Never:
an exception: a place of `FORBIDDEN_PLACES` is refused also when no pack in force says so. Source: law.md section 1, R4.
"""

from dataclasses import replace

from placet.permission.handlers.rulings import Engine
from placet.permission.model.vocabulary import FORBIDDEN_PLACES_ARTICLE, PlaceClass
from placet.permission.policy.context import lawful


def forbidding(engine: Engine, place: PlaceClass, now: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the articles that forbid an otherwise lawful event in such a place at `now`, and the ids of their rules.

    An article is `<pack>/art-13`, a rule of it `<pack>/art-13-1`. Without one in force: the default pack's article.
    """
    found: dict[str, None] = {}
    for public in (False, True):
        elsewhere = lawful(in_public_place=public, public_safety=public)
        anyhow = engine.decide(elsewhere, now).forbid
        there = engine.decide(replace(elsewhere, place_class=place), now).forbid
        found |= dict.fromkeys(rule for rule in there if rule not in anyhow)
    numbers = {rule.id: rule.source.article for pack in engine.in_force(now) for rule in pack.metadata.rules}
    articles = tuple(dict.fromkeys(_article(rule, numbers.get(rule, "")) for rule in found))
    return articles or (FORBIDDEN_PLACES_ARTICLE,), tuple(found)


def _article(rule: str, number: str) -> str:
    """Return a rule's id up to the number of its article: `cn-2025/art-13-1` with `13` is `cn-2025/art-13`."""
    pack, _, name = rule.partition("/")
    parts = name.split("-")
    return f"{pack}/{'-'.join(parts[: parts.index(number) + 1])}" if number in parts else rule
