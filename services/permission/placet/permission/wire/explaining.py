"""Explained articles to protobuf.

Owns: numbers of standings and confidences, and that nothing is filled in where there is no text.
"""

from collections.abc import Iterable

from placet.api.permission.v1 import permission_pb2 as pb
from placet.evidence.words import Language
from placet.permission.policy.explaining import Article, Standing
from placet.permission.policy.metadata import Confidence, Effect
from placet.permission.policy.telling import cited

STANDINGS = {one: pb.ExplainedArticle.Standing.Value(f"STANDING_{one.name}") for one in Standing}
CONFIDENCES = {one: pb.ExplainedArticle.Confidence.Value(f"CONFIDENCE_{one.name}") for one in Confidence}


def explained_to_pb(articles: Iterable[Article]) -> pb.ExplainDecisionResponse:
    """Return the answer of ExplainDecision."""
    return pb.ExplainDecisionResponse(articles=[_article(article) for article in articles])


def _article(article: Article) -> pb.ExplainedArticle:
    made = pb.ExplainedArticle(
        id=article.id, forbids=article.effect is Effect.FORBID, standing=STANDINGS[article.standing]
    )
    rule = article.rule
    if rule is not None and article.pack is not None and article.instrument is not None:
        made.version = article.pack.metadata.version
        made.explanation.CopyFrom(pb.Wording(en=rule.explanation.en, zh_cn=rule.explanation.zh_cn))
        made.source.CopyFrom(pb.Wording(en=cited(article, Language.EN), zh_cn=cited(article, Language.ZH_CN)))
        made.address = article.instrument.address
        made.confidence = CONFIDENCES[rule.confidence]
        made.looks_at.extend(article.pack.looks_at[article.id])
        made.next.CopyFrom(pb.Wording(en=rule.next.en, zh_cn=rule.next.zh_cn))
    return made
