"""Configuration: the file that `placet dev` writes, and what is refused before any call is made."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from integration.sdk.little_log import LittleLog

from placet.sdk.config import Coalescing, Config, OperatorConfig, Targets, Tls, TokenFile, is_loopback
from placet.sdk.errors import ConfigError
from placet.sdk.subject import SubjectReferences

VKEY = LittleLog().vkey
KEY = bytes(range(32))
TARGETS = dict.fromkeys(("consent", "permission", "vault", "audit"), "127.0.0.1:1")


def write(folder: Path, **changes: Any) -> Path:
    told = {
        "controller": "shop",
        "targets": TARGETS,
        "token_file": "shop.token",
        "log_vkey": VKEY,
        "reference_key": KEY.hex(),
        "gateway": None,
    }
    told.update(changes)
    path = folder / "shop.json"
    path.write_text(json.dumps({name: value for name, value in told.items() if value != "absent"}))
    (folder / "shop.token").write_text("one.two.three\n")
    return path


def test_the_file_of_placet_dev_is_read(tmp_path: Path) -> None:
    config = Config.from_file(write(tmp_path), timeout=2.0)
    assert (config.controller, config.timeout, config.gateway) == ("shop", 2.0, None)
    assert config.targets == Targets(**TARGETS)
    assert config.verifiers()[0].vkey.name == "placet.test/log/shop"
    assert callable(config.token)
    assert config.token() == "one.two.three"
    assert config.references is not None
    assert config.references.reference("c") == SubjectReferences(KEY).reference("c")


@pytest.mark.parametrize("text", [KEY.hex(), base64.b64encode(KEY).decode(), base64.urlsafe_b64encode(KEY).decode()])
def test_a_reference_key_is_hex_or_base64(tmp_path: Path, text: str) -> None:
    config = Config.from_file(write(tmp_path, reference_key=text))
    assert config.references is not None
    assert config.references.key_ids == SubjectReferences(KEY).key_ids


def test_the_environment_names_the_file(tmp_path: Path) -> None:
    assert Config.from_env({"PLACET_CONFIG": str(write(tmp_path))}).controller == "shop"
    with pytest.raises(ConfigError, match="PLACET_CONFIG"):
        Config.from_env({})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"controller": "absent"}, "controller"),
        ({"targets": "absent"}, "targets"),
        ({"targets": {**TARGETS, "audit": ""}}, "targets.audit"),
        ({"targets": {**TARGETS, "vault": "vault.example:443"}}, "targets.vault"),
        ({"token_file": "absent"}, "token"),
        ({"log_vkey": "absent"}, "log_vkey"),
        ({"log_vkey": "name+00000000+AAAA"}, "log_vkey"),
        ({"reference_key": "?"}, "reference_key"),
        ({"surprise": 1}, "surprise"),
        ({"timeout": 0.0001 - 1}, "timeout"),
        ({"tls": {"certificate": "x"}}, "tls"),
        ({"tls": {"cert": "x"}}, "tls"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_file(write(tmp_path, **changes))
    assert caught.value.field == field


def test_another_machine_needs_tls(tmp_path: Path) -> None:
    targets = dict.fromkeys(TARGETS, "placet.example:443")
    config = Config.from_file(write(tmp_path, targets=targets, tls={"ca": "ca.pem"}))
    assert config.tls == Tls(ca=tmp_path / "ca.pem")
    with pytest.raises(ConfigError, match="tls"):
        OperatorConfig(target="placet.example:443", token="t")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("127.0.0.1:5", True),
        ("127.8.8.8:5", True),
        ("localhost:5", True),
        ("[::1]:5", True),
        ("dns:///localhost:5", True),
        ("ipv4:127.0.0.1:5", True),
        ("unix:/tmp/s", True),
        ("10.0.0.1:5", False),
        ("localhost.example:5", False),
        ("placet.example:5", False),
        ("dns:///placet.example:5", False),
    ],
)
def test_loopback(target: str, expected: bool) -> None:
    assert is_loopback(target) is expected


def test_a_missing_or_broken_file_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Config.from_file(tmp_path / "none.json")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ConfigError, match="no JSON"):
        Config.from_file(tmp_path / "broken.json")


def test_a_token_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("one\n")
    token = TokenFile(path)
    assert token() == "one"
    path.write_text("two\n")
    assert token() == "two"
    path.unlink()
    with pytest.raises(ConfigError):
        token()


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    shown = repr(Config.from_file(write(tmp_path), token="secret.token.text"))
    assert "secret.token.text" not in shown
    assert KEY.hex() not in shown


def test_the_bounds_of_coalescing() -> None:
    for wrong in ({"lanes": 0}, {"max_batch": 513}, {"max_batch": 0}, {"split": 1}):
        with pytest.raises(ConfigError):
            Coalescing(**wrong)
