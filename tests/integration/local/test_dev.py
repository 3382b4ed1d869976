"""`placet dev` at the terminal: what it prints, and that nothing is left when it ends, however it ends."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.local import processes

from placet.local.ports import is_free

HERE = Path(__file__).parent

LAST_LINE = "Ctrl-C stops everything"


class Terminal:
    """A started command, in a session of its own, with what it printed in a file."""

    def __init__(self, command: list[str], printed: Path) -> None:
        self.printed = printed
        self.began = time.monotonic()
        with printed.open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)

    def text(self) -> str:
        return self.printed.read_text()

    def wait_for(self, words: str, within: float = 60) -> float:
        """Wait until it printed these words; returns the seconds since its start."""
        assert processes.soon(lambda: words in self.text() or self.process.poll() is not None, within), self.text()
        assert words in self.text(), self.text()
        return time.monotonic() - self.began

    def ports(self) -> list[int]:
        return [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", self.text())]

    def ends(self, within: float = 30) -> int:
        return self.process.wait(within)

    def nothing_is_left(self) -> bool:
        return processes.of_session(self.process.pid) == [] and all(is_free(port) for port in self.ports())


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal([sys.executable, str(HERE / "drive.py"), "dev", str(tmp_path / "dev")], tmp_path / "printed")
    yield terminal
    terminal.process.kill()
    terminal.process.wait()


def test_it_prints_what_one_needs_to_begin(dev: Terminal, tmp_path: Path) -> None:
    dev.wait_for(LAST_LINE)
    text = dev.text()
    assert "DEVELOPMENT ONLY" in text
    assert all(name in text for name in ("consent", "permission", "vault", "audit", "gateway", "nats"))
    assert len(set(dev.ports())) == 6
    config = json.loads((tmp_path / "dev" / "clients" / "demo.json").read_text())
    assert config["log_vkey"] in text
    assert str(tmp_path / "dev" / "clients" / "demo.token") in text
    assert len(processes.of_session(dev.process.pid)) == 7  # the negative control of `nothing_is_left`
    assert not dev.nothing_is_left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_leaves_nothing(dev: Terminal, number: int) -> None:
    dev.wait_for(LAST_LINE)
    dev.process.send_signal(number)
    assert dev.ends() == 0
    assert "Traceback" not in dev.text()
    assert dev.nothing_is_left()


def test_ctrl_c_pressed_often_leaves_nothing(dev: Terminal) -> None:
    dev.wait_for(LAST_LINE)
    for _ in range(5):
        os.killpg(dev.process.pid, signal.SIGINT)  # as a terminal does
        time.sleep(0.05)
    assert dev.ends() == 0
    assert "Traceback" not in dev.text()
    assert dev.nothing_is_left()


def test_ctrl_c_while_starting_leaves_nothing(dev: Terminal, tmp_path: Path) -> None:
    assert processes.soon((tmp_path / "dev" / "run" / "ready" / "consent.json").exists, 30)
    dev.process.send_signal(signal.SIGINT)
    assert dev.ends() == 0
    assert dev.nothing_is_left()


def test_sigkill_leaves_nothing(dev: Terminal) -> None:
    dev.wait_for(LAST_LINE)
    dev.process.kill()
    assert processes.soon(dev.nothing_is_left, 20), processes.of_session(dev.process.pid)


def test_it_ends_when_a_service_ends_by_itself(dev: Terminal, tmp_path: Path) -> None:
    dev.wait_for(LAST_LINE)
    vault = json.loads((tmp_path / "dev" / "run" / "ready" / "vault.json").read_text())["pid"]
    os.kill(vault, signal.SIGKILL)
    assert dev.ends() == 1
    assert "vault ended by itself (status -9)" in dev.text()
    assert dev.nothing_is_left()


def test_a_second_one_on_the_same_directory_is_refused_in_words(dev: Terminal, tmp_path: Path) -> None:
    dev.wait_for(LAST_LINE)
    second = subprocess.run(
        [sys.executable, str(HERE / "drive.py"), "dev", str(tmp_path / "dev")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert "another mesh runs on" in second.stderr
    assert "Traceback" not in second.stderr
    assert dev.process.poll() is None


@pytest.mark.mesh
def test_the_real_mesh_is_ready_in_time_and_its_first_command_works(tmp_path: Path) -> None:
    placet = shutil.which("placet", path=str(Path(sys.executable).parent))
    assert placet
    dev = Terminal([placet, "dev", "--data", str(tmp_path / "dev")], tmp_path / "printed")
    try:
        assert dev.wait_for(LAST_LINE) < 20
        commands = [line.strip() for line in dev.text().splitlines() if line.startswith("  ") and "checkpoint" in line]
        assert len(commands) == 2, dev.text()
        for command in commands:
            said = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=False)
            assert said.returncode == 0, said.stderr
            assert "localhost/log/demo" in said.stdout
        dev.process.send_signal(signal.SIGINT)
        assert dev.ends() == 0
        assert dev.nothing_is_left()
    finally:
        dev.process.kill()
        dev.process.wait()
