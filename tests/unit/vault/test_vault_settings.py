"""What an operator can set for the vault, and what is refused."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from placet.kit.settings import describe
from placet.vault.settings import Settings

NEEDED = {"PLACET_JWKS": "jwks.json", "PLACET_ISSUER": "https://issuer.test"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_defaults(environment: pytest.MonkeyPatch) -> None:
    settings = Settings()
    assert settings.service == "vault"
    assert settings.keyring_file() == Path("var/keyring.json")
    assert not settings.keyring_create
    rules = settings.rules()
    assert (rules.threshold, rules.attempts.count, rules.attempts.window) == (0.6, 20, 600_000_000)


def test_what_is_set_is_used(environment: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PLACET_KEYRING": "/etc/placet/keyring.json",
        "PLACET_MATCH_THRESHOLD": "0.75",
        "PLACET_MATCH_ATTEMPTS": "5",
        "PLACET_MATCH_WINDOW": "0.5",
    }.items():
        environment.setenv(name, value)
    settings = Settings()
    assert settings.keyring_file() == Path("/etc/placet/keyring.json")
    assert (settings.rules().threshold, settings.rules().attempts.window) == (0.75, 500_000)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PLACET_MATCH_THRESHOLD", "0.61"),
        ("PLACET_MATCH_THRESHOLD", "0"),
        ("PLACET_MATCH_THRESHOLD", "1.05"),
        ("PLACET_MATCH_THRESHOLD", "nan"),
        ("PLACET_MATCH_ATTEMPTS", "0"),
        ("PLACET_MATCH_WINDOW", "0"),
        ("PLACET_ANSWERS_KEPT", "60"),
    ],
)
def test_what_makes_no_sense_is_refused(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert name.removeprefix("PLACET_").lower() in str(caught.value)


def test_every_setting_is_described() -> None:
    assert all(setting.description for setting in describe(Settings))
