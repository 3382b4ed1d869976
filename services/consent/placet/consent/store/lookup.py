"""The lookup on the way of a face event: persons and ordinals to bases, two statements, nothing built twice.

Owns: the queries, and `as_of`: everything of this service below it is reflected in this answer. A step may get its
position at any moment while it is pending, so the answer is complete only below the floor of each pending step of the
persons asked for (a step's position is never below its floor).
Never: waits. Anchor: lookup.proto.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy import Table as CoreTable
from sqlmodel import Session, SQLModel

from placet.consent.model.vocabulary import (
    WRITTEN,
    BasisOrdinal,
    Controller,
    Expression,
    Instant,
    Operation,
    SubjectRef,
)
from placet.consent.policy.facts import BasisFacts, age_of
from placet.consent.ports import Found
from placet.consent.tables import ConsentRow, PersonRow, StepRow


def _table(row: type[SQLModel]) -> CoreTable:
    found = row.__table__  # type: ignore[attr-defined]
    assert isinstance(found, CoreTable)
    return found


_CONSENT, _PERSON = _table(ConsentRow), _table(PersonRow)
_STEP = _table(StepRow)
_NEEDED = (
    "basis",
    "granted",
    "leaf_hash",
    "ending_step",
    "ended",
    "purpose",
    "operations",
    "sites",
    "egress",
    "not_before",
    "not_after",
    "expression",
    "notice_served",
    "needs",
    "guardianships",
    "guarded_until",
    "guard_ended_by",
    "birth_date",
    "zone",
)
_COLUMNS = [_CONSENT.c[name] for name in _NEEDED]
_MINE = _PERSON.c.controller == bindparam("controller")
_ASKED = _PERSON.c.subject.in_(bindparam("subjects", expanding=True))
_ORDINALS = _CONSENT.c.basis.in_(bindparam("ordinals", expanding=True))
_HELD = (_CONSENT.c.controller == bindparam("controller")) & _ORDINALS

_BY_SUBJECT = (
    select(*_COLUMNS, _PERSON.c.subject)
    .join(_PERSON, _PERSON.c.id == _CONSENT.c.person)
    .where(_MINE, _ASKED, _CONSENT.c.basis.is_not(None))
    .order_by(_CONSENT.c.basis)
)
_BY_ORDINAL = select(*_COLUMNS).where(_HELD)


_STEPS = _STEP.c.controller == bindparam("controller")


def _floor(persons: Select[Any]) -> Any:
    waiting = _STEPS & _STEP.c.pending & _STEP.c.person.in_(persons)
    return select(func.min(_STEP.c.floor)).where(waiting).scalar_subquery()


_AS_OF = select(
    select(func.max(_STEP.c.position) + 1).where(_STEPS).scalar_subquery(),
    _floor(select(_PERSON.c.id).where(_MINE, _ASKED)),
    _floor(select(_CONSENT.c.person).where(_HELD)),
)


def look_up(
    session: Session, controller: Controller, subjects: Sequence[SubjectRef], ordinals: Sequence[int], now: Instant
) -> Found:
    """Return the bases of each subject, those of the ordinals that exist, and below which index they are complete."""
    asked = {"controller": controller, "subjects": [*set(subjects)], "ordinals": [*set(ordinals)]}
    by_subject = _of_subjects(session, asked, now) if subjects else {}
    by_ordinal = _of_ordinals(session, asked, now) if ordinals else {}
    return Found(
        subjects=tuple(tuple(by_subject.get(subject, ())) for subject in subjects),
        bases=tuple(by_ordinal[ordinal] for ordinal in ordinals if ordinal in by_ordinal),
        as_of=_as_of(session, asked),
    )


def _of_subjects(session: Session, asked: Mapping[str, Any], now: Instant) -> dict[bytes, list[BasisFacts]]:
    found: dict[bytes, list[BasisFacts]] = defaultdict(list)
    for row in session.connection().execute(_BY_SUBJECT, asked):
        # A withdrawal that was accepted but has not reached the ledger: no longer offered (fail closed).
        if row.ending_step is None or row.ended is not None:
            found[row.subject].append(_facts(row, now))
    return found


def _of_ordinals(session: Session, asked: Mapping[str, Any], now: Instant) -> dict[int, BasisFacts]:
    return {row.basis: _facts(row, now) for row in session.connection().execute(_BY_ORDINAL, asked)}


def _facts(row: Any, now: Instant) -> BasisFacts:
    birth = None if row.birth_date is None else date.fromisoformat(row.birth_date)
    band, until = age_of(birth, row.zone, now)
    guarded = row.guarded_until is not None and now < row.guarded_until and row.guard_ended_by is None
    return BasisFacts(
        ordinal=row.basis,
        granted=row.granted,
        leaf_hash=row.leaf_hash,
        ended=row.ended,
        purpose=row.purpose,
        operations=_operations(row.operations),
        sites=_sites(row.sites),
        egress=row.egress,
        not_before=row.not_before,
        not_after=row.not_after,
        written=Expression(row.expression) in WRITTEN,
        notice_served=row.notice_served is not None,
        needs=_needs(row.needs),
        guardian_active=guarded and row.guardianships != "[]",
        age_band=band,
        age_band_until=until,
    )


@lru_cache(maxsize=1_024)
def _operations(text: str) -> tuple[Operation, ...]:
    return tuple(Operation(one) for one in json.loads(text))


@lru_cache(maxsize=1_024)
def _sites(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def _needs(text: str) -> tuple[BasisOrdinal, ...]:
    return () if text == "[]" else tuple(json.loads(text))


def _as_of(session: Session, asked: Mapping[str, Any]) -> int:
    """Return one above the highest position, or the lowest floor of what the persons asked for wait for."""
    row = session.connection().execute(_AS_OF, asked).one()
    return min((one for one in row if one is not None), default=0)
