"""The tutorials do what they say: every Python block compiles, and all of them run against a real mesh."""

import code
import re
import subprocess
import sys
from pathlib import Path

import pytest
from architecture.workspace import ROOT, shown

from placet.local.mesh import Mesh
from placet.sdk import Config

TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", flags=re.M | re.S)
BIN = Path(sys.executable).parent


def blocks(path: Path, language: str) -> list[str]:
    return [text for name, text in BLOCK.findall(path.read_text("utf-8")) if name == language]


@pytest.mark.parametrize("path", TUTORIALS, ids=shown)
def test_every_python_block_compiles(path: Path) -> None:
    found = blocks(path, "python")
    assert found
    for number, text in enumerate(found, start=1):
        compile(text, f"{path.name}, block {number}", "exec")


class Prompt(code.InteractiveConsole):
    """A Python prompt that reads and does not run."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []

    def runcode(self, _: object) -> None:
        pass

    def showsyntaxerror(self, *_: object, **__: object) -> None:
        self.refused.append("\n".join(self.buffer))


@pytest.mark.parametrize("path", TUTORIALS, ids=shown)
def test_every_python_block_can_be_pasted_at_the_prompt(path: Path) -> None:
    """Where a block of code without an empty line after it is a syntax error."""
    prompt = Prompt()
    for text in blocks(path, "python"):
        waiting = any([prompt.push(line) for line in text.splitlines()][-1:])
        assert not waiting, f"the prompt still waits after:\n{text}"
    assert prompt.refused == []


@pytest.mark.mesh
async def test_the_first_consent_runs_as_it_is_written(tmp_path: Path) -> None:
    path = ROOT / "docs" / "tutorials" / "first-consent.md"
    async with Mesh(tmp_path / "var" / "dev") as mesh:
        files = await mesh.create_controller("demo")
        assert files.config == tmp_path / "var" / "dev" / "clients" / "demo.json"
        said = run([sys.executable, "-c", "\n".join(blocks(path, "python"))], tmp_path)
    assert "deny" in said
    assert "allow" in said
    assert "BASIS_MISSING" in said
    assert "BASIS_WITHDRAWN" in said
    assert "membership card" in said

    (verify,) = [text.split() for text in blocks(path, "sh") if "placet" in text]
    command = [str(BIN / "placet"), *verify[1:]]
    assert "OK var/first-consent/bundle.json" in run(command, tmp_path)
    receipt = [*command[:2], "var/first-consent/withdrawal.json", *command[3:]]
    assert "OK" in run(receipt, tmp_path)

    bundle = tmp_path / "var" / "first-consent" / "bundle.json"
    bundle.write_bytes(bundle.read_bytes().replace(b'"index":', b'"index": 1', 1))
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=60).returncode == 1


def run(command: list[str], folder: Path) -> str:
    """Run a command as a reader would; returns what it printed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr[-2_000:]
    return done.stdout


def test_the_configuration_that_the_tutorial_names_is_the_one_that_dev_writes() -> None:
    text = (ROOT / "docs" / "tutorials" / "first-consent.md").read_text("utf-8")
    dev = (ROOT / "deploy" / "local" / "placet" / "local" / "commands" / "dev.py").read_text("utf-8")
    assert 'Path("var/dev")' in dev
    assert 'DEMO: Final = "demo"' in dev
    assert f'{Config.__name__}.from_file("var/dev/clients/demo.json")' in text
