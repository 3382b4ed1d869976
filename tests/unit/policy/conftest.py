"""A workshop for packs: copies of the shipped one with something changed, as real folders."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from placet.permission.policy.pack import POLICIES, SHIPPED, Pack, load_shipped


@pytest.fixture(scope="session")
def cn() -> Pack:
    """The default pack, loaded once."""
    return load_shipped("cn-2025")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of cn-2025 that a test may spoil."""
    return Path(shutil.copytree(SHIPPED / "cn-2025", tmp_path / "packs" / "cn-2025"))


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Write a pack with the shipped schema and own policies; the descriptions follow from `effects` (id -> effect)."""

    def write(name: str, policies: str, effects: dict[str, str]) -> Path:
        folder = tmp_path / name
        shutil.copytree(SHIPPED / "cn-2025", folder)
        (folder / POLICIES).write_text(policies, encoding="utf-8")
        described = json.loads((folder / "pack.json").read_text(encoding="utf-8"))
        rule = described["rules"][0]
        described["id"] = name
        described["rules"] = [{**rule, "id": ident, "effect": effect} for ident, effect in effects.items()]
        (folder / "pack.json").write_text(json.dumps(described), encoding="utf-8")
        return folder

    return write
