"""What a client keeps on disk: a checkpoint that several processes share without losing one, receipts that stay."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from placet.sdk import CheckpointFile, Config, ConfigError, ReceiptFolder
from placet.sdk.durable import write_durably
from placet.tlog.note import Signer, format_vkey

ORIGIN = "placet.test/log/shop"
COUNT = """
import sys
from collections.abc import Callable
from pathlib import Path
from placet.sdk.stores import CheckpointFile

store, done = CheckpointFile(Path(sys.argv[1])), 0
while done < int(sys.argv[2]):
    kept = store.read()
    new = str(int((kept or "0").split()[0]) + 1) + " by " + sys.argv[3]
    done += store.replace(kept, new) == new
"""


def test_a_checkpoint_is_kept_and_replaced_only_by_who_knows_it(tmp_path: Path) -> None:
    store, other = CheckpointFile(tmp_path / "checkpoint"), CheckpointFile(tmp_path / "checkpoint")
    assert store.read() is None
    assert store.replace("something", "one") is None
    assert store.replace(None, "one") == "one"
    assert other.read() == "one"
    assert other.replace(None, "two") == "one", "somebody was quicker: tie that first"
    assert other.replace("one", "two") == "two"
    assert store.replace("one", "three") == "two"
    assert store.read() == "two"


def test_processes_that_share_it_lose_nothing(tmp_path: Path) -> None:
    """Each counts up by compare-and-swap; a lost update would show in the sum."""
    path, times = tmp_path / "checkpoint", 40
    processes = [
        subprocess.Popen([sys.executable, "-c", COUNT, str(path), str(times), name]) for name in ("a", "b", "c")
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert CheckpointFile(path).read().split()[0] == str(3 * times)  # type: ignore[union-attr]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["checkpoint", "checkpoint.lock"]


def test_receipts_stay_in_their_order_and_are_told_apart_by_log(tmp_path: Path) -> None:
    folder = ReceiptFolder(tmp_path / "new" / "receipts")
    assert list(folder.kept(ORIGIN)) == []
    for index in (12, 3, 100_000):
        folder.keep(ORIGIN, index, f"receipt {index}")
    folder.keep("placet.test/log/bank", 4, "another log's")
    folder.keep("elsewhere.test/log/shop", 4, "another log of that name")
    folder.keep(ORIGIN, 12, "the same withdrawal again, under a later checkpoint")
    assert list(folder.kept(ORIGIN)) == ["receipt 3", "receipt 12", "receipt 100000"]
    assert list(folder.kept("placet.test/log/bank")) == ["another log's"]
    assert (tmp_path / "new" / "receipts").stat().st_mode & 0o777 == 0o700


WRITE: dict[str, Callable[[Path], object]] = {
    "checkpoint_file": lambda path: CheckpointFile(path).replace(None, "one"),
    "receipts": lambda path: ReceiptFolder(path).keep(ORIGIN, 1, "one"),
}


@pytest.mark.parametrize("field", WRITE)
def test_a_store_that_fails_is_a_configuration_error(tmp_path: Path, field: str) -> None:
    (tmp_path / "file").write_text("")
    beneath = tmp_path / "file" / "x"
    with pytest.raises(ConfigError) as caught:
        WRITE[field](beneath)
    assert caught.value.field == field
    assert str(beneath) in caught.value.message
    (tmp_path / "bad").write_bytes(b"\xff")
    with pytest.raises(ConfigError):
        CheckpointFile(tmp_path / "bad").read()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_durably(path, [b"one"])

    def broken() -> Any:
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_durably(path, broken())
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_the_configuration_file_names_them(tmp_path: Path) -> None:
    told = {
        "controller": "shop",
        "targets": {"audit": "127.0.0.1:1"},
        "token": "a.b.c",
        "log_vkey": format_vkey(Signer.from_seed(ORIGIN, bytes(32)).vkey),
    }
    (tmp_path / "client.json").write_text(json.dumps(told))
    plain = Config.from_file(tmp_path / "client.json")
    assert plain.checkpoints is None
    assert plain.receipts is None
    (tmp_path / "client.json").write_text(json.dumps({**told, "checkpoint_file": "seen", "receipts": "kept"}))
    config = Config.from_file(tmp_path / "client.json")
    assert config.checkpoints is not None
    assert config.receipts is not None
    config.checkpoints.replace(None, "note")
    config.receipts.keep(ORIGIN, 1, "receipt")
    assert (tmp_path / "seen").read_text() == "note"
    assert [path.read_text() for path in (tmp_path / "kept").iterdir()] == ["receipt"]
    assert str(tmp_path) in repr(config.checkpoints)
    assert str(tmp_path) in repr(config.receipts)
