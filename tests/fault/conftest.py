"""Where fault tests keep what need not outlive them."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
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
