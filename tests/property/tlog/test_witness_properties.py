"""A witness among forks: whatever it is sent, what it cosigned is one history that only grows.

The machine keeps several histories of one log, all signed by the log's key, and sends requests made of any of their
checkpoints, sizes and proofs. The naive comparison of histories is by their leaves.
"""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from property.tlog import naive_tree as naive

from placet.tlog.addcheckpoint import AddCheckpoint, Status, format_request, parse_request
from placet.tlog.checkpoint import Checkpoint, sign_checkpoint
from placet.tlog.note import Signer, Verifier
from placet.tlog.proof import consistency_proof
from placet.tlog.tree import LevelTree
from placet.tlog.witness import Cosign, Decision, Held, LogKeys, decide

ORIGIN = "log.example/bank"
KEY = Signer.from_seed(ORIGIN, bytes(32))
LOGS = LogKeys([Verifier(KEY.vkey)])
History = tuple[int, ...]


def leaves(history: History) -> list[bytes]:
    return [naive.leaf(b"%d" % entry) for entry in history]


def checkpoint(history: History) -> Checkpoint:
    return Checkpoint(origin=ORIGIN, size=len(history), root=naive.root(leaves(history)))


def proof(old: int, history: History) -> list[bytes]:
    return consistency_proof(old, len(history), LevelTree.from_leaves(b"".join(leaves(history))))


class Forks(RuleBasedStateMachine):
    """One log whose operator keeps as many histories as it likes, and a witness that keeps what it is told to."""

    # What the negative control switches off.
    checks = True

    def __init__(self) -> None:
        super().__init__()
        self.histories: list[History] = [(0, 1)]
        self.cosigned: list[History] = []
        self.held: Held | None = None
        self.entries = 2

    @rule(data=st.data(), more=st.integers(1, 9))
    def grow(self, data: st.DataObject, more: int) -> None:
        """Append to a history, or fork it, from any place in it."""
        history = data.draw(st.sampled_from(self.histories))
        keep = data.draw(st.integers(2, len(history)))
        self.histories.append(history[:keep] + tuple(range(self.entries, self.entries + more)))
        self.entries += more

    @rule(data=st.data())
    def ask(self, data: st.DataObject) -> None:
        """Ask as an honest log does for one of the histories, from the size that the witness holds."""
        history = data.draw(st.sampled_from(self.histories))
        old = 0 if self.held is None else self.held.checkpoint.size
        if old <= len(history):
            self.send(old, proof(old, history), history)

    @rule(data=st.data())
    def ask_anything(self, data: st.DataObject) -> None:
        """Ask with the sizes and hashes of any history."""
        history = data.draw(st.sampled_from(self.histories))
        old = data.draw(st.integers(0, len(history) + 1))
        other = data.draw(st.sampled_from(self.histories))
        hashes = proof(min(old, len(other)), other)
        self.send(old, data.draw(st.sampled_from((hashes, hashes[1:], [*hashes, bytes(32)], []))), history)

    @precondition(lambda self: self.held is not None)
    @rule()
    def ask_for_the_same(self) -> None:
        """Asking again for what is held is answered again."""
        assert self.held is not None
        assert isinstance(self.send(self.held.checkpoint.size, [], self.cosigned[-1]), Cosign)

    def send(self, old: int, hashes: list[bytes], history: History) -> Decision:
        asked = checkpoint(history)
        body = format_request(AddCheckpoint.of(old, hashes, sign_checkpoint(asked, KEY)))
        before = self.held
        decision = decide(body, LOGS, lambda _: self.held if self.checks else None)
        if isinstance(decision, Cosign):
            assert decision.held.checkpoint == asked
            self.held = decision.held
            self.cosigned.append(history)
        else:
            assert self.held is before
            # The naive reason why an honest request would be refused: it does not continue what was cosigned.
            if decision.status == Status.CONFLICT and decision.size is None:
                assert before is not None
                assert before.checkpoint.root != asked.root
            if decision.conflict is not None and decision.conflict.proven:
                assert self.cosigned[-1] != history[: len(self.cosigned[-1])]
        return decision

    @invariant()
    def what_was_cosigned_is_one_history_that_only_grows(self) -> None:
        for older, newer in zip(self.cosigned, self.cosigned[1:], strict=False):
            assert newer[: len(older)] == older


def test_a_witness_among_forks() -> None:
    run_state_machine_as_test(Forks, settings=settings(max_examples=120, stateful_step_count=25, deadline=None))


def test_a_witness_that_forgets_is_caught() -> None:
    """Negative control: a witness whose memory is empty at each request cosigns two histories."""

    class Forgetful(Forks):
        checks = False

        def ask_for_the_same(self) -> None:
            """Leave this out: who forgets refuses it."""

    quick = settings(max_examples=300, stateful_step_count=25, deadline=None, phases=[Phase.generate])
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Forgetful, settings=quick)


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(0, 60))
def test_a_request_reads_back(size: int, old: int) -> None:
    history = tuple(range(size))
    hashes = proof(min(old, size), history)
    request = AddCheckpoint.of(old, hashes, sign_checkpoint(checkpoint(history), KEY))
    assert parse_request(format_request(request)) == request


@settings(deadline=None)
@given(st.integers(2, 60), st.data())
def test_an_honest_log_is_never_refused(size: int, data: st.DataObject) -> None:
    history = tuple(range(size))
    steps = sorted(data.draw(st.sets(st.integers(1, size), min_size=1, max_size=6)))
    held: Held | None = None
    for old, new in zip([0, *steps], steps, strict=False):
        note = sign_checkpoint(checkpoint(history[:new]), KEY)
        body = format_request(AddCheckpoint.of(old, proof(old, history[:new]), note))
        decision = decide(body, LOGS, lambda _, held=held: held)  # type: ignore[misc]
        assert isinstance(decision, Cosign)
        held = decision.held
