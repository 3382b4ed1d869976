"""The benches run, and their JSON holds what docs/performance.md says. Short ones: no figure is judged here."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from architecture.workspace import ROOT
from rich.console import Console
from typer.testing import CliRunner
from unit.local.bench_results import documented, keys

from placet.audit.commands.stored import stored
from placet.audit.fsck import fsck
from placet.local.bench.grow.costs import Effort
from placet.local.bench.grow.growing import OtherLog
from placet.local.bench.grow.run import grown
from placet.local.commands.bench import app

# Beyond a window of the tree: 65,536 leaves are a tile of the second level.
WINDOW = 66_000
LITTLE = Effort(turns=1, groups=1, proofs=1)


def grow(folder: Path, to: int, *, people: int = 100) -> dict[str, Any]:
    return grown(folder, to, people=people, reference=2_000, console=Console(quiet=True), effort=LITTLE)


@pytest.mark.mesh
@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_bench_of_a_mesh_writes_what_is_documented(tmp_path: Path, database: str) -> None:
    out = tmp_path / "bench.json"
    command = [sys.executable, "-m", "tests.bench", "--seconds", "0.1", "--events", "0", "--json", str(out)]
    command += ["--database", "postgres"] if database == "postgresql" else []
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(json.loads(out.read_text())["database"].values()) == {database}
    assert set(keys(json.loads(out.read_text()))) == documented("The JSON of a mesh")
    assert "batches of 512" in done.stdout


def test_a_database_that_nobody_has_is_named() -> None:
    done = CliRunner().invoke(app, ["--database", "gateway=postgresql://nobody@/nothing"])
    assert done.exit_code == 2
    assert "audit, consent, permission, vault, search" in " ".join(done.output.replace("│", "").split())


def test_a_log_grows_is_measured_and_gone_on_with(tmp_path: Path) -> None:
    short = grow(tmp_path, 3_000)
    assert set(keys(short)) == documented("The JSON of a log that grows")
    long = grow(tmp_path, WINDOW)
    assert [cost["entries"] for cost in long["costs"][:1]] == [cost["entries"] for cost in short["costs"][:1]]
    assert long["costs"][-1]["entries"] >= WINDOW > short["entries"]
    assert long["first_proof"]["disk"]["p50_ms"] > 0
    with stored(tmp_path / "log", None) as found:
        assert fsck(found.engines, found.logs[0], keys=found.keys, vkey=found.logs[0].vkey, progress=_silent) == []
    with pytest.raises(OtherLog, match="100 consents"):
        grow(tmp_path, WINDOW, people=200)


def _silent(*_: object) -> None:
    pass
