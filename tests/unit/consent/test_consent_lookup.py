"""What the permission service is told: whose bases, which facts, and how far the answer is complete."""

import asyncio
import time
from datetime import date

import pytest
from fakes.consent_world import BANK, CHILD_BORN, SECOND, World, subject

from placet.api.common.v1 import vocabulary_pb2 as words_pb
from placet.api.consent.v1 import lookup_pb2 as pb
from placet.consent.consumer import LookupHandler
from placet.consent.errors import AcceptedLater, Invalid
from placet.consent.model.vocabulary import AgeBand, Controller, Expression, Instant, Operation
from placet.consent.policy.ages import reached_at, zone
from placet.consent.policy.facts import BasisFacts
from placet.kit.bus.serving import Request


async def test_the_facts_are_those_of_the_ledger(world: World) -> None:
    done = await world.capture(
        operations=(Operation.VERIFY,), sites=("a",), egress=False, not_after=Instant(world.now + 9 * SECOND)
    )
    (facts,) = (await world.lookup("alice")).subjects[0]
    assert (facts.ordinal, facts.granted, facts.ended) == (done.consent.basis, done.consent.granted, None)
    assert done.receipt is not None
    assert facts.leaf_hash == done.receipt.leaf_hash == world.ledger.log(BANK).leaves[facts.granted]
    assert (facts.purpose, facts.operations, facts.sites, facts.egress) == ("kyc", ("verify",), ("a",), False)
    assert (facts.not_before, facts.not_after) == (world.now - 120 * SECOND, world.now + 9 * SECOND)
    assert (facts.separate, facts.explicit, facts.notice_complete, facts.term_stated) == (True,) * 4
    assert (facts.age_band, facts.age_band_until, facts.guardian_active) == (AgeBand.ADULT, None, False)


@pytest.mark.parametrize(
    ("how", "written"),
    [
        (Expression.CLICK, False),
        (Expression.SPOKEN, False),
        (Expression.SIGNATURE, True),
        (Expression.ELECTRONIC_SIGNATURE, True),
    ],
)
async def test_written_is_a_signature(world: World, how: Expression, written: bool) -> None:
    await world.capture(expression=how)
    assert (await world.lookup("alice")).subjects[0][0].written is written


async def test_in_the_order_asked_also_twice_and_nobody_is_empty(world: World) -> None:
    await world.capture("alice")
    await world.capture("bob")
    await world.capture("alice", purpose="vip")
    found = await world.lookup("bob", "nobody", "alice", "bob", ordinals=(2, 9, 0))
    assert [[one.ordinal for one in bases] for bases in found.subjects] == [[1], [], [0, 2], [1]]
    assert [one.ordinal for one in found.bases] == [2, 0]


async def test_another_controller_sees_nothing(world: World) -> None:
    await world.capture()
    found = await world.store.lookup(Controller("retailer"), [subject("alice")], [0], Instant(world.now))
    assert (found.subjects, found.bases, found.as_of) == (((),), (), 0)


async def test_changes_show_at_once(world: World) -> None:
    given = await world.capture()
    await world.amend(given.consent.id, end_egress=True)
    assert (await world.lookup("alice")).subjects[0][0].egress is False
    ended = await world.withdraw(given.consent.id)
    (facts,) = (await world.lookup("alice")).subjects[0]
    assert facts.ended == ended.receipt.index


async def test_the_guardians_show_until_one_ends(world: World) -> None:
    mother = await world.guardianship()
    father = await world.guardianship(guardian="father")
    done = await world.capture("child", birth_date=CHILD_BORN, guardianships=(mother, father))
    (facts,) = (await world.lookup("child")).subjects[0]
    of_age = reached_at(CHILD_BORN, 14, zone("zone", "Asia/Shanghai"))
    assert (facts.needs, facts.guardian_active) == (done.consent.guarding.needs, True)
    assert (facts.age_band, facts.age_band_until) == (AgeBand.AGE_13, of_age)
    assert done.consent.guarding.until is not None
    later = await world.store.lookup(BANK, [subject("child")], [], done.consent.guarding.until)
    assert later.subjects[0][0].guardian_active is False
    await world.withdraw_guardianship(father)
    (facts,) = (await world.lookup("child")).subjects[0]
    assert (facts.guardian_active, facts.ended) == (False, None)


async def test_the_band_moves_with_the_clock(world: World) -> None:
    birth = date(2011, 1, 15)
    await world.capture(birth_date=birth)
    sixteen = reached_at(birth, 16, zone("zone", "Asia/Shanghai"))
    before = await world.store.lookup(BANK, [subject("alice")], [], Instant(sixteen - 1))
    after = await world.store.lookup(BANK, [subject("alice")], [], sixteen)
    assert (before.subjects[0][0].age_band, before.subjects[0][0].age_band_until) == (AgeBand.AGE_14_15, sixteen)
    assert after.subjects[0][0].age_band is AgeBand.AGE_16_17


async def test_what_was_withdrawn_but_is_not_in_the_ledger_is_no_longer_offered(world: World) -> None:
    given = await world.capture()
    world.ledger.down = True
    with pytest.raises(AcceptedLater):
        await world.withdraw(given.consent.id)
    found = await world.lookup("alice", ordinals=(0,))
    assert found.subjects == ((),)
    assert [one.ended for one in found.bases] == [None]  # who names it is judged by the ledger


async def test_complete_up_to_the_last_entry_but_not_beyond_what_may_be_on_its_way(world: World) -> None:
    one = await world.capture("alice")
    assert one.receipt is not None
    assert (await world.lookup("alice")).as_of == one.receipt.index + 1
    world.ledger.lose_answers = 1
    with pytest.raises(AcceptedLater):
        await world.capture("alice", purpose="vip")  # in the log, not known here
    (hidden,) = [entry.i for entry in world.ledger.log(BANK).entries if getattr(entry, "purposes", None) == ("vip",)]
    other = await world.capture("bob")
    assert other.receipt is not None
    assert other.receipt.index > hidden
    alice, bob = await world.lookup("alice"), await world.lookup("bob")
    assert len(alice.subjects[0]) == 1
    assert alice.as_of <= hidden  # so nobody takes alice's answer for complete
    assert bob.as_of == other.receipt.index + 1  # and bob does not wait for alice
    assert (await world.lookup("alice", "bob")).as_of == alice.as_of
    assert (await world.lookup(ordinals=(0,))).as_of == alice.as_of
    await world.sweep()
    assert (await world.lookup("alice")).as_of == other.receipt.index + 1


async def test_at_once_nothing_is_left_to_the_sweep(world: World) -> None:
    await asyncio.gather(*(world.capture("alice") for _ in range(6)))
    found = await world.lookup("alice")
    assert found.as_of == len(world.ledger.log(BANK).entries) - 1
    assert [one.ended is None for one in found.subjects[0]].count(True) == 1


async def test_over_the_bus_it_is_protobuf_and_only_of_the_subjects_controller(world: World) -> None:
    mother = await world.guardianship()
    done = await world.child_consents(mother, not_after=Instant(world.now + SECOND))
    handler = LookupHandler(world.ports, clock=lambda: world.now)
    asked = pb.LookupRequest(controller="bank", subjects=[subject("child"), b"?"], ordinals=[1, 7])
    raw = await handler(Request("placet.bank.consent.lookup", asked.SerializeToString()))
    answer = pb.LookupResponse.FromString(raw)
    assert [len(one.bases) for one in answer.subjects] == [1, 0]
    facts = answer.bases[0]
    assert facts == answer.subjects[0].bases[0]
    assert (facts.ordinal, facts.granted) == (done.consent.basis, done.consent.granted)
    assert not facts.HasField("ended")
    assert list(facts.operations) == [words_pb.OPERATION_ENROL, words_pb.OPERATION_VERIFY]
    assert (facts.age_band, facts.not_after) == (words_pb.AGE_BAND_13, world.now + SECOND)
    assert list(facts.needs) == [0]
    assert answer.as_of > facts.granted
    with pytest.raises(Invalid) as caught:
        await handler(Request("placet.retailer.consent.lookup", asked.SerializeToString()))
    assert caught.value.field == "controller"
    with pytest.raises(Invalid):
        await handler(Request("placet.bank.consent.lookup", b"\xff\xff"))


async def test_a_batch_of_512_is_quick(world: World) -> None:
    names = [f"p{n}" for n in range(512)]
    for name in names[::4]:
        await world.capture(name)

    async def once() -> float:
        start = time.perf_counter()
        found = await world.lookup(*names)
        took = time.perf_counter() - start
        assert sum(len(bases) for bases in found.subjects) == 128
        return took

    best = min([await once() for _ in range(5)])
    assert best < 0.1, f"{best * 1e3:.1f} ms"


def test_every_fact_travels() -> None:
    fields = pb.BasisFacts.DESCRIPTOR.fields_by_name
    assert set(fields) == set(BasisFacts.__dataclass_fields__)
