"""`placet ledger fsck` and `export` on a log in either kind of database."""

from pathlib import Path

import pytest
from contract.audit.conftest import on_postgres
from integration.audit.audit_databases import AuditPostgres
from integration.audit.rig import Rig, decision, event
from typer.testing import CliRunner

from placet.audit.commands import app
from placet.tlog.checkpoint import open_checkpoint
from placet.tlog.note import Verifier


def placet(rig: Rig, url: str, *arguments: str) -> tuple[int, str]:
    """Run a command as an operator does: the URL in the environment of the service, unless it is a file."""
    environment = {} if url.startswith("sqlite") else {"PLACET_DATABASE_URL": url}
    done = CliRunner(env=environment).invoke(app, [*arguments, "--data", str(rig.folder)])
    return done.exit_code, " ".join(done.output.split())


@pytest.fixture
def filled(rig: Rig) -> Rig:
    """A log with two full tiles."""
    rig.send(*(event(rig.now, None) for _ in range(512)), decisions=[decision()])
    return rig


def test_fsck_is_content(filled: Rig, database_url: str) -> None:
    clean = "bank: every entry, tile, row and link is as it should be"
    assert placet(filled, database_url, "fsck") == (0, clean)
    assert placet(filled, database_url, "fsck", "--controller", "bank", "--key", filled.log.vkey) == (0, clean)


@on_postgres
def test_fsck_names_what_somebody_with_every_right_has_changed(filled: Rig, audit_postgres: AuditPostgres) -> None:
    audit_postgres.run(
        "SET session_replication_role = replica", "UPDATE entry SET body = body || '\\x20' WHERE idx = 300"
    )
    status, said = placet(filled, audit_postgres.service, "fsck")
    assert status == 1
    assert "NOT CLEAN entry 300:" in said


def test_a_tree_is_exported(filled: Rig, database_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    status, said = placet(filled, database_url, "export", "--tiles", str(folder), "--controller", "bank")
    assert status == 0, said
    checkpoint = open_checkpoint((folder / "checkpoint").read_text(), [Verifier.parse(filled.log.vkey)])
    assert checkpoint.size == filled.sequencer.recover().size > 512
    assert (folder / "tile" / "0" / "001").exists()


def test_a_controller_that_is_not_there_is_named(filled: Rig, database_url: str) -> None:
    status, said = placet(filled, database_url, "fsck", "--controller", "nobody")
    assert status == 2
    assert "has no log of controller nobody" in said
