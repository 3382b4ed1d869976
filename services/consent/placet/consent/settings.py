"""What an operator can set for the consent service, besides what every service has.

Owns: the settings' names, bounds and descriptions (docs/settings.md is made from them).
Never: reads anything but the environment, once.
"""

from pydantic import Field

from placet.consent.policy.ages import MINOR_UNDER
from placet.consent.policy.notices import REQUIRED_LANGUAGES
from placet.kit.settings import BaseServiceSettings


class Settings(BaseServiceSettings):
    """`PLACET_*` of the consent service."""

    service: str = Field(default="consent", description="Name of the service, in logs and on the bus.")
    law: str = Field(
        default="cn-2025",
        pattern="^(" + "|".join(sorted(MINOR_UNDER.keys() & REQUIRED_LANGUAGES.keys())) + ")$",
        description="Policy pack whose rules notices and consents follow; it stands in each grant.",
    )
    sweep_every: float = Field(
        default=0.5,
        gt=0,
        le=60,
        description="Seconds between attempts to bring into the ledger what was accepted while it was away.",
    )
    sweep_batch: int = Field(
        default=256, ge=1, le=10_000, description="Persons whose waiting entries one such attempt takes up at most."
    )
    count_every: float = Field(
        default=300.0, gt=0, le=86_400, description="Seconds between counts of the persons who have a stored template."
    )
