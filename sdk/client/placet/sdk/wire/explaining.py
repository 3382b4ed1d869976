"""Explained articles from protobuf, with the facts of the decision's context beside them.

Owns: which facts belong to an article; whether the person counted as a minor stands for the age, which no log has.
"""

from collections.abc import Mapping
from typing import Any

from placet.api.permission.v1 import permission_pb2 as pb
from placet.sdk.model.explaining import ExplainedArticle, Explanation, Fact, Wording
from placet.sdk.vocabulary import Standing
from placet.sdk.wire.words import CONFIDENCE, STANDING

_AGE = "age_band"


def explanation_of(answer: pb.ExplainDecisionResponse, context: Mapping[str, Any] | None) -> Explanation:
    """Return the explanation of a decision; `context` is that of its entry, None if it may not be read."""
    return Explanation(articles=tuple(_article(one, context) for one in answer.articles))


def _article(one: pb.ExplainedArticle, context: Mapping[str, Any] | None) -> ExplainedArticle:
    standing = STANDING.word(one.standing)
    if standing is Standing.UNKNOWN:
        return ExplainedArticle(id=one.id, forbids=one.forbids, standing=standing)
    return ExplainedArticle(
        id=one.id,
        forbids=one.forbids,
        standing=standing,
        version=one.version,
        explanation=_wording(one.explanation),
        source=_wording(one.source),
        address=one.address,
        confidence=CONFIDENCE.word(one.confidence),
        next=_wording(one.next),
        facts=None if context is None else dict(_fact(name, one.id, context) for name in one.looks_at),
    )


def _wording(text: pb.Wording) -> Wording:
    return Wording(en=text.en, zh_cn=text.zh_cn)


def _fact(name: str, article: str, context: Mapping[str, Any]) -> tuple[str, Fact]:
    if name == _AGE:
        minor = context.get("minor")
        return "minor", article.partition("/")[0] in minor if isinstance(minor, list) else None
    value = context.get(name)
    return name, value if isinstance(value, str | bool) else None
