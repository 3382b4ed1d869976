"""What a verification says to people: which sentences there are, and how facts are put into them.

All sentences of a language stand in one module (`en`, `zh_cn`); a report holds `Statement`s and is put into words only
when it is shown. Facts come from foreign bytes, so what cannot be printed is escaped. Never decides anything.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from placet.evidence.terms import value
from placet.evidence.words.en import ENGLISH
from placet.evidence.words.sayings import Saying, Words
from placet.evidence.words.zh_cn import CHINESE

__all__ = ("WORDS", "Language", "Saying", "Statement", "Time", "say")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
"""A later time has no date; a witness may claim one."""


class Language(StrEnum):
    """A language that reports can be read in."""

    EN = "en"
    ZH_CN = "zh-CN"


class Time(int):
    """A time in microseconds since 1970 UTC, to be shown as date and time."""

    __slots__ = ()


@value
class Statement:
    """One sentence, not yet in any language, and the facts that stand in it."""

    saying: Saying
    facts: Mapping[str, object]


WORDS: Final[Mapping[Language, Words]] = {Language.EN: ENGLISH, Language.ZH_CN: CHINESE}


def say(statement: Statement, language: Language = Language.EN) -> str:
    """Return the statement as a sentence."""
    return _say(statement, WORDS[language])


def _say(statement: Statement, words: Words) -> str:
    shown = {name: _show(fact, words) for name, fact in statement.facts.items()}
    return words.sentences[statement.saying].format_map(shown)


def _show(fact: object, words: Words) -> str:
    if isinstance(fact, Statement):
        return _say(fact, words)
    if fact is None:
        return words.nothing
    if isinstance(fact, tuple):
        return words.comma.join(_show(one, words) for one in fact) or words.nothing
    if isinstance(fact, StrEnum):
        return words.terms.get(fact, str(fact))
    if isinstance(fact, Time) and fact <= _LAST:
        return f"{_EPOCH + timedelta(microseconds=fact):%Y-%m-%d %H:%M:%S.%f} UTC"
    shown = str(fact)
    return shown if shown.isprintable() else ascii(shown)[1:-1]
