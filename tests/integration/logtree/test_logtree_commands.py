"""`placet ledger replay` as people run it: words, JSON, exit statuses, the state file, Ctrl-C, kill -9, no services."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fakes.evidence_drafts import decision, event
from fakes.evidence_log import MemoryLog
from fakes.log_files import write_tree
from property.evidence.test_replay_quick_way import story

from placet.evidence.errors import EvidenceError
from placet.evidence.resuming import load
from placet.sdk.commands import loading, run
from placet.sdk.logtree.keeping import KeptReplay
from placet.sdk.logtree.statefile import read_lines, write_lines
from placet.tlog.note import format_vkey


@pytest.fixture(scope="module")
def log() -> MemoryLog:
    return story(70, 11)


@pytest.fixture
def place(log: MemoryLog, tmp_path: Path) -> Path:
    write_tree(log, tmp_path / "tree")
    (tmp_path / "vkey").write_text(f"# the log's key\n{format_vkey(log.signer.vkey)}\n")
    return tmp_path


def replay(place: Path, *more: str) -> int:
    return run(["ledger", "replay", str(place / "tree"), "--key", str(place / "vkey"), *more])


def finding(capsys: Any) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_good_log_is_told_in_words(place: Path, log: MemoryLog, capsys: Any) -> None:
    assert replay(place) == 0
    told = capsys.readouterr().out
    for word in ("OK", log.origin, str(log.size), "entries/s", "Not shown"):
        assert word in told


def test_json_has_all_of_it(place: Path, log: MemoryLog, capsys: Any) -> None:
    assert replay(place, "--json") == 0
    told = finding(capsys)
    assert told["ok"] is True
    assert (told["origin"], told["size"], told["root"]) == (log.origin, log.size, log.tree.root().hex())
    assert (told["replayed_from"], told["replayed_to"], told["bases"]) == (0, log.size, log.statuses.size)


def test_a_changed_entry_is_named(place: Path, capsys: Any) -> None:
    path = place / "tree/tile/entries/000"
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"basis":0', b'"basis":1', 1))
    assert replay(place) == 1
    told = capsys.readouterr()
    assert "FAILED" in told.err
    assert "Next step" in told.err
    assert "OK" not in told.out
    assert replay(place, "--json") == 1
    assert finding(capsys)["error"]["index"] < 256


@pytest.mark.parametrize("missing", ["checkpoint", "tile/entries/001", "tile/0/001"])
def test_a_missing_file_is_named(place: Path, missing: str, capsys: Any) -> None:
    (place / "tree" / missing).unlink()
    assert replay(place) == 1
    assert missing in capsys.readouterr().err


def test_another_key_proves_nothing(place: Path, capsys: Any) -> None:
    other = format_vkey(MemoryLog(seed=b"\x01" * 32).signer.vkey)
    assert run(["ledger", "replay", str(place / "tree"), "--key", other]) == 1
    assert "FAILED" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["ledger", "replay"], ["ledger", "replay", "x"], ["ledger"], ["ledger", "x"]])
def test_wrong_use_has_status_2(arguments: list[str], capsys: Any) -> None:
    assert run(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--resume", "--state"])
def test_a_second_replay_goes_on_from_the_first(place: Path, log: MemoryLog, option: str, capsys: Any) -> None:
    state = place / "tree.replay"
    chosen = [option] if option == "--resume" else [option, str(state)]
    assert replay(place, *chosen, "--json") == 0
    assert finding(capsys)["replayed_from"] == 0
    grown = story(70, 11)
    grown.submit(event(10**6, basis=0), decision=decision())
    write_tree(grown, place / "tree")
    assert replay(place, *chosen, "--json") == 0
    told = finding(capsys)
    assert (told["replayed_from"], told["replayed_to"]) == (log.size, grown.size)
    assert load(read_lines(state)).size == grown.size


@pytest.mark.parametrize("at", [0, 10, 300, -70, -2])
def test_a_damaged_state_file_is_refused_and_named(place: Path, at: int, capsys: Any) -> None:
    assert replay(place, "--resume") == 0
    state = place / "tree.replay"
    data = bytearray(state.read_bytes())
    data[at] ^= 1
    state.write_bytes(data)
    capsys.readouterr()
    assert replay(place, "--resume") == 1
    told = capsys.readouterr().err
    assert "tree.replay" in told or "line" in told
    state.write_bytes(bytes(data[: len(data) // 2]))
    assert replay(place, "--resume") == 1


def test_a_state_file_of_another_log_is_refused(place: Path, capsys: Any) -> None:
    assert replay(place, "--resume") == 0
    other = story(40, 5)
    write_tree(other, place / "tree")
    assert replay(place, "--resume") == 1
    assert "state" in capsys.readouterr().err


def test_writing_a_state_file_is_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_lines(path, [b"one\n", b"two\n"])
    assert list(read_lines(path)) == [b"one\n", b"two\n"]

    def broken() -> Any:
        yield b"three\n"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_lines(path, broken())
    assert list(read_lines(path)) == [b"one\n", b"two\n"]
    assert [one.name for one in tmp_path.iterdir()] == ["state"]
    path.write_bytes(b"")
    with pytest.raises(EvidenceError):
        list(read_lines(path))


def test_the_state_file_is_written_no_more_often_than_it_costs(tmp_path: Path, log: MemoryLog) -> None:
    now = [0.0]
    kept = KeptReplay(tmp_path / "state", every=10, clock=lambda: now[0])
    assert not kept.due()
    now[0] = 10.0
    assert kept.due()
    assert KeptReplay(None, every=0).due() is False
    assert KeptReplay(None).load() is None
    assert KeptReplay(tmp_path / "none").load() is None
    assert KeptReplay(None, stop=lambda: True).due()


SCRIPT = """
import sys, time
from pathlib import Path
from placet.sdk.commands import progress, replay
from placet.sdk.logtree import keeping, replaying

keeping.SAVE_EVERY = 0.0
keeping.KeptReplay.__init__.__kwdefaults__["every"] = 0.0
slow = replaying.read_bundle
def slowly(*args):
    time.sleep(float(sys.argv[1]))
    print("bundle", flush=True)
    return slow(*args)
replaying.read_bundle = slowly
from placet.sdk.commands import run
sys.exit(run(sys.argv[2:]))
"""


def started(place: Path, pause: float) -> subprocess.Popen[str]:
    """A replay in a process of its own that takes its time over each bundle and writes its state after each."""
    arguments = ["ledger", "replay", str(place / "tree"), "--key", str(place / "vkey"), "--resume"]
    command = [sys.executable, "-c", SCRIPT, str(pause), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_ctrl_c_stops_where_the_next_one_goes_on(place: Path, log: MemoryLog, capsys: Any) -> None:
    process = started(place, 0.3)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run it again to go on" in err
    saved = load(read_lines(place / "tree.replay"))
    assert 0 < saved.size < log.size
    assert replay(place, "--resume", "--json") == 0
    assert finding(capsys)["replayed_from"] == saved.size


def test_kill_9_leaves_a_whole_state_file_or_none(place: Path, log: MemoryLog, capsys: Any) -> None:
    """Killed at a different moment each time; what was kept is never lost and never half."""
    kept = 0
    for round_ in range(4):
        process = started(place, 0.02)
        assert process.stdout is not None
        for _ in range(round_ + 1):
            process.stdout.readline()
        time.sleep(0.005 * round_)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        state = place / "tree.replay"
        if state.exists():
            size = load(read_lines(state)).size
            assert size >= kept
            kept = size
    assert replay(place, "--resume", "--json") == 0
    told = finding(capsys)
    assert (told["replayed_from"], told["replayed_to"]) == (kept, log.size)


def test_it_needs_the_sdk_only(place: Path) -> None:
    """No service, no bus and no database is imported for it: an outsider can run it."""
    for arguments in (
        ["ledger", "replay", str(place / "tree"), "--key", str(place / "vkey")],
        ["monitor", str(place / "tree"), "--key", str(place / "vkey"), "--state", str(place / "m"), "--once"],
    ):
        script = (
            "import sys\n"
            "from placet.sdk.commands import run\n"
            f"status = run({arguments!r})\n"
            "loaded = [name for name in sys.modules if name.startswith(('placet.kit', 'placet.local', 'placet.audit',"
            " 'placet.gateway', 'nats', 'sqlalchemy', 'fastapi', 'msgspec'))]\n"
            "assert not loaded, loaded\n"
            "sys.exit(status)\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert done.returncode in (0, 3), done.stderr
        assert "AssertionError" not in done.stderr


def test_without_the_service_the_group_has_our_commands(
    monkeypatch: pytest.MonkeyPatch, place: Path, capsys: Any
) -> None:
    monkeypatch.setattr(loading, "entry_points", lambda **_: [])
    assert replay(place) == 0
    assert run(["ledger", "--help"]) == 0
    told = capsys.readouterr().out
    assert "replay" in told
    assert "fsck" not in told
    assert run(["ledger", "fsck"]) == 2


def test_with_the_service_the_group_has_both(capsys: Any) -> None:
    assert run(["ledger", "--help"]) == 0
    told = capsys.readouterr().out
    for name in ("replay", "fsck", "export"):
        assert name in told
    assert run(["ledger", "fsck", "--help"]) == 0
    assert "--controller" in capsys.readouterr().out


def test_a_service_that_does_not_load_says_so_and_spoils_nothing(
    monkeypatch: pytest.MonkeyPatch, place: Path, capsys: Any
) -> None:
    from importlib.metadata import EntryPoint

    broken = EntryPoint(name="ledger", value="placet.no_such_module:app", group=loading.GROUP)
    monkeypatch.setattr(loading, "entry_points", lambda **_: [broken])
    assert replay(place) == 0
    assert run(["ledger", "--help"]) == 0
    assert run(["ledger", "fsck"]) == 1
    assert "does not load" in capsys.readouterr().err
