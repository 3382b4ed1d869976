"""What an operator can set, for every service; each service adds its own to a subclass.

Owns: `BaseServiceSettings`, read from the environment (`PLACET_*`) once, in `app.py`; `describe`, from which
docs/settings.md is made.
Never: has a setting without a description, or shows a value in an error (it may be a secret).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from placet.kit.failpoints import checked
from placet.kit.security.jwt import MAX_LEEWAY_S
from placet.kit.security.redacted import SecretStr

PREFIX = "PLACET_"


class BaseServiceSettings(BaseSettings):
    """Settings that every service has. A subclass gives `service` its default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    service: str = Field(default="", description="Name of the service, in logs and on the bus.")
    host: str = Field(default="127.0.0.1", description="Address to listen on for gRPC.")
    port: int = Field(default=0, ge=0, le=65_535, description="Port to listen on for gRPC; 0 takes a free one.")
    data_dir: Path = Field(default=Path("var"), description="Directory of the service's own files.")
    database_url: SecretStr = Field(
        default_factory=lambda: SecretStr(""),
        description="SQLAlchemy URL of the service's database; empty: SQLite, <service>.db in the data directory.",
    )
    nats_url: str = Field(default="nats://127.0.0.1:4222", description="Address of the NATS server.")
    nats_seed_file: Path | None = Field(
        default=None, description="File with the nkey seed that this service signs in to NATS with."
    )
    jwks: str = Field(
        description="Where the public keys of callers' tokens are: a path, file:// or https:// (http://)."
    )
    issuer: str = Field(min_length=1, description="Issuer (`iss`) that callers' tokens must have.")
    audience: str = Field(
        default="placet", min_length=1, description="Audience (`aud`) that callers' tokens must have."
    )
    token_leeway: int = Field(
        default=5, ge=0, le=MAX_LEEWAY_S, description="Seconds by which the issuer's clock may differ from ours."
    )
    tls_cert: Path | None = Field(default=None, description="PEM file of the server's certificate chain.")
    tls_key: Path | None = Field(default=None, description="PEM file of the server's private key.")
    tls_client_ca: Path | None = Field(
        default=None, description="PEM file of the authority whose certificates clients must show; unset: none needed."
    )
    allow_plaintext: bool = Field(
        default=False, description="Listen without TLS on an address beyond this machine (tokens travel in clear text)."
    )
    max_deadline: float = Field(
        default=10.0, gt=0, le=300, description="Seconds a call may take at most, whatever its client asks."
    )
    max_concurrent: int = Field(
        default=2_048, ge=1, description="Calls served at once; more are answered RESOURCE_EXHAUSTED."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Least level logged.")
    sample_ratio: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of calls that are traced; 0 also ignores callers' wish to be traced.",
    )
    metrics_interval: float = Field(
        default=60.0, ge=0, description="Seconds between two log lines with all metrics; 0: none."
    )
    stop_grace: float = Field(default=5.0, ge=0, le=300, description="Seconds that running calls get when stopping.")
    ready_file: Path | None = Field(
        default=None, description="File written once the service serves: JSON with service, grpc address and pid."
    )
    failpoint: Annotated[str, AfterValidator(checked)] = Field(
        default="",
        description="Tests only: the process kills itself at this write, e.g. ledger.commit:after:3 (the third time).",
    )
    exit_with_parent: int = Field(
        default=0, ge=0, description="1 or the parent's process id: stop when the parent process dies (Linux)."
    )

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("PLACET_TLS_CERT and PLACET_TLS_KEY must be set together")
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise ValueError("PLACET_TLS_CLIENT_CA needs PLACET_TLS_CERT and PLACET_TLS_KEY")
        if self.tls_cert is None and not self.allow_plaintext and not is_loopback(self.host):
            raise ValueError("PLACET_HOST is not of this machine: set PLACET_TLS_CERT and PLACET_TLS_KEY")
        return self

    def database(self) -> str:
        """Return the database URL; it may hold a password."""
        return self.database_url.reveal() or f"sqlite:///{self.data_dir / (self.service + '.db')}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One row of docs/settings.md; `default` is None where the setting is required."""

    name: str
    default: str | None
    description: str


def describe(settings: type[BaseSettings]) -> Iterator[Setting]:
    """List the settings of a class, in order, by the name of their environment variable."""
    prefix = settings.model_config.get("env_prefix", "")
    for name, field in settings.model_fields.items():
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        shown = "" if default is None or isinstance(default, SecretStr) else str(default)
        yield Setting(
            name=f"{prefix}{name}".upper(),
            default=None if field.is_required() else shown,
            description=field.description or "",
        )


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine: `localhost`, or a loopback address (IPv6 also in brackets)."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return host == "localhost"
