"""What a witness may answer over HTTP, and what the log makes of it: lines that are verified, a size, a refusal, or
nothing that can be used. Nothing a witness sends gets further than its own lines.
"""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from placet.audit.model import Holds, Lines, Refused
from placet.audit.quorum import parse_witnesses
from placet.audit.witness_http import MAX_ANSWER, HttpWitness, http_client, http_witnesses
from placet.kit.errors import Unavailable
from placet.tlog.addcheckpoint import AddCheckpoint
from placet.tlog.checkpoint import Checkpoint, sign_checkpoint
from placet.tlog.cosignature import CosignatureSigner
from placet.tlog.note import Signer, format_vkey

LOG = Signer.from_seed("log.example/bank", bytes(32))
WITNESS = CosignatureSigner.from_seed("witness.example/w1", bytes(range(32)))
STRANGER = CosignatureSigner.from_seed("witness.example/w2", bytes(range(1, 33)))
NOTE = sign_checkpoint(Checkpoint(origin=LOG.vkey.name, size=7, root=bytes(32)), LOG)
REQUEST = AddCheckpoint.of(3, [bytes(32)], NOTE)
LINE = WITNESS.cosign(NOTE, timestamp=1_780_000_000).line()
OTHER = STRANGER.cosign(NOTE, timestamp=1_780_000_000).line()
SIZE = {"content-type": "text/x.tlog.size"}


class Scripted:
    """A server that answers one thing."""

    def __init__(self) -> None:
        self.answer = b""
        self.asked = b""
        self.delay = 0.0

    def say(self, status: int, body: str | bytes, **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else body
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.answer = f"HTTP/1.1 {status} x\r\n{head}content-length: {len(data)}\r\n\r\n".encode() + data

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        self.asked = head + await reader.readexactly(length)
        await asyncio.sleep(self.delay)
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@pytest.fixture
async def scripted() -> AsyncIterator[tuple[Scripted, HttpWitness]]:
    script = Scripted()
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    named = parse_witnesses([f"http://127.0.0.1:{port}/sub/={format_vkey(WITNESS.vkey)}"])
    async with http_client(1.0, None) as client:
        (witness,) = http_witnesses(client, named, timeout=1.0, rate=1_000)
        yield script, witness
    server.close()


async def test_the_request_and_a_cosignature(scripted: tuple[Scripted, HttpWitness]) -> None:
    script, witness = scripted
    script.say(200, OTHER + LINE)
    assert await witness.add_checkpoint(REQUEST) == Lines({WITNESS.vkey: LINE})
    head, _, body = script.asked.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /sub/add-checkpoint HTTP/1.1\r\n")
    assert body == b"old 3\n" + b"A" * 43 + b"=\n\n" + NOTE.encode()


async def test_a_size_is_an_invitation_and_a_conflict_is_not(scripted: tuple[Scripted, HttpWitness]) -> None:
    script, witness = scripted
    for kind in ("text/x.tlog.size", "text/x.tlog.size; charset=utf-8"):
        script.say(409, "5\n", **{"content-type": kind})
        assert await witness.add_checkpoint(REQUEST) == Holds(5)
    for status, conflict in ((409, True), (422, True), (400, False), (403, False), (404, False)):
        script.say(status, "because\n", **{"content-type": "text/plain"})
        assert await witness.add_checkpoint(REQUEST) == Refused(status, "because", conflict)


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (200, "", {}),
        (200, OTHER, {}),
        (200, LINE[:-1], {}),
        (200, STRANGER.cosign(NOTE, timestamp=5).line().replace("/w2", "/w1"), {}),
        (200, WITNESS.cosign(NOTE.replace("\n7\n", "\n8\n"), timestamp=5).line(), {}),
        (200, b"\xff\xfe", {}),
        (200, "x" * (MAX_ANSWER + 1), {}),
        (409, "five\n", SIZE),
        (409, "-5\n", SIZE),
        (500, "", {}),
        (301, "", {"location": "https://elsewhere.example/"}),
    ],
)
async def test_what_cannot_be_used_is_unavailable(
    status: int, body: str | bytes, headers: dict[str, str], scripted: tuple[Scripted, HttpWitness]
) -> None:
    script, witness = scripted
    script.say(status, body, **headers)
    with pytest.raises(Unavailable, match=r"the witness witness\.example/w1"):
        await witness.add_checkpoint(REQUEST)


async def test_no_answer_in_time_is_unavailable(scripted: tuple[Scripted, HttpWitness]) -> None:
    script, witness = scripted
    script.say(200, LINE)
    script.delay = 5.0
    began = asyncio.get_running_loop().time()
    with pytest.raises(Unavailable, match="does not answer"):
        await witness.add_checkpoint(REQUEST)
    assert asyncio.get_running_loop().time() - began < 3


async def test_nobody_there_is_unavailable() -> None:
    named = parse_witnesses([f"http://127.0.0.1:1={format_vkey(WITNESS.vkey)}"])
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        (witness,) = http_witnesses(client, named, timeout=1.0, rate=1_000)
        with pytest.raises(Unavailable, match="ConnectError"):
            await witness.add_checkpoint(REQUEST)
