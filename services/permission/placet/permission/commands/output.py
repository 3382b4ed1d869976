"""How the commands of `placet policy` print: for people, or for a machine."""

from enum import StrEnum
from typing import Annotated, TypeAlias

import typer


class Output(StrEnum):
    """The two ways."""

    TEXT = "text"
    JSON = "json"


OutputOption: TypeAlias = Annotated[Output, typer.Option("--output", "-o", help="json prints everything.")]
