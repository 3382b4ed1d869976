"""`placet filing export`: the contents of a filing as one HTML page to print, and what is missing in it.

Owns the file written and the exit status: 1 as long as something is missing. Its SHA-256 is printed, so that the page
that was handed in can be recorded (`placet filing record --document`).
"""

from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from placet.sdk.client import Client
from placet.sdk.commands.filing import ConfigFile, Group, configured
from placet.sdk.durable import write_durably
from placet.sdk.vocabulary import FilingKind


def export(
    out: Annotated[Path, typer.Argument(help="The page to write.", metavar="FILE")],
    kind: Annotated[FilingKind, typer.Option(help="initial, change or cancellation.")] = FilingKind.INITIAL,
    language: Annotated[str, typer.Option(help="zh-CN or en.")] = "zh-CN",
    group: Group = None,
    config: ConfigFile = None,
) -> None:
    """Write the contents of a filing (Order 19 Art 15) as one self-contained page, ready to print on A4."""
    with Client(configured(config)) as client:
        document = client.export_filing(kind, language=language, group=group or ())
    page = document.html.encode()
    write_durably(out, [page])
    typer.echo(f"{out}  sha256 {sha256(page).hexdigest()}")
    if document.missing:
        typer.echo(f"missing: {', '.join(document.missing)}", err=True)
        raise typer.Exit(1)
