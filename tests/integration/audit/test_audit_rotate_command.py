"""`placet ledger rotate-key` on a running audit service: taken within seconds, kept over a restart, and verifiers with
the old key, the new one or both see what they should.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from integration.audit.rig import record
from integration.consent.mesh_rig import bus_of, now_us
from typer.testing import CliRunner, Result

from placet.audit.commands import app as ledger
from placet.audit.commands.stored import stored
from placet.audit.fsck import fsck
from placet.evidence.rotation import rotation_of
from placet.kit.ledger.client import LedgerClient
from placet.local.mesh import Mesh
from placet.sdk import AsyncClient
from placet.sdk.config import Config
from placet.sdk.errors import ConfigError, ProofError

RUNNER = CliRunner()


@pytest_asyncio.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[Mesh]:
    """NATS and audit, with a bank."""
    async with Mesh(tmp_path / "mesh", services=("audit",)) as mesh:
        await mesh.create_controller("bank")
        yield mesh


async def rotate(mesh: Mesh, *options: str) -> Result:
    """Run the command as an operator does, while the service runs."""
    command = ["rotate-key", "bank", "--data", str(mesh.layout.own("audit")), *options]
    return await asyncio.to_thread(RUNNER.invoke, ledger, command)


async def touch(mesh: Mesh) -> None:
    """Append something."""
    async with bus_of(mesh, "permission") as bus:
        ledger = LedgerClient(bus, "permission")
        await ledger.append("bank", [record("register.checked")], deadline=now_us() + 5_000_000)


def key_in(result: Result) -> str:
    return next(line for line in result.output.splitlines() if line.startswith("new key")).rpartition(" ")[2]


def client(mesh: Mesh, vkey: str, *more: str) -> AsyncClient:
    targets = {**json.loads(mesh.controllers["bank"].config.read_text())["targets"]}
    for name in ("consent", "permission", "vault"):
        targets.setdefault(name, targets["audit"])
    path = mesh.controllers["bank"].config
    path.write_text(json.dumps(json.loads(path.read_text()) | {"targets": targets, "more_log_vkeys": list(more)}))
    return AsyncClient(Config.from_file(path, log_vkey=vkey))


async def sees(mesh: Mesh, vkey: str, *more: str) -> bool:
    """Tell whether a client with these keys accepts the newest checkpoint."""
    async with client(mesh, vkey, *more) as one:
        try:
            await one.checkpoint()
        except ProofError as error:
            if error.reason != "PROOF_INVALID":
                raise
            return False
        return True


async def test_the_running_service_takes_the_new_key_and_keeps_it(mesh: Mesh) -> None:
    old = mesh.controllers["bank"].vkey
    async with client(mesh, old) as before:
        held = (await before.checkpoint()).note
        result = await rotate(mesh, "--overlap", "1")
        assert result.exit_code == 0, result.output
        new = key_in(result)
        assert new != old
        # A client that pinned the old key goes on, and convinces itself of the new one by the old.
        tree = await before.checkpoint()
        rotation = rotation_of((await before.entry(tree.size - 2)).entry, tree.origin)
        assert rotation is not None
        assert (rotation.replaces, rotation.vkey) == (old, new)
        details = await before.get_controller()
        assert (details.verifier_key, details.signing_keys) == (new, (old, new))
    assert [await sees(mesh, old), await sees(mesh, new), await sees(mesh, new, old)] == [True, True, True]

    await mesh.restart("audit")
    result = await rotate(mesh, "--overlap", "0")
    newest = key_in(result)
    await touch(mesh)
    await mesh.restart("audit")
    # The first key keeps its day, the second had none.
    assert [await sees(mesh, old), await sees(mesh, new), await sees(mesh, newest)] == [True, False, True]
    async with client(mesh, new, newest) as after:
        details = await after.get_controller()
        assert (details.verifier_key, details.signing_keys) == (newest, (old, newest))
    async with client(mesh, new) as too_late:
        with pytest.raises(ProofError, match="other keys than the pinned"):
            await too_late.get_controller()
    with stored(mesh.layout.own("audit"), "bank") as found:
        log = found.logs[0]
        assert [key.vkey for key in log.keys] == [old, new, newest]
        assert fsck(found.engines, log, keys=found.keys, vkey=old, progress=lambda *_: None) == []
    assert held.startswith("localhost/log/bank\n2\n")


async def test_a_service_that_is_down_takes_the_key_when_it_starts(mesh: Mesh) -> None:
    old = mesh.controllers["bank"].vkey
    await mesh.stop_service("audit")
    result = await rotate(mesh, "--wait", "0")
    assert result.exit_code == 1
    assert "not in force yet" in result.output
    again = await rotate(mesh, "--wait", "0")
    assert again.exit_code == 1
    assert key_in(again) == key_in(result), "asked again, it is the same key"
    await mesh.start_service("audit")
    for _ in range(100):
        with stored(mesh.layout.own("audit"), "bank") as found:
            if found.logs[0].rotated:
                break
        await asyncio.sleep(0.1)
    assert [await sees(mesh, old), await sees(mesh, key_in(result))] == [True, True]


def test_keys_of_two_logs_are_not_pinned_together(tmp_path: Path) -> None:
    vkeys = [
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ]
    told = {"controller": "c", "targets": {"audit": "127.0.0.1:1"}, "token": "t", "log_vkey": vkeys[0]}
    path = tmp_path / "c.json"
    path.write_text(json.dumps(told | {"more_log_vkeys": vkeys[1:]}))
    with pytest.raises(ConfigError, match="another log"):
        Config.from_file(path)
    path.write_text(json.dumps(told | {"more_log_vkeys": "text"}))
    with pytest.raises(ConfigError, match="list of texts"):
        Config.from_file(path)
