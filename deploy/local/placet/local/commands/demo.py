"""`placet demo`: a bank and a retailer, end to end, on a really running mesh; leaves the evidence below var/demo."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from placet.kit.errors import PlacetError as ServiceError
from placet.local.demo.run import play
from placet.local.demo.story import Story
from placet.local.errors import LocalError
from placet.sdk import PlacetError

app = typer.Typer(help="A bank and a retailer, end to end; leaves var/demo.")


@app.callback(invoke_without_command=True)
def demo(
    out: Annotated[Path, typer.Option(help="Folder to leave everything in; emptied first.")] = Path("var/demo"),
) -> None:
    """Play the whole story; exit status 0 only if everything happened as it had to."""
    console = Console()
    story = Story(console)
    try:
        held = asyncio.run(play(out, story))
    except (LocalError, PlacetError, ServiceError, OSError) as error:
        console.print(f"placet demo: {error}; the logs are in {out / 'mesh' / 'logs'}", style="red", markup=False)
        raise typer.Exit(1) from None
    key = out / "bank" / "vkey"
    console.print("\nCheck it yourself:", highlight=False)
    console.print(f"   .venv/bin/placet verify {out / 'bank' / 'bundles'} --key {key}", highlight=False, soft_wrap=True)
    console.print(f"   .venv/bin/placet ledger fsck --data {out / 'mesh'}", highlight=False, soft_wrap=True)
    raise typer.Exit(0 if held else 1)
