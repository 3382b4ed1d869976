"""Each write of a log's new key, lost and persisted: the key file, asking for it, and the group that puts it in force.

Whatever died, the log has one newest key and everything agrees on it: the entry `key.rotated`, the row, who signs the
head. No head is signed by a key that the log does not name, and asking again makes it good (promises P1 and P9).
"""

import asyncio
import errno
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from fault.crashing import Crash, cases, committing_each, failing, named
from fault.office import TTL, Office
from integration.audit.rig import SECOND
from typer.testing import CliRunner

from placet.audit import sequencer
from placet.audit.commands import app
from placet.audit.commands.stored import stored
from placet.audit.fsck import fsck
from placet.evidence.drafts import RecordDraft
from placet.evidence.rotation import rotation_of
from placet.kit.failpoints import Side, Write
from placet.kit.ledger.messages import AppendRequest, decode_reply, submission
from placet.local.mesh import Mesh
from placet.tlog.note import Verifier, open_note

ASKING = (Write.LOG_KEY, Write.KEY_ASK)
GROUP = tuple(write for write in Write if write.value.startswith("ledger.") and write is not Write.LEDGER_ANSWER)
ROTATING = (*GROUP, Write.KEY_ROTATE)
WRITES = (Write.KEY_ASK, Write.KEY_ROTATE)
PERSISTED = (Write.LEDGER_COMMIT, Side.AFTER)
# A rotation has rows for these; the others are passed with nothing to write, and left to the campaigns.
FILLED = (Write.LEDGER_HEAD, Write.LEDGER_ENTRIES, Write.KEY_ROTATE, Write.LEDGER_COMMIT)
ROTATIONS = [pytest.param(*case, marks=() if case[0] in FILLED else pytest.mark.long) for case in cases(ROTATING)]
BEGINNING = 1_780_000_000_000_000


def ask(folder: Path) -> str:
    """Ask for a new key as an operator does, and return it."""
    command = ["rotate-key", "bank", "--data", str(folder), "--wait", "0", "--overlap", "1"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1, done.output  # not in force yet
    return next(line for line in done.output.splitlines() if line.startswith("new key")).rpartition(" ")[2]


async def founded(folder: Path) -> Office:
    """An audit process that holds the log `bank`."""
    office = Office(folder, BEGINNING, "first")
    await office.controllers.create("bank", now=office.now)
    return office


def reopened(office: Office, folder: Path) -> Office:
    """The process that follows one that died; it holds nothing yet."""
    office.engines.dispose()
    return Office(folder, office.now + TTL, "other name")


async def close(office: Office) -> None:
    await office.holder.close()
    office.engines.dispose()


async def append(office: Office) -> None:
    """Append a record, and see that it stands under a checkpoint of the log's own."""
    draft = submission(RecordDraft(type="permission.checked", data={}), key=os.urandom(16))
    request = AppendRequest(office.now + SECOND, [], [], [draft])
    reply = decode_reply(await office.holder.append("bank", "permission", request))
    assert reply.results[0].error is None


def signers(office: Office) -> list[str]:
    """Return which keys of the log signed its newest checkpoint, in order; there must be no other signature on it."""
    keys = {key.vkey: Verifier.parse(key.vkey) for key in office.log.keys}
    opened = open_note(office.holder.snapshot("bank").checkpoint, [*keys.values()])
    assert not opened.unknown
    verified = {vkey for vkey, _ in opened.verified}
    return [text for text, one in keys.items() if one.vkey in verified]


def require(office: Office, new: str, *, in_force: bool) -> None:
    """Require that the new key is in force everywhere, or nowhere and still asked for."""
    first = office.log.vkey
    rotations = [rotation_of(body, office.log.origin) for body in office.entries()]
    assert [one.vkey for one in rotations if one is not None] == ([new] if in_force else [])
    assert [key.vkey for key in office.log.rotated] == ([new] if in_force else [])
    assert [key.vkey for key in office.logs.waiting_keys().values()] == ([] if in_force else [new])
    assert signers(office) == ([first, new] if in_force else [first])
    assert office.clean()


@pytest.mark.usefixtures("dead_silent")
@pytest.mark.parametrize(("write", "side"), ROTATIONS, ids=named)
async def test_a_rotation_that_crashed_is_there_whole_or_done_by_the_next_process(
    quick: Path, write: Write, side: Side
) -> None:
    first = await founded(quick)
    new = ask(quick)
    with failing(write, side, Crash()), pytest.raises(Crash):
        await first.holder.look()
    second = reopened(first, quick)
    require(second, new, in_force=(write, side) == PERSISTED)
    await second.holder.look()
    require(second, new, in_force=True)
    await append(second)
    require(second, new, in_force=True)
    await close(second)


@pytest.mark.parametrize(("write", "side"), ROTATIONS, ids=named)
async def test_a_rotation_that_failed_is_there_whole_or_tried_again(quick: Path, write: Write, side: Side) -> None:
    """The process had an error, of the disk say, and goes on."""
    office = await founded(quick)
    new = ask(quick)
    with failing(write, side, OSError(errno.EIO, "the disk")):
        await office.holder.look()
    require(office, new, in_force=(write, side) == PERSISTED)
    await append(office)
    require(office, new, in_force=(write, side) == PERSISTED)
    await office.holder.look()
    require(office, new, in_force=True)
    await append(office)
    require(office, new, in_force=True)
    await close(office)


@pytest.mark.parametrize(("write", "side"), cases(ASKING), ids=named)
async def test_asking_that_crashed_is_made_good_by_asking_again(quick: Path, write: Write, side: Side) -> None:
    office = await founded(quick)
    with failing(write, side, Crash()), pytest.raises(Crash):
        ask(quick)
    asked = (write, side) == (Write.KEY_ASK, Side.AFTER)
    left = office.keys.public("bank", office.log.origin).get(2)
    assert len(office.logs.waiting_keys()) == asked
    assert (left is not None) is ((write, side) != (Write.LOG_KEY, Side.BEFORE))
    assert signers(office) == [office.log.vkey]
    assert office.clean()
    new = ask(quick)
    assert left is None or left == Verifier.parse(new).vkey, "a key that was made is not made again"
    require(office, new, in_force=False)
    await office.holder.look()
    require(office, new, in_force=True)
    await close(office)


@pytest.mark.usefixtures("dead_silent")
async def test_control_without_one_transaction_an_entry_names_a_key_that_is_not_in_force(
    quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await founded(quick)
    new = ask(quick)
    monkeypatch.setattr("placet.audit.store.writing", committing_each)
    with failing(Write.KEY_ROTATE, Side.BEFORE, Crash()), pytest.raises(Crash):
        await first.holder.look()
    monkeypatch.undo()
    second = reopened(first, quick)
    with pytest.raises(AssertionError):
        require(second, new, in_force=False)
    with pytest.raises(AssertionError):
        require(second, new, in_force=True)
    assert not second.clean()
    second.engines.dispose()


async def test_control_without_reading_its_keys_again_a_log_goes_on_with_the_old_one_alone(
    quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rotation was committed and nobody told: a process that believes its memory signs with the wrong keys."""
    office = await founded(quick)
    new = ask(quick)
    monkeypatch.setattr(sequencer.Logs, "find", lambda *_: None)
    with failing(*PERSISTED, OSError(errno.EIO, "the disk")):
        await office.holder.look()
    assert signers(office) == [office.log.vkey]
    with pytest.raises(AssertionError):
        require(office, new, in_force=True)
    await close(office)


KILLED = [
    (Write.LEDGER_COMMIT, Side.AFTER),
    *(pytest.param(write, side, marks=pytest.mark.long) for write, side in cases((Write.KEY_ROTATE,))),
    pytest.param(Write.LEDGER_COMMIT, Side.BEFORE, marks=pytest.mark.long),
]


@pytest.mark.parametrize(("write", "side"), KILLED, ids=named)
async def test_the_real_service_killed_while_it_rotates_needs_nobody(tmp_path: Path, write: Write, side: Side) -> None:
    """The service kills itself there; started again, it has one new key, and says so itself."""
    async with Mesh(tmp_path / "mesh", services=("audit",)) as mesh:
        await mesh.create_controller("bank")
        await mesh.stop_service("audit")
        folder = mesh.layout.own("audit")
        new = ask(folder)
        child = mesh.child("audit")
        child._environment["PLACET_FAILPOINT"] = f"{write.value}:{side.value}"
        mesh._launch("audit")
        assert await child.ended(within=60)
        assert child.status == -signal.SIGKILL
        child._environment["PLACET_FAILPOINT"] = ""
        with closing(sqlite3.connect(folder / "audit.db")) as database, database:
            database.execute("UPDATE log SET holder = NULL, lease_until = 0")  # or wait for it three seconds
        await mesh.start_service("audit")
        for _ in range(100):
            with stored(folder, "bank") as found:
                (log,) = found.logs
                if log.rotated:
                    break
            await asyncio.sleep(0.1)
        await mesh.stop_service("audit")
        with stored(folder, "bank") as found:
            (log,) = found.logs
            assert [key.vkey for key in log.rotated] == [new]
            assert fsck(found.engines, log, keys=found.keys, vkey=log.vkey, progress=lambda *_: None) == []
