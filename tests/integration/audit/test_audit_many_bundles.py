"""Many bundles of one busy log: all hold, and the bench that measures them runs. No figure is asserted here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("flags", [[], ["--plain"]], ids=["every kind", "plain"])
def test_the_bench_of_bundles_makes_them_and_all_verify(tmp_path: Path, flags: list[str]) -> None:
    out = tmp_path / "figures.json"
    command = [sys.executable, "-m", "tests.bench.bundles", "--bundles", "60", "--entries", "400", "--json", str(out)]
    done = subprocess.run([*command, *flags], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(out.read_text())
    assert figures["bundles"] == 60
    assert figures["tree_size"] >= 400
    assert "60 bundles" in done.stdout
