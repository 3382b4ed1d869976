"""Three witnesses, quorum 2, beside a whole mesh: published are checkpoints that a quorum cosigned, whatever happens to
one of them; a test operator with the log's key who shows one of them a fork is refused, on record, with an alarm.

The witnesses are `placet witness run` processes; the third replays the entries, which it reads through the gateway.
"""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from e2e.bare import Bare, bare, consented, event, furnish, person
from integration.witness.witness_rig import Program, Running, said

from placet.api.audit.v1 import audit_pb2 as audit
from placet.api.permission.v1 import permission_pb2 as permission
from placet.evidence.verify import Verifier as EvidenceVerifier
from placet.local.mesh import Mesh
from placet.local.ports import assign
from placet.sdk.commands import run
from placet.sdk.witness.config import CONFIG, KEY, REPLAY_KEY
from placet.sdk.witness.conflicts import parse_conflict
from placet.sdk.witness.keyfile import load_key
from placet.tlog.addcheckpoint import AddCheckpoint, format_request
from placet.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from placet.tlog.cosignature import CosignatureVerifier
from placet.tlog.note import Signer, Verifier, format_vkey, open_note

pytestmark = [pytest.mark.mesh, pytest.mark.asyncio(loop_scope="module")]
NAMES = ("w0", "w1", "w2")


@dataclass
class World:
    """A mesh, its bank, and the bank's witnesses."""

    mesh: Mesh
    bank: Bare
    token: str
    vkey: str
    keys: dict[str, CosignatureVerifier]
    programs: dict[str, Program]
    running: dict[str, Running]
    cosigned: bool = False

    def signed(self, note: str, vkey: str = "") -> set[str]:
        """Return the names of the witnesses who signed a checkpoint of a log; raises if any signature is wrong."""
        opened = open_note(note, [Verifier.parse(vkey or self.vkey), *self.keys.values()])
        return {name for name, key in self.keys.items() if key.vkey in [signer for signer, _ in opened.verified]}

    async def checkpoint(self) -> str:
        """Read the checkpoint as any C2SP reader does, through the gateway."""
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {self.token}"}) as client:
            answer = await client.get(f"{self.mesh.gateway}/log/bank/checkpoint")
        assert answer.status_code == 200
        return answer.text

    async def published(self, size: int, *names: str, within: float = 30.0) -> str:
        """Wait until a checkpoint of at least that size is published under these signatures."""
        end = time.monotonic() + within
        while True:
            note = await self.checkpoint()
            signed = self.signed(note)
            cosigned = len(signed & set(NAMES)) >= 2
            assert cosigned or not self.cosigned, "once there was a quorum, what is published has one"
            self.cosigned = cosigned
            if size_of(note) >= size and signed >= set(names):
                return note
            assert time.monotonic() < end, (size_of(note), size, signed)
            await asyncio.sleep(0.05)

    async def event(self, subject: bytes = person("nobody")) -> int:
        """Have one face event judged; return its index."""
        answer = await self.bank(permission.AuthorizeRequest(event=event(subject)), timeout=8.0)
        return int(answer.answer.index)

    async def size(self) -> int:
        """Return the size of the log now."""
        answer = await self.bank(audit.GetConsistencyRequest(old_size=1))
        return int(answer.new_size)


def size_of(note: str) -> int:
    return int(note.split("\n")[1])


def folders(root: Path) -> dict[str, str]:
    """Make three witnesses' keys with the command; return their verifier keys, the third's two."""
    for name in NAMES:
        more = ["--replay"] if name == "w2" else []
        assert run(["witness", "keygen", str(root / name), "--name", f"witness.example/{name}", *more]) == 0
    keys = {name: format_vkey(load_key(root / name / KEY).vkey) for name in NAMES}
    return keys | {"replay": format_vkey(load_key(root / "w2" / REPLAY_KEY).vkey)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Start everything; stop everything."""
    root = tmp_path_factory.mktemp("witnessed")
    keys, ports = folders(root), assign(NAMES)
    at = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    named = [f"{at[name]}={keys[name]}" for name in NAMES] + [f"{at['w2']}={keys['replay']}"]
    told = {
        "PLACET_WITNESSES": json.dumps(named),
        "PLACET_WITNESS_QUORUM": "2",
        "PLACET_WITNESS_INTERVAL": "0.1",
        "PLACET_WITNESS_TIMEOUT": "8",
    }
    async with Mesh(root / "mesh", environment={"audit": told}) as mesh:
        files = await mesh.create_controller("bank")
        token = mesh.issuer.mint("regulator", ["bank"], ["regulator"])
        programs = {}
        for name in NAMES:
            replay = f'url = "{mesh.gateway}/log/bank"\ntoken_file = "token"\n' if name == "w2" else ""
            config = f'listen = "127.0.0.1:{ports[name]}"\n[[log]]\nvkeys = ["{files.vkey}"]\n{replay}'
            (root / name / CONFIG).write_text(config)
            (root / name / "token").write_text(token)
            programs[name] = Program(root / name, keys[name], *(["--replay"] if replay else []))
        running = {name: one.start() for name, one in programs.items()}
        bank = bare(mesh, "bank", files.token_file.read_text().strip())
        verifiers = {name: CosignatureVerifier.parse(vkey) for name, vkey in keys.items()}
        try:
            yield World(mesh, bank, token, files.vkey, verifiers, programs, running)
        finally:
            for one in programs.values():
                one.stop()


async def test_what_is_published_is_cosigned_by_all_and_replayed(world: World) -> None:
    notice = await furnish(world.bank)
    await consented(world.bank, person("anna"), notice)
    index = await world.event(person("anna"))
    note = await world.published(index + 1, "w0", "w1", "w2", "replay")
    assert open_checkpoint(note, [Verifier.parse(world.vkey)]).size > index


async def test_a_bundle_is_under_a_cosigned_checkpoint(world: World) -> None:
    """Of an event of this moment too, and of a past one after the basis was withdrawn or much else happened."""
    verifier = EvidenceVerifier([Verifier.parse(world.vkey), *world.keys.values()])
    for _ in range(3):
        index = await world.event()
        answer = await world.bank(audit.GetBundleRequest(event=index))
        report = verifier.bundle(answer.bundle)
        note = json.loads(answer.bundle)["checkpoint"]
        assert report.index == index
        assert len(world.signed(note) & {"w0", "w1", "w2"}) >= 2
        assert report.size <= await world.size()


async def test_readers_who_saw_more_get_more(world: World) -> None:
    index = await world.event()
    answer = await world.bank(audit.GetCheckpointRequest(seen=index + 2))
    assert answer.checkpoint.tree_size >= index + 2
    answer = await world.bank(audit.GetCheckpointRequest())
    assert len(world.signed(answer.checkpoint.note)) >= 2


async def test_one_witness_down_then_back(world: World) -> None:
    world.programs["w1"].kill()
    index = await world.event()
    note = await world.published(index + 1, "w0", "w2")
    assert "w1" not in world.signed(note)
    before = world.running["w1"].folder / "state.db"
    assert before.exists()
    world.running["w1"] = world.programs["w1"].start()
    index = await world.event()
    await world.published(index + 1, "w0", "w1")


async def test_a_witness_that_stands_still_delays_no_answer(world: World) -> None:
    """SIGSTOP: it takes connections and never answers; the log waits 8 s for it, its callers not at all."""
    world.programs["w0"].send(signal.SIGSTOP)
    try:
        slowest = 0.0
        for _ in range(30):
            began = time.monotonic()
            index = await world.event()
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 4.0
        await world.published(index + 1, "w1", "w2")
    finally:
        world.programs["w0"].send(signal.SIGCONT)
    index = await world.event()
    await world.published(index + 1, "w0")


async def test_a_fork_is_refused_kept_and_an_alarm_and_the_log_goes_on(world: World) -> None:
    """The test operator has the log's own key: the forged checkpoints are well signed."""
    witness = world.running["w0"]
    signer = operator(world, "bank", world.vkey)
    origin = signer.vkey.name
    await world.published(await world.event() + 1, "w0")
    for _ in range(20):  # the honest log may move the witness on between our two questions
        note = witness.checkpoint(origin)
        assert note is not None
        size = size_of(note)
        forged = sign_checkpoint(Checkpoint(origin=origin, size=size, root=bytes(32)), signer)
        status, kind, _ = witness.post(format_request(AddCheckpoint.of(size, [], forged)))
        if kind != "text/x.tlog.size":
            break
    assert status == 409
    held = witness.checkpoint(origin)
    assert held is not None
    assert open_checkpoint(held, [Verifier.parse(world.vkey)]).root != bytes(32)
    (file,) = witness.conflicts()
    conflict = parse_conflict(file.read_text(), [Verifier.parse(world.vkey)])
    assert conflict.proven
    assert (conflict.held.checkpoint.size, conflict.offered.checkpoint.root) == (size, bytes(32))
    assert run(["witness", "check", str(file), "--key", world.vkey]) == 0
    alarms = [line for line in said(witness.folder) if line.get("alarm")]
    assert [(line["origin"], line["proven"]) for line in alarms] == [(origin, True)]
    await world.published(await world.event() + 1, "w0", "w1", "w2", "replay")


async def test_a_witness_that_was_shown_a_fork_first_is_an_alarm_of_the_log(world: World) -> None:
    """The other way round: the operator showed one witness a fork of a new log before the log itself came. It refuses
    the log, which says so in itself, once, and goes on with the others."""
    files = await world.mesh.create_controller("shop")
    signer = operator(world, files.controller, files.vkey)
    world.mesh.pause("audit")
    try:
        for name, one in world.programs.items():
            one.stop()
            config, where = one.folder / CONFIG, f'url = "{world.mesh.gateway}/log/shop"\ntoken_file = "shop"\n'
            config.write_text(f'{config.read_text()}[[log]]\nvkeys = ["{files.vkey}"]\n{where}')
            (one.folder / "shop").write_text(world.mesh.issuer.mint("regulator", ["shop"], ["regulator"]))
            world.running[name] = one.start()
        forged = sign_checkpoint(Checkpoint(origin=signer.vkey.name, size=2, root=bytes(32)), signer)
        assert world.running["w1"].post(format_request(AddCheckpoint.of(0, [], forged)))[0] == 200
    finally:
        world.mesh.resume("audit")
    shop = bare(world.mesh, "shop", files.token_file.read_text().strip())
    end = time.monotonic() + 40
    while not (said_so := await refusals(shop)):
        assert time.monotonic() < end
        await asyncio.sleep(0.1)
    assert {one["witness"] for one in said_so} == {world.programs["w1"].vkey}
    assert world.running["w1"].conflicts()
    while not world.signed((await shop(audit.GetCheckpointRequest())).checkpoint.note, files.vkey) >= {"w0", "w2"}:
        assert time.monotonic() < end
        await asyncio.sleep(0.1)
    assert len(await refusals(shop)) <= 2  # once for each status: recording it makes no new checkpoints for ever
    log = world.mesh.layout.log("audit").read_text()
    alarms = [json.loads(line) for line in log.splitlines() if '"alarm": true' in line]
    assert {(line["controller"], line["witness"]) for line in alarms} == {("shop", "witness.example/w1")}


def operator(world: World, controller: str, vkey: str) -> Signer:
    """Return the log's own key, which a dishonest operator has."""
    path = world.mesh.layout.own("audit") / "keys" / f"log-{controller}.key"
    return Signer.from_seed(Verifier.parse(vkey).vkey.name, path.read_bytes())


async def refusals(call: Bare) -> list[dict[str, Any]]:
    """Return what the records of refusing witnesses say."""
    found = await call(audit.SearchRequest(filter=audit.Filter(kind="record"), page_size=500))
    records = [json.loads(one.entry) for one in found.found]
    return [one["data"] for one in records if one["type"] == "witness.refused"]
