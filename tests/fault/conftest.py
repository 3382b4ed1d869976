"""Where fault tests keep what need not outlive them."""

import asyncio
import gc
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from fault.crashing import Crash
from integration.audit.rig import Rig

MEMORY = Path("/dev/shm")


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory, if there is such a thing: syncing there costs nothing, and what is synced is modelled."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="placet-fault-") as folder:
        yield Path(folder)


@pytest.fixture
def rig(quick: Path) -> Iterator[Rig]:
    """A log `bank` with its first two entries."""
    made = Rig(quick)
    yield made
    made.close()


@pytest.fixture
async def dead_silent() -> AsyncIterator[None]:
    """Tasks that a crash ended say nothing when they are collected: not now, and not in the middle of another test."""

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), Crash):
            loop.default_exception_handler(context)

    asyncio.get_running_loop().set_exception_handler(handle)
    yield
    gc.collect()
