"""A fresh log for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.audit.audit_databases import audit_postgres, audit_server
from integration.audit.rig import Rig

__all__ = ["audit_postgres", "audit_server"]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A log `bank` with its first two entries."""
    made = Rig(tmp_path)
    yield made
    made.close()
