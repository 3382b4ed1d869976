"""`placet verify DIR` shows people a progress bar, and programs none."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

VECTORS = Path(__file__).parents[2] / "vectors/evidence"
GOLDEN = json.loads((VECTORS / "evidence.json").read_text())
VKEY = json.loads((VECTORS / "log.json").read_text())["vkey"]
COMMAND = [sys.executable, "-c", "import sys; from placet.sdk.commands import run; sys.exit(run(sys.argv[1:]))"]


@pytest.fixture
def bundles(tmp_path: Path) -> Path:
    for number in range(20):
        (tmp_path / f"{number}.json").write_text(json.dumps(GOLDEN["allowed"]["evidence"]))
    return tmp_path


def on_a_terminal(*arguments: str) -> str:
    """What a terminal is sent on standard error."""
    terminal, end = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.DEVNULL, stderr=end, env=environment) as process:
        os.close(end)
        sent = b""
        try:
            while data := os.read(terminal, 65_536):
                sent += data
        except OSError:  # how a terminal says that the other side has gone
            pass
    os.close(terminal)
    assert process.returncode == 0
    return sent.decode()


def test_a_directory_has_a_progress_bar_on_a_terminal(bundles: Path) -> None:
    assert "verifying" in on_a_terminal("verify", str(bundles), "--key", VKEY)


def test_a_single_bundle_has_none(bundles: Path) -> None:
    assert on_a_terminal("verify", str(bundles / "0.json"), "--key", VKEY) == ""


def test_a_program_that_reads_along_sees_none(bundles: Path) -> None:
    done = subprocess.run([*COMMAND, "verify", str(bundles), "--key", VKEY], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "20 of 20 hold" in done.stdout
    assert "verifying" not in done.stdout
