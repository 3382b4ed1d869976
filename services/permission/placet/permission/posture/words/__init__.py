"""The posture's sentences: which there are, and how facts are put into them.

All sentences of a language stand in one module (`en`, `zh_cn`). Facts are ids, codes, counts and dates; nothing here
decides anything. Two texts for each saying: what was found, and what to do next ("" where nothing is to be done).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from placet.permission.policy.metadata import Confidence
from placet.permission.posture.facts import ArticleFact
from placet.permission.posture.findings import Point, Rule
from placet.permission.posture.words.en import ENGLISH
from placet.permission.posture.words.texts import Texts
from placet.permission.posture.words.zh_cn import CHINESE


class Language(StrEnum):
    """A language that the posture can be read in."""

    EN = "en"
    ZH_CN = "zh-CN"


# Facts that are codes; what stands in the others is somebody's id, and is left alone.
_CODES: Final = frozenset({"anchor", "code", "faults", "inferences", "kind", "measures", "place"})
TEXTS: Final[Mapping[Language, Texts]] = {Language.EN: ENGLISH, Language.ZH_CN: CHINESE}


def title(rule: Rule, language: Language) -> str:
    """Return what a rule asks for, in a few words."""
    return TEXTS[language].titles[rule]


def say(point: Point, language: Language) -> str:
    """Return what was found, as a sentence."""
    return _fill(TEXTS[language].sentences[point.saying][0], point, TEXTS[language])


def next_step(point: Point, language: Language) -> str:
    """Return what to do next, "" if nothing is to be done."""
    return _fill(TEXTS[language].sentences[point.saying][1], point, TEXTS[language])


def _fill(sentence: str, point: Point, texts: Texts) -> str:
    return sentence.format_map({name: _show(name, fact, texts) for name, fact in point.facts.items()})


def _show(name: str, fact: object, texts: Texts) -> str:
    if isinstance(fact, tuple):
        return texts.comma.join(_show(name, one, texts) for one in fact)
    if isinstance(fact, ArticleFact):
        return fact.id if fact.confidence == Confidence.READ.value else fact.id + texts.unverified
    if name == "reviewed" and isinstance(fact, int):
        return datetime.fromtimestamp(fact // 1_000_000, UTC).strftime("%Y-%m-%d")
    return texts.terms.get(str(fact), str(fact)) if name in _CODES else str(fact)
