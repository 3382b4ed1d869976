"""A power cut loses no message that NATS acknowledged, set up as shipped: the outbox may believe it (promise P1)."""

import asyncio
import base64
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault.cut_tree import Names
from fault.nats_on import nats_on
from fault.power import Cut, cut_disk
from integration.kit_bus.conftest import unix_us

from placet.kit.bus.bus import Bus
from placet.kit.bus.jetstream import JetStream
from placet.kit.errors import NotFound

pytestmark = pytest.mark.system


def cuts(quick: Path, *, every: int, count: int, always: bool = True, names: Names = Names.JOURNALLED) -> Iterator[Cut]:
    """Publish to a server on the disk and return what each cut left."""
    with cut_disk(quick, every=every, names=names) as disk:
        (quick / "server").mkdir()
        disk.run("fault.publish_messages", str(quick / "server"), str(count), "always" if always else "default")
    return disk.all()


async def lost(cut: Cut, folder: Path) -> list[str]:
    """Start a server on what is left; return what was acknowledged and is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    server = nats_on(folder, cut.folder / "store", always=True)
    server.start()
    try:
        async with Bus(server.url, name="consent", clock=unix_us, random=secrets.token_bytes) as bus:
            kept = await messages(JetStream(bus))
    finally:
        server.kill()
    return [line for line in cut.told if line not in kept]


async def messages(stream: JetStream) -> set[str]:
    """Return every message of the stream as its id and the beginning of its body."""
    try:
        state = (await stream.api("STREAM.INFO.PLACET", {}))["state"]
    except NotFound:
        return set()
    sequences = range(state["first_seq"], state["last_seq"] + 1)
    return {found for found in await asyncio.gather(*(message(stream, one) for one in sequences)) if found}


async def message(stream: JetStream, sequence: int) -> str:
    """Return one message, empty if there is none of that number."""
    try:
        found = (await stream.api("STREAM.MSG.GET.PLACET", {"seq": sequence}))["message"]
    except NotFound:
        return ""
    name = base64.b64decode(found["hdrs"]).decode().partition("Nats-Msg-Id: ")[2].partition("\r")[0]
    return f"{name} {base64.b64decode(found['data'])[:16].hex()}"


@pytest.mark.parametrize(
    ("every", "count"),
    [
        pytest.param(40, 120, id="short"),
        pytest.param(67, 600, id="long", marks=[pytest.mark.long, pytest.mark.timeout(900)]),
    ],
)
async def test_no_acknowledged_message_is_lost_by_a_power_cut(quick: Path, every: int, count: int) -> None:
    checked = 0
    for cut in cuts(quick, every=every, count=count):
        assert await lost(cut, quick / "again") == [], cut.name
        checked += 1
    assert checked > 8
    assert len(cut.told) > count // 2
    assert count < 600 or len(list(cut.folder.rglob("*.blk"))) > 1


async def test_control_with_the_default_sync_interval_acknowledged_messages_are_lost(quick: Path) -> None:
    left = list(cuts(quick, every=40, count=120, always=False))
    assert max([len(await lost(cut, quick / "again")) for cut in left]) > 0


@pytest.mark.long
async def test_limit_nats_needs_a_file_system_that_keeps_names_with_their_files(quick: Path) -> None:
    """It never syncs a directory. On ext4, XFS and the like nothing is missing; POSIX alone would not be enough."""
    *_, last, _ = cuts(quick, every=40, count=120, names=Names.STRICT)
    assert last.name.endswith("-lost")
    assert await lost(last, quick / "again") == last.told != []
