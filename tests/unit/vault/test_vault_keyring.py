"""The keyring file: only the owner's, one active version, no key lost or told."""

import json
import os
import stat
from pathlib import Path

import pytest

from placet.kit.security.redacted import SecretBytes
from placet.vault.errors import KeyringUnusable, StorageCorrupt, VaultSealed
from placet.vault.keyring import FileKeyring, VersionState, add_version, create, read, set_state
from placet.vault.template import WrappedKey

ROOT = bytes(range(32))
NEXT = bytes(range(32, 64))
KEK = b"\x07" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "keyring.json"
    create(file, key=SecretBytes(ROOT), now=1)
    return file


def opened(path: Path) -> FileKeyring:
    keyring = FileKeyring(path)
    keyring.unseal()
    return keyring


async def test_what_is_wrapped_is_unwrapped_by_another_process(path: Path) -> None:
    wrapped = await opened(path).wrap(SecretBytes(KEK))
    assert wrapped.version == 1
    assert KEK not in wrapped.blob
    assert bytes((await opened(path).unwrap(wrapped)).reveal()) == KEK


def test_the_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        create(tmp_path / "k", key=SecretBytes(ROOT), now=1)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["k"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o700, 0o644, 0o620, 0o4600])
def test_a_wider_mode_is_refused_and_the_vault_stays_sealed(path: Path, mode: int) -> None:
    path.chmod(mode)
    keyring = FileKeyring(path)
    with pytest.raises(KeyringUnusable, match="chmod 0600"):
        keyring.unseal()
    assert keyring.sealed


def test_a_narrower_mode_is_fine(path: Path) -> None:
    path.chmod(0o400)
    assert not opened(path).sealed


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(KeyringUnusable, match="cannot be opened"):
        read(tmp_path / "link")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for bad in (tmp_path / "none", tmp_path):
        with pytest.raises(KeyringUnusable):
            read(bad)


def test_a_keyring_is_never_written_over(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(KeyringUnusable, match="never written over"):
        create(path, key=SecretBytes(NEXT), now=2)
    assert path.read_bytes() == before


async def test_a_new_version_wraps_and_the_old_one_still_unwraps(path: Path) -> None:
    old = await opened(path).wrap(SecretBytes(KEK))
    assert add_version(path, key=SecretBytes(NEXT), now=2) == 2
    keyring = opened(path)
    assert (await keyring.wrap(SecretBytes(KEK))).version == 2
    assert bytes((await keyring.unwrap(old)).reveal()) == KEK
    assert [version.state for version in read(path)] == [VersionState.DECRYPT_ONLY, VersionState.ACTIVE]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_disabled_version_does_not_unwrap_until_it_is_enabled_again(path: Path) -> None:
    old = await opened(path).wrap(SecretBytes(KEK))
    add_version(path, key=SecretBytes(NEXT), now=2)
    set_state(path, 1, VersionState.DISABLED)
    with pytest.raises(VaultSealed):
        await opened(path).unwrap(old)
    set_state(path, 1, VersionState.DECRYPT_ONLY)
    assert bytes((await opened(path).unwrap(old)).reveal()) == KEK


async def test_a_destroyed_version_is_gone_from_the_file(path: Path) -> None:
    old = await opened(path).wrap(SecretBytes(KEK))
    key_text = json.loads(path.read_text())["versions"][0]["key"]
    add_version(path, key=SecretBytes(NEXT), now=2)
    assert key_text in path.read_text()
    set_state(path, 1, VersionState.DESTROYED)
    assert key_text not in path.read_text()
    with pytest.raises(VaultSealed):
        await opened(path).unwrap(old)
    with pytest.raises(KeyringUnusable, match="cannot go"):
        set_state(path, 1, VersionState.DECRYPT_ONLY)


@pytest.mark.parametrize("state", list(VersionState))
def test_the_active_version_is_only_replaced(path: Path, state: VersionState) -> None:
    with pytest.raises(KeyringUnusable, match="cannot go"):
        set_state(path, 1, state)
    with pytest.raises(KeyringUnusable, match="no version 9"):
        set_state(path, 9, VersionState.DISABLED)


async def test_what_another_root_key_wrapped_does_not_open(path: Path, tmp_path: Path) -> None:
    create(tmp_path / "other", key=SecretBytes(NEXT), now=1)
    foreign = await opened(tmp_path / "other").wrap(SecretBytes(KEK))
    with pytest.raises(StorageCorrupt):
        await opened(path).unwrap(foreign)
    with pytest.raises(StorageCorrupt):
        await opened(path).unwrap(WrappedKey(version=1, blob=b""))


async def test_a_sealed_keyring_does_nothing_and_sealing_overwrites(path: Path) -> None:
    keyring = FileKeyring(path)
    for step in (keyring.wrap(SecretBytes(KEK)), keyring.unwrap(WrappedKey(version=1, blob=b""))):
        with pytest.raises(VaultSealed):
            await step
    keyring.unseal()
    keyring.seal()
    assert keyring.sealed
    with pytest.raises(VaultSealed):
        await keyring.wrap(SecretBytes(KEK))


GOOD = {"version": 1, "state": "active", "created_at": 1, "key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"format": "placet.keyring/2", "versions": []}',
        '{"format": "placet.keyring/1", "versions": []}',
        *[
            json.dumps({"format": "placet.keyring/1", "versions": versions})
            for versions in (
                [{**GOOD, "state": "decrypt_only"}],
                [GOOD, {**GOOD, "version": 2}],
                [GOOD, {**GOOD, "state": "disabled"}],
                [{**GOOD, "version": 0}],
                [{**GOOD, "version": True}],
                [{**GOOD, "state": "ACTIVE"}],
                [{**GOOD, "key": None}],
                [{**GOOD, "key": "AAEC"}],
                [{**GOOD, "key": "!!!"}],
                [{**GOOD, "key": 5}],
                [{**GOOD, "extra": 1}],
                [GOOD, {**GOOD, "version": 2, "state": "destroyed"}],
                ["x"],
                5,
            )
        ],
    ],
)
def test_a_malformed_file_is_refused_without_telling_what_is_in_it(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(KeyringUnusable) as caught:
        read(path)
    assert str(GOOD["key"])[:8] not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_the_good_file_of_these_tests_is_good(path: Path) -> None:
    path.write_text(json.dumps({"format": "placet.keyring/1", "versions": [GOOD]}))
    assert read(path)[0].number == 1
