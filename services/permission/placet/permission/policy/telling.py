"""An explanation in words, as lines for people or as JSON values for programs.

Owns: the order in which it is told (verdict, reasons, errors, each article with rule, source, confidence, facts, next
step) and that `unverified` and a text of another version are always said. Never: finds or judges anything.
"""

from collections.abc import Iterator
from typing import Any, Final

from placet.evidence.reasons import Reason
from placet.evidence.words import WORDS, Language
from placet.permission.model.vocabulary import Verdict
from placet.permission.policy import chinese, sayings
from placet.permission.policy.explaining import Article, Explanation, Fact, PackUsed, Standing
from placet.permission.policy.metadata import Confidence, Effect, Text
from placet.permission.policy.sayings import Said

_BY: Final = {Effect.FORBID: sayings.FORBIDDEN_BY, Effect.PERMIT: sayings.PERMITTED_BY}
_CONFIDENCE: Final = {Confidence.READ: sayings.READ, Confidence.UNVERIFIED: sayings.UNVERIFIED}


def tell(explanation: Explanation, language: Language = Language.EN) -> list[str]:
    """Return the explanation as lines of text."""
    return list(_lines(explanation, language))


def plain(explanation: Explanation) -> dict[str, Any]:
    """Return the explanation as JSON values, texts in both languages."""
    return {
        "verdict": explanation.verdict.value,
        "reasons": [reason.value for reason in explanation.reasons],
        "errors": list(explanation.errors),
        "packs": [
            {"id": one.id, "hash": one.hash, "standing": one.standing.value, "version": _version(one)}
            for one in explanation.packs
        ],
        "articles": [plain_article(article) for article in explanation.articles],
    }


def plain_article(article: Article) -> dict[str, Any]:
    """Return one article as JSON values; everything but its id and side is None where nobody has its text."""
    rule = article.rule
    return {
        "id": article.id,
        "effect": article.effect.value,
        "standing": article.standing.value,
        "version": article.pack.metadata.version if article.pack and rule else None,
        "source": {language.value: cited(article, language) for language in Language} if rule else None,
        "address": article.instrument.address if article.instrument else None,
        "confidence": rule.confidence.value if rule else None,
        "explanation": _texts(rule.explanation) if rule else None,
        "next": _texts(rule.next) if rule else None,
        "facts": dict(article.facts),
    }


def cited(article: Article, language: Language) -> str:
    """Return the article's place in its law, in words; empty where nobody has its text."""
    if article.instrument is None or article.rule is None:
        return ""
    number = article.rule.source.article
    form = sayings.CITED if number[:1].isdigit() else sayings.CITED_OTHERWISE
    return form.in_(language).format(title=_in(article.instrument.title, language), number=number)


def _lines(explanation: Explanation, language: Language) -> Iterator[str]:
    def say(said: Said, **facts: object) -> str:
        return said.in_(language).format(**facts)

    packs = WORDS[language].comma.join(_pack(one, language) for one in explanation.packs) or WORDS[language].nothing
    verdict = sayings.ALLOWED if explanation.verdict is Verdict.ALLOW else sayings.DENIED
    yield " ".join((say(verdict), say(sayings.DECIDED_UNDER, packs=packs)))
    for reason in explanation.reasons:
        yield say(sayings.REASON, reason=WORDS[language].terms[reason])
        # About the law, the articles that follow say themselves what to do.
        if reason in sayings.NEXT and not (reason is Reason.POLICY and explanation.articles):
            yield "  " + say(sayings.DO, text=say(sayings.NEXT[reason]))
    for code in explanation.errors:
        what, step = sayings.ERRORS.get(code, (Said(code, code), Said("", "")))
        yield say(sayings.ERROR, code=code, what=say(what))
        yield "  " + say(sayings.DO, text=say(step))
    for article in explanation.articles:
        yield say(_BY[article.effect], article=article.id)
        for line in _told(article, language):
            yield "  " + line
    yield say(sayings.NO_ADVICE)


def _told(article: Article, language: Language) -> Iterator[str]:
    """Yield what is known of an article."""
    rule = article.rule
    if rule is None or article.pack is None or article.instrument is None:
        yield sayings.NO_TEXT.in_(language)
        return
    if article.standing is Standing.OTHER_VERSION:
        yield sayings.OTHER_VERSION.in_(language).format(version=article.pack.metadata.version)
    yield sayings.RULE.in_(language).format(text=_in(rule.explanation, language))
    source = cited(article, language)
    yield sayings.SOURCE.in_(language).format(source=source, address=article.instrument.address)
    yield sayings.CONFIDENCE.in_(language).format(confidence=_CONFIDENCE[rule.confidence].in_(language))
    if article.facts:
        told = WORDS[language].comma.join(_fact(fact, language) for fact in article.facts)
        yield sayings.FACTS.in_(language).format(facts=told)
    if article.effect is Effect.FORBID:
        yield sayings.DO.in_(language).format(text=_in(rule.next, language))


def _pack(used: PackUsed, language: Language) -> str:
    version = _version(used)
    if version is None:
        return sayings.VERSION_GONE.in_(language).format(pack=used.id, hash=used.hash)
    return sayings.VERSION.in_(language).format(pack=used.id, version=version)


def _version(used: PackUsed) -> str | None:
    return used.pack.metadata.version if used.pack and used.standing is Standing.EXACT else None


def _fact(fact: Fact, language: Language) -> str:
    name, value = fact
    if value is None:
        shown = sayings.NOT_LOGGED.in_(language)
    elif isinstance(value, bool):
        shown = (sayings.YES if value else sayings.NO).in_(language)
    else:
        shown = value
    if language is Language.EN:
        return f"{name}: {shown}"
    word = chinese.WORDS.get(name, {}).get(shown)
    return f"{chinese.FIELDS.get(name, name)}（{name}）：{f'{word}（{shown}）' if word else shown}"


def _in(text: Text, language: Language) -> str:
    return text.zh_cn if language is Language.ZH_CN else text.en


def _texts(text: Text) -> dict[str, str]:
    return {language.value: _in(text, language) for language in Language}
