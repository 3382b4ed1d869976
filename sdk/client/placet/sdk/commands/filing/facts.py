"""`placet filing facts`: what a filing says of the controller, from a JSON file, becomes a ledger entry.

Owns the file's form: the fields of `FilingFacts`; instead of a digest it may name the document (`rules_file`,
`procedures_file`), relative to the file. Only digests of documents leave this machine.
"""

import dataclasses
import json
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from placet.sdk.client import Client
from placet.sdk.commands.filing import ConfigFile, configured
from placet.sdk.model.filings import FilingFacts

_DIGESTS: Final = ("rules", "procedures")
_FIELDS: Final = frozenset(field.name for field in dataclasses.fields(FilingFacts))


def facts(
    file: Annotated[Path, typer.Argument(help="JSON: the fields of placet.sdk.FilingFacts.", metavar="FILE")],
    config: ConfigFile = None,
) -> None:
    """Register what a filing says of the controller; the whole of it, each time."""
    told = read_facts(file)
    with Client(configured(config)) as client:
        receipt = client.put_filing_facts(told)
    typer.echo(f"registered at entry {receipt.index} of the ledger")


def read_facts(file: Path) -> FilingFacts:
    """Return the facts of a file. Raises typer.BadParameter naming what is wrong with it."""
    try:
        return _facts(json.loads(file.read_text("utf-8")), file.parent)
    except (ValueError, TypeError, AttributeError) as error:
        raise typer.BadParameter(f"{file}: {error}", param_hint="FILE") from None


def _facts(told: dict[str, Any], folder: Path) -> FilingFacts:
    for name in _DIGESTS:
        if document := told.pop(f"{name}_file", None):
            told[f"{name}_sha256"] = sha256((folder / document).read_bytes()).hexdigest()
    if unknown := told.keys() - _FIELDS:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(_FIELDS))}")
    for name in _DIGESTS:
        if (key := f"{name}_sha256") in told:
            told[key] = bytes.fromhex(told[key])
    if since := told.get("stored_elsewhere_since"):
        told["stored_elsewhere_since"] = date.fromisoformat(since)
    return FilingFacts(**{**told, "other": tuple(told.get("other", ()))})
