"""Enrol and Match against the real rules: permit, ledger, secret, outcome, in that order and only once."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from integration.vault.world import DIMENSION, MODEL, OTHER_MODEL, World, face

from placet.evidence.terms import Micros, Verdict
from placet.kit.errors import Kind, PlacetError
from placet.tlog.checkpoint import open_checkpoint
from placet.tlog.keys import Verifier, format_vkey
from placet.tlog.proof import verify_consistency, verify_inclusion
from placet.vault.model import AttemptLimit, Receipt
from placet.vault.ports import Rules


def verify(world: World, receipt: Receipt, controller: str = "bank") -> None:
    """Check a receipt as a client with a pinned key does."""
    vkey = format_vkey(world.ledger.log(controller).signer.vkey)
    checkpoint = open_checkpoint(receipt.note, [Verifier.parse(vkey)])
    assert checkpoint.size == receipt.tree_size
    verify_inclusion(receipt.leaf_hash, receipt.index, checkpoint.size, receipt.proof, checkpoint.root)


async def refused(call: Any) -> PlacetError:
    with pytest.raises(PlacetError) as caught:
        await call
    return caught.value


async def test_who_is_enrolled_is_recognised_and_nobody_else(world: World) -> None:
    basis = world.ledger.grant("bank")
    enrolled = await world.enrol("bank", basis, face(1))
    assert enrolled.basis == basis
    same = await world.match("bank", basis, face(1))
    assert (same.match, same.score) == (True, 100)
    near = await world.match("bank", basis, face(1, noise=0.3))
    assert near.match
    assert near.score % 5 == 0
    other = await world.match("bank", basis, face(2))
    assert not other.match
    assert other.score < 60


async def test_each_use_stands_before_its_outcome_and_is_proven(world: World) -> None:
    basis = world.ledger.grant("bank")
    seen = len(world.ledger.log("bank").entries)
    old_root = world.ledger.log("bank").tree.root()
    enrolled = await world.enrol("bank", basis, face(1), seen=seen)
    verify(world, enrolled.receipt)
    assert enrolled.receipt.consistency is not None
    old, hashes = enrolled.receipt.consistency
    assert old == seen
    note = open_checkpoint(enrolled.receipt.note, [Verifier.parse(format_vkey(world.ledger.log("bank").signer.vkey))])
    verify_consistency(old, old_root, note.size, note.root, hashes)
    compared = await world.match("bank", basis, face(2))
    assert compared.receipt.consistency is None
    await world.until(lambda: len(world.ledger.outcomes("bank")) == 2)
    uses = world.ledger.uses("bank")
    assert world.ledger.outcomes("bank") == [(uses[0].i, "enrolled"), (uses[1].i, "no_match")]
    assert [use.service for use in uses] == ["vault", "vault"]
    world.ledger.replay("bank")


async def test_without_a_ledger_no_secret_is_touched_and_nothing_arrives_late(world: World) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    await world.until(lambda: world.ledger.outcomes("bank"))
    enrolling = world.command("bank", world.permit("bank", basis, "enrol"), face(2))
    matching = world.command("bank", world.permit("bank", basis, "verify"), face(1))
    entries = len(world.ledger.log("bank").entries)
    request_key = world.root.unwrapped[0]
    world.root.unwrapped.clear()
    world.ledger.down = True
    for call in (world.run_enrol(enrolling), world.run_match(matching)):
        assert (await refused(call)).kind is Kind.UNAVAILABLE
    assert set(world.root.unwrapped) == {request_key}  # only the key of request digests was opened
    assert (await world.store.templates("bank", basis))[0].facts.model_sha256 == MODEL
    world.ledger.down = False
    await world.restart()
    await asyncio.sleep(0.2)
    assert len(world.ledger.log("bank").entries) == entries


async def test_the_same_request_goes_on_when_the_ledger_is_back(world: World) -> None:
    basis = world.ledger.grant("bank")
    permit, request = world.permit("bank", basis, "enrol"), uuid4()
    world.ledger.down = True
    assert (await refused(world.run_enrol(world.command("bank", permit, face(1), id=request)))).kind is Kind.UNAVAILABLE
    world.ledger.down = False
    await world.run_enrol(world.command("bank", permit, face(1), id=request))
    assert (await world.match("bank", basis, face(1))).match


async def test_a_lost_answer_of_the_ledger_costs_no_second_use(world: World) -> None:
    basis = world.ledger.grant("bank")
    permit, request = world.permit("bank", basis, "enrol"), uuid4()
    world.ledger.lose_answers = 1
    assert (await refused(world.run_enrol(world.command("bank", permit, face(1), id=request)))).kind is Kind.UNAVAILABLE
    assert await world.store.templates("bank", basis) == []
    enrolled = await world.run_enrol(world.command("bank", permit, face(1), id=request))
    assert len(world.ledger.uses("bank")) == 1
    assert enrolled.receipt.index == world.ledger.uses("bank")[0].i
    await world.until(lambda: world.ledger.outcomes("bank"))
    assert len(world.ledger.outcomes("bank")) == 1


async def test_a_denied_use_says_why_and_where_and_touches_nothing(world: World) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    permit = world.permit("bank", basis, "verify", max_uses=1)
    await world.run_match(world.command("bank", permit, face(1)))
    unwrapped = len(world.root.unwrapped)
    error = await refused(world.run_match(world.command("bank", permit, face(1))))
    denied = world.ledger.uses("bank")[-1]
    assert denied.verdict == Verdict.DENY
    assert (error.kind, error.reason) == (Kind.DENIED, "USE_DENIED")
    assert error.metadata == {"reasons": "PERMIT_EXHAUSTED", "index": str(denied.i)}
    assert len(world.root.unwrapped) == unwrapped + 1  # the key of request digests
    await world.until(lambda: len(world.ledger.outcomes("bank")) == 2)
    assert denied.i not in [of for of, _ in world.ledger.outcomes("bank")]
    assert (await world.match("bank", basis, face(1))).match  # the template is still there


async def test_a_repeated_denied_use_is_denied_by_the_same_entry(world: World) -> None:
    basis = world.ledger.grant("bank")
    event = world.ledger.authorize("bank", basis, "enrol")
    world.ledger.withdraw("bank", basis)
    permit, request = world.permission.permit("bank", event), uuid4()
    first = await refused(world.run_enrol(world.command("bank", permit, face(1), id=request)))
    assert first.metadata["reasons"] == "BASIS_WITHDRAWN"
    uses = len(world.ledger.uses("bank"))
    again = await refused(world.run_enrol(world.command("bank", permit, face(1), id=request)))
    assert again.reason in ("USE_DENIED", "TEMPLATE_DESTROYED")  # the denial left a tombstone
    assert len(world.ledger.uses("bank")) == uses


async def test_a_repeated_enrolment_stores_once_and_answers_the_same(world: World) -> None:
    basis = world.ledger.grant("bank")
    permit, request = world.permit("bank", basis, "enrol"), uuid4()
    first = await world.run_enrol(world.command("bank", permit, face(1), id=request))
    again = await world.run_enrol(world.command("bank", permit, face(1), id=request, seen=5))
    assert again.template_id == first.template_id
    assert again.receipt.index == first.receipt.index
    verify(world, again.receipt)
    assert len(await world.store.templates("bank", basis)) == 1
    assert len(world.ledger.uses("bank")) == 1


async def test_one_id_is_one_request_for_ever(world: World) -> None:
    basis = world.ledger.grant("bank")
    permit, request = world.permit("bank", basis, "enrol"), uuid4()
    await world.run_enrol(world.command("bank", permit, face(1), id=request))
    matching = world.permit("bank", basis, "verify", max_uses=5)
    others = [
        world.run_enrol(world.command("bank", permit, face(2), id=request)),
        world.run_enrol(world.command("bank", world.permit("bank", basis, "enrol"), face(1), id=request)),
        world.run_match(world.command("bank", matching, face(1), id=request)),
    ]
    for other in others:
        error = await refused(other)
        assert (error.kind, error.reason, error.field) == (Kind.CONFLICT, "IDEMPOTENCY_CONFLICT", "id")
    assert len(world.ledger.uses("bank")) == 1


async def test_a_repeated_match_decides_once_and_never_another_probe(world: World) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    permit, request, probe = world.permit("bank", basis, "verify"), uuid4(), face(1, noise=0.4)
    first = await world.run_match(world.command("bank", permit, probe, id=request))
    error = await refused(world.run_match(world.command("bank", permit, face(1), id=request)))
    assert error.reason == "IDEMPOTENCY_CONFLICT"
    await world.enrol("bank", basis, face(7))  # another template takes the place: the decision stands all the same
    again = await world.run_match(world.command("bank", permit, probe, id=request))
    assert (again.match, again.score, again.receipt.index) == (first.match, first.score, first.receipt.index)
    assert len(world.ledger.uses("bank")) == 3


async def test_what_the_vault_has_forgotten_the_ledger_has_not(world: World) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    permit, request = world.permit("bank", basis, "verify", lifetime_s=3_600), uuid4()
    first = await world.run_match(world.command("bank", permit, face(1), id=request))
    world.clock.forward(1)
    assert await world.store.forget_uses(Micros(world.clock())) == 2
    error = await refused(world.run_match(world.command("bank", permit, face(2), id=request)))
    assert error.reason == "IDEMPOTENCY_CONFLICT"  # no free comparison with another probe
    await world.store.forget_uses(Micros(world.clock() + 1))
    again = await world.run_match(world.command("bank", permit, face(1), id=request))
    assert (again.score, again.receipt.index) == (first.score, first.receipt.index)
    assert len(world.ledger.uses("bank")) == 2


async def test_a_finished_request_is_answered_after_its_permit_has_ended_an_unfinished_one_is_not(world: World) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    permit, done, lost = world.permit("bank", basis, "verify", max_uses=2), uuid4(), uuid4()
    first = await world.run_match(world.command("bank", permit, face(1), id=done))
    world.ledger.lose_answers = 1
    await refused(world.run_match(world.command("bank", permit, face(2), id=lost)))
    world.clock.forward(61)
    again = await world.run_match(world.command("bank", permit, face(1), id=done))
    assert (again.match, again.score) == (first.match, first.score)
    error = await refused(world.run_match(world.command("bank", permit, face(2), id=lost)))
    assert (error.reason, error.metadata["cause"]) == ("PERMIT_INVALID", "EXPIRED")


async def test_two_models_never_compare_and_cost_no_use(world: World) -> None:
    basis = world.ledger.grant("bank")
    permit = world.permit("bank", basis, "verify")
    error = await refused(world.run_match(world.command("bank", permit, face(1))))
    assert (error.kind, error.reason) == (Kind.NOT_FOUND, "NOT_FOUND")
    await world.enrol("bank", basis, face(1))
    error = await refused(world.run_match(world.command("bank", permit, face(1), model=OTHER_MODEL)))
    assert (error.kind, error.reason) == (Kind.PRECONDITION, "MODEL_MISMATCH")
    assert error.metadata == {"stored_model_ids": "m11"}
    assert len(world.ledger.uses("bank")) == 1
    assert (await world.run_match(world.command("bank", permit, face(1)))).match  # the permit is unspent


async def test_each_model_has_its_template_and_a_new_one_takes_the_olds_place(world: World) -> None:
    basis = world.ledger.grant("bank")
    first = await world.enrol("bank", basis, face(1))
    await world.enrol("bank", basis, face(2), model=OTHER_MODEL)
    assert (await world.match("bank", basis, face(2), model=OTHER_MODEL)).score == 100
    second = await world.enrol("bank", basis, face(3))
    assert second.template_id != first.template_id
    assert (await world.match("bank", basis, face(3))).score == 100
    assert (await world.match("bank", basis, face(2), model=OTHER_MODEL)).score == 100
    await world.until(lambda: world.ledger.destroyed("bank"))
    (record,) = world.ledger.destroyed("bank")
    assert (record["reason"], record["template_id"]) == ("replaced", str(first.template_id))


async def test_attempts_are_limited_for_each_basis_also_side_by_side(world: World) -> None:
    world.rules = Rules(threshold=0.6, attempts=AttemptLimit(count=3, window=600_000_000))
    one, two = world.ledger.grant("bank"), world.ledger.grant("bank")
    for basis in (one, two):
        await world.enrol("bank", basis, face(1))
    permit = world.permit("bank", one, "verify", max_uses=50, lifetime_s=3_600)
    calls = [world.run_match(world.command("bank", permit, face(seed))) for seed in range(8)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    errors = [answer for answer in answers if isinstance(answer, PlacetError)]
    assert {error.reason for error in errors} == {"ATTEMPTS_EXHAUSTED"}
    assert len(errors) == 5
    assert errors[0].retry_after == 600.0
    assert len(world.ledger.uses("bank")) == 5  # two enrolments, three comparisons: a refused one is no use
    await world.match("bank", two, face(1))
    world.clock.forward(601)
    await world.run_match(world.command("bank", permit, face(1)))


async def test_denied_and_lost_comparisons_are_no_attempts_for_long(world: World) -> None:
    world.rules = Rules(threshold=0.6, attempts=AttemptLimit(count=2, window=600_000_000))
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    spent = world.permit("bank", basis, "verify", max_uses=1)
    await world.run_match(world.command("bank", spent, face(1)))
    for _ in range(5):
        assert (await refused(world.run_match(world.command("bank", spent, face(1))))).reason == "USE_DENIED"
    permit = world.permit("bank", basis, "verify", max_uses=9, lifetime_s=3_600)
    world.ledger.down = True
    lost = [uuid4(), uuid4()]
    for request in lost:
        await refused(world.run_match(world.command("bank", permit, face(1), id=request)))
    world.ledger.down = False
    # One is on its way still (the second was over the limit at once); after a minute it was never made.
    assert (await refused(world.run_match(world.command("bank", permit, face(1))))).reason == "ATTEMPTS_EXHAUSTED"
    world.clock.forward(61)
    await world.run_match(world.command("bank", permit, face(1)))
    # Taken up again, it counts anew.
    assert (
        await refused(world.run_match(world.command("bank", permit, face(1), id=lost[0])))
    ).reason == "ATTEMPTS_EXHAUSTED"


async def test_one_request_sent_twice_at_once_is_one_use(world: World) -> None:
    basis = world.ledger.grant("bank")
    permit, request = world.permit("bank", basis, "enrol"), uuid4()
    calls = [world.run_enrol(world.command("bank", permit, face(1), id=request)) for _ in range(5)]
    answers = await asyncio.gather(*calls)
    assert len({answer.template_id for answer in answers}) == 1
    assert len(await world.store.templates("bank", basis)) == 1
    assert len(world.ledger.uses("bank")) == 1
    await world.until(lambda: world.ledger.outcomes("bank"))
    await asyncio.sleep(0.1)
    assert len(world.ledger.outcomes("bank")) == 1


async def test_enrolments_of_one_new_basis_at_once_share_its_data_key(world: World) -> None:
    basis = world.ledger.grant("bank")
    models = [bytes([number]) * 32 for number in range(1, 5)]
    calls = [world.enrol("bank", basis, face(number), model=model) for number, model in enumerate(models)]
    await asyncio.gather(*calls)
    for number, model in enumerate(models):
        assert (await world.match("bank", basis, face(number), model=model)).score == 100


async def test_a_caller_who_hangs_up_leaves_no_use_without_its_outcome(world: World) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    command = world.command("bank", world.permit("bank", basis, "verify"), face(1))
    call = asyncio.create_task(world.run_match(command))

    async def hang_up(_: object) -> None:
        world.ledger.before_answer = None
        call.cancel()
        await asyncio.sleep(0.05)

    world.ledger.before_answer = hang_up
    with pytest.raises(asyncio.CancelledError):
        await call
    await world.until(lambda: len(world.ledger.outcomes("bank")) == 2)
    assert world.ledger.outcomes("bank")[1] == (world.ledger.uses("bank")[1].i, "match")
    assert not command.template.vector.values.any()


async def test_the_callers_vector_is_wiped_whatever_happens(world: World) -> None:
    basis = world.ledger.grant("bank")
    good = world.command("bank", world.permit("bank", basis, "enrol"), face(1))
    await world.run_enrol(good)
    bad = world.command("bank", "not.a.permit", face(1))
    await refused(world.run_enrol(bad))
    for command in (good, bad):
        assert bytes(command.template.vector.octets) == bytes(4 * DIMENSION)


async def test_two_controllers_share_nothing(world: World) -> None:
    mine, theirs = world.ledger.grant("bank"), world.ledger.grant("retailer")
    assert mine == theirs
    await world.enrol("bank", mine, face(1))
    error = await refused(world.match("retailer", theirs, face(1)))
    assert error.reason == "NOT_FOUND"
    request = uuid4()
    await world.enrol("bank", mine, face(1), id=request)
    await world.enrol("retailer", theirs, face(2), id=request)  # ids are each controller's own
    assert (await world.match("retailer", theirs, face(2))).score == 100
