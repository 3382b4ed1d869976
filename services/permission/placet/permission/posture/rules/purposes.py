"""Rules that are checked purpose by purpose: R2, R12, R16.

Owns: necessity and assessment, review, retention. Never: looks at purposes that have ended.
"""

from collections.abc import Callable, Mapping

from placet.permission.model.assessing import AssessmentState, Standing
from placet.permission.model.registers import ItemKind, Purpose
from placet.permission.model.vocabulary import Storage
from placet.permission.posture.facts import Facts
from placet.permission.posture.findings import Evidence, Point, Rule
from placet.permission.posture.rules.events import enforced
from placet.permission.posture.rules.terms import item, no_purpose, soon
from placet.permission.posture.sayings import Saying

_NOT_STANDING: Mapping[AssessmentState, Saying] = {
    AssessmentState.MISSING: Saying.ASSESSMENT_MISSING,
    AssessmentState.EXPIRED: Saying.ASSESSMENT_EXPIRED,
    AssessmentState.NOT_YET: Saying.ASSESSMENT_NOT_YET,
    AssessmentState.METHOD_CHANGED: Saying.ASSESSMENT_METHOD_CHANGED,
    AssessmentState.INCIDENT: Saying.ASSESSMENT_INCIDENT,
}


def necessity(facts: Facts, now: int) -> list[Point]:
    """R2: a specific purpose, its necessity, and an impact assessment that stands."""
    return _each(facts, now, _assessed, _necessary)


def reviews(facts: Facts, now: int) -> list[Point]:
    """R12: somebody looked at national security, public interest and social order, and put their name to it."""
    return _each(facts, now, _reviewed)


def retention(facts: Facts, now: int) -> list[Point]:
    """R16: what leaves the device has a consent or a law, and nothing is kept longer than stated."""
    return enforced(Rule.R16, facts) + _each(facts, now, _kept)


def _each(facts: Facts, now: int, *looks: Callable[[Facts, Purpose, int], Point | None]) -> list[Point]:
    purposes = facts.going_on(now)
    points = [look(facts, purpose, now) for purpose in purposes for look in looks]
    return [point for point in points if point is not None] if purposes else no_purpose()


def _necessary(facts: Facts, purpose: Purpose, now: int) -> Point | None:
    if purpose.necessity.strip():
        return None
    return _point(Saying.NECESSITY_MISSING, purpose, item(facts, ItemKind.PURPOSE, purpose.id))


def _assessed(facts: Facts, purpose: Purpose, now: int) -> Point:
    standing = facts.assessments[purpose.id]
    saying = _NOT_STANDING.get(standing.state)
    if saying is None:
        if soon(standing.valid_until, now):
            saying = Saying.ASSESSMENT_EXPIRES
        else:
            saying = Saying.ASSESSMENT_STANDS if standing.assessment else Saying.ASSESSMENT_BARE
    return _point(saying, purpose, *_evidence(facts, purpose, standing))


def _evidence(facts: Facts, purpose: Purpose, standing: Standing) -> list[Evidence]:
    found = [item(facts, ItemKind.PURPOSE, purpose.id)]
    if standing.assessment:
        made = Evidence(
            kind=ItemKind.ASSESSMENT.value,
            id=standing.assessment,
            index=standing.recorded,
            valid_until=standing.valid_until,
        )
        found.append(made)
    elif standing.state is not AssessmentState.MISSING:
        found = [item(facts, ItemKind.PURPOSE, purpose.id, valid_until=standing.valid_until)]
    if standing.incident:
        found.append(item(facts, ItemKind.INCIDENT, standing.incident))
    return found


def _reviewed(facts: Facts, purpose: Purpose, now: int) -> Point:
    if not purpose.reviewed_by or not 0 < purpose.reviewed_at <= now:
        saying = Saying.REVIEW_MISSING
    elif not facts.reviewed[purpose.id]:
        saying = Saying.REVIEW_OUTDATED
    else:
        saying = Saying.REVIEWED if purpose.review_statement.strip() else Saying.REVIEW_BARE
    told = {"purpose": purpose.id, "reviewer": purpose.reviewed_by, "reviewed": purpose.reviewed_at}
    return Point(saying=saying, facts=told, evidence=(item(facts, ItemKind.PURPOSE, purpose.id),))


def _kept(facts: Facts, purpose: Purpose, now: int) -> Point:
    if purpose.storage is Storage.NONE:
        saying = Saying.NOTHING_KEPT
    elif not purpose.retention_days:
        saying = Saying.RETENTION_MISSING
    else:
        saying = Saying.RETENTION_STATED if purpose.retention_anchor else Saying.ANCHOR_MISSING
    told = {"purpose": purpose.id, "days": purpose.retention_days, "anchor": purpose.retention_anchor or ""}
    return Point(saying=saying, facts=told, evidence=(item(facts, ItemKind.PURPOSE, purpose.id),))


def _point(saying: Saying, purpose: Purpose, *evidence: Evidence) -> Point:
    return Point(saying=saying, facts={"purpose": purpose.id}, evidence=evidence)
