"""A gateway before two small logs, for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from integration.gateway.gateway_rig import Rig, rigged


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rigged(tmp_path) as made:
        yield made
