"""Authorize without transport: the ledger judges, the answer is its entry, and whatever is missing fails closed."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from unit.permission.world import BANK, BEGIN, DAY, World, attestation, device, on_files, purpose, site, world

from placet.evidence.kinds import Decision, Event, Record
from placet.kit.errors import Conflict, NotFound, PlacetError, Unavailable
from placet.permission.errors import ConsentsUnavailable
from placet.permission.model.events import Answer, Audience, Wanted
from placet.permission.model.vocabulary import SECOND, AgeBand, Inference, Operation, Storage, Verdict
from placet.permit.keys import parse_jwks
from placet.permit.verify import Expected, verify
from placet.tlog.proof import verify_consistency, verify_inclusion, verify_range

ALICE, BOB = b"alice", b"bob"


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


def count(bank: World, kind: type = Event) -> int:
    return len(bank.ledger.of_kind(BANK, kind))


async def claims(bank: World, answer: Answer, *, audience: str = "vault", at: int | None = None) -> object:
    keys = parse_jwks(json.loads(await bank.keys.jwks()))
    expected = Expected(issuer="placet-permission", audience=f"urn:placet:{audience}:{BANK}", controller=BANK)
    return verify(answer.permit, keys, expected, now=bank.clock() if at is None else at)


# ---------------------------------------------------------------------------------------------------- the answer


async def test_an_allowed_event_is_its_entry_proven(bank: World) -> None:
    await bank.persons.grant(ALICE)
    answered = await bank.authorize(bank.event(), seen=5)
    (answer,) = answered.answers
    log = bank.ledger.logs[BANK]
    assert (answer.verdict, answer.reasons, answer.basis, answer.repeated) == (Verdict.ALLOW, (), 0, False)
    assert answer.permitted_by == ("cn-2025/art-6-1",)
    assert answer.entry == log.entries[answer.index]
    proof = answered.appended.inclusion(answer.index)
    receipt = answered.appended.receipt()
    verify_inclusion(receipt.leaf, answer.index, answered.appended.size, proof, log.tree.root())
    consistency = answered.appended.consistency
    assert consistency is not None
    old = bank.ledger.logs[BANK].tree.__class__.from_leaves(b"".join(log.tree.node(0, i) for i in range(5)))
    verify_consistency(5, old.root(), answered.appended.size, log.tree.root(), list(consistency))


async def test_verdict_and_reasons_are_the_ledgers_and_not_what_is_believed_here(bank: World) -> None:
    basis = await bank.persons.grant(ALICE)
    assert (await bank.ask()).verdict is Verdict.ALLOW
    await bank.persons.withdraw(basis, tell=False)  # the projection still holds it for good
    answer = await bank.ask()
    assert (answer.verdict, answer.reasons) == (Verdict.DENY, ("BASIS_WITHDRAWN",))
    assert answer.permit == ""
    assert answer.permitted_by == ("cn-2025/art-6-1",)  # the policy had nothing against it


async def test_a_batch_has_one_lookup_one_append_and_range_proofs(bank: World) -> None:
    for person in range(3):
        await bank.persons.grant(b"person-%d" % person)
    events = [bank.event(subject=b"person-%d" % (n % 4)) for n in range(12)]
    appends = bank.ledger.appends
    answered = await bank.authorize(*events, permits=False)
    assert len(bank.persons.lookups) == 1
    assert len(bank.persons.lookups[0][0]) == 4
    assert bank.ledger.appends == appends + 1
    verdicts = [answer.verdict for answer in answered.answers]
    assert verdicts == [Verdict.DENY if n % 4 == 3 else Verdict.ALLOW for n in range(12)]
    log = bank.ledger.logs[BANK]
    proven: list[int] = []
    for run in answered.appended.runs():
        leaves = [log.tree.node(0, index) for index in range(run.begin, run.end)]
        verify_range(run, leaves, answered.appended.size, log.tree.root())
        proven += range(run.begin, run.end)
    assert proven == sorted(answer.index for answer in answered.answers)
    assert count(bank, Decision) == 2  # one for each distinct content, not one an event
    assert not any(answer.permit for answer in answered.answers)


async def test_a_denied_event_names_the_alternative(bank: World) -> None:
    assert (await bank.ask()).alternative == "card and PIN"
    await bank.put(device(alternative="the desk on the left"))
    assert (await bank.ask()).alternative == "the desk on the left"
    await bank.persons.grant(BOB)
    assert (await bank.ask(subject=BOB)).alternative == ""


# ------------------------------------------------------------------------------------------- which basis is taken


async def test_the_newest_covering_consent_is_taken(bank: World) -> None:
    await bank.persons.grant(ALICE)
    second = await bank.persons.grant(ALICE)
    await bank.persons.grant(ALICE, operations=frozenset({"enrol"}))  # newer, but does not cover
    assert (await bank.ask()).basis == second.ordinal


@pytest.mark.parametrize(
    ("consent", "event", "reason"),
    [
        ({"purpose": "loans"}, {}, "PURPOSE_NOT_COVERED"),
        ({"operations": frozenset({"enrol"})}, {}, "OPERATION_NOT_COVERED"),
        ({"sites": frozenset({"branch-2"})}, {}, "SITE_NOT_COVERED"),
        ({}, {"egress": True}, "EGRESS_NOT_COVERED"),
        ({"not_before": BEGIN + DAY}, {}, "BASIS_NOT_YET_VALID"),
        ({"not_after": BEGIN + SECOND}, {"occurred": BEGIN + 2 * SECOND}, "BASIS_EXPIRED"),
        ({"max_events": 1}, {}, "EVENTS_EXHAUSTED"),
        ({}, {"occurred": BEGIN - 200 * SECOND}, "CLOCK_OUT_OF_RANGE"),
    ],
)
async def test_a_consent_that_does_not_cover_names_the_real_reason(
    bank: World, consent: dict[str, object], event: dict[str, object], reason: str
) -> None:
    await bank.persons.grant(ALICE, purpose="alarm", operations=frozenset({"analyse"}))  # says nothing of this event
    basis = await bank.persons.grant(ALICE, **consent)  # type: ignore[arg-type]
    if reason == "EVENTS_EXHAUSTED":
        assert (await bank.ask()).verdict is Verdict.ALLOW
    answer = await bank.ask(**event)
    assert (answer.verdict, answer.basis) == (Verdict.DENY, basis.ordinal)
    assert reason in answer.reasons


async def test_an_ended_consent_is_named_only_when_no_other_is(bank: World) -> None:
    ended = await bank.persons.grant(ALICE)
    await bank.persons.withdraw(ended)
    assert (await bank.ask()).reasons == ("BASIS_WITHDRAWN",)
    other = await bank.persons.grant(ALICE, operations=frozenset({"enrol"}))
    bank.clock.now += 2 * SECOND
    answer = await bank.ask()
    assert (answer.basis, answer.reasons) == (other.ordinal, ("OPERATION_NOT_COVERED",))


async def test_a_named_basis_of_somebody_else_never_carries_an_event(bank: World) -> None:
    theirs = await bank.persons.grant(BOB)
    await bank.persons.grant(ALICE)
    answer = await bank.ask(subject=ALICE, basis=theirs.ordinal)
    assert answer.verdict is Verdict.DENY
    assert answer.reasons == ("POLICY", "DECISION_MISMATCH")
    # Negative control: the same ordinal carries its own person's event, and one that names no person.
    assert (await bank.ask(subject=BOB, basis=theirs.ordinal)).verdict is Verdict.ALLOW
    assert (await bank.ask(subject=b"", basis=theirs.ordinal)).verdict is Verdict.ALLOW


async def test_an_unknown_or_missing_basis_is_a_denied_event(bank: World) -> None:
    assert (await bank.ask(subject=b"", basis=77)).reasons == ("BASIS_UNKNOWN", "POLICY")
    assert (await bank.ask(subject=b"")).reasons == ("BASIS_MISSING", "POLICY")
    assert count(bank) == 2


async def test_identify_is_never_carried_by_a_consent(bank: World) -> None:
    await bank.persons.grant(ALICE, operations=frozenset({"identify"}))
    answer = await bank.ask(operation=Operation.IDENTIFY)
    assert answer.reasons == ("OPERATION_NEEDS_PERMISSION", "POLICY")
    assert "cn-2025/art-19" in answer.forbidden_by


# ------------------------------------------------------------------------------------ facts, and what is missing


@pytest.mark.parametrize("operation", [one for one in Operation if one is not Operation.DELETE])
@pytest.mark.parametrize(
    "where",
    [
        {"device": "nobody-registered-this"},
        {"site": "nobody-registered-this"},
        {"site": "branch-2"},  # registered, but the device stands elsewhere
        {"purpose": "nobody-registered-this"},
        {"device": "nobody", "site": "hq"},
    ],
)
async def test_what_is_not_registered_is_a_denied_event(
    bank: World, operation: Operation, where: dict[str, str]
) -> None:
    await bank.put(site(id="branch-2"), purpose(operations=tuple(Operation)))
    everything = frozenset(map(str, Operation))
    await bank.persons.grant(ALICE, operations=everything, egress=True)
    await bank.persons.grant(ALICE, operations=everything, egress=True, purpose="nobody-registered-this")
    lawful = await bank.ask(operation=operation)
    assert (lawful.verdict is Verdict.ALLOW) == (operation is not Operation.IDENTIFY)  # the negative control
    answer = await bank.ask(operation=operation, **where)
    assert answer.verdict is Verdict.DENY
    assert "POLICY" in answer.reasons
    assert answer.forbidden_by


async def test_nothing_is_lawful_before_the_controller_attests(tmp_path: Path) -> None:
    async with world(tmp_path, lawful=False) as bank:
        await bank.put(purpose(), site(), device())
        await bank.persons.grant(ALICE)
        answer = await bank.ask()
        assert {"cn-2025/art-12-2", "cn-2025/art-14", "cn-2025/art-15"} <= set(answer.forbidden_by)
        await bank.put(attestation())
        assert (await bank.ask()).verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    ("lapses", "article"),
    [
        ({"assessment_valid_until": BEGIN + DAY}, "cn-2025/art-9"),
        ({"reviewed_at": BEGIN + 2 * DAY}, "cn-2025/art-3"),
    ],
)
async def test_facts_of_a_purpose_turn_by_themselves(bank: World, lapses: dict[str, int], article: str) -> None:
    await bank.put(purpose(**lapses))
    await bank.persons.grant(ALICE)
    answers = [await bank.ask()]
    bank.clock.now += 3 * DAY
    answers.append(await bank.ask())
    verdicts = {article in answer.forbidden_by for answer in answers}
    assert verdicts == {True, False}


async def test_an_attestation_lapses(bank: World) -> None:
    await bank.persons.grant(ALICE)
    assert (await bank.ask()).verdict is Verdict.ALLOW
    bank.clock.now += 91 * DAY
    assert "cn-2025/art-14" in (await bank.ask()).forbidden_by


async def test_an_inference_is_denied_by_its_article_and_an_unregistered_one_by_the_purposes(bank: World) -> None:
    await bank.persons.grant(ALICE)
    ethnicity = await bank.ask(inference=Inference.ETHNICITY)
    assert (ethnicity.reasons, ethnicity.forbidden_by) == (("POLICY",), ("cn-2025/pipl-28",))
    assert (await bank.ask(inference=Inference.GENDER)).forbidden_by == ("cn-2025/art-4-1",)
    await bank.put(purpose(inferences=(Inference.GENDER,)))
    assert (await bank.ask(inference=Inference.GENDER)).verdict is Verdict.ALLOW


async def test_the_vault_is_egress_whoever_says_otherwise(bank: World) -> None:
    await bank.persons.grant(ALICE)
    assert "EGRESS_NOT_COVERED" in (await bank.ask(storage=Storage.VAULT)).reasons
    await bank.put(purpose(storage=Storage.VAULT))
    assert "EGRESS_NOT_COVERED" in (await bank.ask()).reasons  # the purpose's own storage, when nothing is said
    assert (await bank.ask(storage=Storage.NONE)).verdict is Verdict.ALLOW
    await bank.persons.grant(BOB, egress=True)
    answer = await bank.ask(subject=BOB, storage=Storage.VAULT)
    assert answer.verdict is Verdict.ALLOW
    assert json.loads(answer.entry)["egress"] is True


async def test_a_minor_needs_guardians_and_the_log_never_tells_the_age(bank: World) -> None:
    await bank.persons.grant(ALICE, age_band=AgeBand.AGE_13)
    answer = await bank.ask()
    assert "cn-2025/art-7" in answer.forbidden_by
    decision = json.loads(bank.ledger.logs[BANK].entries[answer.decision])
    assert decision["context"]["minor"] == ["cn-2025"]
    assert not any(b"age_band" in entry for entry in bank.ledger.logs[BANK].entries)


# ------------------------------------------------------------------------------------------------- fail closed


async def test_without_the_consent_service_nothing_is_decided(bank: World) -> None:
    await bank.persons.grant(ALICE)
    bank.persons.down = True
    with pytest.raises(ConsentsUnavailable):
        await bank.ask()
    assert count(bank) == 0
    bank.persons.down = False
    assert (await bank.ask()).verdict is Verdict.ALLOW
    bank.persons.down = True
    assert (await bank.ask()).verdict is Verdict.ALLOW  # known: the ledger remains the authority


async def test_without_the_ledger_there_is_no_answer_and_nothing_late(bank: World) -> None:
    await bank.persons.grant(ALICE)
    bank.ledger.down = True
    with pytest.raises(Unavailable):
        await bank.ask()
    bank.ledger.down = False
    assert count(bank) == 0


async def test_a_controller_without_a_log_is_not_found(bank: World) -> None:
    with pytest.raises(NotFound) as error:
        await bank.authorize(bank.event(), controller="nobody")
    assert error.value.reason == "CONTROLLER_UNKNOWN"


async def test_a_subject_reference_is_nowhere_but_in_memory(bank: World, tmp_path: Path) -> None:
    canary = b"k1-canary-reference-0123456789"
    await bank.persons.grant(canary)
    answered = await bank.authorize(bank.event(subject=canary))
    await bank.authorize(bank.event(subject=canary, inference=Inference.HEALTH))
    await bank.database.write(lambda session: None)
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    kept += b"".join(bank.ledger.logs[BANK].entries) + repr(answered).encode()
    for form in (canary, canary.hex().encode(), base64.b64encode(canary)[:36], base64.urlsafe_b64encode(canary)[:36]):
        assert form not in kept
    assert b"cam-1" in kept  # negative control: what is kept is found


# ------------------------------------------------------------------------------------------------- idempotency


async def test_a_lost_answer_is_found_again_under_the_same_id(bank: World) -> None:
    await bank.persons.grant(ALICE)
    await bank.ask()
    event = bank.event()
    bank.ledger.lose_answers = 1
    with pytest.raises(Unavailable):
        await bank.authorize(event)
    bank.clock.now += 3 * SECOND
    first = (await bank.authorize(event)).answers[0]
    second = (await bank.authorize(event)).answers[0]
    assert (first.repeated, second.repeated) == (True, True)
    assert (first.index, first.entry, first.permit) == (second.index, second.entry, second.permit)
    assert first.permit
    assert count(bank) == 2


async def test_another_request_under_the_same_id_is_a_conflict_naming_it(bank: World) -> None:
    event = bank.event()
    await bank.authorize(event)
    changed = type(event)(*[True if name == "egress" else getattr(event, name) for name in event.__struct_fields__])
    with pytest.raises(Conflict) as error:
        await bank.authorize(changed)
    assert (error.value.reason, error.value.field) == ("IDEMPOTENCY_CONFLICT", "event.id")
    with pytest.raises(PlacetError) as in_batch:
        await bank.authorize(bank.event(), changed)
    assert (in_batch.value.field, in_batch.value.metadata["id"]) == ("events[1].id", event.id)


async def test_the_same_event_twice_in_a_batch_is_one_entry(bank: World) -> None:
    event = bank.event()
    answered = await bank.authorize(event, event)
    assert [answer.repeated for answer in answered.answers] == [False, True]
    assert answered.answers[0].index == answered.answers[1].index
    assert len(answered.appended.runs()) == 1


async def test_a_repeated_event_keeps_its_articles_over_a_restart(tmp_path: Path) -> None:
    async with world(tmp_path) as before:
        event = before.event(inference=Inference.RELIGION)
        first = (await before.authorize(event)).answers[0]
        async with on_files(tmp_path, before.clock, before.ledger) as after:
            await after.put(purpose(necessity=""))  # another decision would be made now
            again = (await after.authorize(event)).answers[0]
    assert again.repeated
    assert first.forbidden_by
    assert (again.forbidden_by, again.decision) == (first.forbidden_by, first.decision)


# ------------------------------------------------------------------------------------------------------ permits


async def test_a_permit_says_what_the_entry_says(bank: World) -> None:
    basis = await bank.persons.grant(ALICE)
    answer = await bank.ask(max_uses=3, lifetime=30)
    entry, found = json.loads(answer.entry), await claims(bank, answer)
    assert entry["permit"] == {"max_uses": 3, "not_after": BEGIN + 30 * SECOND}
    assert (found.iat, found.exp) == (BEGIN // SECOND, BEGIN // SECOND + 30)  # type: ignore[attr-defined]
    assert found.details.max_uses == 3  # type: ignore[attr-defined]
    assert (found.basis.ordinal, found.basis.grant) == (basis.ordinal, basis.granted)  # type: ignore[attr-defined]
    assert (found.event.index, found.sub) == (answer.index, f"event:{entry['id']}")  # type: ignore[attr-defined]
    assert answer.permit.count("alice") == 0


async def test_a_permit_is_for_whom_it_was_asked_and_as_long_as_the_purpose_allows(bank: World) -> None:
    await bank.persons.grant(ALICE)
    await claims(bank, await bank.ask(audience=Audience.ENGINE), audience="engine")
    assert json.loads((await bank.ask(lifetime=3600)).entry)["permit"]["not_after"] == BEGIN + 60 * SECOND
    await bank.put(purpose(permit_lifetime=20))
    assert json.loads((await bank.ask()).entry)["permit"]["not_after"] == BEGIN + 20 * SECOND
    await bank.put(purpose(permit_lifetime=7200))
    assert json.loads((await bank.ask(lifetime=3600)).entry)["permit"]["not_after"] == BEGIN + 3600 * SECOND


async def test_permits_are_minted_on_request_only(bank: World) -> None:
    await bank.persons.grant(ALICE)
    assert (await bank.ask(wanted=Wanted.NO)).permit == ""
    batch = await bank.authorize(bank.event(), bank.event(wanted=Wanted.YES), permits=False)
    assert [bool(answer.permit) for answer in batch.answers] == [False, True]
    assert json.loads(batch.answers[0].entry)["permit"] is None


async def test_the_key_is_in_the_log_before_the_first_permit_and_once(bank: World) -> None:
    await bank.persons.grant(ALICE)
    first = await bank.ask()
    await bank.ask()
    rotated = [one for one in bank.ledger.of_kind(BANK, Record) if one.type == "key.rotated"]  # type: ignore[union-attr]
    assert len(rotated) == 1
    assert rotated[0].i < first.index
    assert rotated[0].data["kid"] == bank.keys.kid  # type: ignore[union-attr]


async def test_a_repeated_event_past_its_permits_end_has_a_verdict_only(bank: World) -> None:
    await bank.persons.grant(ALICE)
    event = bank.event(lifetime=10)
    first = (await bank.authorize(event)).answers[0]
    bank.clock.now += 9 * SECOND
    assert (await bank.authorize(event)).answers[0].permit == first.permit
    bank.clock.now += SECOND
    late = (await bank.authorize(event)).answers[0]
    assert (late.verdict, late.permit) == (Verdict.ALLOW, "")


async def test_a_repeated_event_after_a_withdrawal_yields_no_permit(bank: World) -> None:
    basis = await bank.persons.grant(ALICE)
    event = bank.event()
    assert (await bank.authorize(event)).answers[0].permit
    assert (await bank.authorize(event)).answers[0].permit  # negative control: a mere retry does yield it
    await bank.persons.withdraw(basis)
    again = (await bank.authorize(event)).answers[0]
    assert (again.verdict, again.repeated, again.permit) == (Verdict.ALLOW, True, "")


# ----------------------------------------------------------------------------------------- the projection at work


async def test_a_caller_reads_its_own_grant(bank: World) -> None:
    assert (await bank.ask()).reasons == ("BASIS_MISSING", "POLICY")
    granted = await bank.persons.grant(ALICE)
    assert (await bank.ask()).reasons == ("BASIS_MISSING", "POLICY")  # negative control: nobody told, and just asked
    answered = await bank.authorize(bank.event(), after=granted.granted)
    assert answered.answers[0].verdict is Verdict.ALLOW
    lookups = len(bank.persons.lookups)
    await bank.authorize(bank.event(), after=granted.granted)
    assert len(bank.persons.lookups) == lookups  # known to have reached it


async def test_a_message_of_a_grant_ends_the_belief_that_there_is_none(bank: World) -> None:
    await bank.ask()
    granted = await bank.persons.grant(ALICE)
    bank.desk.projection.granted(BANK, granted.granted)
    assert (await bank.ask()).verdict is Verdict.ALLOW


async def test_doubt_comes_with_age_alone(bank: World) -> None:
    await bank.ask()
    await bank.persons.grant(ALICE)
    bank.clock.now += 2 * SECOND
    assert (await bank.ask()).verdict is Verdict.ALLOW


async def test_a_person_who_is_covered_is_not_asked_about_again(bank: World) -> None:
    await bank.persons.grant(ALICE)
    await bank.ask()
    bank.clock.now += 200 * SECOND
    await bank.ask()
    assert len(bank.persons.lookups) == 1
    bank.clock.now += 200 * SECOND
    await bank.ask()
    assert len(bank.persons.lookups) == 2  # but not for ever


async def test_a_claim_to_know_of_the_far_future_serves_nobody_else(bank: World) -> None:
    await bank.authorize(bank.event(), after=2**52)
    granted = await bank.persons.grant(ALICE)
    answered = await bank.authorize(bank.event(), after=granted.granted)
    assert answered.answers[0].verdict is Verdict.ALLOW
