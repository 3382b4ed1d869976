"""`placet ledger export`: write a log as the C2SP tile tree, for any third-party reader."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from placet.audit.commands.stored import DatabaseUrl, snapshot, stored
from placet.audit.export import export_tiles
from placet.kit.errors import PlacetError


def export(
    tiles: Annotated[Path, typer.Option(help="Folder to write the tree to; an earlier export there is continued.")],
    controller: Annotated[str, typer.Option(help="The controller whose log it is.")],
    data: Annotated[Path, typer.Option(help="Data directory of the audit service (or of `placet dev`).")] = Path(
        "var/dev"
    ),
    database: DatabaseUrl = None,
) -> None:
    """Write a log as files: checkpoint, tile/<L>/<N>, tile/entries/<N> (C2SP tlog-tiles)."""
    out = Console()
    try:
        with stored(data, controller, database) as found, Progress(console=out, transient=True) as bar:
            log = found.logs[0]
            taken = snapshot(found, log)
            task = bar.add_task(controller, total=None)
            written = export_tiles(
                taken, tiles, progress=lambda done, all_: bar.update(task, completed=done, total=all_)
            )
    except PlacetError as error:
        out.print(error.message, style="red")
        raise typer.Exit(2) from None
    out.print(f"{controller}: {taken.size} entries, {written} files written below {tiles}")
    out.print(f"pin this key to verify them: {log.keys[-1].vkey}", highlight=False, soft_wrap=True)
