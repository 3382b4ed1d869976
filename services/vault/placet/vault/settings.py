"""What an operator can set for the vault, besides what every service has (`placet.kit.settings`)."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from placet.kit.settings import BaseServiceSettings
from placet.vault.model import AttemptLimit
from placet.vault.policy import threshold_steps
from placet.vault.ports import Rules

_SECOND = 1_000_000


def _step(threshold: float) -> float:
    threshold_steps(threshold)
    return threshold


class Settings(BaseServiceSettings):
    """Settings of the vault; environment variables `PLACET_*`."""

    service: str = Field(default="vault", description="Name of the service, in logs and on the bus.")
    keyring: Path | None = Field(
        default=None,
        description="File of the root key, mode 0600; unset: keyring.json in the data directory. "
        "Whoever loses it loses every template.",
    )
    keyring_create: bool = Field(
        default=False,
        description="Make a new keyring when the file is missing and no key was ever stored (development).",
    )
    permit_issuer: str = Field(
        default="placet-permission", min_length=1, description="Issuer (`iss`) that permits must have."
    )
    permit_lifetime: int = Field(
        default=86_400, ge=1, description="Seconds that a permit may last at most; purposes set their own below it."
    )
    match_threshold: Annotated[float, AfterValidator(_step)] = Field(
        default=0.6, description="Cosine from which on a comparison is a match; a multiple of 0.05."
    )
    match_attempts: int = Field(
        default=20, ge=1, le=100_000, description="Comparisons under one basis within the window, at most."
    )
    match_window: float = Field(
        default=600.0, gt=0, le=86_400, description="Seconds of the sliding window of comparisons."
    )
    answers_kept: float = Field(
        default=86_400.0,
        ge=3_600,
        description="Seconds after which the answer of a use is forgotten; a repeated request finds it until then.",
    )

    def keyring_file(self) -> Path:
        """Return where the root key is."""
        return self.keyring or self.data_dir / "keyring.json"

    def rules(self) -> Rules:
        """Return what was set about comparing."""
        window = max(round(self.match_window * _SECOND), 1)
        limit = AttemptLimit(count=self.match_attempts, window=window)
        return Rules(threshold=self.match_threshold, attempts=limit)
