"""Rules that are kept at each event: R1, R6, R7, R10, R11, R14, R15.

Owns: whether an article of a pack in force enforces them, and which legal permissions stand. Never: counts events; the
ledger has them (`placet ledger replay` judges each again).
"""

from placet.permission.model.basis import BasisFacts
from placet.permission.model.registers import ItemKind
from placet.permission.model.vocabulary import BANNED_INFERENCES, MAX_INT, LegalCode
from placet.permission.posture.facts import Facts
from placet.permission.posture.findings import Evidence, Point, Rule
from placet.permission.posture.rules.terms import item, soon
from placet.permission.posture.sayings import Saying


def enforced(rule: Rule, facts: Facts) -> list[Point]:
    """Return which articles deny an event that breaks a rule."""
    named = [article for article in facts.articles.get(rule, ()) if article.forbids]
    return [Point(saying=Saying.ENFORCED, facts={"articles": tuple(named)})] if named else [_unenforced()]


def _unenforced() -> Point:
    return Point(saying=Saying.NOT_ENFORCED)


def basis(facts: Facts, now: int) -> list[Point]:
    """R1: no processing without a basis."""
    return enforced(Rule.R1, facts)


def inferences(facts: Facts, now: int) -> list[Point]:
    """R6: nobody infers ethnicity, religion, health."""
    points = enforced(Rule.R6, facts)
    for purpose in facts.going_on(now):
        banned = sorted(BANNED_INFERENCES.intersection(purpose.inferences))
        if banned:
            evidence = item(facts, ItemKind.PURPOSE, purpose.id)
            told = {"purpose": purpose.id, "inferences": tuple(banned)}
            points.append(Point(saying=Saying.INFERENCE_BANNED, facts=told, evidence=(evidence,)))
    return points


def minors(facts: Facts, now: int) -> list[Point]:
    """R7: guardians of minors consent."""
    return enforced(Rule.R7, facts)


def notices(facts: Facts, now: int) -> list[Point]:
    """R15: everybody is told, and told again on change."""
    return enforced(Rule.R15, facts)


def national_channel(facts: Facts, now: int) -> list[Point]:
    """R11: whether the state's own channel was used is recorded with every event; never a reason to deny."""
    return [Point(saying=Saying.RECORDED)]


def legal_permissions(facts: Facts, now: int) -> list[Point]:
    """R10: each act that rests on no consent names its ground."""
    points = [_permission(one, now) for one in _standing(facts, now)]
    return points or [Point(saying=Saying.NO_PERMISSION)]


def state_provisions(facts: Facts, now: int) -> list[Point]:
    """R14: what rests on an exception of the state is named in every report."""
    standing = [one for one in _standing(facts, now) if one.code == LegalCode.STATE_PROVISION.value]
    points = [Point(saying=Saying.STATE_PROVISION, facts=_told(one), evidence=(_grant(one),)) for one in standing]
    return points or [Point(saying=Saying.NO_STATE_PROVISION)]


def _standing(facts: Facts, now: int) -> list[BasisFacts]:
    return [one for one in facts.permissions if one.ended is None and now < one.not_after]


def _permission(one: BasisFacts, now: int) -> Point:
    if one.not_after == MAX_INT:
        saying = Saying.PERMISSION_OPEN
    else:
        saying = Saying.PERMISSION_EXPIRES if soon(one.not_after, now) else Saying.PERMISSION_STANDS
    return Point(saying=saying, facts=_told(one), evidence=(_grant(one),))


def _told(one: BasisFacts) -> dict[str, object]:
    return {"basis": one.ordinal, "code": one.code, "purposes": tuple(sorted(one.purposes))}


def _grant(one: BasisFacts) -> Evidence:
    until = 0 if one.not_after == MAX_INT else one.not_after
    return Evidence(kind="legal_permission", id=str(one.ordinal), index=one.granted, valid_until=until)
