"""The posture to protobuf, with its sentences in the language asked for.

Owns: the mapping of every field, and which language is meant. Never: decides anything.
"""

from placet.api.permission.v1 import posture_pb2 as pb
from placet.permission.errors import Invalid
from placet.permission.handlers.posture import Posture
from placet.permission.posture.findings import Evidence, Finding, Point
from placet.permission.posture.sayings import State
from placet.permission.posture.words import Language, next_step, say, title

STATES = {
    State.MET: pb.POSTURE_STATE_MET,
    State.AT_RISK: pb.POSTURE_STATE_AT_RISK,
    State.NOT_MET: pb.POSTURE_STATE_NOT_MET,
    State.NEEDS_PERSON: pb.POSTURE_STATE_NEEDS_PERSON,
}


def language_from_pb(request: pb.GetPostureRequest) -> Language:
    """Return the language of a request. Raises Invalid naming `language`."""
    try:
        return Language(request.language or Language.EN)
    except ValueError:
        raise Invalid("language", f"language is {request.language!r}; give one of {', '.join(Language)}.") from None


def posture_to_pb(posture: Posture, language: Language) -> pb.GetPostureResponse:
    """Return a posture as it travels."""
    return pb.GetPostureResponse(
        observed_at=posture.at,
        as_of=posture.as_of,
        packs=[pb.PosturePack(id=ident, hash=digest) for ident, digest in posture.packs],
        findings=[_finding(one, language) for one in posture.findings],
    )


def _finding(finding: Finding, language: Language) -> pb.PostureFinding:
    return pb.PostureFinding(
        rule=finding.rule.value,
        title=title(finding.rule, language),
        state=STATES[finding.state],
        points=[_point(point, language) for point in finding.points],
        articles=[pb.PostureArticle(id=one.id, confidence=one.confidence) for one in finding.articles],
    )


def _point(point: Point, language: Language) -> pb.PosturePoint:
    return pb.PosturePoint(
        state=STATES[point.state],
        code=point.saying.value,
        text=say(point, language),
        next=next_step(point, language),
        evidence=[_evidence(one) for one in point.evidence],
    )


def _evidence(one: Evidence) -> pb.PostureEvidence:
    return pb.PostureEvidence(kind=one.kind, id=one.id, index=one.index, valid_until=one.valid_until, count=one.count)
