"""The ledger client against a responder with a real tree: coalescing, proofs of each caller's part, failures."""

import asyncio
import random
import time
from collections.abc import AsyncIterator

import pytest
from integration.kit_bus.conftest import MakeBus, unix_us
from integration.kit_bus.nats_process import Nats
from integration.kit_bus.toy_ledger import ToyLedger

from placet.evidence.drafts import DecisionDraft, OutcomeDraft, RecordDraft
from placet.evidence.entries import PolicyRef
from placet.evidence.terms import LeafIndex, Verdict
from placet.kit.errors import Exhausted, Invalid, Kind, PlacetError, Precondition, Unavailable
from placet.kit.ledger import lane as lane_module
from placet.kit.ledger.client import LedgerClient
from placet.kit.ledger.messages import Submission, submission
from placet.kit.ledger.receipts import Appended, maximal_runs
from placet.tlog.hashing import leaf_hash
from placet.tlog.proof import verify_consistency, verify_inclusion, verify_range

SECOND = 1_000_000


def outcome(key: str, decision: int | None = None) -> Submission:
    return submission(OutcomeDraft(of=LeafIndex(1), result=key), key=key.encode(), decision=decision)


def decided(code: str) -> DecisionDraft:
    return DecisionDraft(
        policies=(PolicyRef(id="cn-2025", hash="h"),),
        context={"code": code},
        verdict=Verdict.ALLOW,
        permit=("a",),
        forbid=(),
        errors=(),
    )


def within(seconds: float = 5) -> int:
    return unix_us() + int(seconds * SECOND)


def verify(appended: Appended, *, seen: int = 0, old_root: bytes = b"") -> None:
    """Check everything that an Appended proves, as the SDK would."""
    _, size, root_hex = appended.checkpoint.split()
    root = bytes.fromhex(root_hex)
    assert int(size) == appended.size
    receipts = {one.index: one for one in appended.outcomes if not isinstance(one, PlacetError)}
    for receipt in receipts.values():
        assert receipt.leaf == leaf_hash(receipt.entry)
        verify_inclusion(receipt.leaf, receipt.index, appended.size, appended.inclusion(receipt.index), root)
    runs = appended.runs()
    assert [(run.begin, run.end) for run in runs] == maximal_runs(sorted(receipts))
    for run in runs:
        leaves = [receipts[index].leaf for index in range(run.begin, run.end)]
        verify_range(run, leaves, appended.size, root)
    if seen:
        assert appended.consistency is not None
        verify_consistency(seen, old_root, appended.size, root, appended.consistency)
    else:
        assert appended.consistency is None


@pytest.fixture
async def ledger(make_bus: MakeBus) -> AsyncIterator[ToyLedger]:
    toy = await ToyLedger(await make_bus("audit")).serve()
    yield toy
    toy.gate.set()


@pytest.fixture
async def client(make_bus: MakeBus) -> LedgerClient:
    return LedgerClient(await make_bus("permission"), "permission")


async def test_one_append(ledger: ToyLedger, client: LedgerClient) -> None:
    appended = await client.append("bank", [outcome("a")], deadline=within())
    verify(appended)
    receipt = appended.receipt()
    assert (receipt.index, receipt.repeated) == (ledger.filler, False)
    again = await client.append("bank", [outcome("a")], deadline=within())
    verify(again)
    assert again.receipt().repeated
    assert again.receipt().entry == receipt.entry
    assert again.size > appended.size


async def test_many_callers_share_few_requests_and_each_gets_a_proof_of_its_own(
    ledger: ToyLedger, client: LedgerClient
) -> None:
    first = await client.append("bank", [outcome("first")], deadline=within())
    old_root = bytes.fromhex(first.checkpoint.split()[2])
    sizes = [1 + n % 5 for n in range(100)]
    seen = [first.size if n % 3 else 0 for n in range(100)]
    parts = await asyncio.gather(
        *(
            client.append("bank", [outcome(f"{n}.{m}") for m in range(size)], seen=seen[n], deadline=within())
            for n, size in enumerate(sizes)
        )
    )
    assert len(ledger.requests) <= 4
    assert all(request.seen in ([], [first.size]) for request in ledger.requests)
    for n, part in enumerate(parts):
        assert len(part.outcomes) == sizes[n]
        for m, receipt in enumerate(part.receipts()):
            assert f"{n}.{m}".encode() in receipt.entry
        verify(part, seen=seen[n], old_root=old_root)


async def test_repeated_keys_make_scattered_runs_that_are_all_proven(ledger: ToyLedger, client: LedgerClient) -> None:
    rng = random.Random(7)
    for n in range(60):
        await client.append("bank", [outcome(f"{n}")], deadline=within())
    parts = await asyncio.gather(
        *(
            client.append(
                "bank", [outcome(str(rng.randrange(80))) for _ in range(rng.randrange(1, 20))], deadline=within()
            )
            for _ in range(30)
        )
    )
    for part in parts:
        verify(part)


async def test_logs_are_kept_apart(ledger: ToyLedger, client: LedgerClient) -> None:
    parts = await asyncio.gather(
        *(
            client.append(name, [outcome(f"{name}{n}")], deadline=within())
            for n in range(20)
            for name in ("bank", "shop")
        )
    )
    for part in parts:
        verify(part)
    assert {part.checkpoint.split()[0] for part in parts} == {"bank", "shop"}
    assert sum(b"shop" in entry for entry in ledger.entries["bank"]) == 0


async def test_distinct_decisions_travel_once(ledger: ToyLedger, client: LedgerClient) -> None:
    shared, own = decided("shared"), [decided(f"own{n}") for n in range(40)]
    ledger.gate.clear()
    tasks = [
        asyncio.create_task(
            client.append(
                "bank",
                [outcome(f"{n}.0", 1), outcome(f"{n}.1", 0), outcome(f"{n}.2")],
                [own[n % 4], decided("shared") if n % 2 else shared],
                deadline=within(),
            )
        )
        for n in range(40)
    ]
    await asyncio.sleep(0.05)
    ledger.gate.set()
    parts = await asyncio.gather(*tasks)
    for request in ledger.requests:
        raw = [bytes(one) for one in request.decisions]
        assert len(raw) == len(set(raw)) <= 5
    for n, part in enumerate(parts):
        entries = [receipt.entry for receipt in part.receipts()]
        assert b"shared" in entries[0]
        assert f"own{n % 4}".encode() in entries[1]
        assert b"cn-2025" not in entries[2]
        verify(part)


async def test_at_most_two_requests_of_a_log_are_on_their_way(ledger: ToyLedger, client: LedgerClient) -> None:
    ledger.gate.clear()
    tasks = []
    for n in range(50):
        tasks.append(asyncio.create_task(client.append("bank", [outcome(str(n))], deadline=within())))
        await asyncio.sleep(0.002)
    assert ledger.serving is not None
    assert ledger.serving.inflight == 2
    ledger.gate.set()
    for part in await asyncio.gather(*tasks):
        verify(part)
    # The second went when 32 waited; what came later went together when an answer was there.
    assert [len(request.submissions) for request in ledger.requests] == [1, 32, 17]


async def test_few_wait_for_the_one_request_that_is_on_its_way(ledger: ToyLedger, client: LedgerClient) -> None:
    ledger.gate.clear()
    tasks = []
    for n in range(20):
        tasks.append(asyncio.create_task(client.append("bank", [outcome(str(n))], deadline=within())))
        await asyncio.sleep(0.002)
    assert ledger.serving is not None
    assert ledger.serving.inflight == 1
    ledger.gate.set()
    for part in await asyncio.gather(*tasks):
        verify(part)
    assert [len(request.submissions) for request in ledger.requests] == [1, 19]


async def test_requests_stay_below_the_payload_and_512_submissions(ledger: ToyLedger, client: LedgerClient) -> None:
    def fat(key: str) -> Submission:
        return submission(RecordDraft(type="note.made", data={"x": "y" * 60_000}), key=key.encode())

    parts = await asyncio.gather(
        *(client.append("bank", [fat(f"f{n}")], deadline=within()) for n in range(40)),
        *(client.append("bank", [outcome(f"{n}.{m}") for m in range(100)], deadline=within()) for n in range(12)),
    )
    for part in parts:
        verify(part)
    counts = [len(request.submissions) for request in ledger.requests]
    assert sum(counts) == 40 + 1_200
    assert max(counts) <= 512
    assert len(counts) >= 5


async def test_what_can_never_fit_is_refused_before_it_is_sent(ledger: ToyLedger, client: LedgerClient) -> None:
    fat = [submission(RecordDraft(type="note.made", data={"x": "y" * 60_000}), key=b"%d" % n) for n in range(20)]
    for submissions in (fat, [outcome(str(n)) for n in range(513)]):
        with pytest.raises(Invalid, match="nothing was appended") as refused:
            await client.append("bank", submissions, deadline=within())
        assert (refused.value.field, refused.value.reason) == ("submissions", "FIELD_TOO_LARGE")
    assert not ledger.requests


async def test_a_refused_submission_is_its_receipts_error_alone(ledger: ToyLedger, client: LedgerClient) -> None:
    ledger.refuse[b"bad"] = Precondition("ADMISSION_REFUSED", "no", field="basis", metadata={"rule": "NEEDS"})
    mixed, other = await asyncio.gather(
        client.append("bank", [outcome("good"), outcome("bad"), outcome("fine")], deadline=within()),
        client.append("bank", [outcome("other")], deadline=within()),
    )
    verify(mixed)
    verify(other)
    assert b"fine" in mixed.receipt(2).entry
    with pytest.raises(Precondition, match="no") as refused:
        mixed.receipt(1)
    assert (refused.value.field, refused.value.metadata) == ("basis", {"rule": "NEEDS"})
    with pytest.raises(Precondition):
        mixed.receipts()


async def test_one_poisonous_caller_does_not_fail_the_others(ledger: ToyLedger, client: LedgerClient) -> None:
    ledger.poison.add(b"bad")
    ledger.gate.clear()
    keys = ["first", "second", "a", "b", "bad", "c", "d"]
    tasks = []
    for key in keys:
        tasks.append(asyncio.create_task(client.append("bank", [outcome(key)], deadline=within())))
        await asyncio.sleep(0.005)
    ledger.gate.set()
    results = dict(zip(keys, await asyncio.gather(*tasks, return_exceptions=True), strict=True))
    bad = results.pop("bad")
    assert isinstance(bad, PlacetError)
    assert bad.kind is Kind.INTERNAL
    for part in results.values():
        assert isinstance(part, Appended)
        verify(part)


async def test_a_cancelled_caller_does_not_disturb_the_others(ledger: ToyLedger, client: LedgerClient) -> None:
    ledger.gate.clear()
    tasks = []
    for n in range(20):
        tasks.append(asyncio.create_task(client.append("bank", [outcome(str(n))], deadline=within())))
        await asyncio.sleep(0.002)
    for n in (0, 7, 8):  # one on its way, two waiting
        tasks[n].cancel()
    await asyncio.sleep(0.01)
    ledger.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for n, result in enumerate(results):
        if n in (0, 7, 8):
            assert isinstance(result, asyncio.CancelledError)
        else:
            assert isinstance(result, Appended)
            verify(result)
    sent = {one.key for request in ledger.requests for one in request.submissions}
    assert b"0" in sent
    assert not sent & {b"7", b"8"}


async def test_each_caller_has_its_own_deadline(ledger: ToyLedger, client: LedgerClient) -> None:
    ledger.gate.clear()
    sent = asyncio.create_task(client.append("bank", [outcome("sent")], deadline=within(0.2)))
    also = asyncio.create_task(client.append("bank", [outcome("also")], deadline=within(10)))
    await asyncio.sleep(0.02)
    filling = asyncio.create_task(client.append("bank", [outcome("filling")], deadline=within(10)))
    await asyncio.sleep(0.02)
    waiting = asyncio.create_task(client.append("bank", [outcome("waiting")], deadline=within(0.2)))
    began = time.monotonic()
    with pytest.raises(Unavailable, match="repeating it with the same key is safe") as late:
        await sent
    assert late.value.reason == "DEADLINE_PASSED"
    with pytest.raises(Unavailable, match="nothing was appended") as unsent:
        await waiting
    assert unsent.value.reason == "DEADLINE_PASSED"
    assert time.monotonic() - began < 1
    ledger.gate.set()
    verify(await also)
    verify(await filling)
    # The one that gave up was in the request whose deadline had passed: it was not appended later.
    assert ("bank", b"sent") not in ledger.keys
    assert ("bank", b"waiting") not in ledger.keys


async def test_a_passed_deadline_is_not_even_sent(ledger: ToyLedger, client: LedgerClient) -> None:
    with pytest.raises(Unavailable, match="nothing was appended"):
        await client.append("bank", [outcome("a")], deadline=unix_us() - 1)
    assert not ledger.requests


async def test_no_ledger_is_unavailable_at_once(client: LedgerClient) -> None:
    began = time.monotonic()
    with pytest.raises(Unavailable, match="nothing was appended") as gone:
        await client.append("bank", [outcome("a")], deadline=within(10))
    assert gone.value.reason == "LEDGER_UNAVAILABLE"
    assert time.monotonic() - began < 1


async def test_a_lost_answer_is_asked_for_again_with_the_same_keys(
    ledger: ToyLedger, client: LedgerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica that died with our request: the next one answers it, and nothing stands twice."""
    monkeypatch.setattr(lane_module, "ATTEMPT_US", 200_000)
    monkeypatch.setattr(lane_module, "GRACE_US", 50_000)
    ledger.gate.clear()
    task = asyncio.create_task(client.append("bank", [outcome("a")], deadline=within(10)))
    await asyncio.sleep(0.1)
    assert ledger.serving is not None
    await ledger.serving.stop(grace=0)
    ledger.gate.set()
    await ledger.serve()
    verify(await task)
    assert sum(b"a" in entry and b"filler" not in entry for entry in ledger.entries["bank"]) == 1


async def test_a_silent_ledger_is_asked_until_the_deadline_and_no_longer(
    ledger: ToyLedger, client: LedgerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_module, "ATTEMPT_US", 100_000)
    monkeypatch.setattr(lane_module, "GRACE_US", 20_000)
    ledger.gate.clear()
    began = time.monotonic()
    with pytest.raises(Unavailable, match="same key is safe") as silent:
        await client.append("bank", [outcome("a")], deadline=within(0.7))
    assert silent.value.reason == "DEADLINE_PASSED"
    assert 0.6 < time.monotonic() - began < 1.5
    assert ledger.serving is not None
    asked = ledger.serving.inflight
    assert 3 <= asked <= 8
    ledger.gate.set()
    await asyncio.sleep(0.2)
    # Every one of those requests came past its deadline: nothing was appended late.
    assert ledger.keys == {}


async def test_a_broker_killed_meanwhile_leaves_the_outcome_open(
    nats: Nats, ledger: ToyLedger, client: LedgerClient
) -> None:
    ledger.gate.clear()
    task = asyncio.create_task(client.append("bank", [outcome("a")], deadline=within(10)))
    await asyncio.sleep(0.1)
    nats.kill()
    with pytest.raises(Unavailable, match="same key is safe") as lost:
        await task
    assert lost.value.reason == "LEDGER_UNAVAILABLE"
    ledger.gate.set()
    nats.start()
    end = time.monotonic() + 10
    while True:
        try:
            appended = await client.append("bank", [outcome("a")], deadline=within(1))
            break
        except Unavailable:
            assert time.monotonic() < end
            await asyncio.sleep(0.02)
    verify(appended)
    assert appended.receipt().repeated  # the lost request was appended, its answer was not heard


async def test_seen_beyond_the_log_has_no_consistency_proof(ledger: ToyLedger, client: LedgerClient) -> None:
    appended = await client.append("bank", [outcome("a")], seen=10_000, deadline=within())
    assert appended.consistency is None


async def test_waiting_is_bounded(ledger: ToyLedger, client: LedgerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "WAITING", 1_000)
    ledger.gate.clear()
    tasks = [
        asyncio.create_task(client.append("bank", [outcome(f"{n}.{m}") for m in range(100)], deadline=within()))
        for n in range(12)
    ]
    await asyncio.sleep(0.05)
    ledger.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(one, Exhausted) for one in results) == 2
    assert sum(isinstance(one, Appended) for one in results) == 10
    verify(await client.append("bank", [outcome(f"x{m}") for m in range(500)], deadline=within()))


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ([], "submissions"),
        ([Submission(b"", bytes(32), "outcome", outcome("a").body)], "submissions[0].key"),
        ([Submission(b"k" * 65, bytes(32), "outcome", outcome("a").body)], "submissions[0].key"),
        ([outcome("a"), Submission(b"k", bytes(31), "outcome", outcome("a").body)], "submissions[1].digest"),
        ([Submission(b"k", bytes(32), "state", outcome("a").body)], "submissions[0].kind"),
        ([outcome("a", 0)], "submissions[0].decision"),
    ],
)
async def test_malformed_appends_are_refused_before_they_are_sent(
    ledger: ToyLedger, client: LedgerClient, bad: list[Submission], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await client.append("bank", bad, deadline=within())
    assert refused.value.field == field
    assert not ledger.requests


@pytest.mark.parametrize("controller", ["", "a.b", "a b", "*", ">", "a\r\nPUB x 0", "x" * 65])
async def test_no_controller_can_name_another_subject(client: LedgerClient, controller: str) -> None:
    with pytest.raises(Invalid) as refused:
        await client.append(controller, [outcome("a")], deadline=within())
    assert refused.value.field == "controller"
