"""How old somebody is, and when that changes.

Owns: the rule. An age is reached at local midnight of the birthday, in the person's own zone: at the first instant of
that day there. Who is born on 29 February has their birthday on 1 March in years without one, so nobody comes of age a
day early.
Never: reads the clock. Anchors: consent.md section 5, Civil Code Art 200 and 201 (the day of birth is not counted).
"""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from placet.consent.errors import Invalid
from placet.consent.model.vocabulary import AgeBand, Instant

# The thresholds at which the age band changes, with the band below each.
_BANDS = ((13, AgeBand.UNDER_13), (14, AgeBand.AGE_13), (16, AgeBand.AGE_14_15), (18, AgeBand.AGE_16_17))
# Under this age a guardian consents (Order 19 Art 7, PIPL Art 31).
MINOR_UNDER = {"cn-2025": 14}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = (datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC) - _EPOCH).resolution


def zone(field: str, name: str) -> ZoneInfo:
    """Return an IANA zone. Raises Invalid naming `field` for anything else."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, not a name, a folder of the database
        raise Invalid(field, f"{field} is no IANA time zone, e.g. Asia/Shanghai.") from None


def birthday(birth: date, age: int) -> date:
    """Return the day on which `age` is reached; 1 March for 29 February in a year without one."""
    year = birth.year + age
    try:
        return birth.replace(year=year)
    except ValueError:
        return date(year, 3, 1)


def reached_at(birth: date, age: int, place: ZoneInfo) -> Instant:
    """Return the first instant of the day on which `age` is reached there."""
    day = birthday(birth, age)
    # Where midnight does not exist (a clock put forward), Python takes the offset before the gap: the day's first
    # instant.
    midnight = datetime(day.year, day.month, day.day, tzinfo=place)
    return Instant((midnight.astimezone(UTC) - _EPOCH) // _MICROSECOND)


def today(place: ZoneInfo, now: Instant) -> date:
    """Return the calendar day there."""
    return (_EPOCH + now * _MICROSECOND).astimezone(place).date()


def thresholds(birth: date, place: ZoneInfo) -> tuple[tuple[Instant, AgeBand], ...]:
    """Return the instants at which the age band changes, ascending, each with the band that holds until then."""
    return tuple((reached_at(birth, age, place), band) for age, band in _BANDS)


def is_minor(birth: date | None, place: ZoneInfo, now: Instant, law: str) -> bool:
    """Whether the person cannot consent alone under that pack at `now`."""
    return birth is not None and now < reached_at(birth, MINOR_UNDER[law], place)


def check_born(field: str, birth: date, place: ZoneInfo, now: Instant) -> None:
    """Raise Invalid when the birth date lies in the future there."""
    if birth > today(place, now):
        raise Invalid(field, f"{field} lies in the future; check the date.")
