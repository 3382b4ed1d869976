"""`placet verify --policy`: the quorum in words, and a policy file that is wrong told with its line."""

import json
from pathlib import Path
from typing import Any

import pytest

from placet.sdk.commands import run
from placet.tlog.cosignature import CosignatureSigner
from placet.tlog.note import Signer, add_signatures, format_vkey

VECTORS = Path(__file__).parents[2] / "vectors/evidence"
GOLDEN = json.loads((VECTORS / "evidence.json").read_text())
VKEY = json.loads((VECTORS / "log.json").read_text())["vkey"]
WITNESSES = {
    name: CosignatureSigner.from_seed(f"{name}.example", name[:1].encode() * 32) for name in ("press", "state")
}
WITNESS_LINES = "".join(f"witness {name} {format_vkey(one.vkey)}\n" for name, one in WITNESSES.items())
QUORUM = "group both all press state\nquorum both\n"


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy"
    path.write_text(f"# who is believed\nlog {VKEY}\n{WITNESS_LINES}{QUORUM}")
    return path


def write(folder: Path, *names: str, kind: str = "guarded") -> Path:
    """A golden piece of evidence whose checkpoint these witnesses cosigned."""
    evidence = dict(GOLDEN[kind]["evidence"])
    note = evidence["checkpoint"]
    evidence["checkpoint"] = add_signatures(
        note, [WITNESSES[name].cosign(note, timestamp=1_800_000_000).line() for name in names]
    )
    path = folder / f"{kind}-{'-'.join(names)}.json"
    path.write_text(json.dumps(evidence))
    return path


def test_a_quorum_that_is_reached_is_said_in_words(tmp_path: Path, policy: Path, capsys: Any) -> None:
    bundle = write(tmp_path, "press", "state")
    assert run(["verify", str(bundle), "--policy", str(policy)]) == 0
    told = capsys.readouterr().out
    assert "press (press.example+" in told
    assert "state (state.example+" in told
    assert "at 2027-01-15 08:00:00" in told
    assert "The quorum both of the trust policy is reached" in told


@pytest.mark.parametrize("names", [(), ("press",), ("state",)], ids=str)
def test_a_quorum_that_is_not_reached_fails_and_names_who_is_missing(
    tmp_path: Path, policy: Path, capsys: Any, names: tuple[str, ...]
) -> None:
    bundle = write(tmp_path, *names)
    assert run(["verify", str(bundle), "--policy", str(policy)]) == 1
    told = capsys.readouterr().err
    assert "WRONG_QUORUM" in told
    missing = told.partition("Not cosigned by: ")[2]
    assert [name in missing for name in WITNESSES] == [name not in names for name in WITNESSES]
    assert run(["verify", str(bundle), "--key", VKEY]) == 0, "the control: without the policy it holds"


def test_json_and_chinese_have_the_quorum_too(tmp_path: Path, policy: Path, capsys: Any) -> None:
    good, bad = write(tmp_path, "press", "state"), write(tmp_path, "press")
    assert run(["verify", str(good), str(bad), "--policy", str(policy), "--json", "--lang", "zh-CN"]) == 1
    held, failed = json.loads(capsys.readouterr().out)
    assert any("法定人数 both 已达到" in sentence for sentence in held["proven"])
    assert (failed["error"]["reason"], failed["error"]["field"]) == ("WRONG_QUORUM", "checkpoint")


def test_a_policy_for_a_rotated_key_has_two_log_lines(tmp_path: Path, capsys: Any) -> None:
    newer = format_vkey(Signer.from_seed(VKEY.partition("+")[0], b"n" * 32).vkey)
    path = tmp_path / "rotated"
    path.write_text(f"log {newer}\nlog {VKEY}\nquorum none\n")
    assert run(["verify", str(write(tmp_path)), "--policy", str(path)]) == 0
    assert "demands no witness" in capsys.readouterr().out
    path.write_text(f"log {newer}\nquorum none\n")
    assert run(["verify", str(write(tmp_path)), "--policy", str(path)]) == 1


def test_a_fraud_proof_convicts_under_a_policy_without_its_quorum(tmp_path: Path, policy: Path, capsys: Any) -> None:
    fraud = tmp_path / "fraud.json"
    fraud.write_text(json.dumps(GOLDEN["fraud"]["evidence"]))
    assert run(["verify", "--fraud", str(fraud), "--policy", str(policy)]) == 0
    assert "quorum both of the trust policy is not reached" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"log {VKEY}\nquorum nobody\n", "line 2"),
        (f"log {VKEY}\nlog {VKEY}\nquorum none\n", "line 2"),
        (f"log {VKEY}\n", "no quorum line"),
        (f"log {VKEY}\nlog nonsense\nquorum none\n", "line 2"),
        (WITNESS_LINES + QUORUM, "names no log"),
    ],
    ids=["quorum", "twice", "none", "key", "no log"],
)
def test_a_policy_that_is_wrong_is_wrong_use(tmp_path: Path, capsys: Any, text: str, told: str) -> None:
    path = tmp_path / "wrong"
    path.write_text(text)
    assert run(["verify", str(write(tmp_path)), "--policy", str(path)]) == 2
    assert told in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_policy_and_key_exclude_each_other(tmp_path: Path, policy: Path) -> None:
    bundle = str(write(tmp_path, "press", "state"))
    assert run(["verify", bundle, "--policy", str(policy), "--key", VKEY]) == 2
    assert run(["verify", bundle]) == 2
