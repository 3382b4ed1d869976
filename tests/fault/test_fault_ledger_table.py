"""Each write of a group, lost and persisted: the log recovers the normal way, nothing acknowledged is lost, nothing is
there twice, and a retry finds its entry (promises P1 and P2).
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from fault.crashing import Crash, cases, committing_each, failing
from integration.audit.rig import SECOND, Rig, decision, event, grant_draft, use

from placet.audit.errors import Corrupt
from placet.audit.fsck import fsck
from placet.audit.queueing import Waiting
from placet.audit.store import SqlJournal
from placet.evidence.drafts import AmendDraft, WithdrawDraft
from placet.evidence.terms import BasisOrdinal
from placet.kit.errors import PlacetError
from placet.kit.failpoints import Side, Write
from placet.kit.ledger.messages import (
    AppendReply,
    AppendRequest,
    Submission,
    decode_reply,
    decode_request,
    encode_decision,
    encode_request,
    submission,
)

STATEMENTS = (
    Write.LEDGER_HEAD,
    Write.LEDGER_ENTRIES,
    Write.LEDGER_TILES,
    Write.LEDGER_KEYS,
    Write.LEDGER_DECISIONS,
    Write.LEDGER_CHANGES,
    Write.LEDGER_USES,
    Write.LEDGER_BASES,
)
WRITES = (*STATEMENTS, Write.LEDGER_COMMIT, Write.LEDGER_ANSWER)
# Where the group is durable although nobody was told.
PERSISTED = {(Write.LEDGER_COMMIT, Side.AFTER), (Write.LEDGER_ANSWER, Side.BEFORE), (Write.LEDGER_ANSWER, Side.AFTER)}


@dataclass
class Group:
    """Requests of three services that go into one group: something for every table."""

    now: int
    used: int

    def __post_init__(self) -> None:
        keys = [os.urandom(16) for _ in range(6)]
        ending = WithdrawDraft(basis=BasisOrdinal(1), by="data_subject", reason="no_longer_wanted")
        narrowing = AmendDraft(basis=BasisOrdinal(0), operations=("verify",))
        self.requests: dict[str, list[Submission]] = {
            "consent": [
                submission(grant_draft(self.now), key=keys[0]),
                submission(ending, key=keys[1]),
                submission(narrowing, key=keys[2]),
            ],
            "permission": [
                event(self.now, 0, key=keys[3], permit=1),
                event(self.now, 2, key=keys[4]),
            ],
            "vault": [use(self.used, keys[5])],
        }

    def waiting(self, done: Callable[[str, bytes | PlacetError], None]) -> list[Waiting]:
        """The requests as the bus brings them."""
        decisions = [msgspec.Raw(encode_decision(decision(minor=["new"])))]
        return [
            Waiting(
                service,
                decode_request(encode_request(AppendRequest(self.now + SECOND, [], decisions, submissions))),
                lambda answer, service=service: done(service, answer),  # type: ignore[misc]
            )
            for service, submissions in self.requests.items()
        ]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A log whose next group completes a tile, and the index of an event whose permit is unused."""
    folder = tmp_path_factory.mktemp("prepared")
    rig = Rig(folder)
    rig.grant()
    rig.grant()
    used = rig.event(0, permit=1).results[0].index
    while rig.sequencer.recover().size % 256 < 250:
        rig.send(event(rig.now, 0), decisions=[decision()])
    rig.close()
    return folder, used


def run(rig: Rig, group: Group) -> dict[str, AppendReply | PlacetError]:
    """Run the group and return what each service was answered."""
    answers: dict[str, AppendReply | PlacetError] = {}

    def done(service: str, answer: bytes | PlacetError) -> None:
        assert service not in answers, "answered once"
        answers[service] = answer if isinstance(answer, PlacetError) else decode_reply(answer)

    with suppress(OSError):
        rig.sequencer.run(group.waiting(done))
    return answers


def sound(rig: Rig) -> list[bytes]:
    """Check the whole log and return its entries."""
    assert fsck(rig.engines, rig.log, keys=rig.keys, vkey=rig.log.vkey, progress=lambda *_: None) == []
    return rig.bodies()


def keys(rig: Rig, group: Group) -> dict[tuple[str, bytes], int]:
    """Return what stands in the log for the group's keys."""
    wanted = [(service, one.key) for service, some in group.requests.items() for one in some]
    return {which: found.index for which, found in SqlJournal(rig.engines, rig.log, -1).keys(wanted).items()}


def recovered(rig: Rig, how: type[BaseException]) -> Rig:
    """After a crash there is a new process; after an error the same one goes on."""
    if how is not Crash:
        return rig
    rig.close()
    again = Rig(rig.folder)
    again.now = rig.now
    return again


def all_cases() -> Iterator[object]:
    """Every write crashes, lost and persisted; it also fails and the process goes on, of which CI takes some."""
    for write, side in cases(WRITES):
        name = f"{write.value}-{side.value}"
        yield pytest.param(write, side, Crash, id=f"{name}-crash")
        if write is not Write.LEDGER_ANSWER:  # handing an answer over cannot fail
            often = write in (Write.LEDGER_ENTRIES, Write.LEDGER_COMMIT)
            yield pytest.param(write, side, OSError, id=f"{name}-error", marks=() if often else pytest.mark.long)


@pytest.mark.parametrize(("write", "side", "how"), [*all_cases()])
def test_each_write_lost_and_persisted(
    prepared: tuple[Path, int], quick: Path, write: Write, side: Side, how: type[BaseException]
) -> None:
    shutil.copytree(prepared[0], quick / "log")
    rig = Rig(quick / "log")
    rig.now += 1_000 * SECOND
    before = sound(rig)
    group = Group(rig.now, prepared[1])
    error = Crash() if how is Crash else OSError(errno.EIO, "the disk")
    with failing(write, side, error):
        if how is Crash:
            with pytest.raises(Crash):
                run(rig, group)
        else:
            answers = run(rig, group)
            assert {type(answer).__name__ for answer in answers.values()} == {"Unavailable"}
            assert len(answers) == 3

    rig = recovered(rig, how)
    persisted = (write, side) in PERSISTED
    after = sound(rig)
    assert after[: len(before)] == before, "nothing acknowledged is lost"
    assert (len(after) > len(before)) is persisted, "all of it or nothing"
    assert len(keys(rig, group)) == (6 if persisted else 0)
    size = len(after)

    answers = run(rig, group)
    found = keys(rig, group)
    assert len(set(found.values())) == 6
    for service, submissions in group.requests.items():
        reply = answers[service]
        assert isinstance(reply, AppendReply)
        rig.check(reply)
        for one, result in zip(submissions, reply.results, strict=True):
            assert result.error is None
            assert result.repeated is persisted
            assert result.index == found[service, one.key]
    assert len(sound(rig)) == (size if persisted else len(before) + 8)
    assert len(rig.bodies()) > 256
    rig.event(0)
    sound(rig)
    rig.close()


def test_control_without_the_key_a_retry_after_a_lost_answer_is_there_twice(
    prepared: tuple[Path, int], quick: Path
) -> None:
    shutil.copytree(prepared[0], quick / "log")
    rig = Rig(quick / "log")
    group = Group(rig.now, prepared[1])
    with failing(Write.LEDGER_COMMIT, Side.AFTER, Crash()), pytest.raises(Crash):
        run(rig, group)
    rig = recovered(rig, Crash)
    size = len(rig.bodies())
    retry = Group(rig.now, prepared[1])  # the same requests under other keys
    assert not isinstance(run(rig, retry)["permission"], PlacetError)
    assert len(rig.bodies()) > size
    rig.close()


def test_control_without_one_transaction_a_crash_leaves_half_a_group(
    prepared: tuple[Path, int], quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(prepared[0], quick / "log")
    rig = Rig(quick / "log")
    monkeypatch.setattr("placet.audit.store.writing", committing_each)
    with failing(Write.LEDGER_KEYS, Side.BEFORE, Crash()), pytest.raises(Crash):
        run(rig, Group(rig.now, prepared[1]))
    monkeypatch.undo()
    assert fsck(rig.engines, rig.log, keys=rig.keys, vkey=rig.log.vkey, progress=lambda *_: None) != []
    with pytest.raises(Corrupt):
        recovered(rig, Crash)
