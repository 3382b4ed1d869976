"""The posture out of protobuf."""

from placet.api.permission.v1 import posture_pb2 as pb
from placet.sdk.model.posture import Posture, PostureArticle, PostureEvidence, PostureFinding, PosturePoint
from placet.sdk.vocabulary import LeafIndex, Micros
from placet.sdk.wire.words import POSTURE_STATE


def posture_of(controller: str, language: str, answer: pb.GetPostureResponse) -> Posture:
    """Return a posture."""
    return Posture(
        controller=controller,
        language=language,
        observed_at=Micros(answer.observed_at),
        as_of=LeafIndex(answer.as_of) if answer.HasField("as_of") else None,
        packs=tuple((pack.id, pack.hash) for pack in answer.packs),
        findings=tuple(_finding(one) for one in answer.findings),
    )


def _finding(one: pb.PostureFinding) -> PostureFinding:
    return PostureFinding(
        rule=one.rule,
        title=one.title,
        state=POSTURE_STATE.word(one.state),
        points=tuple(_point(point) for point in one.points),
        articles=tuple(PostureArticle(id=article.id, confidence=article.confidence) for article in one.articles),
    )


def _point(point: pb.PosturePoint) -> PosturePoint:
    return PosturePoint(
        state=POSTURE_STATE.word(point.state),
        code=point.code,
        text=point.text,
        next=point.next,
        evidence=tuple(_evidence(one) for one in point.evidence),
    )


def _evidence(one: pb.PostureEvidence) -> PostureEvidence:
    return PostureEvidence(
        kind=one.kind,
        id=one.id,
        index=LeafIndex(one.index) if one.HasField("index") else None,
        valid_until=Micros(one.valid_until) if one.valid_until else None,
        count=one.count if one.HasField("count") else None,
    )
