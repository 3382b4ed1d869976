"""One consent service a test: real handlers and SQLite, the log in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes.consent_world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Return a world with a published notice."""
    made = await World.open(tmp_path)
    await made.publish()
    yield made
    await made.store.close()
