"""`placet filing`: what has to be filed with the authority (R8), what was, and what is handed in.

Owns which commands exist; each is a file of its own. All take the client's configuration.
"""

from pathlib import Path
from typing import Annotated, Final

import typer

from placet.sdk.commands.loading import OwnGroup
from placet.sdk.config import Config

OWN: Final = {
    "export": "placet.sdk.commands.filing.export:export",
    "facts": "placet.sdk.commands.filing.facts:facts",
    "record": "placet.sdk.commands.filing.record:record",
    "status": "placet.sdk.commands.filing.status:status",
}
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="The client's configuration; default: PLACET_CONFIG.", metavar="FILE")
]
Group = Annotated[
    list[str] | None,
    typer.Option(
        "--with", help="Another controller of the same company; the token must name it.", metavar="CONTROLLER"
    ),
]

app = OwnGroup(
    name="filing", own=OWN, help="The filing with the authority: status, records, contents.", no_args_is_help=True
)


def configured(file: Path | None) -> Config:
    """Return the client's configuration."""
    return Config.from_file(file) if file else Config.from_env()
