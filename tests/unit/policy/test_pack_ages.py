"""Who counts as a minor under each law, and on which day a child born on 29 February no longer does.

The day is the consent service's rule (`placet.consent.policy.ages`), one for all packs: a birthday begins at the first
instant of its day in the person's own zone, and a 29 February that a year does not have is 1 March. So nobody comes of
age a day early, under any law.
"""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from unit.policy import shipped

from placet.consent.policy import ages
from placet.permission.model.vocabulary import AgeBand, Verdict
from placet.permission.policy.context import lawful
from placet.permission.policy.engine import judge

# Under which age a person counts as a minor, and where.
UNDER = {
    "cn-2025": (14, "Asia/Shanghai"),
    "cn-draft-2023": (14, "Asia/Shanghai"),
    "eu": (16, "Europe/Berlin"),
    "in-dpdp": (18, "Asia/Kolkata"),
    "kr-pipa": (14, "Asia/Seoul"),
    "uk": (13, "Europe/London"),
    "us-il-bipa": (18, "America/Chicago"),
}
# Born on 29 February 2012: the day on which each age is reached; 2028 has a 29 February again.
LEAP_CHILD = {13: date(2025, 3, 1), 14: date(2026, 3, 1), 16: date(2028, 2, 29), 18: date(2030, 3, 1)}
UPPER = {AgeBand.UNDER_13: 13, AgeBand.AGE_13: 14, AgeBand.AGE_14_15: 16, AgeBand.AGE_16_17: 18}


def band(birth: date, place: ZoneInfo, now: int) -> AgeBand:
    """The band of a person at `now`, as the consent service finds it."""
    below = (band for instant, band in ages.thresholds(birth, place) if now < instant)
    return AgeBand(next(below, AgeBand.ADULT).value)


def test_each_law_has_its_age_here() -> None:
    assert sorted([*UNDER, "us-tx-cubi"]) == shipped.NAMES
    assert shipped.pack("us-tx-cubi").minor_bands == frozenset()
    assert all(UNDER[law][0] == age for law, age in ages.MINOR_UNDER.items())


@pytest.mark.parametrize("name", UNDER)
def test_the_bands_are_those_below_the_age_and_an_age_that_nobody_knows(name: str) -> None:
    below = {band for band, upper in UPPER.items() if upper <= UNDER[name][0]}
    assert shipped.pack(name).minor_bands == below | {AgeBand.UNKNOWN}


@pytest.mark.parametrize("name", UNDER)
def test_a_child_born_on_29_february(name: str) -> None:
    age, place = UNDER[name][0], ZoneInfo(UNDER[name][1])
    birth = date(2012, 2, 29)
    assert ages.birthday(birth, age) == LEAP_CHILD[age]
    turns = ages.reached_at(birth, age, place)
    assert ages.today(place, turns) == LEAP_CHILD[age]
    verdicts = [alone(name, band(birth, place, at)) for at in (turns - 1, turns)]
    assert verdicts == [Verdict.DENY, Verdict.ALLOW]


@pytest.mark.parametrize("name", UNDER)
def test_its_neighbours_in_the_calendar(name: str) -> None:
    """Born a day earlier: grown up a day earlier. Born a day later: on the same day, in a year without 29 February."""
    age, place = UNDER[name][0], ZoneInfo(UNDER[name][1])
    before, leap, after = (
        ages.reached_at(birth, age, place) for birth in (date(2012, 2, 28), date(2012, 2, 29), date(2012, 3, 1))
    )
    day = 86_400_000_000
    assert leap - before == day
    assert after - leap == (day if age == 16 else 0)


def test_midnight_is_the_persons_own() -> None:
    """The same child is grown up in Shanghai while it is a minor still in Chicago."""
    birth = date(2012, 2, 29)
    in_shanghai = ages.reached_at(birth, 14, ZoneInfo("Asia/Shanghai"))
    assert alone("cn-2025", band(birth, ZoneInfo("Asia/Shanghai"), in_shanghai)) is Verdict.ALLOW
    assert alone("cn-2025", band(birth, ZoneInfo("America/Chicago"), in_shanghai)) is Verdict.DENY


def alone(name: str, age_band: AgeBand) -> Verdict:
    """What the law says to a consent without a guardian."""
    decision = judge([shipped.pack(name)], lawful(age_band=age_band))
    assert (name in decision.context["minor"]) is (decision.verdict is Verdict.DENY)  # type: ignore[operator]
    return decision.verdict
