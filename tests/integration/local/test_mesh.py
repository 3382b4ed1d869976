"""The life of a mesh: NATS and audit are the real ones, the other services stand-ins, each a process."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from integration.local import processes
from integration.local.drive import FAKE, FAKES

from placet.kit.bus.bus import Bus, Credentials
from placet.local.errors import DataInUse, DidNotCreate, DidNotStart, PortTaken
from placet.local.mesh import SERVICES, Mesh
from placet.local.ports import assign, is_free
from placet.local.settings import Settings
from placet.sdk.config import Config

HERE = Path(__file__).parent

EVERYONE = (*SERVICES, "nats")


@pytest_asyncio.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[Mesh]:
    async with Mesh(tmp_path / "mesh", programs=FAKES) as mesh:
        yield mesh


def listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, int(port))) == 0


def pids_of(mesh: Mesh) -> dict[str, int]:
    return {name: mesh.child(name).pid for name in EVERYONE}


async def test_every_service_runs_where_it_says_and_stopping_leaves_nothing(tmp_path: Path) -> None:
    mesh = Mesh(tmp_path / "mesh", programs=FAKES)
    await mesh.start()
    pids, addresses = pids_of(mesh), mesh.addresses
    assert set(addresses) == set(SERVICES)
    assert all(listens(address) for address in addresses.values())
    assert mesh.ended() == {}
    assert mesh.gateway == f"http://{addresses['gateway']}"

    await mesh.stop()
    assert processes.gone(pids.values())
    assert not any(listens(address) for address in addresses.values())
    assert all(status == -signal.SIGTERM for status in mesh.ended().values())
    await mesh.stop()  # again does no harm


async def test_each_service_is_told_what_it_needs_and_nothing_from_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACET_DATABASE_URL", "sqlite:////somewhere/else.db")
    monkeypatch.setenv("PLACET_LOG_LEVEL", "WARNING")
    extra = {"": {"PLACET_ONE": "all"}, "vault": {"PLACET_TWO": "vault"}}
    async with Mesh(tmp_path / "mesh", programs=FAKES, environment=extra) as mesh:
        told = {name: json.loads(mesh.layout.ready(name).read_text())["told"] for name in SERVICES}
        for name, settings in told.items():
            assert settings["PLACET_SERVICE"] == name
            assert f"127.0.0.1:{settings['PLACET_PORT']}" == mesh.addresses[name]
            assert settings["PLACET_NATS_URL"] == mesh.nats_url
            assert settings["PLACET_DATA_DIR"] == str(tmp_path / "mesh" / name)
            assert settings["PLACET_LOG_LEVEL"] == "WARNING"
            assert settings["PLACET_ONE"] == "all"
            assert "PLACET_DATABASE_URL" not in settings
        assert [name for name in SERVICES if "PLACET_TWO" in told[name]] == ["vault"]
        assert told["gateway"]["PLACET_AUDIT"] == mesh.addresses["audit"]
        seeds = {Path(settings["PLACET_NATS_SEED_FILE"]).read_text() for settings in told.values()}
        assert len(seeds) == len(SERVICES)


async def test_files_of_a_mesh_are_for_its_owner_only(mesh: Mesh) -> None:
    for folder, _, files in os.walk(mesh.layout.run):
        assert Path(folder).stat().st_mode & 0o077 == 0
        # Files of the fakes and of nats-server itself lie in a directory that nobody else may enter.
        assert not [f for f in files if f.endswith((".seed", ".conf")) and (Path(folder) / f).stat().st_mode & 0o077]


async def test_a_service_that_fails_while_starting_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    mesh = Mesh(tmp_path / "mesh", programs=FAKES, environment={"vault": {"FAKE_FAILS": "1"}})
    with pytest.raises(DidNotStart, match=r"vault ended with status 3 .*\n.*the fake fails, as it was told"):
        await mesh.start()
    assert processes.gone(pids_of(mesh).values())
    again = Mesh(tmp_path / "mesh", programs=FAKES)
    await again.start()
    await again.stop()


async def test_a_start_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    mesh = Mesh(tmp_path / "mesh", programs=FAKES, environment={"vault": {"FAKE_HANGS": "1"}})
    starting = asyncio.ensure_future(mesh.start())
    while not mesh.layout.ready("consent").exists():
        await asyncio.sleep(0.05)
    assert not starting.done()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert processes.gone(pids_of(mesh).values())


async def test_a_killed_service_comes_back_at_the_same_address(mesh: Mesh) -> None:
    before = mesh.child("consent").pid
    await mesh.kill("consent")
    assert mesh.ended() == {"consent": -signal.SIGKILL}
    assert not listens(mesh.addresses["consent"])
    await mesh.start_service("consent")
    assert listens(mesh.addresses["consent"])
    assert mesh.ended() == {}
    assert mesh.child("consent").pid != before
    await mesh.restart("consent")
    assert listens(mesh.addresses["consent"])


async def test_nats_comes_back_with_the_same_credentials(mesh: Mesh) -> None:
    await mesh.kill("nats")
    await mesh.start_service("nats")
    seed = mesh.layout.run / "seeds" / "vault.seed"
    credentials = Credentials(seed_file=seed)
    async with Bus(
        mesh.nats_url, name="vault", clock=lambda: time.time_ns() // 1000, random=os.urandom, credentials=credentials
    ) as bus:
        assert bus.connected


async def test_a_paused_service_stands_still_until_it_is_resumed(mesh: Mesh) -> None:
    pid = mesh.child("permission").pid
    mesh.pause("permission")
    assert processes.soon(lambda: processes.state(pid) == "T")
    mesh.resume("permission")
    assert processes.soon(lambda: processes.state(pid) == "S")


async def test_a_paused_service_and_one_that_is_deaf_are_stopped_too(tmp_path: Path) -> None:
    async with Mesh(tmp_path / "mesh", programs=FAKES, environment={"vault": {"FAKE_DEAF": "1"}}) as mesh:
        pids = pids_of(mesh)
        mesh.pause("permission")
        assert not await mesh.child("vault").stop(grace=0.5)
    assert mesh.child("vault").status == -signal.SIGKILL
    assert processes.gone(pids.values())


async def test_two_meshes_do_not_share_a_data_directory(mesh: Mesh) -> None:
    with pytest.raises(DataInUse, match="choose another directory"):
        await Mesh(mesh.layout.data, programs=FAKES).start()
    assert mesh.ended() == {}


async def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", assign(["x"])["x"])) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port}, wanted for permission, is in use"):
            await Mesh(tmp_path / "mesh", port_base=port - 1, programs=FAKES).start()


async def test_a_port_base_gives_ports_in_a_row(tmp_path: Path) -> None:
    base = next(port for port in range(14_000, 15_000, 10) if all(is_free(port + i) for i in range(6)))
    async with Mesh(tmp_path / "mesh", port_base=base, programs=FAKES) as mesh:
        assert list(mesh.addresses.values()) == [f"127.0.0.1:{base + i}" for i in range(5)]
        assert mesh.nats_url == f"nats://127.0.0.1:{base + 5}"


@pytest.mark.parametrize("paused", [None, "vault", "nats"])
def test_nothing_outlives_a_starter_that_is_killed(tmp_path: Path, paused: str | None) -> None:
    starter = subprocess.Popen(
        [sys.executable, str(HERE / "drive.py"), "mesh", str(tmp_path / "mesh")],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert starter.stdout is not None
    with starter.stdout:
        pids = json.loads(starter.stdout.readline())["pids"]
    assert not any(processes.state(pid) is None for pid in pids.values())
    if paused:
        os.kill(pids[paused], signal.SIGSTOP)
    starter.kill()
    starter.wait()
    left = lambda: {name for name, pid in pids.items() if processes.state(pid) is not None}  # noqa: E731
    try:
        assert processes.soon(lambda: not left()), left()
        assert processes.of_session(starter.pid) == []
    finally:
        for name in left():
            os.kill(pids[name], signal.SIGKILL)


async def test_a_controller_is_created_and_its_client_set_up(tmp_path: Path) -> None:
    data = tmp_path / "mesh"
    async with Mesh(data, services=("audit",)) as mesh:
        files = await mesh.create_controller("bank")
        config = Config.from_file(files.config)
        assert config.controller == "bank"
        assert config.log_vkey == files.vkey
        assert config.targets.audit == mesh.addresses["audit"]
        assert {f.stat().st_mode & 0o777 for f in mesh.layout.clients.iterdir()} == {0o600}
        with pytest.raises(DidNotCreate, match="INVALID_ARGUMENT"):
            await mesh.create_controller("No Name")
    first = json.loads(files.config.read_text())
    async with Mesh(data, services=("audit",)) as mesh:
        again = await mesh.create_controller("bank")
        second = json.loads(again.config.read_text())
    assert again.vkey == files.vkey
    assert second["reference_key"] == first["reference_key"]
    assert second["log_vkey"] == first["log_vkey"]


async def test_a_nats_server_of_somebody_else_can_be_used(tmp_path: Path) -> None:
    async with Mesh(tmp_path / "theirs", services=()) as theirs:
        seeds = theirs.layout.run / "seeds"
        settings = Settings(nats_url=theirs.nats_url, nats_seeds=seeds)
        programs = {"consent": FAKE}
        async with Mesh(tmp_path / "ours", services=("audit", "consent"), programs=programs, settings=settings) as ours:
            assert ours.nats_url == theirs.nats_url
            await ours.create_controller("bank")
            with pytest.raises(RuntimeError, match="not ours"):
                await ours.kill("nats")
        assert listens(theirs.nats_url.removeprefix("nats://"))
