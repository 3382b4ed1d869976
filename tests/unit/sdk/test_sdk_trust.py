"""What a client holds for certain: forks, removed entries and stale answers are seen whatever order answers come in."""

import pytest
from integration.sdk.little_log import LittleLog

from placet.sdk.errors import ProofError
from placet.sdk.trust import EMPTY, Gap, Tree, Trust
from placet.tlog.note import Verifier


def grow(log: LittleLog, batches: int = 1) -> int:
    for _ in range(batches):
        log.grant()
        log.state()
    return log.size


def trust_of(log: LittleLog, held: str | None = None) -> Trust:
    return Trust(Verifier.parse(log.vkey), held)


def take(trust: Trust, log: LittleLog, size: int, anchor: Tree = EMPTY) -> Gap | None:
    """Offer a checkpoint with its consistency proof from `anchor`."""
    proof = log.consistency(anchor.size, size) if 0 < anchor.size <= size else []
    return trust.tie(trust.open(log.note(size), size), anchor, proof)


def test_a_growing_log_is_followed() -> None:
    log = LittleLog()
    trust = trust_of(log)
    for _ in range(5):
        size = grow(log)
        assert take(trust, log, size, trust.head) is None
        assert (trust.head.size, trust.head.root) == (size, log.root(size))


def test_another_root_for_the_size_held_is_a_fork() -> None:
    log = LittleLog()
    other = log.fork()
    grow(log)
    other.grant(law="other")
    other.state()
    trust = trust_of(log)
    take(trust, log, log.size)
    with pytest.raises(ProofError) as caught:
        take(trust, other, other.size)
    assert caught.value.reason == "LOG_FORKED"
    assert caught.value.held == log.note()
    assert caught.value.answered == other.note()
    assert trust.head.root == log.root(log.size)


def test_a_longer_history_that_does_not_continue_the_held_one_is_a_fork() -> None:
    log = LittleLog()
    other = log.fork()
    grow(log)
    other.grant(law="other")
    other.state()
    grow(other, 2)
    trust = trust_of(log)
    take(trust, log, log.size)
    with pytest.raises(ProofError) as caught:
        take(trust, other, other.size, trust.head)
    assert caught.value.reason == "LOG_FORKED"
    assert caught.value.proof == tuple(other.consistency(log.size, other.size))


def test_a_checkpoint_smaller_than_what_was_seen_when_asking_is_refused_though_it_is_true() -> None:
    log = LittleLog()
    trust = trust_of(log)
    old = grow(log)
    take(trust, log, old)
    new = grow(log)
    take(trust, log, new, trust.head)
    with pytest.raises(ProofError, match="removed"):
        take(trust, log, old, trust.head)


def test_an_answer_without_the_proof_from_its_anchor_is_refused() -> None:
    log = LittleLog()
    trust = trust_of(log)
    take(trust, log, grow(log))
    size = grow(log)
    with pytest.raises(ProofError):
        trust.tie(trust.open(log.note(size)), trust.head, [])


def test_answers_that_cross_are_tied_to_the_head_by_one_more_proof() -> None:
    log = LittleLog()
    trust = trust_of(log)
    take(trust, log, grow(log))
    anchor = trust.head
    first, second = grow(log), grow(log)
    assert take(trust, log, second, anchor) is None
    gap = take(trust, log, first, anchor)
    assert gap is not None
    assert (gap.old.size, gap.new.size, gap.behind) == (first, second, True)
    assert trust.bridge(gap, log.consistency(first, second)) is None
    assert take(trust, log, first, anchor) is None  # known from now on
    assert trust.head.size == second


def test_two_answers_asked_from_one_anchor_may_contradict_one_another_and_are_caught() -> None:
    """Both continue what was seen when they were asked; only the tie to the head tells them apart."""
    log = LittleLog()
    trust = trust_of(log)
    take(trust, log, grow(log))
    anchor, other = trust.head, log.fork()
    grow(log)
    other.grant(law="other")
    other.state()
    grow(other)
    assert take(trust, log, log.size, anchor) is None
    gap = take(trust, other, other.size, anchor)
    assert gap is not None, "nothing ties it to the head yet"
    for history in (log, other):
        if history.size < gap.new.size:
            continue
        with pytest.raises(ProofError) as caught:
            trust.bridge(gap, history.consistency(gap.old.size, gap.new.size))
        assert caught.value.reason == "LOG_FORKED"
    assert trust.head.root == log.root(log.size)


def test_the_beginning_that_a_range_proof_gives_away_ties_without_a_proof_of_its_own() -> None:
    log = LittleLog()
    trust = trust_of(log)
    take(trust, log, grow(log))
    anchor = trust.head
    first = grow(log)
    take(trust, log, first, anchor)
    second = grow(log)
    tree = trust.open(log.note(second))
    proof = log.consistency(anchor.size, second)
    assert trust.tie(tree, anchor, proof, {first: log.root(first)}) is None
    assert trust.head.size == second


def test_a_beginning_that_is_not_what_was_held_is_a_fork() -> None:
    log = LittleLog()
    trust = trust_of(log)
    take(trust, log, grow(log))
    anchor = trust.head
    first = grow(log)
    take(trust, log, first, anchor)
    second = grow(log)
    with pytest.raises(ProofError, match="does not continue"):
        trust.tie(trust.open(log.note(second)), anchor, log.consistency(anchor.size, second), {first: bytes(32)})


def test_the_head_may_move_while_a_proof_is_fetched() -> None:
    log = LittleLog()
    trust = trust_of(log)
    take(trust, log, grow(log))
    anchor = trust.head
    sizes = [grow(log) for _ in range(4)]
    take(trust, log, sizes[0], anchor)
    gap = take(trust, log, sizes[3], anchor)
    assert gap is not None
    take(trust, log, sizes[1], trust.head)  # meanwhile
    again = trust.bridge(gap, log.consistency(gap.old.size, gap.new.size))
    assert again is not None
    assert (again.old.size, again.new.size) == (sizes[1], sizes[3])
    assert trust.bridge(again, log.consistency(sizes[1], sizes[3])) is None
    assert trust.head.size == sizes[3]


def test_the_first_checkpoint_is_trusted_by_its_signature_alone_and_a_kept_one_makes_up_for_it() -> None:
    log = LittleLog()
    grow(log)
    other = log.fork()
    kept = log.note(grow(log))
    other.grant(law="other")
    other.state()
    assert take(trust_of(log), other, other.size) is None
    with pytest.raises(ProofError):
        take(trust_of(log, kept), other, other.size)


@pytest.mark.parametrize("what", ["signature", "key", "size", "text"])
def test_a_note_that_the_pinned_key_did_not_sign_is_refused(what: str) -> None:
    log = LittleLog()
    trust = trust_of(log)
    note = log.note()
    if what == "signature":
        note = note[:-10] + ("A" if note[-10] != "A" else "B") + note[-9:]
    elif what == "key":
        note = LittleLog(seed=b"\x08" * 32).note()
    elif what == "text":
        note = note.replace(f"\n{log.size}\n", f"\n{log.size + 1}\n")
    with pytest.raises(ProofError):
        trust.open(note, log.size + 1 if what == "size" else log.size)


def test_a_note_is_checked_once_however_often_it_comes() -> None:
    log = LittleLog()
    trust = trust_of(log)
    for _ in range(10):
        trust.open(log.note())
    assert trust.signatures_checked == 1
