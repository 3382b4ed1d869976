"""When an append request goes out: a caller alone at once, a crowd together, and never more than two requests."""

import pytest

from placet.kit.ledger.pacing import CROWD, WORTH_A_SECOND, Pace


def test_a_caller_alone_never_waits_however_often_it_comes() -> None:
    pace = Pace()
    for _ in range(100):
        assert not pace.gathers(1, 0)
        assert pace.may_send(1, 0)
        pace.answered(1, 0)


@pytest.mark.parametrize(
    ("submissions", "unanswered", "may"),
    [(0, 0, True), (31, 1, False), (32, 1, True), (512, 1, True), (512, 2, False)],
)
def test_a_second_request_goes_only_when_it_is_worth_it(submissions: int, unanswered: int, may: bool) -> None:
    assert Pace().may_send(submissions, unanswered) is may


def test_a_crowd_gathers_until_about_as_many_wait_again() -> None:
    pace = Pace()
    pace.answered(8, 4)
    assert pace.gathers(11, 0)
    assert not pace.gathers(12, 0)
    assert not pace.gathers(0, 0), "nothing to gather"
    assert not pace.gathers(3, 1), "it waits for the answer anyway"
    pace.answered(100, 100)
    assert not pace.gathers(WORTH_A_SECOND, 0), "no more than is worth it"


def test_fewer_than_a_crowd_do_not_wait_for_each_other() -> None:
    pace = Pace()
    pace.answered(CROWD - 2, 1)
    assert not pace.gathers(1, 0)


def test_a_crowd_that_has_gone_is_forgotten() -> None:
    pace = Pace()
    pace.answered(32, 0)
    answers = 0
    while pace.gathers(1, 0):
        pace.answered(1, 0)
        answers += 1
    assert answers <= 6
    pace.answered(16, 0)
    pace.lingered()
    pace.lingered()
    assert not pace.gathers(1, 0)
