"""`placet.sdk.testing` without a mesh: what it says when placet-local is missing, or the mesh does not run."""

import sys

import pytest

from placet.sdk import ConfigError
from placet.sdk.testing import start_mesh


def test_without_placet_local_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "placet.local.mesh", None)
    with pytest.raises(ConfigError) as caught, start_mesh():
        raise AssertionError("it started")
    assert caught.value.reason == "LOCAL_MISSING"
    assert "install" in caught.value.explain()


def test_outside_the_block_there_is_no_mesh() -> None:
    with pytest.raises(ConfigError, match="inside"):
        start_mesh().config()
