"""`placet ledger rotate-key`: make a new signing key for a log and have its holder put it in force.

Only asks: the key is made where the settings say (`PLACET_KEY_PROVIDER`), a row says so, and the replica that holds the
log appends `key.rotated` and signs with it from then on. So it may be run while the service runs, and nothing but the
sequencer ever writes to the log.
"""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from placet.audit.commands.stored import DATA, DatabaseUrl, Stored, stored
from placet.audit.logs import Logs
from placet.audit.model import LogKey
from placet.kit.errors import PlacetError
from placet.tlog.note import format_vkey

DAY_US: Final = 86_400_000_000
LOOK_EVERY_S: Final = 0.2


def rotate_key(
    controller: Annotated[str, typer.Argument(help="The controller whose log gets a new key.")],
    data: Annotated[Path, typer.Option(help="Data directory of the audit service (or of `placet dev`).")] = DATA,
    database: DatabaseUrl = None,
    overlap: Annotated[
        float, typer.Option(min=0, max=3_650, help="Days for which the former key signs too; 0 if it leaked.")
    ] = 30.0,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the audit service to take it.")] = 30.0,
) -> None:
    """Give a log a new signing key; exit status 1 if the audit service has not taken it yet. May be repeated."""
    out = Console(soft_wrap=True, highlight=False)
    try:
        with stored(data, controller, database, random=os.urandom) as found:
            asked = _ask(found, int(overlap * DAY_US))
            in_force = _wait(found, asked, wait)
    except PlacetError as error:
        out.print(error.message, style="red", markup=False)
        raise typer.Exit(2) from None
    out.print(f"new key of the log: {asked.vkey}", markup=False)
    if in_force is None:
        out.print("not in force yet: the audit service takes it when it runs; ask again with `placet ledger fsck`")
        raise typer.Exit(1)
    until = datetime.fromtimestamp(in_force.until / 1_000_000, UTC).isoformat(timespec="seconds")
    out.print(f"in force since entry {in_force.since}; the former key signs too until {until}", markup=False)
    out.print("hand the new key to the controller and to every verifier: docs/how-to/rotate-the-log-key.md")


def _ask(found: Stored, overlap: int) -> LogKey:
    log, logs = found.logs[0], Logs(found.engines.writer)
    signer = found.keys.create(log.controller, log.origin, log.keys[-1].number + 1)
    return logs.ask_key(log, format_vkey(signer.vkey), overlap)


def _wait(found: Stored, asked: LogKey, seconds: float) -> LogKey | None:
    """Return the key once it is in force; None if it is not within that time."""
    logs, end = Logs(found.engines.reader), time.monotonic() + seconds
    while True:
        log = logs.find(found.logs[0].controller)
        for key in () if log is None else log.rotated:
            if key.number == asked.number:
                return key
        if time.monotonic() >= end:
            return None
        time.sleep(LOOK_EVERY_S)
