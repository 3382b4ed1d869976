"""Does a purpose's impact assessment still stand? Decided by the order of entries in the log, and by dates.

Owns the rule of Order 19 Art 9 on doing it again: an assessment stands for the purpose and method that were in force
where its report first entered the log, until it lapses, and not beyond an incident. So a report that is registered
again after a change revives nothing: another one has to be made. What counts as purpose and method: necessity,
operations, inferences, storage, public safety; not the name, the term, the review or the alternative.
Never: a clock, a database. Order of arrival does not matter: everything goes by ledger position.
"""

from bisect import bisect_right, insort
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from placet.permission.model.attestations import Assessment, Incident
from placet.permission.model.registers import Purpose


class AssessmentState(StrEnum):
    """How an assessment stands; the first that applies of: incident, method changed, not yet, expired."""

    VALID = "valid"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    METHOD_CHANGED = "method_changed"
    INCIDENT = "incident"
    MISSING = "missing"


class Standing(NamedTuple):
    """The best assessment of a purpose. `assessment` "": what the purpose itself says. `recorded`: its position."""

    state: AssessmentState
    assessment: str = ""
    recorded: int = 0
    valid_until: int = 0
    # The incident behind INCIDENT, else "".
    incident: str = ""


class _Made(NamedTuple):
    assessment: str
    recorded: int
    concluded_at: int
    valid_until: int


class _Kept(NamedTuple):
    # Positions of the first version and of the newest.
    first: int
    newest: int
    item: Any


class Assessing:
    """What one controller's assessments cover. Mutable; used by one event loop."""

    def __init__(self) -> None:
        self._methods: dict[str, list[tuple[int, tuple[object, ...]]]] = {}
        self._purposes: dict[str, _Kept] = {}
        self._assessments: dict[str, _Kept] = {}
        self._incidents: dict[str, _Kept] = {}
        # Where a report first appeared: in the register, or with a purpose.
        self._reports: dict[bytes, int] = {}
        self._stated: dict[tuple[str, bytes], int] = {}
        # Where a review (purpose, reviewer, moment) first appeared.
        self._reviews: dict[tuple[str, str, int], int] = {}

    def purpose(self, purpose: Purpose, index: int) -> None:
        """Take in a change of a purpose at a ledger position."""
        insort(self._methods.setdefault(purpose.id, []), (index, _method(purpose)), key=lambda change: change[0])
        _first(self._stated, (purpose.id, purpose.assessment_sha256), index)
        _first(self._reviews, (purpose.id, purpose.reviewed_by, purpose.reviewed_at), index)
        _keep(self._purposes, purpose.id, purpose, index)

    def assessment(self, assessment: Assessment, index: int) -> None:
        """Take in a change of an assessment."""
        _first(self._reports, assessment.report_sha256, index)
        _keep(self._assessments, assessment.id, assessment, index)

    def destroyed(self, ident: str) -> None:
        """Forget an assessment whose record is gone."""
        self._assessments.pop(ident, None)

    def incident(self, incident: Incident, index: int) -> None:
        """Take in an incident; a corrected one stays where it was first recorded."""
        _keep(self._incidents, incident.id, incident, index)

    def standing(self, purpose: str, now: int) -> Standing:
        """Return how the purpose's best assessment stands at `now` (microseconds); the newest if none is valid."""
        found = [self._judge(purpose, made, now) for made in self._made_of(purpose)]
        if not found:
            return Standing(AssessmentState.MISSING)
        valid = [one for one in found if one.state is AssessmentState.VALID]
        if valid:
            return max(valid, key=lambda one: (one.valid_until, one.recorded))
        return max(found, key=lambda one: (one.recorded, one.assessment))

    def reviewed(self, purpose: Purpose) -> bool:
        """Tell whether the purpose's review is of the purpose and method that are in force, not of former ones."""
        recorded = self._reviews.get((purpose.id, purpose.reviewed_by, purpose.reviewed_at))
        return recorded is not None and self._same_method(purpose.id, recorded)

    def turns(self, purpose: str) -> list[int]:
        """Return the moments at which the standing may change by itself."""
        return [turn for made in self._made_of(purpose) for turn in (made.concluded_at, made.valid_until)]

    def _made_of(self, purpose: str) -> Iterator[_Made]:
        registered: set[bytes] = set()
        for kept in self._assessments.values():
            one: Assessment = kept.item
            if purpose in one.purposes:
                registered.add(one.report_sha256)
                yield _Made(one.id, self._reports[one.report_sha256], one.concluded_at, one.valid_until)
        own = self._purposes.get(purpose)
        if own and own.item.assessment_sha256 and own.item.assessment_sha256 not in registered:
            recorded = self._stated[purpose, own.item.assessment_sha256]
            yield _Made("", recorded, 0, own.item.assessment_valid_until)

    def _judge(self, purpose: str, made: _Made, now: int) -> Standing:
        incident = self._incident_after(made)
        if incident:
            state = AssessmentState.INCIDENT
        elif not self._same_method(purpose, made.recorded):
            state = AssessmentState.METHOD_CHANGED
        elif made.concluded_at > now:
            state = AssessmentState.NOT_YET
        else:
            state = AssessmentState.VALID if now < made.valid_until else AssessmentState.EXPIRED
        return Standing(state, made.assessment, made.recorded, made.valid_until, incident)

    def _incident_after(self, made: _Made) -> str:
        """Return the first incident recorded after the report, or noticed after it was concluded; "" if none was."""
        after = [
            (kept.first, ident)
            for ident, kept in self._incidents.items()
            if kept.first > made.recorded or (made.concluded_at and kept.item.noticed_at > made.concluded_at)
        ]
        return min(after)[1] if after else ""

    def _same_method(self, purpose: str, recorded: int) -> bool:
        changes = self._methods.get(purpose, [])
        before = bisect_right(changes, recorded, key=lambda change: change[0])
        return before > 0 and changes[before - 1][1] == changes[-1][1]


def _method(purpose: Purpose) -> tuple[object, ...]:
    """Return what an assessment is about; the order in which operations or inferences are named says nothing."""
    return (
        purpose.necessity,
        frozenset(purpose.operations),
        frozenset(purpose.inferences),
        purpose.storage,
        purpose.public_safety,
    )


def _first(known: dict[Any, int], key: object, index: int) -> None:
    known[key] = min(index, known.get(key, index))


def _keep(known: dict[str, _Kept], ident: str, item: object, index: int) -> None:
    """Keep the newest version of an item, and where its first one stands."""
    before = known.get(ident)
    if before is None:
        known[ident] = _Kept(index, index, item)
    elif index >= before.newest:
        known[ident] = _Kept(before.first, index, item)
    elif index < before.first:
        known[ident] = before._replace(first=index)
