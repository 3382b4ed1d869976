"""A witness's folder: keys that are made once, a state that belongs to one key, a configuration without surprises."""

import sqlite3
import stat
from pathlib import Path

import pytest

from placet.sdk.commands import run
from placet.sdk.errors import ConfigError
from placet.sdk.witness.config import CONFIG, KEY, REPLAY_KEY, STATE, TEMPLATE, read_config
from placet.sdk.witness.keyfile import create_key, load_key
from placet.sdk.witness.store import Store
from placet.tlog.checkpoint import Checkpoint
from placet.tlog.cosignature import CosignatureVerifier
from placet.tlog.note import Signer, format_vkey
from placet.tlog.witness import Held

LOG = Signer.from_seed("log.example/bank", bytes(32))
ROTATED = Signer.from_seed("log.example/bank", bytes(range(32)))
OTHER = Signer.from_seed("log.example/shop", bytes(range(32)))
LOG_KEY = format_vkey(LOG.vkey)


def test_a_key_reads_back_and_is_never_overwritten(tmp_path: Path) -> None:
    made = create_key(tmp_path / "key", "witness.example/w1")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert load_key(tmp_path / "key").vkey == made.vkey
    assert CosignatureVerifier.parse(format_vkey(made.vkey)).vkey == made.vkey
    assert (tmp_path / "key").read_text().startswith("PRIVATE+KEY+witness.example/w1+")
    with pytest.raises(ConfigError, match="never overwritten"):
        create_key(tmp_path / "key", "witness.example/w1")
    with pytest.raises(ConfigError, match="cannot name a key"):
        create_key(tmp_path / "other", "two words")


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with pytest.raises(ConfigError, match="No such file"):
        load_key(path)
    create_key(path, "w")
    good = path.read_text()
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="may be read by others"):
        load_key(path)
    path.chmod(0o600)
    id_ = good.split("+")[3]
    typed = good.replace(f"{id_}+B", f"{id_}+A")
    assert typed != good
    for wrong in ("", good[12:], good.replace("+w+", "+v+"), good.replace(id_, "00000000"), typed, good[:-6]):
        path.write_text(wrong)
        with pytest.raises(ConfigError, match="holds no key"):
            load_key(path)


def held(size: int, root: bytes = b"r" * 32) -> Held:
    return Held(checkpoint=Checkpoint(origin="log", size=size, root=root), note=f"note {size}\n")


def test_what_is_kept_is_there_again(tmp_path: Path) -> None:
    Store.create(tmp_path / STATE, "w+1+A")
    store = Store(tmp_path / STATE, "w+1+A")
    with store.transaction() as kept:
        assert kept.held("log") is None
        kept.put(held(5), "line\n")
    assert store.note("log") == "note 5\nline\n"
    with store.transaction() as kept:
        kept.add(held(5), "second\n")
        kept.add(held(4), "late\n")
    store.close()
    again = Store(tmp_path / STATE, "w+1+A")
    assert again.note("log") == "note 5\nline\nsecond\n"
    with again.transaction() as kept:
        assert kept.held("log") == held(5)
    assert again.note("other") is None


def test_a_state_that_is_damaged_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / STATE).write_bytes(b"nothing that SQLite knows" * 100)
    with pytest.raises(ConfigError, match="must take a new key"):
        Store(tmp_path / STATE, "w+1+A")
    (tmp_path / STATE).write_bytes(b"")
    with pytest.raises(ConfigError, match="no such table"):
        Store(tmp_path / STATE, "w+1+A")


def test_a_transaction_that_fails_keeps_nothing(tmp_path: Path) -> None:
    Store.create(tmp_path / STATE, "w+1+A")
    store = Store(tmp_path / STATE, "w+1+A")

    def fail() -> None:
        with store.transaction() as kept:
            kept.put(held(5), "line\n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.note("log") is None


@pytest.mark.parametrize("back", [held(4), held(5, b"x" * 32)])
def test_the_state_itself_refuses_to_go_back(back: Held, tmp_path: Path) -> None:
    """Should the decision ever be wrong, the row still refuses."""
    Store.create(tmp_path / STATE, "w+1+A")
    store = Store(tmp_path / STATE, "w+1+A")
    with store.transaction() as kept:
        kept.put(held(5), "")
    with pytest.raises(sqlite3.IntegrityError, match="never goes back"), store.transaction() as kept:
        kept.put(back, "")
    store.close()
    with sqlite3.connect(tmp_path / STATE) as db, pytest.raises(sqlite3.IntegrityError, match="never forgets"):
        db.execute("DELETE FROM latest")


def test_a_state_is_durable_and_of_one_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must take a new key"):
        Store(tmp_path / STATE, "w+1+A")
    Store.create(tmp_path / STATE, "w+1+A")
    with pytest.raises(ConfigError, match="never made anew"):
        Store.create(tmp_path / STATE, "w+1+A")
    with pytest.raises(ConfigError, match="state of another key"):
        Store(tmp_path / STATE, "v+1+A")
    store = Store(tmp_path / STATE, "w+1+A")
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


GOOD = f'listen = "127.0.0.1:9"\n[[log]]\nvkeys = ["{LOG_KEY}"]\nurl = "https://gateway.example/log/bank"\n'


def test_a_configuration(tmp_path: Path) -> None:
    both = f'vkeys = ["{LOG_KEY}", "{format_vkey(ROTATED.vkey)}"]'
    (tmp_path / CONFIG).write_text(f'{GOOD}token_file = "t"\n'.replace(f'vkeys = ["{LOG_KEY}"]', both))
    config = read_config(tmp_path)
    assert (config.host, config.port, config.replay_wait) == ("127.0.0.1", 9, 5.0)
    (log,) = config.logs
    assert ([key.vkey for key in log.keys], log.origin) == ([LOG.vkey, ROTATED.vkey], "log.example/bank")
    assert (log.url, log.token_file) == ("https://gateway.example/log/bank", tmp_path / "t")
    (tmp_path / CONFIG).write_text(GOOD.replace("127.0.0.1:9", "[::1]:9") + "")
    assert read_config(tmp_path).host == "::1"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("listen = ", "witness.toml"),
        (TEMPLATE, "log"),
        (GOOD.replace("listen", "listens"), "listens"),
        (GOOD.replace('"127.0.0.1:9"', "9"), "listen"),
        (GOOD.replace("127.0.0.1:9", "9"), "listen"),
        (GOOD.replace("127.0.0.1:9", "127.0.0.1:99999"), "listen"),
        ("replay_wait = true\n" + GOOD, "replay_wait"),
        ("log = [1]\n", "log[0]"),
        (GOOD.replace("url", "uri"), "log[0].uri"),
        (GOOD.replace("https://", "http://"), "log[0].url"),
        (GOOD.replace("https://", "ftp://"), "log[0].url"),
        (GOOD.replace(LOG_KEY, "key"), "log[0].vkeys"),
        (GOOD.replace(f'"{LOG_KEY}"', "1"), "log[0].vkeys"),
        (GOOD.replace(f'"{LOG_KEY}"', ""), "log[0].vkeys"),
        (GOOD.replace(f'"{LOG_KEY}"', f'"{LOG_KEY}", "{format_vkey(OTHER.vkey)}"'), "log[0].vkeys"),
        (f'{GOOD}[[log]]\nvkeys = ["{format_vkey(ROTATED.vkey)}"]\n', "log"),
    ],
)
def test_a_wrong_configuration_names_the_member(text: str, field: str, tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_text(text)
    with pytest.raises(ConfigError) as error:
        read_config(tmp_path)
    assert error.value.field == field


def test_keygen_makes_a_folder_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "w"
    assert run(["witness", "keygen", str(folder)]) == 2
    assert run(["witness", "keygen", str(folder), "--name", "witness.example/w1"]) == 0
    printed = capsys.readouterr().out
    assert format_vkey(load_key(folder / KEY).vkey) in printed
    assert sorted(path.name for path in folder.iterdir()) == sorted([CONFIG, KEY, STATE])
    (folder / CONFIG).write_text(GOOD)
    assert run(["witness", "keygen", str(folder), "--name", "witness.example/w1"]) == 1
    assert run(["witness", "keygen", str(folder), "--name", "witness.example/w1", "--replay"]) == 0
    assert load_key(folder / REPLAY_KEY).vkey.name == "witness.example/w1/replay"
    assert load_key(folder / REPLAY_KEY).vkey.public_key != load_key(folder / KEY).vkey.public_key
    assert (folder / CONFIG).read_text() == GOOD


def test_what_cannot_be_run_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "w"
    for given, why in (
        ([], "make one with keygen"),
        ([f'[[log]]\nvkeys = ["{LOG_KEY}"]\n'], "say where its entries are"),
        ([GOOD], "must be two keys"),
    ):
        for text in given:
            run(["witness", "keygen", str(folder), "--name", "w", "--replay"])
            (folder / CONFIG).write_text(text)
            if text == GOOD:
                (folder / REPLAY_KEY).write_text((folder / KEY).read_text())
        assert run(["witness", "run", str(folder), "--replay"]) == 1
        assert why in capsys.readouterr().err
