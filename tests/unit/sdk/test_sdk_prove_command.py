"""`placet prove`: one .tlog-proof for each inclusion, and the entry beside it, that others can verify."""

import json
from pathlib import Path
from typing import Any

import pytest
from vectors.tlog.independent import check_tlog_proof

from placet.sdk.commands import run
from placet.tlog.tlogproof import parse_tlog_proof

VECTORS = Path(__file__).parents[2] / "vectors/evidence"
GOLDEN = json.loads((VECTORS / "evidence.json").read_text())
VKEY = json.loads((VECTORS / "log.json").read_text())["vkey"]


def write(folder: Path, name: str) -> str:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(GOLDEN[name]["evidence"]))
    return str(path)


def inclusions(evidence: Any) -> int:
    """How many proven entries stand in evidence, wherever."""
    if isinstance(evidence, list):
        return sum(map(inclusions, evidence))
    if not isinstance(evidence, dict):
        return 0
    return ("entry" in evidence) + sum(map(inclusions, evidence.values()))


@pytest.mark.parametrize("name", GOLDEN)
def test_every_inclusion_is_written_and_verified_by_the_specification(tmp_path: Path, name: str, capsys: Any) -> None:
    out = tmp_path / "proofs/new"
    assert run(["prove", write(tmp_path, name), "-o", str(out), "--key", VKEY]) == 0
    proofs = sorted(out.glob("*.tlog-proof"))
    assert len(proofs) == inclusions(GOLDEN[name]["evidence"]) == len(list(out.glob("*.json")))
    told = capsys.readouterr().out
    for path in proofs:
        index, _ = check_tlog_proof(path.read_text(), path.with_suffix(".json").read_bytes(), VKEY)
        assert path.stem.endswith(f"-{index}")
        assert f"{path}: entry {index}" in told
        assert parse_tlog_proof(path.read_text()).checkpoint.startswith("log.example/bank\n")


def test_it_may_be_repeated_and_a_policy_serves_as_well(tmp_path: Path) -> None:
    policy = tmp_path / "policy"
    policy.write_text(f"log {VKEY}\nquorum none\n")
    bundle, out = write(tmp_path, "legal"), str(tmp_path / "out")
    assert run(["prove", bundle, "--output", out, "--policy", str(policy)]) == 0
    first = {path.name: path.read_bytes() for path in Path(out).iterdir()}
    assert run(["prove", bundle, "-o", out, "--key", VKEY]) == 0
    assert {path.name: path.read_bytes() for path in Path(out).iterdir()} == first


def test_nothing_is_written_of_what_does_not_hold(tmp_path: Path, capsys: Any) -> None:
    evidence = json.loads(Path(write(tmp_path, "guarded")).read_text())
    evidence["bases"][1]["withdraw"] = None
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(evidence))
    out = tmp_path / "out"
    assert run(["prove", str(forged), "-o", str(out), "--key", VKEY]) == 1
    assert "WRONG_STATUS" in capsys.readouterr().err
    assert not out.exists()
    assert run(["prove", str(tmp_path / "none.json"), "-o", str(out), "--key", VKEY]) == 1
