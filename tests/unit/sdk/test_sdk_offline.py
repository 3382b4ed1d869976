"""Verification opens no connection: run where there is no network at all, or where any socket is refused.

Where the kernel allows it the command runs in a network namespace of its own, without interfaces; in any case it runs
under an audit hook that ends the process at the first socket. Each has its control: what does open a connection fails.
"""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

VECTORS = Path(__file__).parents[2] / "vectors/evidence"
GOLDEN = json.loads((VECTORS / "evidence.json").read_text())
VKEY = json.loads((VECTORS / "log.json").read_text())["vkey"]
REFUSED = 77
HOOK = f"""
import os, sys
def hook(event, args):
    if event.startswith("socket."):
        os.write(2, b"REFUSED " + event.encode())
        os._exit({REFUSED})
sys.addaudithook(hook)
"""
COMMAND = "from placet.sdk.commands import run; sys.exit(run(sys.argv[1:]))"
CONNECT = "import socket; socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=5).close()"
NAMESPACE = ["unshare", "--map-root-user", "--net"]


def namespace_allowed() -> bool:
    try:
        return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


WAYS = {"audit hook": ([], HOOK)} | ({"namespace": (NAMESPACE, "import sys\n")} if namespace_allowed() else {})


def spawn(way: str, script: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    prefix, before = WAYS[way]
    command = [*prefix, sys.executable, "-c", before + script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def listening() -> Iterator[int]:
    """The port of a server on this machine that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Golden evidence of every kind, and a policy."""
    (tmp_path / "bundles").mkdir()
    for name, golden in GOLDEN.items():
        place = tmp_path if name.startswith("fraud") else tmp_path / "bundles"
        (place / f"{name}.json").write_text(json.dumps(golden["evidence"]))
    (tmp_path / "policy").write_text(f"log {VKEY}\nquorum none\n")
    return tmp_path


@pytest.mark.parametrize("flags", [[], ["--offline"]], ids=["by default", "as asked"])
@pytest.mark.parametrize("way", WAYS)
def test_evidence_is_verified_without_a_network(folder: Path, way: str, flags: list[str]) -> None:
    trust = ["--key", VKEY] if flags else ["--policy", str(folder / "policy")]
    fraud = ["--fraud", str(folder / "fraud.json")]
    done = spawn(way, COMMAND, "verify", str(folder / "bundles"), *fraud, *trust, *flags)
    assert done.returncode == 0, done.stderr
    count = len(list((folder / "bundles").iterdir())) + 1
    assert f"{count} of {count} hold" in done.stdout


@pytest.mark.parametrize("way", WAYS)
def test_proofs_are_exported_without_a_network(folder: Path, way: str) -> None:
    bundle, out = folder / "bundles/allowed.json", folder / "out"
    done = spawn(way, COMMAND, "prove", str(bundle), "-o", str(out), "--key", VKEY)
    assert done.returncode == 0, done.stderr
    assert list(out.glob("*.tlog-proof"))


@pytest.mark.parametrize("way", WAYS)
def test_control_a_connection_fails_there(way: str, listening: int) -> None:
    assert spawn(way, CONNECT, str(listening)).returncode != 0


def test_control_the_same_connection_is_made_elsewhere(listening: int) -> None:
    command = [sys.executable, "-c", "import sys\n" + CONNECT, str(listening)]
    assert subprocess.run(command, check=False).returncode == 0


@pytest.mark.parametrize("way", WAYS)
def test_control_a_verify_that_asked_somebody_would_fail(folder: Path, way: str, listening: int) -> None:
    """The very command, made to ask before it answers: the test above would notice."""
    asking = f"""
import placet.sdk.commands.verify as command
def read_trust(*_, port={listening}):
    import socket
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    raise SystemExit(0)
command.read_trust = read_trust
"""
    done = spawn(way, asking + COMMAND, "verify", str(folder / "bundles"), "--key", VKEY)
    assert done.returncode == (REFUSED if way == "audit hook" else 1), done.stderr
