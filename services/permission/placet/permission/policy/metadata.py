"""What a pack says about itself: `pack.json`, read strictly.

Owns: the types of the metadata (title, when in force, who counts as a minor, instruments, and for each policy its
article, source, confidence, explanation and next step), and the checks that need nothing but this file.
Never: looks at the policies (`pack` compares the two). An unknown, missing or doubled key does not pass.
Source: law.md (head) and section 4.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from placet.permission.model.vocabulary import AgeBand
from placet.permission.policy.errors import PackInvalid

FILE = "pack.json"
# The first moment in force of a draft: no clock reaches it.
NEVER = 2**62
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

NonEmpty = Annotated[str, Meta(min_length=1)]
Zoned = Annotated[datetime, Meta(tz=True)]
PackName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=64)]


class Effect(StrEnum):
    """Which side a policy is on."""

    PERMIT = "permit"
    FORBID = "forbid"


class Confidence(StrEnum):
    """Whether the text of a rule was read in a source; `unverified` is shown wherever the rule appears."""

    READ = "read"
    UNVERIFIED = "unverified"


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON object with exactly these keys."""


class Text(_Part, frozen=True, kw_only=True):
    """One sentence in both languages."""

    zh_cn: NonEmpty = msgspec.field(name="zh-CN")
    en: NonEmpty


class Article(_Part, frozen=True, kw_only=True):
    """An article of an instrument listed in the same file."""

    instrument: NonEmpty
    article: NonEmpty


class Reference(Article, frozen=True, kw_only=True):
    """A further article that a rule leans on."""

    confidence: Confidence


class Instrument(_Part, frozen=True, kw_only=True):
    """A law or measure: where it is published and how well it was read."""

    id: NonEmpty
    title: Text
    address: Annotated[str, Meta(pattern=r"^https://\S+$")]
    note: Text


class Rule(_Part, frozen=True, kw_only=True):
    """What stands behind one policy; `rules` are the rows R1 to R16 of law.md."""

    id: NonEmpty
    effect: Effect
    rules: tuple[Annotated[str, Meta(pattern=r"^R([1-9]|1[0-6])$")], ...]
    source: Article
    confidence: Confidence
    see: tuple[Reference, ...]
    explanation: Text
    next: Text


class Recorded(_Part, frozen=True, kw_only=True):
    """A rule that is recorded and reported but decides nothing."""

    rule: NonEmpty
    source: Article
    confidence: Confidence
    explanation: Text


class InForce(_Part, frozen=True, kw_only=True):
    """From (included) until (excluded), as moments with an offset: so midnight is the regime's own."""

    begin: Zoned = msgspec.field(name="from")
    until: Zoned | None


class Minor(_Part, frozen=True, kw_only=True):
    """The age bands that count as a minor under this law."""

    bands: tuple[AgeBand, ...]
    explanation: Text


class Metadata(_Part, frozen=True, kw_only=True):
    """The whole of `pack.json`."""

    format: Literal["placet.pack/1"]
    id: PackName
    version: NonEmpty
    jurisdiction: NonEmpty
    title: Text
    # None: a draft that never was law; no date puts it in force.
    in_force: InForce | None
    minor: Minor
    instruments: tuple[Instrument, ...]
    rules: tuple[Rule, ...]
    recorded: tuple[Recorded, ...]

    @property
    def begin(self) -> int:
        """First moment in force, microseconds since 1970 UTC; NEVER for a draft."""
        return _microseconds(self.in_force.begin) if self.in_force else NEVER

    @property
    def until(self) -> int | None:
        """First moment no longer in force, microseconds since 1970 UTC, or None."""
        return _microseconds(self.in_force.until) if self.in_force and self.in_force.until else None


def parse(pack: str, data: bytes) -> Metadata:
    """Read the bytes of `pack.json` of the pack in folder `pack`. Raises PackInvalid naming the key or the policy."""
    try:
        metadata = msgspec.convert(json.loads(data, object_pairs_hook=_no_doubles), Metadata)
    except (ValueError, RecursionError) as error:
        raise PackInvalid(pack, FILE, str(error), fix="Correct this key.") from error
    for why, fix, policy in _faults(pack, metadata):
        raise PackInvalid(pack, FILE, why, fix=fix, policy=policy)
    return metadata


def _faults(pack: str, metadata: Metadata) -> Iterator[tuple[str, str, str | None]]:
    """Yield what is wrong beyond the shape: (why, fix, policy)."""
    if metadata.id != pack:
        yield f"id is {metadata.id!r}, the folder is {pack!r}", "Give both the same name.", None
    if metadata.until is not None and metadata.until <= metadata.begin:
        yield "in_force.until is not after in_force.from", "Set the end after the beginning, or null.", None
    if len(set(metadata.minor.bands)) != len(metadata.minor.bands):
        yield "minor.bands names a band twice", "Name each once.", None
    for doubled in _doubled(instrument.id for instrument in metadata.instruments):
        yield f"instrument {doubled} is listed twice", "List it once.", None
    for doubled in _doubled(rule.id for rule in metadata.rules):
        yield "the policy is described twice", "Describe it once.", doubled
    known = {instrument.id for instrument in metadata.instruments}
    for policy, article in _articles(metadata):
        if article.instrument not in known:
            yield f"instrument {article.instrument!r} is not listed", "Add it to instruments.", policy


def _articles(metadata: Metadata) -> Iterator[tuple[str, Article]]:
    """Yield every article that is cited, with the id of what cites it."""
    for rule in metadata.rules:
        yield from ((rule.id, article) for article in (rule.source, *rule.see))
    yield from ((item.rule, item.source) for item in metadata.recorded)


def _doubled(ids: Iterator[str]) -> list[str]:
    return [ident for ident, count in Counter(ids).items() if count > 1]


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object with a doubled key: which of the two holds would depend on the reader."""
    for key in _doubled(key for key, _ in pairs):
        raise ValueError(f"key {key!r} stands twice in one object")
    return dict(pairs)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
