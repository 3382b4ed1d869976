"""The lookup on the way of a face event: persons and ordinals to bases, with as few queries as there are questions.

Owns: the queries, and `as_of`: everything of this service below it is reflected in this answer. A step may get its
position at any moment while it is pending, so the answer is complete only below the floor of each pending step of the
persons asked for (a step's position is never below its floor).
Never: waits. Anchor: lookup.proto.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from placet.consent.model.vocabulary import Controller, Instant, SubjectRef
from placet.consent.policy.facts import BasisFacts, facts_of
from placet.consent.ports import Found
from placet.consent.store.rows import consent_of
from placet.consent.tables import ConsentRow, ControllerRow, PersonRow, StepRow

_LEFT_OUT = ("salt", "record", "signed_receipt")  # large, and nothing a decision needs
_COLUMNS = [getattr(ConsentRow, name) for name in ConsentRow.model_fields if name not in _LEFT_OUT]


def look_up(
    session: Session, controller: Controller, subjects: Sequence[SubjectRef], ordinals: Sequence[int], now: Instant
) -> Found:
    """Return the bases of each subject, those of the ordinals that exist, and below which index they are complete."""
    by_subject = _of_subjects(session, controller, subjects, now) if subjects else {}
    by_ordinal = _of_ordinals(session, controller, ordinals, now) if ordinals else {}
    return Found(
        subjects=tuple(tuple(by_subject.get(bytes(subject), ())) for subject in subjects),
        bases=tuple(by_ordinal[ordinal] for ordinal in ordinals if ordinal in by_ordinal),
        as_of=_as_of(session, controller, subjects, ordinals),
    )


def _of_subjects(
    session: Session, controller: Controller, subjects: Sequence[SubjectRef], now: Instant
) -> dict[bytes, list[BasisFacts]]:
    query = (
        _consents(PersonRow.subject)
        .join(PersonRow, col(PersonRow.id) == col(ConsentRow.person))
        .where(col(PersonRow.controller) == controller, col(PersonRow.subject).in_(set(subjects)))
        .order_by(col(ConsentRow.basis))
    )
    found: dict[bytes, list[BasisFacts]] = defaultdict(list)
    for row in session.execute(query):
        # A withdrawal that was accepted but has not reached the ledger: no longer offered (fail closed).
        if row.ending_step is None or row.ended is not None:
            found[row.subject].append(facts_of(consent_of(row, signed_receipt=None), now))
    return found


def _of_ordinals(
    session: Session, controller: Controller, ordinals: Sequence[int], now: Instant
) -> dict[int, BasisFacts]:
    query = _consents().where(col(ConsentRow.controller) == controller, col(ConsentRow.basis).in_(set(ordinals)))
    return {row.basis: facts_of(consent_of(row, signed_receipt=None), now) for row in session.execute(query)}


def _consents(*more: Any) -> Select[Any]:
    return sql_select(*_COLUMNS, *more).where(col(ConsentRow.basis).is_not(None))


def _as_of(session: Session, controller: Controller, subjects: Sequence[SubjectRef], ordinals: Sequence[int]) -> int:
    """Return the controller's `as_of`, or the lowest floor of a pending step of the persons asked for."""
    row = session.get(ControllerRow, controller)
    if row is None:
        return 0
    floor = select(func.min(StepRow.floor)).where(StepRow.controller == controller, col(StepRow.pending).is_(True))
    floors = [row.as_of]
    if subjects:
        persons = select(PersonRow.id).where(
            PersonRow.controller == controller, col(PersonRow.subject).in_(set(subjects))
        )
        floors.append(_or(session.exec(floor.where(col(StepRow.person).in_(persons))).one(), row.as_of))
    if ordinals:
        holders = select(ConsentRow.person).where(
            ConsentRow.controller == controller, col(ConsentRow.basis).in_(set(ordinals))
        )
        floors.append(_or(session.exec(floor.where(col(StepRow.person).in_(holders))).one(), row.as_of))
    return min(floors)


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value
