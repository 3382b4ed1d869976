"""A lying mesh: every lie about the ledger is caught, in a lone call, in a batch and in a stream.

Each lie is told by changing one thing in an answer that is otherwise valid; the honest answer passes, so that what is
caught is the lie.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from integration.sdk.conftest import ASK, config_of
from integration.sdk.little_log import LittleLog
from integration.sdk.little_mesh import LittleMesh

from placet.sdk import AsyncClient, FaceEvent, PermitWish, ProofError
from placet.sdk.trust import Trust
from placet.tlog.checkpoint import Checkpoint, sign_checkpoint

Ask = Callable[[AsyncClient], Any]


async def alone(client: AsyncClient) -> Any:
    return [await client.authorize(**ASK)]


async def together(client: AsyncClient) -> Any:
    return await asyncio.gather(*[client.authorize(**ASK) for _ in range(5)])


async def batch(client: AsyncClient) -> Any:
    return await client.authorize_batch([FaceEvent(**ASK, permit=PermitWish())] * 5)


async def stream(client: AsyncClient) -> Any:
    return [one async for one in client.authorize_stream([FaceEvent(**ASK, permit=PermitWish())] * 5)]


WAYS = pytest.mark.parametrize("ask", [alone, together, batch, stream], ids=lambda way: way.__name__)


def first(response: Any) -> Any:
    return response.answer if hasattr(response, "answer") else response.answers[0]


def edit(mesh: LittleMesh, index: int, **changes: Any) -> bytes:
    """Return an entry of the log with fields changed, in canonical form."""
    entry = {**json.loads(mesh.log.entries[index]), **changes}
    return json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()


def rewrite(mesh: LittleMesh, response: Any, **changes: Any) -> Any:
    """Put a changed entry into the log itself and prove that: only the comparison with the question can catch it."""
    answer = first(response)
    changed = edit(mesh, answer.index, **changes)
    other = LittleLog()
    other.entries, other.tree = [], type(mesh.log.tree)()
    for index, entry in enumerate(mesh.log.entries):
        other.put(changed if index == answer.index else entry)
    answer.entry = changed
    seen = mesh.requests[-1].seen
    response.checkpoint.CopyFrom(other.checkpoint(seen))
    if hasattr(response, "answer"):
        del response.proof[:]
        response.proof.extend(other.inclusion(answer.index))
    else:
        del response.proofs[:]
        response.proofs.extend(other.runs(one.index for one in response.answers))
    return response


def wrong_root(mesh: LittleMesh, response: Any) -> Any:
    log = mesh.log
    wrong = Checkpoint(origin=log.origin, size=log.size, root=b"\x01" * 32)
    response.checkpoint.note = sign_checkpoint(wrong, log.signer)
    return response


def another_key(mesh: LittleMesh, response: Any) -> Any:
    mine = LittleLog(seed=b"\x09" * 32).signer
    true = Checkpoint(origin=mesh.log.origin, size=mesh.log.size, root=mesh.log.root(mesh.log.size))
    response.checkpoint.note = sign_checkpoint(true, mine)
    return response


def another_log(mesh: LittleMesh, response: Any) -> Any:
    response.checkpoint.note = LittleLog(origin="placet.test/log/bank").note()
    return response


def another_size(_: LittleMesh, response: Any) -> Any:
    response.checkpoint.tree_size += 1
    return response


def swapped_entry(mesh: LittleMesh, response: Any) -> Any:
    first(response).entry = edit(mesh, first(response).index, verdict="allow", seen=0, t=1)
    return response


def moved(_: LittleMesh, response: Any) -> Any:
    first(response).index -= 1
    return response


def bent_proof(_: LittleMesh, response: Any) -> Any:
    hashes = response.proof if hasattr(response, "answer") else response.proofs[0].left
    hashes[0] = b"\x02" * 32
    return response


def no_proof(_: LittleMesh, response: Any) -> Any:
    response.ClearField("proof" if hasattr(response, "answer") else "proofs")
    return response


def flipped_verdict(_: LittleMesh, response: Any) -> Any:
    first(response).verdict = 3 - first(response).verdict
    return response


def no_answer(_: LittleMesh, response: Any) -> Any:
    if hasattr(response, "answer"):
        response.ClearField("answer")
    else:
        del response.answers[0]
    return response


LIES = [
    wrong_root,
    another_key,
    another_log,
    another_size,
    swapped_entry,
    moved,
    bent_proof,
    no_proof,
    flipped_verdict,
    no_answer,
]
CHANGES: list[dict[str, Any]] = [
    {"id": "019aaaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa"},
    {"purpose": "spying"},
    {"device": "cam-2"},
    {"operation": "analyse"},
    {"frame": "019aaaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa"},
    {"occurred": 5},
    {"offline": True},
    {"seen": 1},
    {"i": 0},
    {"permit": None},
    {"permit": {"max_uses": 1_000, "not_after": 1}},
    {"verdict": "deny"},
    {"reasons": ["POLICY"]},
    {"verdict": "deny", "reasons": ["POLICY"]},
    {"kind": "use"},
    {"v": 2},
]


@WAYS
async def test_the_honest_mesh_is_believed(mesh: LittleMesh, client: AsyncClient, ask: Ask) -> None:
    await alone(client)
    assert all(decision.allowed for decision in await ask(client))
    mesh.lie = lambda _, response: rewrite(mesh, response)  # a rewrite that changes nothing
    assert all(decision.allowed for decision in await ask(client))


@WAYS
@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
async def test_a_lie_about_the_log_is_caught(mesh: LittleMesh, client: AsyncClient, ask: Ask, lie: Any) -> None:
    await alone(client)
    held = client.checkpoint_held
    mesh.lie = lambda name, response: lie(mesh, response) if name.startswith("Authorize") else response
    with pytest.raises(ProofError) as caught:
        await ask(client)
    assert caught.value.explain()
    if lie is not flipped_verdict:  # there only the words around the proof are wrong
        assert client.checkpoint_held == held or lie in (moved, swapped_entry)


@WAYS
@pytest.mark.parametrize("changes", CHANGES, ids="-".join)
async def test_a_proven_entry_that_is_not_what_was_asked_is_caught(
    mesh: LittleMesh, client: AsyncClient, ask: Ask, changes: dict[str, Any]
) -> None:
    await alone(client)
    mesh.lie = lambda name, response: rewrite(mesh, response, **changes) if name.startswith("Authorize") else response
    with pytest.raises(ProofError):
        await ask(client)


async def test_a_wrong_entry_fails_its_own_caller_only(mesh: LittleMesh, client: AsyncClient) -> None:
    await alone(client)
    mesh.lie = lambda name, response: rewrite(mesh, response, device="cam-2") if "Batch" in name else response
    results = await asyncio.gather(*[client.authorize(**ASK) for _ in range(5)], return_exceptions=True)
    assert [isinstance(one, ProofError) for one in results] == [True, False, False, False, False]


async def test_two_answers_swapped_are_caught(mesh: LittleMesh, client: AsyncClient) -> None:
    def swap(name: str, response: Any) -> Any:
        if "Batch" in name:
            one, two = type(response.answers[0])(), type(response.answers[0])()
            one.CopyFrom(response.answers[0])
            two.CopyFrom(response.answers[1])
            response.answers[0].CopyFrom(two)
            response.answers[1].CopyFrom(one)
        return response

    mesh.lie = swap
    results = await asyncio.gather(*[client.authorize(**ASK) for _ in range(3)], return_exceptions=True)
    assert [isinstance(one, ProofError) for one in results] == [True, True, False]


async def test_an_old_event_is_not_taken_for_a_new_one(mesh: LittleMesh, client: AsyncClient) -> None:
    """An allow of an hour ago, proven and true, is no answer to what was asked now."""
    old = await client.authorize(**ASK)

    def replay(_: str, response: Any) -> Any:
        response.answer.index, response.answer.entry = old.index, old.entry
        del response.proof[:]
        response.proof.extend(mesh.log.inclusion(old.index))
        response.answer.repeated = True
        return response

    mesh.deny["payment"] = ("BASIS_WITHDRAWN",)
    mesh.lie = replay
    with pytest.raises(ProofError, match="id differs"):
        await client.authorize(**ASK)


@WAYS
async def test_a_history_that_forked_is_caught_with_both_checkpoints(
    mesh: LittleMesh, client: AsyncClient, ask: Ask
) -> None:
    await alone(client)
    held, true = client.checkpoint_held, mesh.log
    mesh.log = LittleLog()
    for _ in range(30):
        mesh.log.grant(law="other")
    mesh.log.state()
    with pytest.raises(ProofError) as caught:
        await ask(client)
    assert caught.value.reason == "LOG_FORKED"
    assert caught.value.held == held
    assert caught.value.answered == mesh.log.note()
    mesh.log = true
    assert client.checkpoint_held == held
    assert (await ask(client))[0].allowed, "the true log is still followed"


@WAYS
async def test_a_log_that_lost_its_end_is_caught(mesh: LittleMesh, client: AsyncClient, ask: Ask) -> None:
    before = mesh.log.fork()
    for _ in range(20):
        await alone(client)
    mesh.log = before
    with pytest.raises(ProofError):
        await ask(client)


async def test_a_stale_checkpoint_is_caught_although_it_is_true(mesh: LittleMesh, client: AsyncClient) -> None:
    await alone(client)
    old = mesh.log.checkpoint()
    await alone(client)
    mesh.lie = lambda _, response: (response.checkpoint.CopyFrom(old), response)[1]
    with pytest.raises(ProofError):
        await alone(client)
    mesh.lie = lambda _, response: response
    assert await client.checkpoint()
    mesh.lie = lambda _, response: (response.checkpoint.CopyFrom(old), response)[1]
    with pytest.raises(ProofError, match="removed"):
        await client.checkpoint()


class Crossing:
    """Two calls in flight at once, asked from one checkpoint, answered out of two histories."""

    def __init__(self, mesh: LittleMesh) -> None:
        self.mesh, self.true = mesh, mesh.log
        self.other = mesh.log.fork()
        for _ in range(3):
            self.other.grant(law="other")
        self.other.state()
        self.gates = [asyncio.Event(), asyncio.Event()]
        self.asked = 0
        mesh.wait = self.wait

    def wait(self, name: str, _: Any) -> Any:
        if not name.startswith("Authorize"):
            return None
        gate = self.gates[self.asked]
        self.asked += 1
        self.mesh.log = self.other  # the next question is answered out of the other history
        return gate.wait()

    async def run(self, client: AsyncClient, order: tuple[int, int]) -> list[Any]:
        calls = [asyncio.ensure_future(client.authorize(**ASK))]
        while self.asked < 1:
            await asyncio.sleep(0.001)
        calls.append(asyncio.ensure_future(client.authorize(**ASK)))
        while self.asked < 2:
            await asyncio.sleep(0.001)
        for one in order:
            self.gates[one].set()
            await asyncio.wait([calls[one]])
        return await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("audit", ["true", "other"])
async def test_a_fork_between_two_answers_in_flight_is_caught(
    mesh: LittleMesh, client: AsyncClient, order: tuple[int, int], audit: str
) -> None:
    """Both answers continue what was seen when they were asked; each alone is believable."""
    await alone(client)
    crossing = Crossing(mesh)
    mesh.audit_log = crossing.true if audit == "true" else crossing.other
    results = await crossing.run(client, order)
    assert not isinstance(results[order[0]], Exception), "the first to arrive is believed"
    assert isinstance(results[order[1]], ProofError), "the second contradicts it"
    assert "GetConsistency" in {name for name, _ in mesh.calls}


async def test_two_honest_answers_in_flight_are_believed_in_any_order(mesh: LittleMesh, client: AsyncClient) -> None:
    await alone(client)
    for order in ((0, 1), (1, 0)):
        crossing = Crossing(mesh)
        crossing.other = crossing.true
        results = await crossing.run(client, order)
        assert all(decision.allowed for decision in results)
        mesh.wait = lambda *_: None


async def test_without_the_tie_to_the_head_that_fork_would_be_believed(
    mesh: LittleMesh, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: with the protection switched off, nobody notices."""

    def gullible(self: Trust, tree: Any, anchor: Any, proof: Any, beginnings: Any = None) -> None:
        self._check_anchor(tree, anchor, proof)
        self._advance(tree)

    await alone(client)
    monkeypatch.setattr(Trust, "tie", gullible)
    results = await Crossing(mesh).run(client, (0, 1))
    assert all(decision.allowed for decision in results)


async def test_an_answer_whose_tie_cannot_be_had_is_not_returned(mesh: LittleMesh, new_client: Any) -> None:
    """Audit is silent: the answer may be true, and still nobody gets it."""
    from integration.sdk.test_sdk_faults import status

    client = new_client(timeout=0.5)
    await alone(client)
    crossing = Crossing(mesh)
    crossing.other = crossing.true
    mesh.fail = lambda name, _: status("unavailable", "LEDGER_UNAVAILABLE") if name == "GetConsistency" else None
    results = await crossing.run(client, (1, 0))
    assert results[1].allowed
    assert isinstance(results[0], Exception)
    assert not isinstance(results[0], ProofError), "being out of reach is no lie"


@pytest.fixture
async def restarted(mesh: LittleMesh, client: AsyncClient) -> AsyncIterator[tuple[AsyncClient, AsyncClient]]:
    await alone(client)
    async with (
        AsyncClient(config_of(mesh)) as fresh,
        AsyncClient(config_of(mesh, checkpoint=client.checkpoint_held)) as remembering,
    ):
        yield fresh, remembering


async def test_a_kept_checkpoint_convicts_a_log_that_forked_while_the_client_was_away(
    mesh: LittleMesh, restarted: tuple[AsyncClient, AsyncClient]
) -> None:
    fresh, remembering = restarted
    mesh.log = LittleLog()
    for _ in range(30):
        mesh.log.grant(law="other")
    mesh.log.state()
    assert await alone(fresh), "without memory nothing can be seen"
    with pytest.raises(ProofError):
        await alone(remembering)
