"""For every test: properties are not timed, and no test leaves a log handler behind.

Limits of speed belong to `tests/bench`; a busy machine fails none.
"""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("placet", deadline=None)
settings.load_profile("placet")


@pytest.fixture(autouse=True)
def _no_handler_left() -> Iterator[None]:
    """Take off the root logger what a command run in this process put there: its stream is closed after the test."""
    root = logging.getLogger()
    before = set(root.handlers)
    yield
    for handler in set(root.handlers) - before:
        if type(handler) is logging.StreamHandler:
            root.removeHandler(handler)
