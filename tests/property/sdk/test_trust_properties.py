"""Whatever the order of questions and answers: an honest log is followed, a fork never believed on both sides."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from integration.sdk.little_log import LittleLog

from placet.sdk.errors import ProofError
from placet.sdk.trust import Gap, Tree, Trust
from placet.tlog.note import Verifier

# A step: ask (note the anchor), or answer question number n from branch b at some size of that branch.
STEPS = st.lists(
    st.one_of(
        st.just(("ask", 0, 0, 0, False)),
        st.tuples(st.just("answer"), st.integers(0, 3), st.integers(0, 1), st.integers(0, 7), st.booleans()),
    ),
    min_size=4,
    max_size=24,
)


def branches(forked: bool) -> tuple[list[LittleLog], list[list[int]], int]:
    """Return two histories with the sizes of their checkpoints, and the size at which they part."""
    log = LittleLog()
    log.grant()
    log.state()
    common = log.size
    other = log.fork()
    sizes: list[list[int]] = [[common], [common]]
    for number, history in enumerate((log, other)):
        for step in range(7):
            history.grant(law=f"branch-{number if forked else 0}", max_events=step + 1)
            if (step + (number if forked else 0)) % 3 == 0:
                history.grant(law="more")
            history.state()
            sizes[number].append(history.size)
    return [log, other], sizes, common


HONEST, FORKED = branches(False), branches(True)


def settle(trust: Trust, gap: Gap | None, history: LittleLog, beginnings: dict[int, bytes]) -> bool:
    """Fetch missing proofs from the answering history; tell whether the answer was accepted."""
    while gap is not None:
        if gap.new.size > history.size:
            return False
        gap = trust.bridge(gap, history.consistency(gap.old.size, gap.new.size), beginnings)
    return True


def play(
    steps: list[tuple[str, int, int, int, bool]],
    world: tuple[list[LittleLog], list[list[int]], int],
    kind_of_trust: type[Trust] = Trust,
) -> tuple[list[tuple[int, int]], int]:
    """Return which (branch, size) were accepted, and how many were refused."""
    logs, sizes, common = world
    trust = kind_of_trust(Verifier.parse(logs[0].vkey))
    trust.tie(trust.open(logs[0].note(common)), trust.head, [])
    open_questions: list[Tree] = [trust.head]
    accepted, refused = [], 0
    for kind, number, branch, at, tell in steps:
        if kind == "ask":
            open_questions.append(trust.head)
            continue
        anchor = open_questions[number % len(open_questions)]
        history, size = logs[branch], sizes[branch][at]
        proof = history.consistency(anchor.size, size) if anchor.size <= size else []
        beginnings = {one: history.root(one) for one in sizes[branch] if one < size} if tell else {}
        try:
            tree = trust.open(history.note(size), size)
            if settle(trust, trust.tie(tree, anchor, proof, beginnings), history, beginnings):
                accepted.append((branch, size))
        except ProofError:
            refused += 1
    return accepted, refused


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_a_fork_is_never_believed_on_both_sides(steps: list[tuple[str, int, int, int, bool]]) -> None:
    accepted, _ = play(steps, FORKED)
    common = FORKED[2]
    beyond = {branch for branch, size in accepted if size > common}
    assert len(beyond) <= 1


@given(STEPS)
@settings(max_examples=100, deadline=None)
def test_an_honest_log_is_only_refused_for_going_back(steps: list[tuple[str, int, int, int, bool]]) -> None:
    logs, sizes, common = HONEST
    trust = Trust(Verifier.parse(logs[0].vkey))
    trust.tie(trust.open(logs[0].note(common)), trust.head, [])
    open_questions: list[Tree] = [trust.head]
    for kind, number, _, at, tell in steps:
        if kind == "ask":
            open_questions.append(trust.head)
            continue
        anchor = open_questions[number % len(open_questions)]
        size = sizes[0][at]
        if size < anchor.size:
            continue  # would be refused, and rightly
        beginnings = {one: logs[0].root(one) for one in sizes[0] if one < size} if tell else {}
        tree = trust.open(logs[0].note(size), size)
        proof = logs[0].consistency(anchor.size, size)
        assert settle(trust, trust.tie(tree, anchor, proof, beginnings), logs[0], beginnings)
        assert trust.head.root == logs[0].root(trust.head.size)


class Gullible(Trust):
    """Takes the proof from the anchor for enough."""

    def tie(self, tree: Tree, anchor: Tree, proof: Any, beginnings: Any = None) -> Gap | None:
        self._check_anchor(tree, anchor, proof)
        self._advance(tree)
        return None


def test_the_property_can_fail() -> None:
    """Negative control: without the tie to the head, two answers asked from one anchor are both believed."""
    steps = [("answer", 0, 0, 2, False), ("answer", 0, 1, 4, False)]
    common = FORKED[2]
    believed, _ = play(steps, FORKED, Gullible)
    assert {branch for branch, size in believed if size > common} == {0, 1}
    accepted, refused = play(steps, FORKED)
    assert {branch for branch, size in accepted if size > common} == {0}
    assert refused == 1
