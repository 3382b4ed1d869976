"""GetPosture: the registers of one controller and the packs in force, judged rule by rule.

Owns: gathering the facts from the book in memory and from the packs' metadata. Never: judges (`posture.judging`), has
words, or appends anything: the answer is a report, not evidence; what it names can be proven in the ledger.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from placet.permission.handlers.rulings import Engine
from placet.permission.model.book import Book
from placet.permission.model.vocabulary import MAX_INT
from placet.permission.policy.metadata import Effect
from placet.permission.ports import Books
from placet.permission.posture.facts import ArticleFact, Facts, FilingFacts
from placet.permission.posture.findings import Finding
from placet.permission.posture.judging import judge


class Filings(Protocol):
    """Who counts the stored persons."""

    async def __call__(self, controller: str, *, now: int, deadline: int) -> FilingFacts | None:
        """Return how the duty to file stands, None when nobody can tell now."""


async def nobody_counts(controller: str, *, now: int, deadline: int) -> FilingFacts | None:
    """Say that the stored persons are not counted: what the controller attests of its filing counts then."""
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class PostureDesk:
    """What the posture is made from; `filings` tells how the duty to file stands at a moment."""

    books: Books
    engine: Engine
    filings: Filings = nobody_counts


@dataclass(frozen=True, kw_only=True, slots=True)
class Posture:
    """The findings at one moment. `as_of`: position of the newest register change in them, None if there is none."""

    at: int
    as_of: int | None
    # (id, hash) of the packs in force.
    packs: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]


async def posture(controller: str, desk: PostureDesk, *, now: int, deadline: int) -> Posture:
    """Return how the controller stands at `now` (microseconds), with every change that was answered by now.

    Raises Unavailable when the registers cannot be read.
    """
    book = await desk.books.open(controller, after=MAX_INT, now=now)
    filing = await desk.filings(controller, now=now, deadline=deadline)
    packs = desk.engine.in_force(now)
    facts = facts_of(book, articles_of(packs), filing, now)
    return Posture(
        at=now,
        as_of=max(book.indexes.values(), default=None),
        packs=tuple((pack.id, pack.hash) for pack in packs),
        findings=judge(facts, now),
    )


def facts_of(
    book: Book, articles: Mapping[str, tuple[ArticleFact, ...]], filing: FilingFacts | None, now: int
) -> Facts:
    """Return the facts of a book; it is only looked at while nothing else runs."""
    return Facts(
        purposes=book.purposes,
        sites=book.sites,
        devices=book.devices,
        deployments=book.deployments,
        flows=book.flows,
        alternatives=book.alternatives,
        usages=book.usages,
        attestation=book.attestation,
        assessments={ident: book.assessing.standing(ident, now) for ident in book.purposes},
        reviewed={ident: book.assessing.reviewed(one) for ident, one in book.purposes.items()},
        permissions=tuple(one for _, one in sorted(book.permissions.items())),
        indexes=book.indexes,
        articles=articles,
        filing=filing,
    )


def articles_of(packs: Iterable[Any]) -> dict[str, tuple[ArticleFact, ...]]:
    """Return the articles of packs (`policy.pack.Pack`) by the rule of law.md that they stand behind."""
    found: dict[str, tuple[ArticleFact, ...]] = {}
    for rule, article in _articles(packs):
        found[rule] = (*found.get(rule, ()), article)
    return found


def _articles(packs: Iterable[Any]) -> Iterator[tuple[str, ArticleFact]]:
    for pack in packs:
        for rule in pack.metadata.rules:
            forbids = rule.effect == Effect.FORBID.value
            article = ArticleFact(id=rule.id, forbids=forbids, confidence=rule.confidence.value)
            yield from ((name, article) for name in rule.rules)
        for item in pack.metadata.recorded:
            ident = f"{pack.id}/art-{item.source.article}"
            yield item.rule, ArticleFact(id=ident, forbids=False, confidence=item.confidence.value)
