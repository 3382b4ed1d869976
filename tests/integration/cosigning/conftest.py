"""A fresh log for each test, and a zygote of witness processes for the module."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.audit.rig import Rig
from integration.witness.witness_rig import Zygote


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A log `bank` with its first two entries."""
    made = Rig(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """Start witness processes; whatever was started is ended."""
    made = Zygote()
    yield made
    made.stop()
