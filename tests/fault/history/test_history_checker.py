"""The checker itself: no right history is refused, and no lie passes (Hypothesis makes the histories)."""

from collections.abc import AsyncIterator, Iterable

import pytest
from fault.history.checker import Line, Rule, check
from fault.history.invented import Fate, Step, model
from fault.history.mutations import MUTATIONS
from fault.history.record import Kind, Operation, Outcome, Recorder, Told, Way
from hypothesis import given, settings
from hypothesis import strategies as st

from placet.sdk import Conflict, Forbidden, Invalid, PlacetError, Precondition, Unreachable

BASES = 3
GRACE = 10
STEPS = st.lists(
    st.builds(
        Step,
        kind=st.sampled_from((Kind.EVENT, Kind.EVENT, Kind.USE, Kind.USE, Kind.WITHDRAW)),
        basis=st.integers(0, BASES - 1),
        fate=st.sampled_from((Fate.ANSWERED, Fate.ANSWERED, *Fate)),
        again=st.booleans(),
        guardian=st.booleans(),
        before=st.integers(0, 8),
        after=st.integers(0, 8),
        gap=st.integers(0, 2),
    ),
    max_size=60,
)


@given(STEPS)
def test_a_right_history_is_accepted(steps: list[Step]) -> None:
    made = model(steps, BASES)
    assert check(made.history, made.ledger, grace=GRACE) == []


@given(STEPS, st.randoms(use_true_random=False))
def test_the_order_of_recording_does_not_matter(steps: list[Step], chance: object) -> None:
    made = model(steps, BASES)
    chance.shuffle(made.history)  # type: ignore[attr-defined]
    assert check(made.history, made.ledger, grace=GRACE) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
@settings(max_examples=40)
@given(steps=STEPS)
def test_a_lie_is_convicted(mutation: object, steps: list[Step]) -> None:
    made = model(steps, BASES)
    history, ledger = mutation(made.history, made.ledger)  # type: ignore[operator]
    assert MUTATIONS[mutation] in {wrong.rule for wrong in check(history, ledger, grace=GRACE)}  # type: ignore[index]


def test_every_rule_has_a_lie() -> None:
    assert set(MUTATIONS.values()) == set(Rule)


def operation(kind: Kind, key: str, invoked: int, returned: int, **told: object) -> Operation:
    fields = {"basis": 0, "deadline": 10**9, "outcome": Outcome.ALLOWED, **told}
    return Operation(kind=kind, key=key, invoked=invoked, returned=returned, **fields)  # type: ignore[arg-type]


GRANT = Line(index=2, kind=Kind.GRANT, basis=0)
EVENT = Line(index=4, kind=Kind.EVENT, basis=0, key="e")
WITHDRAW = Line(index=6, kind=Kind.WITHDRAW, basis=0)
GRANTED = operation(Kind.GRANT, "c", 0, 10, outcome=Outcome.DONE, index=2)
WITHDRAWN = operation(Kind.WITHDRAW, "c", 20, 30, outcome=Outcome.DONE, index=6)


def rules(*history: Operation, ledger: tuple[Line, ...] = (GRANT, EVENT, WITHDRAW)) -> list[Rule]:
    return [wrong.rule for wrong in check([GRANTED, WITHDRAWN, *history], ledger, grace=0)]


@pytest.mark.parametrize(("invoked", "expected"), [(29, []), (30, []), (31, [Rule.AFTER_WITHDRAWAL])])
def test_what_began_before_the_withdrawal_returned_may_be_allowed(invoked: int, expected: list[Rule]) -> None:
    found = rules(operation(Kind.EVENT, "e", invoked, 40, index=4))
    assert [rule for rule in found if rule is not Rule.REAL_TIME] == expected


def test_an_old_event_may_be_repeated_for_its_answer_but_not_for_its_permit() -> None:
    lost = operation(Kind.EVENT, "e", 11, 12, outcome=Outcome.UNKNOWN)
    assert rules(lost, operation(Kind.EVENT, "e", 31, 40, index=4)) == []
    assert rules(lost, operation(Kind.EVENT, "e", 31, 40, index=4, permit=True)) == [Rule.PERMIT_AFTER]


def test_what_nobody_was_told_of_keeps_the_order_too() -> None:
    lost = operation(Kind.EVENT, "e", 31, 32, outcome=Outcome.UNKNOWN)
    assert rules(lost) == [Rule.REAL_TIME], "it stands at 4, before the withdraw at 6 that had returned"
    assert rules(lost, ledger=(GRANT, WITHDRAW)) == [], "or it never happened"


def test_a_withdrawal_that_nobody_was_told_of_ends_the_basis_where_it_stands() -> None:
    lost = operation(Kind.WITHDRAW, "c", 5, 6, outcome=Outcome.UNKNOWN)
    late = Line(index=8, kind=Kind.EVENT, basis=0, key="e")
    asked = operation(Kind.EVENT, "e", 20, 30, index=8)
    assert [one.rule for one in check([GRANTED, lost, asked], [GRANT, WITHDRAW, late], grace=0)] == [
        Rule.BEHIND_WITHDRAWAL
    ]


def test_an_operation_is_acknowledged_with_its_index_or_not_at_all() -> None:
    for told in ({"outcome": Outcome.ALLOWED}, {"outcome": Outcome.UNKNOWN, "index": 1}):
        with pytest.raises(ValueError, match="go together"):
            operation(Kind.EVENT, "e", 0, 1, **told)
    with pytest.raises(ValueError, match="before it was asked"):
        operation(Kind.EVENT, "e", 1, 0, index=1)


@pytest.mark.parametrize(
    ("error", "outcome", "index"),
    [
        (Unreachable("DEADLINE_PASSED", "late"), Outcome.UNKNOWN, None),
        (Conflict("CONFLICT", "somebody was first"), Outcome.UNKNOWN, None),
        (Forbidden("USE_DENIED", "no", metadata={"index": "7"}), Outcome.DENIED, 7),
        (Precondition("TEMPLATE_DESTROYED", "gone"), Outcome.REFUSED, None),
    ],
)
async def test_the_recorder_knows_what_an_error_says(error: PlacetError, outcome: Outcome, index: int | None) -> None:
    recorder = Recorder(clock=iter(range(100)).__next__)

    async def failing() -> None:
        raise error

    assert await recorder.call(Kind.USE, "u", failing(), lambda _: pytest.fail("no answer"), timeout=1) is None
    (one,) = recorder.operations
    assert (one.outcome, one.index, one.invoked, one.returned) == (outcome, index, 0, 1)


def told(outcome: Outcome) -> Told:
    return Told(outcome=outcome, index=None if outcome is Outcome.UNKNOWN else 7, basis=0)


async def test_each_event_of_a_batch_is_an_operation() -> None:
    recorder = Recorder(clock=iter(range(100)).__next__)

    async def answers() -> list[Outcome]:
        return [Outcome.ALLOWED, Outcome.DENIED]

    async def silence() -> list[Outcome]:
        raise Unreachable("DEADLINE_PASSED", "late")

    await recorder.batch(["a", "b"], answers(), told, timeout=1, basis=0)
    await recorder.batch(["c"], silence(), told, timeout=1, basis=0)
    found = [(one.key, one.outcome, one.invoked, one.way) for one in recorder.operations]
    assert found == [
        ("a", Outcome.ALLOWED, 0, Way.BATCH),
        ("b", Outcome.DENIED, 0, Way.BATCH),
        ("c", Outcome.UNKNOWN, 3, Way.BATCH),
    ]


async def test_an_event_of_a_stream_begins_when_it_is_taken() -> None:
    """And one that was taken and not answered is unknown; one that was not taken is nothing."""
    recorder = Recorder(clock=iter(range(100)).__next__)

    async def run(events: Iterable[str]) -> AsyncIterator[Outcome]:
        taken = iter(events)
        next(taken)
        yield Outcome.ALLOWED
        next(taken), next(taken)
        yield Outcome.DENIED
        raise Unreachable("DEADLINE_PASSED", "late")

    await recorder.stream(((key, key) for key in "abcd"), run, told, timeout=1e-9, basis=0)
    found = [(one.key, one.outcome, one.invoked, one.returned, one.deadline) for one in recorder.operations]
    assert found == [
        ("a", Outcome.ALLOWED, 0, 1, 1),
        ("b", Outcome.DENIED, 3, 5, 4),
        ("c", Outcome.UNKNOWN, 4, 7, 7),
    ], "an answer has its time from the one before it"
    assert {one.way for one in recorder.operations} == {Way.STREAM}


CONSENT = Line(index=3, kind=Kind.GRANT, basis=1, needs=(0,))


@pytest.mark.parametrize(("asked", "expected"), [(1, []), (2, [Rule.NOT_IN_LEDGER]), (0, [Rule.NOT_IN_LEDGER])])
def test_a_consent_needs_the_guardians_that_it_was_asked_to_need(asked: int, expected: list[Rule]) -> None:
    granted = operation(Kind.GRANT, "c", 0, 10, outcome=Outcome.DONE, basis=1, index=3, needs=asked)
    found = {wrong.rule for wrong in check([granted], [GRANT, CONSENT], grace=0)}
    assert found - {Rule.NOT_ASKED} == set(expected)
    assert (Rule.NOT_ASKED in found) is (asked == 0), "a guardianship that no consent asked for"


def test_a_basis_ends_with_a_guardianship_that_it_needs() -> None:
    granted = operation(Kind.GRANT, "c", 0, 10, outcome=Outcome.DONE, basis=1, index=3, needs=1)
    withdrawn = operation(Kind.WITHDRAW, "g", 20, 30, outcome=Outcome.DONE, basis=0, index=6)
    event = Line(index=8, kind=Kind.EVENT, basis=1, key="e")
    asked = operation(Kind.EVENT, "e", 31, 40, basis=1, index=8, permit=True)
    found = check([granted, withdrawn, asked], [GRANT, CONSENT, WITHDRAW, event], grace=0)
    assert [wrong.rule for wrong in found] == [Rule.AFTER_WITHDRAWAL, Rule.PERMIT_AFTER, Rule.BEHIND_WITHDRAWAL]


@pytest.mark.parametrize("error", [Invalid("FIELD_INVALID", "sent so"), Conflict("IDEMPOTENCY_CONFLICT", "sent twice")])
async def test_an_error_of_the_workload_itself_ends_the_campaign(error: PlacetError) -> None:
    async def failing() -> None:
        raise error

    told = Told(outcome=Outcome.DONE, index=1, basis=None)
    with pytest.raises(type(error)):
        await Recorder().call(Kind.GRANT, "c", failing(), lambda _: told, timeout=1)
