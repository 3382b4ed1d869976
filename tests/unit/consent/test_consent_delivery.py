"""The ledger away, answers lost, the process killed anywhere: everything accepted arrives, once, in order."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.consent_world import BANK, CHILD_BORN, SECOND, START, World, subject

from placet.consent.errors import AcceptedLater, PlacetError, StateInvalid, Unavailable
from placet.consent.handlers import guardians
from placet.consent.handlers import withdraw as withdrawing
from placet.consent.model.vocabulary import Choice, ConsentState, Instant
from placet.consent.policy.ages import reached_at, zone
from placet.evidence.entries import Grant, Withdraw


async def test_a_withdrawal_that_was_accepted_arrives_late_and_repeating_returns_its_proof(world: World) -> None:
    given = await world.capture()
    world.ledger.down = True
    with pytest.raises(AcceptedLater) as caught:
        await world.withdraw(given.consent.id)
    assert "will arrive" in caught.value.message
    assert caught.value.metadata["accepted"] == "true"
    with pytest.raises(AcceptedLater):
        await world.withdraw(given.consent.id)
    consent = await withdrawing.get(BANK, given.consent.id, ports=world.ports)
    assert consent.state(Instant(world.now)) is ConsentState.WITHDRAWN
    assert consent.ending is not None
    assert consent.ending.index is None
    assert await world.sweep() == 1
    world.ledger.down = False
    assert await world.sweep() == 0
    assert world.kinds[-1] == "withdraw"
    done = await world.withdraw(given.consent.id)
    assert isinstance(world.ledger.log(BANK).entries[done.receipt.index], Withdraw)
    assert world.kinds.count("withdraw") == 1


async def test_a_consent_captured_meanwhile_arrives_with_its_receipt(world: World) -> None:
    world.ledger.down = True
    asked = world.asked()
    with pytest.raises(AcceptedLater):
        await world.repeat(asked)
    consent = await withdrawing.get(BANK, asked.id, ports=world.ports)
    assert (consent.state(Instant(world.now)), consent.signed_receipt) == (ConsentState.REQUESTED, None)
    world.ledger.down = False
    world.now += 3600 * SECOND
    await world.sweep()
    done = await world.repeat(asked)
    assert done.consent.state(Instant(world.now)) is ConsentState.GIVEN
    assert done.consent.signed_receipt
    assert done.consent.not_before == world.now - 120 * SECOND  # not before the ledger knew of it
    assert done.consent.decided_at == START


async def test_what_is_not_yet_granted_can_be_withdrawn_and_is_granted_first(world: World) -> None:
    world.ledger.down = True
    asked = world.asked()
    with pytest.raises(AcceptedLater):
        await world.repeat(asked)
    with pytest.raises(AcceptedLater):
        await world.withdraw(asked.id)
    world.ledger.down = False
    done = await world.withdraw(asked.id)
    assert world.kinds == ["notice.published", "grant", "withdraw"]
    assert done.consent.basis == 0


async def test_a_whole_history_in_an_outage_arrives_in_its_order(world: World) -> None:
    mother = await world.guardianship()
    world.ledger.down = True
    first = world.asked("child", birth_date=CHILD_BORN, guardianships=(mother,))
    second = world.asked("child", birth_date=CHILD_BORN, guardianships=(mother,))
    for step in (
        world.repeat(first),
        world.amend(first.id, end_egress=True),
        world.repeat(second),
        world.withdraw(second.id),
        world.capture("child", choice=Choice.REFUSED, purpose="vip"),
        world.withdraw_guardianship(mother),
    ):
        with pytest.raises(AcceptedLater):
            await step
    world.ledger.down = False
    assert await world.sweep() == 0
    forms = [getattr(one, "form", None) or one.kind.value for one in world.ledger.log(BANK).entries]
    assert [one for one in forms if one not in ("state", "record")] == [
        "guardianship",
        "consent",
        "amend",
        "guardianship",
        "consent",
        "withdraw",  # the first, superseded
        "withdraw",  # the second
        "withdraw",  # the guardianship's two bases
        "withdraw",
    ]
    assert world.kinds.count("consent.refused") == world.kinds.count("guardianship.withdrawn") == 1


async def test_a_lost_answer_is_found_again_not_done_again(world: World) -> None:
    asked = world.asked()
    world.ledger.lose_answers = 1
    with pytest.raises(AcceptedLater):
        await world.repeat(asked)
    assert world.kinds.count("grant") == 1
    done = await world.repeat(asked)
    assert world.kinds.count("grant") == 1
    assert done.receipt is not None
    world.ledger.lose_answers = 1
    with pytest.raises(AcceptedLater):
        await world.withdraw(asked.id)
    assert (await world.withdraw(asked.id)).receipt.index > done.receipt.index
    assert world.kinds.count("withdraw") == 1


class Killed(Exception):
    """The process ended here."""


def _kill_at(world: World, nth: int) -> None:
    """Let the process die before or after the nth write or append."""
    count = 0

    def tick() -> None:
        nonlocal count
        count += 1
        if count == nth:
            raise Killed

    write, append = world.store.write, world.ledger.append

    async def killed_write(work: Callable[..., Any]) -> Any:
        tick()
        result = await write(work)
        tick()
        return result

    async def killed_append(*args: Any, **kwargs: Any) -> Any:
        tick()
        result = await append(*args, **kwargs)
        tick()
        return result

    world.store.write = killed_write  # type: ignore[method-assign]
    world.ledger.append = killed_append  # type: ignore[method-assign]


STORIES: dict[str, Callable[[World, Any], Any]] = {
    "capture": lambda world, made: world.repeat(made["again"]),
    "withdraw": lambda world, made: world.withdraw(made["given"]),
    "child": lambda world, made: world.repeat(made["child"]),
    "guardian": lambda world, made: world.withdraw_guardianship(made["mother"]),
}


@pytest.mark.parametrize("nth", range(1, 12))
@pytest.mark.parametrize("story", STORIES)
async def test_killed_anywhere_everything_accepted_is_there_once(tmp_path: Path, story: str, nth: int) -> None:
    world = await World.open(tmp_path)
    await world.publish()
    mother = await world.guardianship()
    await world.child_consents(mother)
    given = await world.capture()
    made = {
        "given": given.consent.id,
        "again": world.asked(),
        "mother": mother,
        "child": world.asked("child", birth_date=CHILD_BORN, guardianships=(mother,)),
    }
    append = world.ledger.append
    before = list(world.kinds)
    _kill_at(world, nth)
    try:
        await STORIES[story](world, made)
        survived = True
    except Killed:
        survived = False
    world.ledger.append = append  # type: ignore[method-assign]
    world = await world.restart(tmp_path)
    await world.sweep()  # what was accepted arrives without anybody asking
    arrived = list(world.kinds)
    assert arrived[: len(before)] == before
    await STORIES[story](world, made)
    finished = world.kinds
    added = sorted(finished[len(before) :])
    expected = {
        "capture": ["grant", "withdraw"],
        "withdraw": ["withdraw"],
        "child": ["grant", "grant", "withdraw"],
        "guardian": ["guardianship.withdrawn", "withdraw"],
    }[story]
    assert added == expected
    # What was accepted before the kill had arrived before it was repeated; nth 1 dies before anything is accepted.
    assert arrived == (before if nth == 1 else finished)
    ticks = {"child": 10}.get(story, 6)  # two for each transaction and each append
    assert survived is (nth > ticks)
    assert len(await world.sent()) == len({one.index for one in await world.sent()})
    await world.store.close()


async def test_a_grant_that_comes_too_late_is_refused_for_good_and_says_so_each_time(world: World) -> None:
    world.ledger.down = True
    asked = world.asked(not_after=Instant(world.now + 60 * SECOND))
    with pytest.raises(AcceptedLater):
        await world.repeat(asked)
    with pytest.raises(AcceptedLater):
        await world.amend(asked.id, end_egress=True)
    world.ledger.down = False
    world.now += 3600 * SECOND
    await world.sweep()
    for _ in range(2):
        with pytest.raises(PlacetError) as caught:
            await world.repeat(asked)
        assert caught.value.reason == "ADMISSION_REFUSED"
    consent = await withdrawing.get(BANK, asked.id, ports=world.ports)
    assert consent.state(Instant(world.now)) is ConsentState.INVALIDATED
    with pytest.raises(StateInvalid):
        await world.withdraw(asked.id)
    assert await world.sweep() == 0  # nothing is stuck
    await world.capture()  # and nothing blocks the next one
    assert world.kinds == ["notice.published", "grant"]


async def test_a_withdrawal_of_what_was_refused_meanwhile_says_so(world: World) -> None:
    world.ledger.down = True
    asked = world.asked(not_after=Instant(world.now + 60 * SECOND))
    for step in (world.repeat(asked), world.withdraw(asked.id)):
        with pytest.raises(AcceptedLater):
            await step
    world.ledger.down = False
    world.now += 3600 * SECOND
    with pytest.raises(StateInvalid):
        await world.withdraw(asked.id)
    with pytest.raises(StateInvalid):
        await world.withdraw(asked.id)
    assert world.kinds == ["notice.published"]


async def test_a_guardianship_that_ends_on_the_way_takes_the_consent_with_it(world: World) -> None:
    of_age = reached_at(CHILD_BORN, 14, zone("zone", "Asia/Shanghai"))
    mother = await world.guardianship()
    world.ledger.down = True
    asked = world.asked("child", birth_date=CHILD_BORN, guardianships=(mother,))
    with pytest.raises(AcceptedLater):
        await world.repeat(asked)
    world.ledger.down = False
    world.now = of_age
    await world.sweep()
    with pytest.raises(PlacetError) as caught:
        await world.repeat(asked)
    assert caught.value.reason == "ADMISSION_REFUSED"
    assert "grant" not in world.kinds
    consent = await withdrawing.get(BANK, asked.id, ports=world.ports)
    assert consent.state(Instant(world.now)) is ConsentState.INVALIDATED
    # The guardian's withdrawal still goes through.
    done = await world.withdraw_guardianship(mother)
    assert (done.receipts, done.stopped) == ((), ())


async def test_one_persons_trouble_holds_up_nobody_else(world: World) -> None:
    world.ledger.down = True
    for who in ("alice", "bob", "carol"):
        with pytest.raises(AcceptedLater):
            await world.capture(who)
    world.ledger.down = False
    append = world.ledger.append

    async def faulty(controller: Any, submissions: Any, *, deadline: Any) -> Any:
        answers = await append(controller, submissions, deadline=deadline)
        return ["nonsense"] if len(world.ledger.requests) == 2 else answers

    world.ledger.append = faulty  # type: ignore[method-assign]
    assert await world.sweep() == 1
    assert world.kinds.count("grant") == 3
    world.ledger.append = append  # type: ignore[method-assign]
    assert await world.sweep() == 0
    found = await world.lookup("alice", "bob", "carol")
    assert [len(bases) for bases in found.subjects] == [1, 1, 1]


async def test_a_sweep_leaves_fresh_steps_to_their_caller(world: World) -> None:
    world.ledger.down = True
    with pytest.raises(AcceptedLater):
        await world.capture()
    assert await world.store.backlog(accepted_before=Instant(world.now), limit=9) == []
    waiting = await world.store.backlog(accepted_before=Instant(world.now + 1), limit=9)
    assert [one.controller for one in waiting] == [BANK]


async def test_messages_carry_ledger_ids_only(world: World) -> None:
    given = await world.capture()
    await world.amend(given.consent.id, end_egress=True)
    await world.withdraw(given.consent.id)
    await world.capture("bob", choice=Choice.REFUSED)
    mother = await world.guardianship()
    child = await world.child_consents(mother)
    await world.withdraw_guardianship(mother)
    sent = await world.sent()
    entries = world.ledger.log(BANK).entries
    assert [one.kind for one in sent] == ["granted", "amended", "withdrawn", "granted", "guardianship_withdrawn"]
    for one in sent:
        assert one.index is not None
        entry = entries[one.index]
        assert one.basis == entry.basis  # type: ignore[union-attr]
        assert one.at == entry.t
        assert one.subject == f"placet.msg.bank.consent.{one.kind}"
    assert sent[-1].data == {"stopped": [child.consent.basis]}
    everything = repr(sent)
    for secret in (subject("alice"), subject("child"), given.consent.id, child.consent.id, mother):
        assert str(secret) not in everything
    assert len({one.id for one in sent}) == len(sent)


async def test_nothing_is_accepted_while_it_cannot_be_stored(world: World) -> None:
    async def broken(_: Any) -> Any:
        raise Unavailable("DEPENDENCY_UNAVAILABLE", "the database cannot write its file")

    write = world.store.write
    world.store.write = broken  # type: ignore[method-assign, assignment]
    asked = world.asked()
    with pytest.raises(Unavailable) as caught:
        await world.repeat(asked)
    assert "accepted" not in caught.value.metadata
    world.store.write = write  # type: ignore[method-assign]
    assert "grant" not in world.kinds
    assert await withdrawing.of_person(BANK, subject("alice"), ports=world.ports) == []


async def test_confirming_in_an_outage_holds_and_is_in_the_log_before_what_needs_it(world: World) -> None:
    opened = (await world.open_guardianship()).guardianship.id
    world.ledger.down = True
    with pytest.raises(AcceptedLater):
        await world.confirm(opened)
    with pytest.raises(AcceptedLater):
        await world.child_consents(opened)
    world.ledger.down = False
    await world.sweep()
    assert world.kinds == ["notice.published", "guardianship.confirmed", "grant", "grant"]
    view = await guardians.get(BANK, opened, ports=world.ports)
    grants = [one for one in world.ledger.log(BANK).entries if isinstance(one, Grant)]
    assert [basis.ordinal for basis in view.bases] == [grants[0].basis]
