"""What an operator can set for the audit service, besides what every service has (`placet.kit.settings`)."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

from placet.kit.security.redacted import SecretStr
from placet.kit.settings import BaseServiceSettings


class KeySettings(BaseSettings):
    """Where the signing keys of the logs are: what the service and the commands `placet ledger` share."""

    model_config = BaseServiceSettings.model_config

    key_provider: Literal["file", "pkcs11"] = Field(
        default="file", description="What keeps the signing keys of the logs: files in the data directory, or PKCS#11."
    )
    pkcs11_module: Path | None = Field(
        default=None, description="Shared library of the hardware module, e.g. /usr/lib/softhsm/libsofthsm2.so."
    )
    pkcs11_token: str = Field(default="", description="Label of the token that holds the signing keys.")
    pkcs11_pin: SecretStr = Field(
        default_factory=lambda: SecretStr(""), description="User PIN of the token; better PLACET_PKCS11_PIN_FILE."
    )
    pkcs11_pin_file: Path | None = Field(default=None, description="File that holds the user PIN of the token.")

    @model_validator(mode="after")
    def _check_token(self) -> Self:
        if self.key_provider == "pkcs11":
            if self.pkcs11_module is None or not self.pkcs11_token:
                raise ValueError("PLACET_KEY_PROVIDER=pkcs11 needs PLACET_PKCS11_MODULE and PLACET_PKCS11_TOKEN")
            if bool(self.pkcs11_pin) == (self.pkcs11_pin_file is not None):
                raise ValueError("set PLACET_PKCS11_PIN_FILE or PLACET_PKCS11_PIN, one of them")
        return self

    def pin(self) -> SecretStr:
        """Return the user PIN of the token."""
        if self.pkcs11_pin_file is None:
            return self.pkcs11_pin
        return SecretStr(self.pkcs11_pin_file.read_text().strip())


class Settings(KeySettings, BaseServiceSettings):
    """Settings of the audit service; environment variables `PLACET_*`."""

    service: str = Field(default="audit", description="Name of the service, in logs and on the bus.")
    log_prefix: str = Field(
        default="localhost/log",
        min_length=1,
        max_length=190,
        description="URL without scheme under which logs are published; an origin is this, a slash, the controller.",
    )
    search_url: SecretStr = Field(
        default_factory=lambda: SecretStr(""),
        description="SQLAlchemy URL of the search index; empty: SQLite, search.db in the data directory.",
    )
    queue_bound: int = Field(
        default=16_384,
        ge=512,
        description="Submissions that may wait for one log; beyond it RESOURCE_EXHAUSTED.",
    )

    def search_database(self) -> str:
        """Return the URL of the search index's database; it may hold a password."""
        return self.search_url.reveal() or f"sqlite:///{self.data_dir / 'search.db'}"
