"""The commands as people type them: the demo leaves what it promises, and verify, fsck and export work on it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.mesh
PLACET = str(Path(sys.executable).with_name("placet"))


def placet(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([PLACET, *arguments], capture_output=True, text=True, timeout=110, check=False)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `placet demo` leaves."""
    out = tmp_path_factory.mktemp("demo") / "out"
    done = placet("demo", "--out", str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_the_demo_leaves_what_it_promises(demo: Path) -> None:
    said = json.loads((demo / "summary.json").read_text())
    assert said["events"] >= 10_000
    assert said["allowed"] + said["denied"] == said["events"]
    assert said["controllers"] == ["bank", "retailer"]
    assert said["tamper_detected"] is True
    assert {"BASIS_WITHDRAWN", "GUARDIAN_WITHDRAWN", "PURPOSE_NOT_COVERED", "POLICY"} <= said["reasons"].keys()
    names = " ".join(path.name for path in (demo / "bank" / "bundles").glob("*.json"))
    for kept in ("allowed", "guardian", "legal_permission", "withdrawn_afterwards", "denied"):
        assert f"-{kept}.json" in names
    for controller in said["controllers"]:
        assert (demo / controller / "log" / "checkpoint").is_file()


def test_verify_accepts_the_bundles_and_refuses_a_changed_one(demo: Path, tmp_path: Path) -> None:
    key = str(demo / "bank" / "vkey")
    assert placet("verify", str(demo / "bank" / "bundles"), "--key", key).returncode == 0
    bundle = json.loads(next((demo / "bank" / "bundles").glob("*-denied.json")).read_text())
    bundle["event"]["index"] += 1
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(bundle))
    assert placet("verify", str(changed), "--key", key).returncode == 1


def test_fsck_says_clean_and_names_a_missing_database(demo: Path, tmp_path: Path) -> None:
    clean = placet("ledger", "fsck", "--data", str(demo / "mesh"), "--json")
    assert (clean.returncode, json.loads(clean.stdout)) == (0, {"bank": [], "retailer": []})
    nothing = placet("ledger", "fsck", "--data", str(tmp_path))
    assert nothing.returncode == 2
    assert "audit.db" in nothing.stdout


def test_export_writes_the_tree_that_the_demo_left(demo: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tiles"
    done = placet("ledger", "export", "--data", str(demo / "mesh"), "--controller", "bank", "--tiles", str(tree))
    assert done.returncode == 0, done.stdout
    left = demo / "bank" / "log"
    files = {path.relative_to(left): path.read_bytes() for path in left.rglob("*") if path.is_file()}
    assert {path.relative_to(tree): path.read_bytes() for path in tree.rglob("*") if path.is_file()} == files
