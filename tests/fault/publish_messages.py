"""Publishes messages to a nats-server whose store is on a disk, and writes down what the server acknowledged:
`python -m fault.publish_messages DISK FOLDER COUNT SYNC`. Each line of DISK/told is one message id.
"""

import asyncio
import os
import secrets
import sys
from pathlib import Path

from fault.cut_fs import TOLD
from fault.nats_on import DEADLINE_US, nats_on
from integration.kit_bus.conftest import unix_us

from placet.kit.bus.bus import Bus
from placet.kit.bus.jetstream import JetStream

# Several in flight, and long enough for more than one block file (the server begins a new one at about 8 MB).
IN_FLIGHT = 8
SIZE = 20_000


async def main(disk: Path, folder: Path, count: int, *, always: bool) -> None:
    """Publish so many messages of 20 KB, and consume none."""
    server = nats_on(folder, disk / "store", always=always)
    server.start()
    try:
        with (disk / TOLD).open("w", buffering=1) as told:
            async with Bus(server.url, name="consent", clock=unix_us, random=secrets.token_bytes) as bus:
                stream = JetStream(bus)
                await stream.ensure_stream()

                async def publish(lane: int) -> None:
                    for number in range(lane, count, IN_FLIGHT):
                        body = os.urandom(SIZE)
                        await stream.publish(
                            "placet.msg.bank.consent.told",
                            body,
                            message_id=f"m{number}",
                            deadline=unix_us() + DEADLINE_US,
                        )
                        told.write(f"m{number} {body[:16].hex()}\n")

                await asyncio.gather(*(publish(lane) for lane in range(IN_FLIGHT)))
    finally:
        server.kill()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), always=sys.argv[4] == "always"))
