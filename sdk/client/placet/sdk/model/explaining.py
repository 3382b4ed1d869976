"""Why a decision was made: each article with rule, source, how well that was read, the facts, and what to do.

Owns `Explanation` and how it is put into words. The texts are the service's, from its law packs, and not proven; the
facts are those of the proven `decision` entry, for whoever may read entries.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from placet.sdk.vocabulary import Confidence, Language, Standing

Fact = str | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One text in both languages."""

    en: str
    zh_cn: str

    def in_(self, language: Language) -> str:
        """Return it in one language."""
        return self.zh_cn if language is Language.ZH_CN else self.en


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedArticle:
    """One article of a decision. `facts` are what its rule looked at (`minor` for the age), None if not to be read.

    All but `id`, `forbids` and `standing` are None where the service has no text of the article.
    """

    id: str
    forbids: bool
    standing: Standing
    version: str | None = None
    explanation: Wording | None = None
    source: Wording | None = None
    address: str | None = None
    confidence: Confidence | None = None
    next: Wording | None = None
    facts: Mapping[str, Fact] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The articles of a decision, those that forbid first."""

    articles: tuple[ExplainedArticle, ...]

    def text(self, language: Language = Language.EN) -> str:
        """Return it in a few lines for people; what nobody read in the law itself is marked."""
        return "\n".join(line for article in self.articles for line in _lines(article, language))


_FORBIDS: Final = Wording(en="Forbidden by {id}", zh_cn="禁止条款 {id}")
_PERMITS: Final = Wording(en="Permitted by {id}", zh_cn="准许条款 {id}")
_UNKNOWN: Final = Wording(
    en="  The service has no text of this article: its pack is not shipped any more.",
    zh_cn="  服务中没有该条款的文字：该策略包已不再随附。",
)
_OTHER: Final = Wording(
    en="  The version that decided is not shipped any more; this is the text of version {version}, which may differ.",
    zh_cn="  作出决定的版本已不再随附；以下为版本 {version} 的文字，可能有所不同。",
)
_RULE: Final = Wording(en="  Rule: {text}", zh_cn="  规则：{text}")
_SOURCE: Final = Wording(en="  Source: {source}, {address} ({read})", zh_cn="  出处：{source}，{address}（{read}）")
_READ: Final = {
    Confidence.READ: Wording(en="read", zh_cn="已读"),
    Confidence.UNVERIFIED: Wording(en="UNVERIFIED: nobody has read the text", zh_cn="未核实：未读到条文原文"),
}
_FACTS: Final = Wording(en="  Facts: {facts}", zh_cn="  事实：{facts}")
_NEXT: Final = Wording(en="  What to do: {text}", zh_cn="  应如何处理：{text}")


def _lines(article: ExplainedArticle, language: Language) -> Iterator[str]:
    yield (_FORBIDS if article.forbids else _PERMITS).in_(language).format(id=article.id)
    if article.explanation is None or article.source is None or article.confidence is None:
        yield _UNKNOWN.in_(language)
        return
    if article.standing is Standing.OTHER_VERSION:
        yield _OTHER.in_(language).format(version=article.version)
    yield _RULE.in_(language).format(text=article.explanation.in_(language))
    read = _READ[article.confidence].in_(language)
    yield _SOURCE.in_(language).format(source=article.source.in_(language), address=article.address, read=read)
    if article.facts:
        facts = ", ".join(f"{name}: {_shown(value)}" for name, value in article.facts.items())
        yield _FACTS.in_(language).format(facts=facts)
    if article.forbids and article.next is not None:
        yield _NEXT.in_(language).format(text=article.next.in_(language))


def _shown(value: Fact) -> str:
    return value if isinstance(value, str) else "?" if value is None else str(value).lower()
