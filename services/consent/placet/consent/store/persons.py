"""What is on record about a person, and the random ids of staff.

Owns: the queries behind `facts_about` and `actor`.
Never: decides what follows from a birth date (`policy.guardians`).
"""

from datetime import date

from sqlmodel import Session, col, select

from placet.consent.model.vocabulary import Controller, Instant, PersonKey
from placet.consent.policy.guardians import Birth, PersonFacts
from placet.consent.tables import ActorRow, ConsentRow, GuardianshipRow


def facts_about(session: Session, person: PersonKey, now: Instant) -> PersonFacts:
    """Return the birth dates on record of a person, and whether they are somebody's guardian at `now`."""
    of_guardianships = select(
        GuardianshipRow.minor_birth_date, GuardianshipRow.zone, GuardianshipRow.confirmed_by
    ).where(GuardianshipRow.minor == person)
    stated = select(ConsentRow.birth_date, ConsentRow.zone).where(
        ConsentRow.person == person, col(ConsentRow.birth_date).is_not(None)
    )
    births = [
        Birth(date=date.fromisoformat(born), zone=zone, checked=confirmed is not None)
        for born, zone, confirmed in session.exec(of_guardianships)
    ]
    births += [
        Birth(date=date.fromisoformat(born), zone=zone, checked=False)
        for born, zone in session.exec(stated.distinct())
        if born is not None
    ]
    return PersonFacts(births=tuple(births), guards=_guards(session, person, now))


def _guards(session: Session, person: PersonKey, now: Instant) -> bool:
    query = select(GuardianshipRow.id).where(
        GuardianshipRow.guardian == person,
        col(GuardianshipRow.confirmed_by).is_not(None),
        col(GuardianshipRow.withdrawn_at).is_(None),
        GuardianshipRow.not_after > now,
    )
    return session.exec(query.limit(1)).first() is not None


def actor(session: Session, controller: Controller, sub: str, fresh: str) -> str:
    """Return the random actor id of a token's sub, `fresh` if it has none yet."""
    row = session.get(ActorRow, (controller, sub))
    if row is None:
        row = ActorRow(controller=controller, sub=sub, actor=fresh)
        session.add(row)
        session.flush()
    return row.actor
