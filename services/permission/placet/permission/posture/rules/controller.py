"""Rules about the controller as a whole: R3 and R8.

Owns: the protection of each deployment, and the filing. Never: counts persons or working days, or tells how a duty to
file stands: those come as facts (`placet.permission.filing`).
"""

from collections.abc import Mapping
from typing import Final

from placet.permission.filing.duties import DutyState
from placet.permission.model.attestations import Deployment, Measure
from placet.permission.model.registers import ATTESTATION_ID, ItemKind
from placet.permission.posture.facts import Facts, FilingFacts, OpenFiling
from placet.permission.posture.findings import Evidence, Point
from placet.permission.posture.rules.terms import item, soon
from placet.permission.posture.sayings import Saying

# From this share of the threshold on (percent) the duty to file is near.
NEAR = 90
_OF_DUTY: Final[Mapping[DutyState, Saying]] = {
    DutyState.DUE: Saying.FILING_DUE,
    DutyState.OVERDUE: Saying.FILING_OVERDUE,
    DutyState.UNDETERMINED: Saying.FILING_UNDETERMINED,
    DutyState.FILED: Saying.FILING_DONE,
    DutyState.FILED_LATE: Saying.FILING_LATE,
}
_OF_OPEN: Final[Mapping[DutyState, Saying]] = {
    DutyState.DUE: Saying.FILING_OPEN_DUE,
    DutyState.OVERDUE: Saying.FILING_OPEN_OVERDUE,
    DutyState.UNDETERMINED: Saying.FILING_OPEN_UNDETERMINED,
}


def protection(facts: Facts, now: int) -> list[Point]:
    """R3: encryption, security audit, access control, authorisation management, intrusion detection, everywhere."""
    in_use = [one for _, one in sorted(facts.deployments.items()) if not one.retired]
    if in_use:
        return [_deployment(facts, one, now) for one in in_use]
    stands = not facts.deployments and facts.attestation.protection_valid_until > now
    said = item(facts, ItemKind.ATTESTATION, ATTESTATION_ID, valid_until=facts.attestation.protection_valid_until)
    saying = Saying.PROTECTION_BARE if stands else Saying.PROTECTION_MISSING
    return [Point(saying=saying, evidence=(said,) if said.index is not None else ())]


def _deployment(facts: Facts, one: Deployment, now: int) -> Point:
    lacking = [measure for measure in Measure if measure not in one.attested_at(now)]
    end = min((measure.valid_until for measure in one.measures), default=0)
    saying = Saying.MEASURES_LACKING if lacking else Saying.MEASURES_EXPIRE if soon(end, now) else Saying.MEASURES_STAND
    evidence = item(facts, ItemKind.DEPLOYMENT, one.id, valid_until=end)
    return Point(saying=saying, facts={"deployment": one.id, "measures": tuple(lacking)}, evidence=(evidence,))


def filing(facts: Facts, now: int) -> list[Point]:
    """R8: whoever stores enough persons files, in time, and so does whoever changes what was filed or ends it."""
    if facts.filing is None:
        return [_attested(facts)]
    stock = facts.filing.stock
    said = _attested(facts)
    # Events look at what the controller attests: where that is missing they are denied, whatever was counted.
    bare = stock is None or said.saying is Saying.FILING_NOT_ATTESTED
    first = [] if stock is None else [_filing(facts.filing, stock)]
    return [*first, *([said] if bare else []), *(_open(one) for one in facts.filing.open)]


def _attested(facts: Facts) -> Point:
    said = item(facts, ItemKind.ATTESTATION, ATTESTATION_ID)
    saying = Saying.FILING_ATTESTED if facts.attestation.filing_current else Saying.FILING_NOT_ATTESTED
    return Point(saying=saying, evidence=(said,) if said.index is not None else ())


def _open(one: OpenFiling) -> Point:
    told = {"filing": one.id, "kind": one.kind, "since": _day(one.since), "deadline": _day(one.deadline)}
    evidence = Evidence(kind=ItemKind.FILING.value, id=one.id, index=one.index)
    return Point(saying=_OF_OPEN[one.state], facts=told, evidence=(evidence,))


def _filing(filing: FilingFacts, stock: int) -> Point:
    told = {
        "stock": stock,
        "threshold": filing.threshold,
        "reached": _day(filing.reached_on),
        "deadline": _day(filing.deadline),
        "filed": _day(filing.filed_on),
    }
    kind = ItemKind.FILING.value if filing.filing else "stored_persons"
    evidence = Evidence(kind=kind, id=filing.filing, index=filing.index, count=stock)
    return Point(saying=_filing_saying(filing, stock), facts=told, evidence=(evidence,))


def _filing_saying(filing: FilingFacts, stock: int) -> Saying:
    if filing.state is not DutyState.NOT_REACHED:
        return _OF_DUTY[filing.state]
    return Saying.FILING_NEAR if stock * 100 >= filing.threshold * NEAR else Saying.FILING_NOT_REACHED


def _day(day: object) -> str:
    return "" if day is None else str(day)
