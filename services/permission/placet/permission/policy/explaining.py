"""Why a decision was made: each article with its rule, its source, how well that was read, the facts, what to do.

Owns: finding the text that belongs to an article id of a log, and saying plainly when that very version is not at hand.
Never: judges, or puts anything into words (`telling`); the facts are those of the log, `age_band` is not among them.
Source: law.md (head), sections 4 and 5.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from placet.evidence.reasons import Reason
from placet.permission.model.vocabulary import Verdict
from placet.permission.policy.metadata import Effect, Instrument, Rule
from placet.permission.policy.pack import Pack
from placet.permission.policy.redeciding import AGE, LoggedDecision

# A fact of the log: the name of its field (`minor` in place of `age_band`) and its value, None if the log lacks it.
Fact: TypeAlias = tuple[str, str | bool | None]


class Standing(StrEnum):
    """Whose text is shown for an article."""

    # The very version that the decision was made under.
    EXACT = "exact"
    # Another version of that pack: its text may differ.
    OTHER_VERSION = "other_version"
    # No pack of that name, or no such rule in it.
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Article:
    """One article of a decision; `rule`, `instrument` and `pack` are None where nobody has its text."""

    id: str
    effect: Effect
    standing: Standing
    pack: Pack | None = None
    rule: Rule | None = None
    instrument: Instrument | None = None
    # What the rule looks at, as the decision saw it.
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PackUsed:
    """A pack that a decision was made under; `pack` is the version at hand, None if there is none."""

    id: str
    hash: str
    standing: Standing
    pack: Pack | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """A decision, explained; `reasons` are those of the event, when one was asked about."""

    verdict: Verdict
    packs: tuple[PackUsed, ...]
    # Those that forbid first.
    articles: tuple[Article, ...]
    errors: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()


def explain(decision: LoggedDecision, packs: Iterable[Pack], reasons: Iterable[Reason] = ()) -> Explanation:
    """Return the explanation of a decision with the texts of these packs; an event is denied if it has reasons."""
    at_hand, hashes = tuple(packs), {policy.hash for policy in decision.policies}
    why = tuple(reasons)
    return Explanation(
        verdict=Verdict.DENY if why else decision.verdict,
        packs=tuple(_used(policy.id, policy.hash, at_hand) for policy in decision.policies),
        articles=articles(decision.permit, decision.forbid, hashes, at_hand, decision.context),
        errors=decision.errors,
        reasons=why,
    )


def articles(
    permit: Iterable[str],
    forbid: Iterable[str],
    hashes: Set[str],
    packs: Iterable[Pack],
    context: Mapping[str, Any] | None = None,
) -> tuple[Article, ...]:
    """Return what is known of these articles, those that forbid first; `hashes` are those of the packs that judged."""
    at_hand = tuple(packs)
    sides = ((Effect.FORBID, forbid), (Effect.PERMIT, permit))
    return tuple(_article(ident, effect, hashes, at_hand, context) for effect, side in sides for ident in side)


def _article(
    ident: str, effect: Effect, hashes: Set[str], packs: tuple[Pack, ...], context: Mapping[str, Any] | None
) -> Article:
    pack, standing = _find(ident.partition("/")[0], hashes, packs)
    rule = pack.rules.get(ident) if pack else None
    if pack is None or rule is None:
        return Article(id=ident, effect=effect, standing=Standing.UNKNOWN, pack=pack)
    instruments = {one.id: one for one in pack.metadata.instruments}
    return Article(
        id=ident,
        effect=effect,
        standing=standing,
        pack=pack,
        rule=rule,
        instrument=instruments[rule.source.instrument],
        facts=tuple(_facts(pack, ident, context)) if context is not None else (),
    )


def _find(name: str, hashes: Set[str], packs: tuple[Pack, ...]) -> tuple[Pack | None, Standing]:
    """Return the pack of that name, the version that judged before any other, and how the two stand."""
    named = [pack for pack in packs if pack.id == name]
    for pack in named:
        if pack.hash in hashes:
            return pack, Standing.EXACT
    return (named[-1], Standing.OTHER_VERSION) if named else (None, Standing.UNKNOWN)


def _used(ident: str, digest: str, packs: tuple[Pack, ...]) -> PackUsed:
    pack, standing = _find(ident, {digest}, packs)
    return PackUsed(id=ident, hash=digest, standing=standing, pack=pack)


def _facts(pack: Pack, ident: str, context: Mapping[str, Any]) -> Iterable[Fact]:
    """Yield what a rule looks at; whether the person counts as a minor under its pack stands for the age."""
    for name in pack.looks_at.get(ident, ()):
        if name == AGE:
            minor = context.get("minor")
            yield "minor", pack.id in minor if isinstance(minor, list) else None
        else:
            value = context.get(name)
            yield name, value if isinstance(value, str | bool) else None
