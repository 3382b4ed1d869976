"""`placet receipts`: withdrawal receipts held against the log; writes the fraud proof of each that it denies.

Owns reading the receipts named, the files written, and the exit status: 0 only if the log still says what every receipt
proves. The check is `Client.check_receipt`.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from placet.sdk.client import Client
from placet.sdk.config import Config
from placet.sdk.durable import write_durably
from placet.sdk.model.ledger import CheckedReceipt


def receipts(
    receipt: Annotated[
        list[Path] | None,
        typer.Argument(help="Receipts (placet.receipt/1); default: those that the client has kept.", metavar="FILE..."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The client's configuration; default: PLACET_CONFIG.", metavar="FILE")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the fraud proofs.", metavar="DIR")] = Path(),
) -> None:
    """Check that the log still says what withdrawal receipts prove; write a fraud proof where it does not."""
    told = Config.from_file(config) if config else Config.from_env()
    console, err = (Console(stderr=stderr, soft_wrap=True, highlight=False) for stderr in (False, True))
    with Client(told) as client:
        if receipt:
            checked = tuple(client.check_receipt(path.read_text()) for path in receipt)
        else:
            if told.receipts is None:
                raise typer.BadParameter("the configuration names no folder `receipts`; name files", param_hint="FILE")
            checked = client.check_receipts()
    denied = [one for one in checked if not one.holds]
    for one in denied:
        path = _write(one, out)
        err.print(
            f"CONVICTED: the log now denies the withdrawal of basis {one.basis} at entry {one.index}. Proof: {path}\n"
            f"Next step: give {path} and the log's key to anyone; `placet verify --fraud {path}` says what it proves.",
            style="red",
            markup=False,
        )
    console.print(f"{len(checked) - len(denied)} of {len(checked)} hold", style="red" if denied else "green")
    raise typer.Exit(1 if denied else 0)


def _write(one: CheckedReceipt, out: Path) -> Path:
    assert one.fraud is not None
    path = out / f"fraud-{one.index}.json"
    write_durably(path, [one.fraud.encode()])
    return path
