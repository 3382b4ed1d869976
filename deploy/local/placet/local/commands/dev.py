"""`placet dev`: the whole mesh on this machine until Ctrl-C, with a controller to play with.

Owns what is printed and when it ends: Ctrl-C, SIGTERM, or a process of the mesh that ended by itself (status 1).
Never: listens beyond 127.0.0.1; is for production, which it says loudly.
"""

import asyncio
import json
import shlex
import signal
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.panel import Panel

from placet.kit.errors import PlacetError
from placet.local.controllers import ControllerFiles
from placet.local.errors import LocalError
from placet.local.mesh import GATEWAY, NATS, Mesh

DEMO: Final = "demo"
ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WATCH_S: Final = 0.5
app = typer.Typer(help="The whole mesh on this machine, until Ctrl-C.")


@app.callback(invoke_without_command=True)
def dev(
    data: Annotated[Path, typer.Option(help="Directory of its files; kept for the next time.")] = Path("var/dev"),
    port_base: Annotated[
        int | None,
        typer.Option(min=1_024, max=65_500, help="First of six ports in a row; unset: free ones are taken."),
    ] = None,
) -> None:
    """Start NATS, the four services and the gateway on 127.0.0.1, with tokens of its own making. Not for production."""
    console = Console(stderr=False)
    try:
        status = asyncio.run(_run(Mesh(data, port_base=port_base), console))
    except (LocalError, PlacetError, OSError) as error:
        Console(stderr=True).print(f"placet dev: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    raise typer.Exit(status)


async def _run(mesh: Mesh, console: Console) -> int:
    """Live until a signal or the end of a process; returns the exit status."""
    stop = asyncio.Event()
    for number in ENDING:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    console.print(_banner())
    starting = asyncio.ensure_future(_start(mesh))
    asked = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            return 0
        _describe(console, mesh, starting.result())
        return await _until_stopped(mesh, stop)
    finally:
        asked.cancel()
        starting.cancel()
        await asyncio.wait({starting})
        await mesh.stop()
        for number in ENDING:
            # Nothing is left to stop: a Ctrl-C pressed once more must not kill us on the way out. What is ignored stays
            # ignored while Python takes itself down; a handler of its own would be taken away before.
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
        console.print("stopped")


async def _start(mesh: Mesh) -> ControllerFiles:
    await mesh.start()
    return await mesh.create_controller(DEMO)


async def _until_stopped(mesh: Mesh, stop: asyncio.Event) -> int:
    while not stop.is_set():
        for name, status in mesh.ended().items():
            log = mesh.layout.log(name)
            typer.echo(f"placet dev: {name} ended by itself (status {status}): stopping; its log is {log}", err=True)
            return 1
        try:
            async with asyncio.timeout(_WATCH_S):
                await stop.wait()
        except TimeoutError:
            continue
    return 0


def _banner() -> Panel:
    return Panel(
        "[bold]DEVELOPMENT ONLY.[/bold] Everything listens on 127.0.0.1 alone, without TLS, and trusts tokens that it "
        "makes itself. Whoever can read the data directory can do anything. Do not put real persons' data here.",
        title="PLACET DEV",
        border_style="bold red",
    )


def _describe(console: Console, mesh: Mesh, files: ControllerFiles) -> None:
    """Print the addresses, where the token is, and a command that works."""
    places = {name: f"{address} (gRPC)" for name, address in mesh.addresses.items() if name != GATEWAY}
    places |= {GATEWAY: str(mesh.gateway), NATS: mesh.nats_url, "logs": str(mesh.layout.log("x").parent)}
    lines = [
        *(f"{name:<12} {place}" for name, place in places.items()),
        "",
        f"Controller   {files.controller}",
        f"Log key      {files.vkey}",
        f"Token        {files.token_file}",
        f"SDK config   {files.config}",
        "",
        "Try, in another terminal (the second verifies what it gets under the log key):",
        "",
        *(f"  {command}" for command in first_commands(mesh, files)),
        "",
        "Ctrl-C stops everything and leaves only the data directory.",
    ]
    for line in lines:
        # As it is, to be pasted: neither wrapped nor coloured.
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    sys.stdout.flush()


def first_commands(mesh: Mesh, files: ControllerFiles) -> list[str]:
    """Return shell commands that ask for the controller's checkpoint: of the gateway, and through the SDK."""
    # As JSON, a path stands in double quotes, which the shell's single quotes leave alone.
    code = f"from placet.sdk import *; print(Client(Config.from_file({json.dumps(str(files.config))})).checkpoint())"
    url = f"{mesh.gateway}/v1/{files.controller}/checkpoint"
    return [
        f'curl -s -H "Authorization: Bearer $(cat {shlex.quote(str(files.token_file))})" {url}',
        f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}",
    ]
