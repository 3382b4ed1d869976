"""Who may be a guardian, who needs one, and whether the ones named will do.

Owns: the rules of this form of the service: under the age of the pack a consent needs at least one guardianship, and
every one it names must be confirmed by two members of staff, not withdrawn, not past its end, and of this very minor.
What a confirmed guardianship says of a person's age outweighs what is stated later (fail closed).
Never: looks anything up. Anchors: consent.md section 5, Order 19 Art 7, promise P8.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from placet.consent.errors import (
    GuardianInactive,
    GuardianRequired,
    Invalid,
    NotFound,
    SamePerson,
)
from placet.consent.model.commands import Capture, OpenGuardianship
from placet.consent.model.consents import Guarding
from placet.consent.model.guardianships import Guardianship
from placet.consent.model.vocabulary import Choice, GuardianshipState, Instant, PersonKey
from placet.consent.policy import ages

# Why a consent ends that a minor gave as if they were an adult.
MINOR_ALONE = "minor_without_guardian"


@dataclass(frozen=True, kw_only=True, slots=True)
class Birth:
    """A birth date on record; `checked`: two members of staff saw documents (a confirmed guardianship)."""

    date: date
    zone: str
    checked: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonFacts:
    """What is on record about one person: birth dates, and whether they are somebody's guardian at present."""

    births: tuple[Birth, ...] = ()
    guards: bool = False

    def known_minor(self, now: Instant, law: str, *, checked: bool) -> bool:
        """Whether any birth date on record (`checked`: only those that were) makes this person a minor."""
        return any(
            ages.is_minor(birth.date, ages.zone("zone", birth.zone), now, law)
            for birth in self.births
            if birth.checked or not checked
        )


def end_of(asked: OpenGuardianship, now: Instant, law: str) -> tuple[Instant, bool]:
    """Return when the guardianship ends at the latest, and whether that was asked for (not when the minor is of age).

    Raises Invalid when the birth date is in the future or makes no minor, or the end has passed.
    """
    place = ages.zone("zone", asked.zone)
    ages.check_born("minor_birth_date", asked.minor_birth_date, place, now)
    age = ages.MINOR_UNDER[law]
    if not ages.is_minor(asked.minor_birth_date, place, now, law):
        raise Invalid(
            "minor_birth_date", f"This person is {age} or older and decides alone; no guardianship is needed."
        )
    if asked.not_after is not None and asked.not_after <= now:
        raise Invalid(
            "not_after", "not_after has passed already; give a later time, or 0 for until the minor is of age."
        )
    of_age = ages.reached_at(asked.minor_birth_date, age, place)
    if asked.not_after is None or asked.not_after >= of_age:
        return of_age, False
    return asked.not_after, True


def check_pair(minor: PersonFacts, guardian: PersonFacts, now: Instant, law: str) -> None:
    """Raise Invalid when the guardian is on record as a minor, or the minor as somebody's guardian."""
    if guardian.known_minor(now, law, checked=False):
        raise Invalid("guardian", "This guardian is on record as a minor; name an adult.")
    if minor.guards:
        raise Invalid("minor", "This minor is on record as a guardian; check both references.")


def check_confirmer(guardianship: Guardianship, actor: str, now: Instant) -> None:
    """Raise SamePerson for the one who opened it, GuardianInactive for what can no longer be confirmed."""
    if guardianship.opened_by == actor:
        raise SamePerson
    if guardianship.state is GuardianshipState.WITHDRAWN:
        raise GuardianInactive("id", guardianship.id, "it was withdrawn; open a new one")
    if now >= guardianship.not_after:
        raise GuardianInactive("id", guardianship.id, "its time has run out; open a new one")


def check_age(asked: Capture, person: PersonFacts, now: Instant, law: str) -> bool:
    """Return whether the person is a minor who needs guardians, by what is stated and what is on record.

    Raises Invalid for a birth date that contradicts checked documents, or guardianships named for somebody of age.
    """
    place = ages.zone("zone", asked.zone)
    if asked.birth_date is not None:
        ages.check_born("birth_date", asked.birth_date, place, now)
    if ages.is_minor(asked.birth_date, place, now, law):
        return True
    if person.known_minor(now, law, checked=True):
        _contradicts(asked, law)
    if asked.guardianships:
        age = ages.MINOR_UNDER[law]
        raise Invalid(
            "guardianships", f"This person is {age} or older by birth_date and decides alone; name no guardian."
        )
    return False


def _contradicts(asked: Capture, law: str) -> None:
    """Raise for somebody stated to be of age whom a confirmed guardianship knows as a minor."""
    if asked.choice is Choice.REFUSED and not asked.guardianships:
        return  # refusing is open to everybody
    if asked.birth_date is None and not asked.guardianships:
        raise GuardianRequired(ages.MINOR_UNDER[law])
    raise Invalid(
        "birth_date", "A confirmed guardianship states another birth date of this person, as a minor. Give that."
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A guardianship as named in a capture: None if there is none of that id."""

    guardianship: Guardianship | None
    guardian: PersonFacts


def guarding(asked: Capture, person: PersonKey, named: Sequence[Named], now: Instant, law: str) -> Guarding:
    """Return what a minor's decision relies on. Raises GuardianRequired, GuardianInactive, NotFound or Invalid.

    A refusal needs nobody: saying no is as easy for a child.
    """
    if not named:
        if asked.choice is Choice.REFUSED:
            return Guarding()
        raise GuardianRequired(ages.MINOR_UNDER[law])
    ends = [_usable(f"guardianships[{at}]", asked, person, one, now, law).not_after for at, one in enumerate(named)]
    return Guarding(guardianships=asked.guardianships, until=Instant(min(ends)))


def _usable(field: str, asked: Capture, person: PersonKey, named: Named, now: Instant, law: str) -> Guardianship:
    found = named.guardianship
    if found is None:
        raise NotFound("There is no such guardianship. Open it and have it confirmed first.", field=field)
    if found.minor != person:
        raise Invalid(field, f"{field} is the guardianship of another minor.")
    if found.minor_birth_date != asked.birth_date:
        raise Invalid("birth_date", "birth_date is not the one of the guardianship. Correct whichever is wrong.")
    if found.state is GuardianshipState.OPENED:
        raise GuardianInactive(field, found.id, "it waits for a second person to confirm it")
    if found.state is GuardianshipState.WITHDRAWN:
        raise GuardianInactive(field, found.id, "it was withdrawn; open a new one")
    if now >= found.not_after:
        raise GuardianInactive(field, found.id, "its time has run out; open a new one")
    if named.guardian.known_minor(now, law, checked=True):
        raise GuardianInactive(field, found.id, "its guardian is on record as a minor")
    return found
