"""Whatever is changed in what witnesses signed, fsck finds it and names the size; a log cut off contradicts it (P7)."""

import asyncio
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from integration.audit.full_log import fill
from integration.audit.rig import SECOND, Rig
from property.audit.tampering import COSIGNED, Row, Tampered, copied, findings, other

from placet.audit.checking import cosigned
from placet.audit.checking.cosigned import CosignedCheck
from placet.audit.fsck import Cosignatures, Finding, fsck
from placet.audit.model import Cosigned, Head, Log
from placet.audit.signing import signing
from placet.audit.witness_store import WitnessStore
from placet.audit.witness_tables import WitnessTable
from placet.evidence.entries import parse_entry
from placet.kit.db.database import Database
from placet.kit.db.engine import open_engines
from placet.tlog.checkpoint import Checkpoint, sign_checkpoint
from placet.tlog.cosignature import CosignatureSigner
from placet.tlog.hashing import leaf_hash
from placet.tlog.note import Signer, format_vkey
from placet.tlog.tree import CompactRange

SHORT, LONG = 40, 2_000
WITNESSES = [CosignatureSigner.from_seed(f"witness.example/w{n}", bytes([n + 1]) * 32) for n in range(3)]
STRANGER = CosignatureSigner.from_seed("witness.example/stranger", bytes([9]) * 32)
NAMED = [format_vkey(one.vkey) for one in WITNESSES]
SEEDS = st.integers(0, 2**63)
TABLES = st.sampled_from([*COSIGNED])
EVERY = 2


@dataclass(frozen=True)
class Kept:
    """A log with two keys one after another, and what three witnesses signed of it."""

    entries: Path
    lines: Path
    scratch: Path

    def findings(self, *, witnesses: list[str] | None = None) -> list[Finding]:
        """Check the log as it is, with the copy that was tampered with."""
        return findings(self.entries, cosigned=self.scratch / self.lines.name, witnesses=witnesses)


def checkpoints(rig: Rig, log: Log) -> list[Cosigned]:
    """Every checkpoint that the log has had, signed as it was."""
    tree, found = CompactRange(), []
    for size, body in enumerate(rig.bodies(), 1):
        tree.append(leaf_hash(body))
        entry = parse_entry(body)
        if entry.kind == "state":
            signers = [rig.keys.load("bank", log.origin, one.number) for one in signing(log, _head(size, entry.t))]
            note = sign_checkpoint(Checkpoint(origin=log.origin, size=size, root=tree.root()), *signers)
            found.append(Cosigned(note=note, size=size, root=tree.root()))
    return found


def _head(size: int, t: int) -> Head:
    return Head(size=size, t=t, state=size - 1)


async def cosign(path: Path, origin: str, some: list[Cosigned]) -> None:
    """Keep cosignatures as the service does: of one to three witnesses."""
    database = await Database.open(f"sqlite:///{path}")
    await database.create_all(WitnessTable.metadata)
    store = WitnessStore(database)
    for number, at in enumerate(some):
        for witness in WITNESSES[: 1 + number % 3]:
            line = witness.cosign(at.note, timestamp=1_780_000_000 + number).line()
            await store.keep(origin, at, {witness.vkey: line})
    await database.close()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Written once; examples change copies."""
    folder = tmp_path_factory.mktemp("kept")
    rig = Rig(folder)
    rig.event(None)
    rig.rotate(overlap=10 * SECOND)
    fill(rig, plain=20)
    log = rig.logs.find("bank")
    assert log is not None
    some = checkpoints(rig, log)
    assert {note.note.count("\u2014") for note in some} == {1, 2}, "one key, and both"
    asyncio.run(cosign(folder / "witness.db", log.origin, some[::EVERY]))
    rig.close()
    for name in ("audit.db", "witness.db"):
        with closing(sqlite3.connect(folder / name)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Kept(folder / "audit.db", folder / "witness.db", folder / "scratch")


def examples(count: int) -> settings:
    return settings(max_examples=count, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def require_named(found: list[Finding], rows: list[Row]) -> None:
    """Require a finding, and that the first names one of the sizes; a row of another log has none."""
    assert found, rows
    if any(row["origin"] != "test/log/bank" for row in rows):
        return
    touched = {row["size"] if isinstance(row["size"], int) else None for row in rows}
    assert found[0].part in COSIGNED
    assert found[0].index in touched, (rows, [str(one) for one in found])


def change_a_cell(kept: Kept, table: str, dice: random.Random) -> None:
    with copied(kept.lines, kept.scratch) as log:
        before = log.rows(table)
        row = dice.choice(before)
        column = dice.choice(log.columns(table))
        try:
            log.change(table, row, {column: other(row[column], dice)})
        except sqlite3.IntegrityError:
            assume(False)
        after = log.rows(table)
        assume(before != after)
    require_named(kept.findings(), [one for one in (*before, *after) if (one in before) != (one in after)])


def delete_a_row(kept: Kept, table: str, dice: random.Random) -> None:
    """Of several cosignatures under a checkpoint one may be gone: nobody promised it."""
    with copied(kept.lines, kept.scratch) as log:
        row = dice.choice(log.rows(table))
        assume(table == "witnessed" or sum(one["size"] == row["size"] for one in log.rows(table)) == 1)
        log.delete(table, row)
    require_named(kept.findings(), [row])


def insert_a_row(kept: Kept, table: str, dice: random.Random) -> None:
    """Insert a copy of a row under another key."""
    with copied(kept.lines, kept.scratch) as log:
        before = log.rows(table)
        row = dict(dice.choice(before))
        column = dice.choice(log.key(table))
        row[column] = other(row[column], dice)
        try:
            log.insert(table, row)
        except sqlite3.IntegrityError:
            assume(False)
        new = [one for one in log.rows(table) if one not in before]
        assume(len(new) == 1 and len(log.rows(table)) == len(before) + 1)
    require_named(kept.findings(), new)


def swap_two_rows(kept: Kept, table: str, dice: random.Random) -> None:
    """Let two rows change places: each gets the contents of the other."""
    with copied(kept.lines, kept.scratch) as log:
        one, two = dice.sample(log.rows(table), 2)
        columns = [column for column in log.columns(table) if column not in log.key(table)]
        log.change(table, one, {column: two[column] for column in columns})
        log.change(table, two, {column: one[column] for column in columns})
    require_named(kept.findings(), [one, two])


def forge_a_line(kept: Kept, table: str, dice: random.Random) -> None:
    """Somebody signs in a witness's name with a key of his own, or signs another checkpoint, well-formed each time."""
    with copied(kept.lines, kept.scratch) as log:
        row = dice.choice(log.rows("cosignature"))
        (at,) = (one for one in log.rows("witnessed") if one["size"] == row["size"])
        if dice.random() < 0.5:
            forger = CosignatureSigner.from_seed(WITNESSES[0].vkey.name, dice.randbytes(32))
            line = forger.cosign(at["note"], timestamp=1_780_000_000).line()
        else:
            whose = WITNESSES[NAMED.index(row["vkey"])]
            note = sign_checkpoint(
                Checkpoint(origin=at["origin"], size=at["size"], root=dice.randbytes(32)),
                Signer.from_seed(at["origin"], bytes(32)),
            )
            line = whose.cosign(note, timestamp=1_780_000_000).line()
        log.change("cosignature", row, {"line": line})
    require_named(kept.findings(), [row])


WAYS: tuple[Callable[[Kept, str, random.Random], None], ...] = (
    change_a_cell,
    delete_a_row,
    insert_a_row,
    swap_two_rows,
    forge_a_line,
)


@examples(SHORT)
@given(table=TABLES, seed=SEEDS, way=st.sampled_from(WAYS))
def test_every_change_of_what_was_cosigned_is_found_and_named(
    kept: Kept, table: str, seed: int, way: Callable[[Kept, str, random.Random], None]
) -> None:
    way(kept, table, random.Random(seed))


@pytest.mark.long
@pytest.mark.timeout(1_800)
@examples(LONG)
@given(table=TABLES, seed=SEEDS, way=st.sampled_from(WAYS))
def test_every_change_of_what_was_cosigned_is_found_and_named_at_length(
    kept: Kept, table: str, seed: int, way: Callable[[Kept, str, random.Random], None]
) -> None:
    way(kept, table, random.Random(seed))


@pytest.mark.parametrize("count", [20, pytest.param(600, marks=[pytest.mark.long, pytest.mark.timeout(1_800)])])
def test_every_flipped_bit_of_the_file_of_cosignatures_is_found_or_changes_nothing(kept: Kept, count: int) -> None:
    dice = random.Random(count)
    with copied(kept.lines, kept.scratch) as log:
        sound = log.dump(COSIGNED)
    touched = 0
    flipped = kept.scratch / kept.lines.name
    for _ in range(count):
        content = bytearray(kept.lines.read_bytes())
        at = dice.randrange(len(content))
        content[at] ^= 1 << dice.randrange(8)
        flipped.write_bytes(content)
        if not kept.findings():
            with closing(Tampered(flipped)) as log:
                assert log.dump(COSIGNED) == sound, at
        else:
            touched += 1
    assert touched > count // 3


def test_a_log_that_was_cut_off_contradicts_what_was_cosigned(tmp_path: Path) -> None:
    """An old copy of the entries beside the cosignatures of now: no checkpoint need be given."""
    rig = Rig(tmp_path)
    rig.event(None)
    log = rig.log
    rig.close()
    with closing(sqlite3.connect(tmp_path / "audit.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(tmp_path / "audit.db", tmp_path / "old.db")
    rig = Rig(tmp_path)
    rig.now += SECOND
    before, after = rig.sequencer.recover().size, rig.event(None).size
    asyncio.run(cosign(tmp_path / "witness.db", log.origin, checkpoints(rig, log)))
    rig.close()
    assert findings(tmp_path / "audit.db", cosigned=tmp_path / "witness.db") == []
    (finding,) = findings(tmp_path / "old.db", cosigned=tmp_path / "witness.db")[:1]
    assert (finding.part, finding.index) == ("witnessed", after)
    assert f"{before} are left" in finding.message
    assert findings(tmp_path / "old.db") == [], "control: without the cosignatures the old log is as good as any"


def test_a_service_that_goes_on_raises_no_false_alarm(tmp_path: Path) -> None:
    """What is cosigned while entries are read is of entries that are not: none of it is seen."""
    rig = Rig(tmp_path)
    rig.event(None)
    path = tmp_path / "witness.db"
    asyncio.run(cosign(path, rig.log.origin, checkpoints(rig, rig.log)))
    engines = open_engines(f"sqlite:///{path}")
    sizes = []

    def meanwhile(done: int, size: int) -> None:
        if done == size:
            sizes.append(rig.event(None).size)
            asyncio.run(cosign(path, rig.log.origin, checkpoints(rig, rig.log)[-1:]))

    def check() -> list[Finding]:
        kept = Cosignatures(engines=engines)
        return fsck(rig.engines, rig.log, keys=None, vkey=None, progress=meanwhile, cosigned=kept)

    assert check() == []
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT max(size) FROM witnessed").fetchone() == (sizes[0],)
    assert check() == []
    engines.dispose()
    rig.close()


def test_a_witness_that_is_not_named_is_found_only_if_some_are(kept: Kept) -> None:
    with copied(kept.lines, kept.scratch) as log:
        at = log.rows("witnessed")[0]
        line = STRANGER.cosign(at["note"], timestamp=1_780_000_000).line()
        row = {"origin": at["origin"], "size": at["size"], "vkey": format_vkey(STRANGER.vkey), "line": line}
        log.insert("cosignature", row)
    assert kept.findings() == []
    (finding,) = kept.findings(witnesses=NAMED)
    assert (finding.part, finding.index) == ("cosignature", at["size"])


def test_entries_are_checked_also_when_cosignatures_cannot_be_read(kept: Kept) -> None:
    damaged = kept.scratch / kept.lines.name
    kept.scratch.mkdir(exist_ok=True)
    damaged.write_bytes(b"nothing that SQLite knows" * 100)
    cut = kept.scratch / "audit.db"
    with copied(kept.entries, kept.scratch) as log:
        log.run("DELETE FROM entry WHERE idx = 9")
    parts = {(one.part, one.index) for one in findings(cut, cosigned=damaged)}
    assert {("entry", 9), ("witnessed", None), ("storage", None)} == parts


def test_control_untouched_cosignatures_are_clean(kept: Kept) -> None:
    with copied(kept.lines, kept.scratch):
        pass
    assert kept.findings(witnesses=NAMED) == []


@pytest.mark.parametrize(
    ("check", "statement"),
    [
        ("_wrong_line", "UPDATE cosignature SET line = upper(line) WHERE size = (SELECT max(size) FROM cosignature)"),
        ("_wrong_checkpoint", "UPDATE witnessed SET note = 'x' WHERE size = (SELECT max(size) FROM witnessed)"),
        ("end", "UPDATE witnessed SET size = 100000 WHERE size = (SELECT max(size) FROM witnessed)"),
    ],
)
def test_control_without_its_check_a_change_goes_unnoticed(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, check: str, statement: str
) -> None:
    with copied(kept.lines, kept.scratch) as log:
        log.run(statement)
    assert kept.findings()
    monkeypatch.setattr(CosignedCheck, "_wrong_line", lambda *_: "")
    monkeypatch.setattr(CosignedCheck, check, lambda *_: "")
    assert kept.findings() == []


def test_control_without_looking_at_signatures_a_forged_line_passes(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cosigned, "_wrong_signature", lambda *_: "")
    with pytest.raises(AssertionError):
        forge_a_line(kept, "cosignature", random.Random(1))
