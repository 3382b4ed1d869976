"""`placet witness`: a witness that a regulator can run on a machine of its own, and the files it lives on.

Owns what is typed and printed. A witness is one folder: keys, state, `witness.toml`, conflicts.
"""

from pathlib import Path
from typing import Annotated, Final

import typer

from placet.sdk.commands.keys import read_keys
from placet.sdk.witness import logs
from placet.sdk.witness.config import CONFIG, KEY, REPLAY_KEY, STATE, TEMPLATE, read_config
from placet.sdk.witness.conflicts import parse_conflict
from placet.sdk.witness.keyfile import create_key
from placet.sdk.witness.running import serve
from placet.sdk.witness.store import Store
from placet.tlog.note import format_vkey

Folder = Annotated[Path, typer.Argument(help="The witness's folder.", metavar="DIR")]
_FOLDER: Final = Path("witness")
app = typer.Typer(
    help="Run a witness: it cosigns checkpoints of logs that only ever grew, and keeps what shows that one did not.",
    no_args_is_help=True,
)


@app.command("keygen")
def keygen(
    folder: Folder = _FOLDER,
    name: Annotated[str, typer.Option(help="The key's name: a URL without scheme, e.g. witness.example.org/w1.")] = "",
    replay: Annotated[bool, typer.Option("--replay", help="Make the second key, for `run --replay`.")] = False,
) -> None:
    """Make a witness's keys, its empty state and a configuration to fill in; nothing is ever overwritten."""
    if not name:
        raise typer.BadParameter("name the key, e.g. witness.example.org/w1", param_hint="--name")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (replay and (folder / KEY).exists()):
        signer = create_key(folder / KEY, name)
        Store.create(folder / STATE, format_vkey(signer.vkey))
        typer.echo(f"witness key, give it to the log's operator and to auditors:\n{format_vkey(signer.vkey)}")
    if replay:
        second = create_key(folder / REPLAY_KEY, f"{name}/replay")
        typer.echo(f"replay key, whose cosignature says that every entry is valid:\n{format_vkey(second.vkey)}")
    if not (folder / CONFIG).exists():
        (folder / CONFIG).write_text(TEMPLATE, "utf-8")
        typer.echo(f"now name the logs in {folder / CONFIG}")


@app.command("run")
def run(
    folder: Folder = _FOLDER,
    replay: Annotated[
        bool, typer.Option("--replay", help="Also read and replay the entries, and sign so with the second key.")
    ] = False,
) -> None:
    """Serve `POST /add-checkpoint` and `GET /(sha256 of the origin)/checkpoint` until Ctrl-C."""
    config = read_config(folder)
    logs.configure()
    serve(config, replay=replay)


@app.command("check")
def check(
    conflict: Annotated[Path, typer.Argument(help="A file out of a witness's `conflicts`.", metavar="FILE")],
    key: Annotated[list[str], typer.Option(help="Verifier key of the log, or a file with keys.", metavar="VKEY")],
) -> None:
    """Check, offline, whether a conflict convicts the log: exit status 0 if it does, 1 if it does not."""
    found = parse_conflict(conflict.read_text("utf-8"), list(read_keys(key)))
    held, offered = found.held.checkpoint, found.offered.checkpoint
    if held.origin != offered.origin or not found.proven:
        typer.echo(f"NOT PROVEN: {conflict} does not show by itself that {held.origin} signed two histories")
        raise typer.Exit(1)
    typer.echo(
        f"CONVICTED: {held.origin} signed two histories: its tree of {offered.size} entries does not begin with "
        f"its tree of {held.size}"
    )
