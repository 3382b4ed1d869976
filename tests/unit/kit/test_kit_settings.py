"""Settings: each documented, read from PLACET_*, and refused when they would be unsafe."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from placet.kit.settings import BaseServiceSettings, describe

NEEDED = {"jwks": "jwks.json", "issuer": "https://issuer.test"}


def test_every_setting_is_described() -> None:
    rows = list(describe(BaseServiceSettings))
    assert len(rows) == len(BaseServiceSettings.model_fields)
    assert not [row.name for row in rows if len(row.description) < 10]


def test_names_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = {"PLACET_PORT": "7001", "PLACET_JWKS": "x", "PLACET_ISSUER": "i", "PLACET_DATA_DIR": "/d"}
    assert set(examples) <= {row.name for row in describe(BaseServiceSettings)}
    for name, value in examples.items():
        monkeypatch.setenv(name, value)
    settings = BaseServiceSettings()
    assert (settings.port, settings.jwks, settings.data_dir) == (7001, "x", Path("/d"))


def test_required_settings_have_no_default() -> None:
    assert {row.name for row in describe(BaseServiceSettings) if row.default is None} == {
        "PLACET_JWKS",
        "PLACET_ISSUER",
    }


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLACET_JWKS", raising=False)
    with pytest.raises(ValidationError, match="jwks"):
        BaseServiceSettings(issuer="i")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_this_machine_needs_no_tls(host: str) -> None:
    assert BaseServiceSettings(host=host, **NEEDED)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "consent.internal"])
def test_another_address_needs_tls(host: str) -> None:
    with pytest.raises(ValidationError, match="PLACET_TLS_CERT"):
        BaseServiceSettings(host=host, **NEEDED)
    assert BaseServiceSettings(host=host, tls_cert="c", tls_key="k", **NEEDED)
    assert BaseServiceSettings(host=host, allow_plaintext=True, **NEEDED)


@pytest.mark.parametrize("half", [{"tls_cert": "c"}, {"tls_key": "k"}, {"tls_client_ca": "a"}])
def test_half_a_tls_configuration_is_refused(half: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="PLACET_TLS"):
        BaseServiceSettings(**half, **NEEDED)


@pytest.mark.parametrize(
    "wrong",
    [{"port": 70_000}, {"sample_ratio": 1.5}, {"token_leeway": 31}, {"max_deadline": 0}, {"log_level": "LOUD"}],
)
def test_values_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        BaseServiceSettings(**wrong, **NEEDED)


def test_settings_do_not_change() -> None:
    settings = BaseServiceSettings(**NEEDED)
    with pytest.raises(ValidationError):
        settings.port = 1


def test_the_default_database_is_in_the_data_directory() -> None:
    settings = BaseServiceSettings(service="audit", data_dir="/srv/placet", **NEEDED)
    assert settings.database() == "sqlite:////srv/placet/audit.db"
