"""What an operator can set for the permission service, besides what every service has.

Owns: the settings' names, bounds and descriptions (docs/settings.md is made from them). Never: reads anything but the
environment, once.
"""

from pathlib import Path

from pydantic import Field

from placet.kit.settings import BaseServiceSettings


class Settings(BaseServiceSettings):
    """`PLACET_*` of the permission service."""

    service: str = Field(default="permission", description="Name of the service, in logs and on the bus.")
    packs: tuple[str, ...] = Field(
        default=("cn-2025",),
        min_length=1,
        description="Policy packs in force, by id, as a JSON list; each has its own dates (a draft, at once). "
        "Every one must permit.",
    )
    permit_issuer: str = Field(
        default="placet-permission", min_length=1, description="Issuer (`iss`) of permits; the vault expects it."
    )
    registers_ttl: float = Field(
        default=2.0, gt=0, le=60, description="Seconds after which a register changed by another replica is seen."
    )
    projection_size: int = Field(
        default=200_000, ge=1, description="Persons whose consents are kept in memory, of all controllers."
    )
    projection_ttl: float = Field(
        default=300.0, gt=0, le=86_400, description="Seconds that a person's consents are kept in memory at most."
    )
    doubt_after: float = Field(
        default=1.0,
        ge=0,
        le=60,
        description="Seconds after which consent is asked again about a person who has no consent that covers.",
    )
    filing_rules: Path | None = Field(
        default=None, description="JSON file with the rules of filing instead of those that come with Placet."
    )
    filing_calendar: Path | None = Field(
        default=None,
        description="JSON file with years of working days that the library `chinesecalendar` does not know.",
    )
