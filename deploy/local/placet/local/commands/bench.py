"""`placet bench`: how fast a mesh on this machine is, against an empty gRPC echo on the same cores; or `--grow`.

Owns the options, the JSON file and the exit status. Nothing else should run meanwhile. What the figures mean, and what
the JSON holds: docs/performance.md.
"""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import uvloop
from rich.console import Console

from placet.kit.errors import PlacetError
from placet.local.bench import report
from placet.local.bench.grow import report as grown_report
from placet.local.bench.grow.growing import SIZES
from placet.local.bench.grow.run import grown
from placet.local.bench.limits import Limit, all_kept
from placet.local.bench.run import DATABASES, Bench
from placet.local.errors import LocalError

app = typer.Typer(help="How fast Placet is on this machine, against an empty gRPC echo.")
_STRICT: Final = "Exit status 1 if a limit of docs/performance.md is not kept."


@app.callback(invoke_without_command=True)
def bench(
    seconds: Annotated[float, typer.Option(min=0.1, help="How long each figure is measured.")] = 5.0,
    events: Annotated[int, typer.Option(min=0, help="Events in the log at the end.")] = 1_000_000,
    database: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=URL", help="A service's database (or `search`), prepared; else SQLite. Repeatable."),
    ] = None,
    grow: Annotated[bool, typer.Option("--grow", help="Grow a log instead, and measure it on the way.")] = False,
    to: Annotated[int, typer.Option(min=1_000, help="--grow: entries at the end.")] = SIZES[-1],
    reference: Annotated[
        int, typer.Option(min=1_000, help="--grow: entries of the short log that the long one is compared with.")
    ] = SIZES[0],
    people: Annotated[int, typer.Option(min=1, help="--grow: consents that the events are under.")] = 10_000,
    data: Annotated[Path, typer.Option(help="--grow: folder of the log; kept, and gone on with.")] = Path("var/grown"),
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures there too.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help=_STRICT)] = False,
) -> None:
    """Measure, print, write the JSON."""
    console = Console()
    try:
        if grow:
            result = grown(data, to, people=people, reference=reference, console=console)
        else:
            result = _mesh(seconds, events, _databases(database or []), console)
    except (LocalError, PlacetError, OSError) as error:
        Console(stderr=True).print(f"placet bench: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    show, limits = _reporter(grow)
    show(console, result)
    if json_file:
        json_file.write_text(json.dumps(result, indent=2) + "\n")
    raise typer.Exit(1 if strict and not all_kept(limits(result)) else 0)


def _mesh(seconds: float, events: int, databases: dict[str, str], console: Console) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="placet-bench-") as folder:
        return uvloop.run(Bench(seconds, console, databases).run(Path(folder), events))


def _reporter(
    grow: bool,
) -> tuple[Callable[[Console, dict[str, Any]], None], Callable[[dict[str, Any]], list[Limit]]]:
    if grow:
        return grown_report.show, grown_report.limits
    return report.show, report.limits


def _databases(given: list[str]) -> dict[str, str]:
    found = {}
    for one in given:
        name, _, url = one.partition("=")
        if name not in DATABASES or not url:
            raise typer.BadParameter(
                f"{name}: give NAME=URL, with NAME one of {', '.join(DATABASES)}", param_hint="--database"
            )
        found[name] = url
    return found
