"""A zygote of witness processes for a test module."""

from collections.abc import Iterator

import pytest
from integration.witness.witness_rig import Zygote


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """Start witness processes; whatever was started is ended."""
    made = Zygote()
    yield made
    made.stop()
