"""What an operator can set for the gateway, besides what every service has (`placet.kit.settings`).

Of those, the gateway listens for HTTP where the others listen for gRPC; it has no database and does not use the bus.
"""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from placet.kit.settings import BaseServiceSettings, is_loopback


class Settings(BaseServiceSettings):
    """Settings of the gateway; environment variables `PLACET_*`."""

    service: str = Field(default="gateway", description="Name of the service, in logs and on the bus.")
    host: str = Field(default="127.0.0.1", description="Address to listen on for HTTP.")
    port: int = Field(default=0, ge=0, le=65_535, description="Port to listen on for HTTP; 0 takes a free one.")
    ready_file: Path | None = Field(
        default=None, description="File written once the gateway serves: JSON with service, http address and pid."
    )
    audit: str = Field(min_length=1, description="Address of the audit service's gRPC: host:port.")
    audit_ca: Path | None = Field(
        default=None, description="PEM file of the authority that signed audit's certificate; unset: no TLS to audit."
    )
    audit_cert: Path | None = Field(
        default=None, description="PEM file of the certificate chain that is shown to audit; unset: none."
    )
    audit_key: Path | None = Field(default=None, description="PEM file of that certificate's private key.")

    @model_validator(mode="after")
    def _check_audit(self) -> Self:
        if (self.audit_cert is None) != (self.audit_key is None):
            raise ValueError("PLACET_AUDIT_CERT and PLACET_AUDIT_KEY must be set together")
        if self.audit_cert is not None and self.audit_ca is None:
            raise ValueError("PLACET_AUDIT_CERT needs PLACET_AUDIT_CA")
        if self.audit_ca is None and not self.allow_plaintext and not is_loopback(self.audit.rpartition(":")[0]):
            raise ValueError("PLACET_AUDIT is not on this machine: set PLACET_AUDIT_CA (tokens travel to it)")
        return self
