"""Data of earlier releases opens, is clean, and goes on (promise P9). A folder for each release or change of format.

To add one: fill a log with `integration.audit.full_log` under the code of that release, `VACUUM` its database, and keep
it here, compressed, with the log's (throw-away) signing key.
"""

import gzip
import shutil
from pathlib import Path

import pytest
from integration.audit.rig import SECOND, Rig, decision, entry_of, event
from property.audit.tampering import Tampered

from placet.audit.checking.findings import Finding
from placet.audit.fsck import check_storage, fsck
from placet.evidence.entries import parse_entry

FOLDERS = sorted(path for path in Path(__file__).parent.iterdir() if (path / "audit.db.gz").exists())


assert FOLDERS


def opened(source: Path, folder: Path) -> Rig:
    """Open a copy as this release does."""
    keys = folder / "keys"
    keys.mkdir()
    shutil.copyfile(source / "log-bank.key", keys / "log-bank.key")
    (keys / "log-bank.key").chmod(0o600)
    (folder / "audit.db").write_bytes(gzip.decompress((source / "audit.db.gz").read_bytes()))
    return Rig(folder)


def findings(rig: Rig) -> list[Finding]:
    found = check_storage(rig.engines)
    return found + fsck(rig.engines, rig.log, keys=rig.keys, vkey=rig.log.vkey, progress=lambda *_: None)


@pytest.mark.parametrize("source", FOLDERS, ids=lambda path: path.name)
def test_old_data_opens_is_clean_and_goes_on(source: Path, tmp_path: Path) -> None:
    rig = opened(source, tmp_path)
    size = len(rig.bodies())
    assert size > 256
    assert findings(rig) == []
    rig.now = parse_entry(rig.bodies()[-1]).t + SECOND
    # The controller of the fixture is closed, as somebody's is.
    again = rig.withdraw(2)
    assert entry_of(again).i == size
    assert findings(rig) == []
    rig.close()


@pytest.mark.parametrize("source", FOLDERS, ids=lambda path: path.name)
def test_what_is_new_in_old_data_is_protected_like_anything_new(source: Path, tmp_path: Path) -> None:
    rig = opened(source, tmp_path)
    rig.now = parse_entry(rig.bodies()[-1]).t + SECOND
    with Tampered(rig.folder / "audit.db") as log:
        log.run("UPDATE log SET closed_at = NULL")
    rig.sequencer.reopen(rig.logs.all()[0])
    index = rig.send(event(rig.now, None), decisions=[decision(minor=["x"])]).results[0].index
    rig.send(event(rig.now, None), decisions=[decision(minor=["x"])])
    rig.close()
    with Tampered(rig.folder / "audit.db") as log:
        log.run("UPDATE idempotency SET digest = substr(digest, 1, 32) WHERE idx > ?", index)
    rig = Rig(rig.folder)
    assert any("lost its seal" in finding.message for finding in findings(rig))
    rig.close()


@pytest.mark.parametrize("source", FOLDERS, ids=lambda path: path.name)
def test_the_key_of_old_data_can_be_replaced(source: Path, tmp_path: Path) -> None:
    """Data from before there were further keys gets their table when it is opened (revision 0002)."""
    with Tampered(opened_file(source, tmp_path / "before")) as log:
        assert log.run("SELECT 1 FROM sqlite_master WHERE name = 'log_key'") == []
    (tmp_path / "now").mkdir()
    rig = opened(source, tmp_path / "now")
    rig.now = parse_entry(rig.bodies()[-1]).t + SECOND
    new = rig.rotate().vkey
    rig.restart()
    assert [key.vkey for key in rig.logs.all()[0].rotated] == [new]
    found = fsck(rig.engines, rig.logs.all()[0], keys=rig.keys, vkey=new, progress=lambda *_: None)
    assert found == []
    rig.close()


def opened_file(source: Path, folder: Path) -> Path:
    """Return the database as it was kept."""
    folder.mkdir()
    (folder / "audit.db").write_bytes(gzip.decompress((source / "audit.db.gz").read_bytes()))
    return folder / "audit.db"
