"""Rules about how people are asked: R9 and R13.

Owns: the alternative to the face with how often it is used, and the capture flow. Never: looks at purposes that have
ended.
"""

from datetime import UTC, datetime

from placet.permission.model.attestations import CaptureFlow
from placet.permission.model.registers import ATTESTATION_ID, ItemKind, Purpose
from placet.permission.posture.facts import Facts
from placet.permission.posture.findings import Point
from placet.permission.posture.rules.terms import item, no_purpose, soon
from placet.permission.posture.sayings import Saying

# Counts older than so many months say nothing of today.
MONTHS = 3


def alternatives(facts: Facts, now: int) -> list[Point]:
    """R9: the face is never the only way, and the other way is really used."""
    purposes = facts.going_on(now)
    points = [point for purpose in purposes for point in (_offered(facts, purpose, now), _used(facts, purpose, now))]
    return points or no_purpose()


def flows(facts: Facts, now: int) -> list[Point]:
    """R13: nobody is misled or coerced: face neither default nor first, refusing as easy, an update resets nothing."""
    return [_flow(facts, purpose, now) for purpose in facts.going_on(now)] or no_purpose()


def _offered(facts: Facts, purpose: Purpose, now: int) -> Point:
    told: dict[str, object] = {"purpose": purpose.id}
    serving = [one for _, one in sorted(facts.alternatives.items()) if purpose.id in one.purposes]
    if not serving:
        saying = Saying.ALTERNATIVE_BARE if _stated(facts, purpose) else Saying.ALTERNATIVE_MISSING
        return Point(saying=saying, facts=told, evidence=(item(facts, ItemKind.PURPOSE, purpose.id),))
    working = [one for one in serving if one.works_at(now)]
    evidence = tuple(
        item(facts, ItemKind.ALTERNATIVE, one.id, valid_until=one.valid_until) for one in working or serving
    )
    if not working:
        saying = Saying.ALTERNATIVE_DOWN
    else:
        lapsing = all(soon(one.valid_until, now) for one in working)
        saying = Saying.ALTERNATIVE_EXPIRES if lapsing else Saying.ALTERNATIVE_WORKS
    return Point(saying=saying, facts=told, evidence=evidence)


def _stated(facts: Facts, purpose: Purpose) -> bool:
    """Tell whether an alternative is named in words: by the purpose, or by every device."""
    devices = facts.standing_devices()
    return bool(purpose.alternative) or (bool(devices) and all(device.alternative for device in devices))


def _used(facts: Facts, purpose: Purpose, now: int) -> Point:
    counts = [
        one for one in facts.usages.values() if one.purpose == purpose.id and _since(now) <= one.period <= _month(now)
    ]
    if not counts:
        return Point(saying=Saying.USAGE_MISSING, facts={"purpose": purpose.id, "months": MONTHS})
    newest = max(counts, key=lambda one: one.period)
    told = {
        "purpose": purpose.id,
        "period": newest.period,
        "face": newest.face,
        "alternative": newest.alternative,
    }
    saying = Saying.USAGE_NONE if newest.face and not newest.alternative else Saying.USAGE_REPORTED
    evidence = item(facts, ItemKind.ALTERNATIVE_USAGE, newest.id, count=newest.alternative)
    return Point(saying=saying, facts=told, evidence=(evidence,))


def _since(now: int) -> str:
    """Return the oldest month (YYYY-MM, UTC) whose count still says something."""
    return _month(now, MONTHS)


def _month(now: int, back: int = 0) -> str:
    """Return the month (YYYY-MM, UTC) of a moment, or that of so many months before."""
    at = datetime.fromtimestamp(now // 1_000_000, UTC)
    months = at.year * 12 + at.month - 1 - back
    return f"{months // 12:04d}-{months % 12 + 1:02d}"


def _flow(facts: Facts, purpose: Purpose, now: int) -> Point:
    flow = facts.flows.get(purpose.id)
    if flow is None:
        return _attested(facts, purpose)
    faults = _faults(flow)
    if faults:
        saying = Saying.FLOW_FORCED
    elif not flow.stands_at(now):
        saying = Saying.FLOW_LAPSED
    else:
        saying = Saying.FLOW_EXPIRES if soon(flow.valid_until, now) else Saying.FLOW_STANDS
    evidence = item(facts, ItemKind.CAPTURE_FLOW, purpose.id, valid_until=flow.valid_until)
    return Point(saying=saying, facts={"purpose": purpose.id, "faults": faults}, evidence=(evidence,))


def _faults(flow: CaptureFlow) -> tuple[str, ...]:
    found = {
        "face_is_default": flow.face_is_default,
        "face_is_first": flow.face_is_first,
        "refusal_not_equal": not flow.refusal_equal,
        "choice_reset_by_update": flow.choice_reset_by_update,
    }
    return tuple(name for name, holds in found.items() if holds)


def _attested(facts: Facts, purpose: Purpose) -> Point:
    """Return what the controller's one attestation makes of a purpose whose flow nobody checked."""
    said = facts.attestation
    fair = said.refusal_equal and not said.face_is_default and not said.choice_reset_by_update
    evidence = item(facts, ItemKind.ATTESTATION, ATTESTATION_ID)
    saying = Saying.FLOW_BARE if fair else Saying.FLOW_MISSING
    return Point(
        saying=saying, facts={"purpose": purpose.id}, evidence=(evidence,) if evidence.index is not None else ()
    )
