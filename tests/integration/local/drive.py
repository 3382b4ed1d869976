"""Runs in a process of its own, for tests that end it: `drive.py mesh DATA` or `drive.py dev DATA [options]`.

`mesh` starts NATS and fakes, prints the process ids as JSON and waits. `dev` is `placet dev` with fakes for everything
but audit.
"""

import asyncio
import json
import sys
from functools import partial
from pathlib import Path

from placet.local.commands import dev
from placet.local.mesh import SERVICES, Mesh

FAKE = [sys.executable, str(Path(__file__).with_name("fake_service.py"))]
FAKES = dict.fromkeys(SERVICES, FAKE)


async def mesh(data: str) -> None:
    made = Mesh(data, programs=FAKES)
    await made.start()
    pids = {name: made.child(name).pid for name in (*SERVICES, "nats")}
    print(json.dumps({"pids": pids, "addresses": made.addresses}), flush=True)
    await asyncio.sleep(300)


if __name__ == "__main__":
    if sys.argv[1] == "mesh":
        asyncio.run(mesh(sys.argv[2]))
    else:
        fakes = {name: FAKE for name in SERVICES if name != "audit"}
        dev.Mesh = partial(Mesh, programs=fakes)  # type: ignore[assignment,misc]
        dev.app(["--data", *sys.argv[2:]])
