"""Whatever is changed in a stored log, fsck finds it and names the first bad index; an untouched log is clean (P7)."""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from integration.audit.full_log import fill
from integration.audit.rig import SECOND, Rig
from property.audit.tampering import NAMED, OPERATIONAL, Row, Tampered, copied, findings, other

from placet.audit.checking.rows import RowCheck
from placet.audit.checking.tiles import TileCheck
from placet.audit.fsck import Finding
from placet.evidence.canonical import encode
from placet.evidence.replay import Replay
from placet.tlog.checkpoint import Checkpoint, open_checkpoint
from placet.tlog.hashing import leaf_hash
from placet.tlog.note import Verifier
from placet.tlog.tree import CompactRange

SHORT, LONG = 40, 3_000
SEEDS = st.integers(0, 2**63)
TABLES = st.sampled_from([*NAMED])
Way = Callable[["Story", str, int], None]


@dataclass(frozen=True)
class Story:
    """A full log, and the checkpoints that a witness may have kept of it."""

    path: Path
    scratch: Path
    checkpoints: tuple[Checkpoint, ...]
    sizes: tuple[int, ...]
    repeats: frozenset[bytes]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Written once; examples change copies."""
    folder = tmp_path_factory.mktemp("story")
    rig = Rig(folder)
    fill(rig)
    bodies = rig.bodies()
    tree, checkpoints = CompactRange(), []
    for size, body in enumerate(bodies, 1):
        tree.append(leaf_hash(body))
        if b'"kind":"state"' in body:
            checkpoints.append(Checkpoint(origin=rig.log.origin, size=size, root=tree.root()))
    rig.close()
    with sqlite3.connect(folder / "audit.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        rows = connection.execute("SELECT idx, key FROM idempotency ORDER BY idx").fetchall()
    indexes = [index for index, _ in rows]
    repeats = frozenset(key for index, key in rows if indexes.count(index) > 1)
    return Story(
        folder / "audit.db", folder / "scratch", tuple(checkpoints), tuple(c.size for c in checkpoints), repeats
    )


def examples(count: int) -> settings:
    return settings(max_examples=count, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def pick(log: Tampered, table: str, dice: random.Random) -> Row:
    return dice.choice(log.rows(table))


def require_named(found: list[Finding], table: str, rows: list[Row], what: object) -> None:
    """Require a finding, and that the first of its table names one of the rows; a log's own row has no index."""
    assert found, what
    if table == "log" or any(row["log"] != 1 for row in rows):
        return
    named = [finding.index for finding in found if finding.part.split()[0] == table]
    places = [row[NAMED[table]] for row in rows]
    touched = {place if isinstance(place, int) else None for place in places}
    assert named, (what, [str(finding) for finding in found])
    assert named[0] in touched, (what, [str(finding) for finding in found])


def change_a_cell(story: Story, table: str, seed: int) -> None:
    dice = random.Random(seed)
    with copied(story.path, story.scratch) as log:
        row = pick(log, table, dice)
        column = dice.choice([name for name in log.columns(table) if name not in OPERATIONAL])
        before = log.dump()
        try:
            log.change(table, row, {column: other(row[column], dice)})
        except sqlite3.IntegrityError:
            assume(False)
        after = log.dump()
        assume(before != after)
        touched = [one for one in (*before[table], *after[table]) if (one in before[table]) != (one in after[table])]
    require_named(findings(story.scratch / "audit.db"), table, touched, (row, column, touched))


def delete_a_row(story: Story, table: str, seed: int) -> None:
    dice = random.Random(seed)
    with copied(story.path, story.scratch) as log:
        row = pick(log, table, dice)
        assume(row.get("key") not in story.repeats)
        log.delete(table, row)
    require_named(findings(story.scratch / "audit.db"), table, [row], row)


def insert_a_row(story: Story, table: str, seed: int) -> None:
    """Insert a copy of a row under another key."""
    dice = random.Random(seed)
    with copied(story.path, story.scratch) as log:
        row = dict(pick(log, table, dice))
        column = dice.choice(log.key(table))
        row[column] = other(row[column], dice)
        before = log.dump()
        try:
            log.insert(table, row)
        except sqlite3.IntegrityError:
            assume(False)
        after = log.dump()
        assume(len(after[table]) == len(before[table]) + 1)
        new = [one for one in after[table] if one not in before[table]]
    require_named(findings(story.scratch / "audit.db"), table, new, new)


def swap_two_rows(story: Story, table: str, seed: int) -> None:
    """Let two rows change places: each gets the contents of the other."""
    dice = random.Random(seed)
    with copied(story.path, story.scratch) as log:
        rows = log.rows(table)
        assume(len(rows) > 1)
        one, two = dice.sample(rows, 2)
        columns = [column for column in log.columns(table) if column not in log.key(table)] or ["idx"]
        assume(any(one[column] != two[column] for column in columns))
        log.change(table, one, {column: two[column] for column in columns})
        log.change(table, two, {column: one[column] for column in columns})
        assume(log.rows(table) != rows)
    require_named(findings(story.scratch / "audit.db"), table, [one, two], (one, two))


def rewrite_an_entry(story: Story, table: str, seed: int) -> None:
    """Change one value of an entry so that it still is one: the lie of somebody who knows the format."""
    dice = random.Random(seed)
    with copied(story.path, story.scratch) as log:
        row = pick(log, "entry", dice)
        entry = json.loads(row["body"])
        name = dice.choice([name for name in entry if name not in ("kind", "v", "i")])
        entry[name] = plausible(entry[name], dice)
        body = encode(entry)
        assume(body != row["body"])
        log.change("entry", row, {"body": body})
    (first, *_) = found = findings(story.scratch / "audit.db")
    assert (first.part, first.index) == ("entry", row["idx"]), [str(finding) for finding in found]


def plausible(value: Any, dice: random.Random) -> Any:
    """Return another value of the same shape."""
    if isinstance(value, dict) and value:
        name = dice.choice([*value])
        return {**value, name: plausible(value[name], dice)}
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return max(0, value + dice.choice([-1, 1, 1_000_000]))
    if isinstance(value, list):
        return value[:-1] if value else ["pay"]
    if isinstance(value, str) and value:
        at = dice.randrange(len(value))
        return value[:at] + dice.choice("abAB19") + value[at + 1 :]
    return dice.choice([0, 1, None])


WAYS = (change_a_cell, delete_a_row, insert_a_row, swap_two_rows, rewrite_an_entry)


@examples(SHORT)
@given(table=TABLES, seed=SEEDS, way=st.sampled_from(WAYS))
def test_every_change_of_a_row_is_found_and_named(story: Story, table: str, seed: int, way: Way) -> None:
    way(story, table, seed)


@pytest.mark.long
@pytest.mark.timeout(1_800)
@examples(LONG)
@given(table=TABLES, seed=SEEDS, way=st.sampled_from(WAYS))
def test_every_change_of_a_row_is_found_and_named_at_length(story: Story, table: str, seed: int, way: Way) -> None:
    way(story, table, seed)


@pytest.mark.parametrize("count", [30, pytest.param(1_000, marks=[pytest.mark.long, pytest.mark.timeout(1_800)])])
def test_every_flipped_bit_of_the_file_is_found_or_changes_nothing(story: Story, count: int) -> None:
    """Of every byte of the database file, whatever it is for: free space may say anything, and nothing else."""
    dice = random.Random(count)
    with copied(story.path, story.scratch) as log:
        sound = log.dump()
    touched = 0
    for _ in range(count):
        content = bytearray(story.path.read_bytes())
        at = dice.randrange(len(content))
        content[at] ^= 1 << dice.randrange(8)
        flipped = story.scratch / "flipped.db"
        flipped.write_bytes(content)
        if not findings(flipped):
            with closing(Tampered(flipped)) as log:
                assert log.dump() == sound, at
        else:
            touched += 1
    assert touched > count // 3


@examples(SHORT // 4)
@given(data=st.data())
def test_a_log_cut_back_to_an_earlier_state_is_found_by_a_later_checkpoint(story: Story, data: st.DataObject) -> None:
    """Reordering and cutting that leave a perfect log: only a checkpoint that somebody kept tells."""
    kept = data.draw(st.sampled_from(story.sizes[:-1]))
    known = data.draw(st.sampled_from([one for one in story.checkpoints if one.size > kept]))
    with copied(story.path, story.scratch) as log:
        cut_back(log, kept)
    assert findings(story.scratch / "audit.db") == [], "control: without it the log is as good as any"
    earlier = [one for one in story.checkpoints if one.size <= kept]
    (finding,) = findings(story.scratch / "audit.db", known, *earlier)
    assert (finding.part, finding.index) == ("checkpoint", kept)


def cut_back(log: Tampered, size: int) -> None:
    """Make the database what it was at an earlier size, as an old backup would be."""
    bodies = [row["body"] for row in log.rows("entry")[:size]]
    replay = Replay("test/log/bank")
    for body in bodies:
        replay.feed(body)
    for table in ("entry", "idempotency", "decision", "basis_change", "event_use"):
        log.run(f"DELETE FROM {table} WHERE idx >= ?", size)
    log.run("DELETE FROM tile WHERE (number + 1) * 256 > ?", size)
    log.run("DELETE FROM basis WHERE granted >= ?", size)
    for row in log.rows("basis"):
        status = replay.status(row["ordinal"])
        limited = replay.facts.basis(row["ordinal"]).max_events is not None
        events = replay.facts.allowed_events(row["ordinal"]) if limited else 0
        log.change("basis", row, {"ended": status.ended, "history": status.history, "events": events})
    last = json.loads(bodies[-1])
    head = {"size": size, "prev": leaf_hash(bodies[-1]), "at": last["t"], "state": size - 1, "bases": last["bases"]}
    closed = any(b'"controller.closed"' in body for body in bodies)
    (row,) = log.rows("log")
    log.change("log", row, head | {"status_root": replay.statuses.root()} | ({} if closed else {"closed_at": None}))


def test_another_history_is_found_by_a_checkpoint_and_only_by_it(tmp_path: Path) -> None:
    """A fork: two logs of one key that agree up to some entry."""
    rig = Rig(tmp_path / "one")
    basis = rig.grant()
    rig.event(basis)
    shared = rig.sequencer.recover().size
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    other_rig = Rig(tmp_path / "two")
    notes = []
    for forked in (rig, other_rig):
        for number in range(3):
            forked.now += SECOND
            note = forked.event(basis, device=f"{forked.folder.name}-{number}").checkpoint
        notes.append(open_checkpoint(note, [Verifier.parse(forked.log.vkey)]))
        forked.close()
    assert notes[0].size == notes[1].size
    for mine, (one, two) in (("one", notes), ("two", notes[::-1])):
        assert findings(tmp_path / mine / "audit.db", one) == []
        (finding,) = findings(tmp_path / mine / "audit.db", two)
        assert finding.part == "checkpoint"
        assert finding.index is not None
        assert finding.index <= shared


def test_control_an_untouched_log_is_clean(story: Story) -> None:
    with copied(story.path, story.scratch):
        pass
    assert findings(story.scratch / "audit.db", *story.checkpoints) == []


@pytest.mark.parametrize(
    ("check", "method", "statement"),
    [
        (
            RowCheck,
            "entry",
            "UPDATE idempotency SET digest = zeroblob(36) WHERE idx = (SELECT min(idx) FROM idempotency)",
        ),
        (RowCheck, "end", "INSERT INTO event_use VALUES (1, 3, 5000, 1)"),
        (TileCheck, "leaf", "UPDATE tile SET root = zeroblob(32)"),
    ],
)
def test_control_without_its_check_a_change_goes_unnoticed(
    story: Story, monkeypatch: pytest.MonkeyPatch, check: type, method: str, statement: str
) -> None:
    with copied(story.path, story.scratch) as log:
        log.run(statement)
    assert findings(story.scratch / "audit.db")
    for name in (method, "end"):
        monkeypatch.setattr(check, name, lambda *_, **__: None)
    assert findings(story.scratch / "audit.db") == []
