"""`placet ledger fsck` as people type it: pinned checkpoints, the search index, what it says and how it ends."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result
from integration.audit.full_log import fill
from integration.audit.rig import Rig
from typer.testing import CliRunner

from placet.audit.checking.search import rebuild_search
from placet.audit.commands import app
from placet.audit.model import Cosigned
from placet.audit.search import SearchIndex
from placet.audit.witness_store import WitnessStore
from placet.audit.witness_tables import WitnessTable
from placet.kit.db.database import Database
from placet.kit.db.engine import Engines, open_engines
from placet.tlog.cosignature import CosignatureSigner
from placet.tlog.note import Vkey, format_vkey


@pytest.fixture
def filled(rig: Rig) -> Rig:
    fill(rig, plain=20)
    return rig


@pytest.fixture
def search(filled: Rig) -> Iterator[Engines]:
    """A complete search index beside the log."""
    engines = open_engines(f"sqlite:///{filled.folder / 'search.db'}")
    rebuild_search(filled.engines, SearchIndex(engines.writer), filled.log, progress=lambda *_: None)
    yield engines
    engines.dispose()


def fsck(rig: Rig, *options: str) -> Result:
    return CliRunner().invoke(app, ["fsck", "--data", str(rig.folder), *options])


def kept(rig: Rig, name: str) -> str:
    """Keep the present checkpoint in a file, as a witness would."""
    path = rig.folder / name
    path.write_text(rig.sequencer.snapshot().checkpoint)
    return str(path)


def test_a_clean_log_is_called_clean(filled: Rig, search: Engines) -> None:
    pinned = ("--controller", "bank", "--key", filled.log.vkey, "--checkpoint", kept(filled, "now"))
    done = fsck(filled, *pinned)
    assert done.exit_code == 0, done.output
    assert "bank: every entry" in done.output
    assert json.loads(fsck(filled, "--json").stdout) == {"bank": []}


def test_entries_that_were_cut_off_are_found_by_a_kept_checkpoint(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "old")
    rig.grant()
    rig.close()
    backup = (tmp_path / "old" / "audit.db").read_bytes()
    rig = Rig(tmp_path / "old")
    size = len(rig.bodies())
    signed = rig.event(0).size
    checkpoint = kept(rig, "witnessed")
    rig.close()
    (tmp_path / "old" / "audit.db").write_bytes(backup)
    assert fsck(rig).exit_code == 0
    done = fsck(rig, "--controller", "bank", "--key", rig.log.vkey, "--checkpoint", checkpoint)
    assert done.exit_code == 1
    assert f"checkpoint {size}: a log of {signed} entries was signed" in " ".join(done.output.split())


def test_a_checkpoint_whose_signature_was_changed_is_refused(filled: Rig) -> None:
    file = Path(kept(filled, "now"))
    text = file.read_text()
    file.write_text(text[:-10] + ("A" if text[-10] != "A" else "B") + text[-9:])
    done = fsck(filled, "--controller", "bank", "--key", filled.log.vkey, "--checkpoint", str(file))
    assert done.exit_code == 2
    assert "is no checkpoint of this key" in " ".join(done.output.split())


@pytest.mark.parametrize("options", [["--key", "x"], ["--controller", "bank", "--checkpoint", "x"]])
def test_what_is_pinned_must_belong_to_something(filled: Rig, options: list[str]) -> None:
    done = fsck(filled, *options)
    assert done.exit_code == 2
    assert "--controller" in done.output or "--key" in done.output


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE found SET device = 'other' WHERE idx = 9",
        "UPDATE found SET reasons = reasons + 1 WHERE idx = 10",
        "DELETE FROM found WHERE idx = 9",
        "INSERT INTO found (log, idx, at, kind, reasons) SELECT log, 5000, at, kind, reasons FROM found LIMIT 1",
        "UPDATE progress SET complete_to = 5000",
        "UPDATE progress SET complete_to = 5",
    ],
)
def test_a_damaged_search_index_is_found_and_made_anew(filled: Rig, search: Engines, damage: str) -> None:
    with search.writer.begin() as connection:
        before = rows(search)
        connection.exec_driver_sql(damage)
    found = fsck(filled)
    assert found.exit_code == 1
    assert "--rebuild-search" in found.output
    assert fsck(filled, "--rebuild-search").exit_code == 0
    assert fsck(filled).exit_code == 0
    assert rows(search) == before


def test_cosignatures_beside_the_log_are_checked(filled: Rig) -> None:
    snapshot = filled.sequencer.snapshot()
    key = CosignatureSigner.from_seed("witness.example/w0", bytes(32))
    lines = {key.vkey: key.cosign(snapshot.checkpoint, timestamp=1_780_000_000).line()}
    asyncio.run(
        keep(
            filled, Cosigned(note=snapshot.checkpoint, size=snapshot.size, root=snapshot.root_at(snapshot.size)), lines
        )
    )
    named = format_vkey(key.vkey)
    assert fsck(filled, "--witness", named).exit_code == 0
    stranger = fsck(filled, "--witness", filled.log.vkey)
    assert stranger.exit_code == 1
    assert f"cosignature {snapshot.size}: its witness witness.example/w0 is none of those" in one_line(stranger)
    with closing(sqlite3.connect(filled.folder / "witness.db")) as database, database:
        database.execute("UPDATE witnessed SET root = zeroblob(32)")
    changed = fsck(filled)
    assert changed.exit_code == 1
    assert f"witnessed {snapshot.size}: its root is not that of the entries" in one_line(changed)


async def keep(rig: Rig, at: Cosigned, lines: dict[Vkey, str]) -> None:
    """Keep cosignatures where the service does."""
    database = await Database.open(f"sqlite:///{rig.folder / 'witness.db'}")
    await database.create_all(WitnessTable.metadata)
    await WitnessStore(database).keep(rig.log.origin, at, lines)
    await database.close()


def one_line(done: Result) -> str:
    return " ".join(done.output.split())


def rows(search: Engines) -> list[tuple[object, ...]]:
    with search.reader.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql("SELECT * FROM found ORDER BY idx")]


def test_a_search_index_that_is_no_database_is_found_and_made_anew(filled: Rig) -> None:
    (filled.folder / "search.db").write_bytes(b"nothing that SQLite knows" * 100)
    assert fsck(filled).exit_code == 1
    assert fsck(filled, "--rebuild-search").exit_code == 0
    engines = open_engines(f"sqlite:///{filled.folder / 'search.db'}")
    assert len(rows(engines)) == len(filled.bodies())
    engines.dispose()


def test_no_index_is_made_from_a_damaged_log(filled: Rig, search: Engines) -> None:
    with filled.engines.writer.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER entry_refuses_delete")
        connection.exec_driver_sql("DELETE FROM entry WHERE idx = 12")
    done = fsck(filled, "--rebuild-search")
    assert done.exit_code == 1
    assert "entry 12: is missing" in done.output
    assert "left alone" in " ".join(done.output.split())


def test_a_file_that_is_no_database_is_said_to_be_damaged(filled: Rig) -> None:
    filled.close()
    path = filled.folder / "audit.db"
    path.write_bytes(b"x" * 8_192)
    done = fsck(filled)
    assert done.exit_code == 2
    assert "damaged" in done.output
