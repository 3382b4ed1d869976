"""How the vault comes by its root key, and when a new one may be made."""

import asyncio
import logging
from pathlib import Path

import pytest

from placet.vault.keyring import FileKeyring
from placet.vault.unsealing import Unsealing, create_missing


def make(path: Path, *, keys_stored: bool = False) -> None:
    create_missing(path, keys_stored=keys_stored, random=lambda n: b"\7" * n, now=lambda: 1)


async def test_it_opens_as_soon_as_it_can_and_says_once_why_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    keyring = FileKeyring(tmp_path / "keyring.json")
    opened: list[bool] = []

    async def on_open() -> None:
        opened.append(keyring.sealed)

    waiting = asyncio.create_task(Unsealing(keyring).until_open(on_open, retry_s=0.01))
    await asyncio.sleep(0.1)
    assert keyring.sealed
    assert caplog.text.count("the vault is sealed") == 1
    make(tmp_path / "keyring.json")
    await asyncio.wait_for(waiting, 5)
    assert opened == [False]
    assert "\\x07" not in caplog.text


def test_a_missing_keyring_is_made_once(tmp_path: Path) -> None:
    make(tmp_path / "k")
    first = (tmp_path / "k").read_bytes()
    make(tmp_path / "k")
    assert (tmp_path / "k").read_bytes() == first


def test_none_is_made_where_keys_were_stored_or_a_link_leads_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path / "k", keys_stored=True)
    assert not (tmp_path / "k").exists()
    assert "restore it from its backup" in caplog.text
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    make(tmp_path / "link")
    assert not (tmp_path / "nowhere").exists()
