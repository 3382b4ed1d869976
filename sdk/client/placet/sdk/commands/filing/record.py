"""`placet filing record`: a filing, a change or an end of use becomes a ledger entry; again, once it was filed.

Owns what is typed: the document is given as a file and only its SHA-256 leaves this machine.
"""

from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from placet.sdk.client import Client
from placet.sdk.commands.filing import ConfigFile, configured
from placet.sdk.model.filings import Filing
from placet.sdk.vocabulary import FilingKind

_DAY = ["%Y-%m-%d"]


def record(
    ident: Annotated[str, typer.Argument(help="The filing's id, e.g. 2026-initial.", metavar="ID")],
    kind: Annotated[FilingKind, typer.Option(help="initial, change or cancellation.")],
    since: Annotated[
        datetime, typer.Option(formats=_DAY, help="Day the threshold was reached, the change made, the use ended.")
    ],
    filed_on: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="Day it was filed; leave out: not yet.")
    ] = None,
    authority: Annotated[str, typer.Option(help="With whom.")] = "",
    reference: Annotated[str, typer.Option(help="The number that the authority gave it.")] = "",
    persons: Annotated[int, typer.Option(min=0, help="The number of persons that was stated.")] = 0,
    document: Annotated[
        Path | None, typer.Option(help="What was handed in; its SHA-256 is recorded.", metavar="FILE")
    ] = None,
    summary: Annotated[str, typer.Option(help="For people; never in the ledger.")] = "",
    config: ConfigFile = None,
) -> None:
    """Record a filing, a change or an end of use; with the same id again, it replaces what was recorded."""
    filing = Filing(
        id=ident,
        kind=kind,
        since=since.date(),
        filed_on=filed_on.date() if filed_on else None,
        authority=authority,
        reference=reference,
        persons=persons,
        document_sha256=sha256(document.read_bytes()).digest() if document else b"",
        summary=summary,
    )
    with Client(configured(config)) as client:
        receipt = client.record_filing(filing)
    typer.echo(f"recorded: {ident} at entry {receipt.index} of the ledger")
