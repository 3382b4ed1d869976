"""`placet verify` and the command host: words, JSON, exit statuses, and never a traceback."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes.evidence_log import MemoryLog

from placet.sdk import commands
from placet.sdk.commands import run
from placet.tlog.note import format_vkey

VECTORS = Path(__file__).parents[2] / "vectors/evidence"
GOLDEN = json.loads((VECTORS / "evidence.json").read_text())
VKEY = json.loads((VECTORS / "log.json").read_text())["vkey"]
BUNDLES = ["allowed", "guarded", "legal", "break_glass", "missing", "unknown", "denied", "unguarded"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in [*BUNDLES, "receipt", "fraud"]:
        (tmp_path / f"{name}.json").write_text(json.dumps(GOLDEN[name]["evidence"]))
    (tmp_path / "vkey").write_text(f"# the log's key\n{VKEY}\n")
    return tmp_path


@pytest.fixture
def bundles(folder: Path) -> Path:
    (folder / "bundles").mkdir()
    for name in BUNDLES:
        (folder / f"{name}.json").rename(folder / "bundles" / f"{name}.json")
    return folder / "bundles"


@pytest.mark.parametrize("name", [*BUNDLES, "receipt"])
def test_evidence_that_holds_is_told_in_words(folder: Path, capsys: Any, name: str) -> None:
    assert run(["verify", str(folder / f"{name}.json"), "--key", str(folder / "vkey")]) == 0
    told = capsys.readouterr().out
    assert "OK" in told
    assert "log.example/bank" in told
    assert told.count("\n- ") >= 3


def test_the_key_may_be_given_as_text_and_more_than_once(folder: Path) -> None:
    other = format_vkey(MemoryLog(seed=b"\x01" * 32).signer.vkey)
    assert run(["verify", str(folder / "denied.json"), "--key", VKEY]) == 0
    assert run(["verify", str(folder / "denied.json"), "--key", other, "--key", VKEY]) == 0


def test_another_key_proves_nothing(folder: Path, capsys: Any) -> None:
    other = format_vkey(MemoryLog(seed=b"\x01" * 32).signer.vkey)
    assert run(["verify", str(folder / "allowed.json"), "--key", other]) == 1
    told = capsys.readouterr()
    assert "FAILED" in told.err
    assert "Next step" in told.err
    assert "OK" not in told.out


def test_a_directory_is_verified_file_by_file(bundles: Path, capsys: Any) -> None:
    assert run(["verify", str(bundles), "--key", VKEY]) == 0
    told = capsys.readouterr().out
    assert told.count("OK ") == len(BUNDLES)
    assert f"{len(BUNDLES)} of {len(BUNDLES)} hold" in told


def test_one_bad_bundle_among_many_is_named_and_fails_all(bundles: Path, capsys: Any) -> None:
    bad = bundles / "guarded.json"
    bundle = json.loads(bad.read_text())
    bundle["event"]["index"] += 1
    bad.write_text(json.dumps(bundle))
    assert run(["verify", str(bundles), "--key", VKEY]) == 1
    told = capsys.readouterr()
    assert str(bad) in told.err
    assert f"{len(BUNDLES) - 1} of {len(BUNDLES)} hold" in told.out


@pytest.mark.parametrize("at", range(0, 4_000, 397))
def test_a_changed_byte_is_noticed(folder: Path, at: int, capsys: Any) -> None:
    path = folder / "allowed.json"
    text = bytearray(path.read_bytes())
    assert at < len(text)
    text[at] ^= 0x01
    path.write_bytes(text)
    assert run(["verify", str(path), "--key", VKEY]) == 1
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"format":"placet.bundle/9"}', b'{"a":1,"a":2}'])
def test_what_is_no_evidence_is_an_error_of_one_line(folder: Path, capsys: Any, content: bytes) -> None:
    path = folder / "odd.json"
    path.write_bytes(content)
    assert run(["verify", str(path), "--key", VKEY]) == 1
    assert capsys.readouterr().err.splitlines()[0].startswith(f"FAILED {path}: ")


def test_json_has_all_of_it(folder: Path, capsys: Any) -> None:
    (folder / "odd.json").write_text("{}")
    names = ["denied", "odd", "receipt"]
    paths = [str(folder / f"{name}.json") for name in names]
    assert run(["verify", *paths, "--key", VKEY, "--json"]) == 1
    denied, odd, receipt = json.loads(capsys.readouterr().out)
    expected = GOLDEN["denied"]["evidence"]["event"]["index"]
    assert (denied["ok"], denied["verdict"], denied["index"]) == (True, "deny", expected)
    assert denied["reasons"]
    assert denied["proven"]
    assert denied["unproven"]
    assert (odd["ok"], odd["error"]["field"]) == (False, "format")
    assert (receipt["format"], receipt["verdict"]) == ("placet.receipt/1", None)


def test_the_words_come_in_chinese_too(folder: Path, capsys: Any) -> None:
    assert run(["verify", str(folder / "denied.json"), "--key", VKEY, "--lang", "zh-CN"]) == 0
    told = capsys.readouterr().out
    assert any("\u4e00" <= letter <= "\u9fff" for letter in told)


def test_a_fraud_proof_convicts_and_a_bundle_does_not(folder: Path, capsys: Any) -> None:
    assert run(["verify", "--fraud", str(folder / "fraud.json"), "--key", VKEY]) == 0
    assert "falsehood" in capsys.readouterr().out
    assert run(["verify", "--fraud", str(folder / "allowed.json"), "--key", VKEY]) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify"],
        ["verify", "x.json"],
        ["verify", "--key", VKEY],
        ["verify", "x.json", "--key", "nonsense"],
        ["verify", "x.json", "--key", VKEY, "--lang", "xx"],
        ["verify", "x.json", "--policy", "no-such-file"],
        ["prove", "x.json", "--key", VKEY],
        ["prove", "x.json", "-o", "out"],
        ["nonsense"],
        ["verify", "--nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_told_and_has_status_2(arguments: list[str], capsys: Any) -> None:
    assert run(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_an_empty_directory_is_wrong_use(tmp_path: Path) -> None:
    assert run(["verify", str(tmp_path), "--key", VKEY]) == 2


def test_a_missing_file_fails(tmp_path: Path, capsys: Any) -> None:
    assert run(["verify", str(tmp_path / "none.json"), "--key", VKEY]) == 1
    assert "No such file" in capsys.readouterr().err


def test_a_defect_is_a_line_unless_debugging(monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: Any) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("half a bundle")

    monkeypatch.setattr("placet.sdk.commands.verify._check", broken)
    arguments = ["verify", str(folder / "allowed.json"), "--key", VKEY]
    assert run(arguments) == commands.DEFECT
    assert "ZeroDivisionError" in capsys.readouterr().err
    monkeypatch.setenv("PLACET_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run(arguments)


def test_verify_needs_the_sdk_only(folder: Path) -> None:
    """No service, no bus, no database and no network library is imported for it."""
    script = (
        "import sys\n"
        "from placet.sdk.commands import run\n"
        f"status = run(['verify', {str(folder / 'allowed.json')!r}, '--key', {VKEY!r}])\n"
        "loaded = [name for name in sys.modules if name.startswith(('placet.kit', 'placet.local', 'placet.audit',"
        " 'placet.gateway', 'nats', 'sqlalchemy', 'fastapi'))]\n"
        "assert status == 0 and not loaded, (status, loaded)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_the_help_names_the_commands_of_other_distributions(capsys: Any) -> None:
    assert run(["--help"]) == 0
    told = capsys.readouterr().out
    for name in ("verify", "version", "ledger", "dev"):
        assert name in told


def test_a_command_that_does_not_load_says_so_and_spoils_nothing(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from importlib.metadata import EntryPoint

    from placet.sdk.commands import loading

    broken = EntryPoint(name="broken", value="placet.no_such_module:app", group=loading.GROUP)
    monkeypatch.setattr(loading, "entry_points", lambda **_: [broken])
    assert run(["--help"]) == 0
    assert "not available" in capsys.readouterr().out
    assert run(["broken"]) == 1
    assert "install it again" in capsys.readouterr().err


def test_version_lists_what_is_installed(capsys: Any) -> None:
    assert run(["version"]) == 0
    told = capsys.readouterr().out
    assert "placet-sdk " in told
    assert "placet-core " in told
