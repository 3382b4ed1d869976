"""What an operator can set for the audit service, besides what every service has (`placet.kit.settings`)."""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

from placet.audit.partitions import ENTRIES, LEAST
from placet.audit.quorum import WitnessAt, majority, parse_witnesses
from placet.kit.security.redacted import SecretStr
from placet.kit.settings import BaseServiceSettings, is_loopback


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

    entry_partition: int = Field(
        default=ENTRIES,
        ge=LEAST,
        description="PostgreSQL: how many indexes the next partitions of the entries span.",
    )

    witnesses: tuple[str, ...] = Field(
        default=(),
        description="Witnesses that cosign the logs, as a JSON list of `URL=vkey`; keys of one URL are one witness.",
    )
    witness_quorum: int = Field(
        default=0,
        ge=0,
        description="Witnesses that must have cosigned a checkpoint before it is published; 0: more than half of them.",
    )
    witness_interval: float = Field(
        default=1.0, gt=0, le=3_600, description="Seconds between two checkpoints that are put to the witnesses."
    )
    witness_rate: float = Field(
        default=50.0, gt=0, le=10_000, description="Requests to witnesses a second at most, for all logs together."
    )
    witness_timeout: float = Field(
        default=10.0, gt=0, le=300, description="Seconds that a witness may take to answer; no append waits for it."
    )
    witness_ca: Path | None = Field(
        default=None, description="PEM file of the authority of the witnesses' certificates; unset: the usual ones."
    )

    @model_validator(mode="after")
    def _check_witnesses(self) -> Self:
        named = self.named_witnesses()
        if self.witness_quorum > len(named):
            raise ValueError(f"PLACET_WITNESS_QUORUM is {self.witness_quorum}, PLACET_WITNESSES names {len(named)}")
        for one in named:
            parts = urlsplit(one.url)
            if parts.scheme == "http" and not self.allow_plaintext and not is_loopback(parts.hostname or ""):
                raise ValueError(f"PLACET_WITNESSES: {one.url} is not on this machine: use https")
        return self

    def named_witnesses(self) -> tuple[WitnessAt, ...]:
        """Return the witnesses."""
        return parse_witnesses(self.witnesses)

    def quorum_count(self) -> int:
        """Return how many witnesses are enough."""
        return self.witness_quorum or majority(len(self.named_witnesses()))

    def witness_database(self) -> str:
        """Return the URL of the database of cosignatures: the logs' own, unless that is SQLite's default file."""
        return self.database_url.reveal() or f"sqlite:///{self.data_dir / 'witness.db'}"

    def search_database(self) -> str:
        """Return the URL of the search index's database; it may hold a password."""
        return self.search_url.reveal() or f"sqlite:///{self.data_dir / 'search.db'}"
