"""Does an assessment still stand? Every way to lose it, and that arrival out of order changes nothing."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.permission.attested import assessment, incident
from unit.permission.world import BEGIN, DAY, purpose

from placet.permission.model.assessing import Assessing, AssessmentState, Standing
from placet.permission.model.assessing import AssessmentState as State
from placet.permission.model.attestations import Assessment, Incident
from placet.permission.model.registers import Purpose
from placet.permission.model.vocabulary import Inference, Operation, Storage

PLAIN = {"assessment_sha256": b"", "assessment_valid_until": 0}


def told(*changes: tuple[Any, int]) -> Assessing:
    """What is known after these changes at these positions, in this order of arrival."""
    made = Assessing()
    for item, index in changes:
        match item:
            case Purpose():
                made.purpose(item, index)
            case Assessment():
                made.assessment(item, index)
            case Incident():
                made.incident(item, index)
    return made


def standing(*changes: tuple[Any, int], now: int = BEGIN) -> Standing:
    return told(*changes).standing("entry", now)


def state(*changes: tuple[Any, int], now: int = BEGIN) -> AssessmentState:
    return standing(*changes, now=now).state


P = purpose(**PLAIN)
CHANGED = purpose(**PLAIN, operations=(Operation.VERIFY,))


def test_no_assessment() -> None:
    assert state((P, 1)) is State.MISSING
    assert told().standing("nothing", BEGIN).state is State.MISSING


def test_one_that_stands_names_where_it_was_recorded() -> None:
    found = standing((P, 1), (assessment(), 2))
    assert found == Standing(State.VALID, "pia-1", 2, BEGIN + 365 * DAY)


@pytest.mark.parametrize(
    "change",
    [
        {"necessity": "other"},
        {"operations": (Operation.VERIFY,)},
        {"inferences": (Inference.AGE,)},
        {"storage": Storage.VAULT},
        {"public_safety": True},
    ],
)
def test_another_purpose_or_method_needs_another_report(change: dict[str, Any]) -> None:
    after = (purpose(**PLAIN, **change), 3)
    assert state((P, 1), (assessment(), 2), after) is State.METHOD_CHANGED
    again = assessment(id="pia-2", report_sha256=b"2" * 32)
    assert state((P, 1), (assessment(), 2), after, (again, 4)) is State.VALID


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"alternative": ""},
        {"permit_lifetime": 9},
        {"retention_days": 9},
        {"reviewed_by": "x"},
        {"operations": tuple(reversed(P.operations))},
    ],
)
def test_other_changes_leave_it_standing(change: dict[str, Any]) -> None:
    """Negative control."""
    assert state((P, 1), (assessment(), 2), (purpose(**PLAIN | change), 3)) is State.VALID


def test_the_same_report_registered_again_revives_nothing() -> None:
    longer = assessment(valid_until=BEGIN + 900 * DAY)
    assert state((P, 1), (assessment(), 2), (CHANGED, 3), (longer, 4)) is State.METHOD_CHANGED
    elsewhere = assessment(id="pia-2")
    assert state((P, 1), (assessment(), 2), (CHANGED, 3), (elsewhere, 4)) is State.METHOD_CHANGED


def test_what_was_assessed_and_came_back_stands() -> None:
    assert state((P, 1), (assessment(), 2), (CHANGED, 3), (P, 4)) is State.VALID


def test_an_incident_ends_all_that_were_made_before() -> None:
    before = ((P, 1), (assessment(), 2), (incident(), 3))
    assert standing(*before) == Standing(State.INCIDENT, "pia-1", 2, BEGIN + 365 * DAY, "inc-1")
    early = assessment(id="pia-2", report_sha256=b"2" * 32)  # concluded before the incident was noticed
    assert state(*before, (early, 4)) is State.INCIDENT
    late = assessment(id="pia-2", report_sha256=b"2" * 32, concluded_at=BEGIN + DAY)
    assert state(*before, (late, 4)) is State.NOT_YET
    assert state(*before, (late, 4), now=BEGIN + DAY) is State.VALID
    # A corrected description of the same incident ends nothing that was made since.
    assert state(*before, (late, 4), (incident(description="two backups"), 5), now=BEGIN + DAY) is State.VALID
    assert state(*before, (late, 4), (incident(id="inc-2"), 5), now=BEGIN + DAY) is State.INCIDENT


def test_it_lapses() -> None:
    changes = ((P, 1), (assessment(), 2))
    assert state(*changes, now=BEGIN + 365 * DAY - 1) is State.VALID
    assert state(*changes, now=BEGIN + 365 * DAY) is State.EXPIRED


def test_what_a_purpose_says_of_itself_counts_as_before() -> None:
    own = purpose()
    assert standing((own, 1)) == Standing(State.VALID, "", 1, BEGIN + 365 * DAY)
    kept = purpose(operations=(Operation.VERIFY,), assessment_sha256=own.assessment_sha256)
    assert state((own, 1), (kept, 2)) is State.METHOD_CHANGED
    assert state((own, 1), (purpose(operations=(Operation.VERIFY,)), 2)) is State.VALID  # with a report of its own
    assert state((own, 1), (incident(), 2)) is State.INCIDENT
    assert state((own, 1), now=BEGIN + 365 * DAY) is State.EXPIRED


def test_what_the_register_says_of_the_same_report_counts_instead() -> None:
    own = purpose(assessment_sha256=assessment().report_sha256)
    assert standing((own, 1), (assessment(valid_until=BEGIN), 2)).state is State.EXPIRED
    assert standing((own, 1), (assessment(purposes=("other",)), 2)).state is State.VALID


def test_of_several_the_one_that_stands_longest_counts() -> None:
    short = assessment(id="pia-2", report_sha256=b"2" * 32, valid_until=BEGIN + DAY)
    made = told((P, 1), (assessment(), 2), (short, 3))
    assert made.standing("entry", BEGIN).assessment == "pia-1"
    made.destroyed("pia-1")
    assert made.standing("entry", BEGIN).assessment == "pia-2"
    assert made.turns("entry") == [BEGIN - DAY, BEGIN + DAY]


def test_a_review_is_of_what_was_in_force() -> None:
    made = told((P, 1))
    assert made.reviewed(P)
    made.purpose(CHANGED, 2)
    assert not made.reviewed(CHANGED)
    again = purpose(**PLAIN, operations=(Operation.VERIFY,), reviewed_at=BEGIN)
    made.purpose(again, 3)
    assert made.reviewed(again)
    assert not made.reviewed(purpose(id="unknown"))


ITEMS = st.lists(
    st.sampled_from(
        [
            P,
            CHANGED,
            purpose(),
            assessment(),
            assessment(valid_until=BEGIN),
            assessment(id="pia-2", report_sha256=b"2" * 32, concluded_at=BEGIN),
            incident(),
            incident(id="inc-2", noticed_at=BEGIN - 2 * DAY),
        ]
    ),
    max_size=8,
)


@given(ITEMS, st.randoms(use_true_random=False), st.sampled_from([BEGIN, BEGIN + 400 * DAY]))
@settings(max_examples=300, deadline=None)
def test_the_order_of_arrival_does_not_matter(items: list[Any], order: Random, now: int) -> None:
    """A change confirmed late, a book read from the database, and one built change by change agree."""
    changes = [(item, index) for index, item in enumerate(items)]
    shuffled = changes.copy()
    order.shuffle(shuffled)
    assert told(*changes).standing("entry", now) == told(*shuffled).standing("entry", now)
    assert sorted(told(*changes).turns("entry")) == sorted(told(*shuffled).turns("entry"))


@given(ITEMS)
@settings(max_examples=200, deadline=None)
def test_a_valid_one_is_newer_than_every_incident_and_fits_the_method(items: list[Any]) -> None:
    """Said again, naively: walk the log from its end."""
    found = told(*((item, index) for index, item in enumerate(items))).standing("entry", BEGIN)
    if found.state is not State.VALID:
        return
    since = items[found.recorded :]
    first_incidents = {one.id: at for at, one in reversed(list(enumerate(items))) if isinstance(one, Incident)}
    assert all(at < found.recorded for at in first_incidents.values())
    methods = [one.operations for one in items if isinstance(one, Purpose)]
    before = [one.operations for one in items[: found.recorded + 1] if isinstance(one, Purpose)]
    assert since
    assert before[-1] == methods[-1]
