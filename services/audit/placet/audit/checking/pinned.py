"""Checkpoints that somebody kept outside the operator's reach, as files: read, and their signature verified."""

from collections.abc import Sequence
from pathlib import Path

from placet.kit.errors import Invalid
from placet.tlog.checkpoint import Checkpoint, open_checkpoint
from placet.tlog.errors import TlogError
from placet.tlog.note import Verifier


def read_checkpoints(files: Sequence[Path], vkey: str) -> list[Checkpoint]:
    """Return the checkpoints in these files; raises Invalid for one that the pinned key did not sign."""
    try:
        verifier = Verifier.parse(vkey)
    except TlogError as error:
        raise Invalid("--key", f"is no verifier key: {error}") from None
    found = []
    for file in files:
        try:
            found.append(open_checkpoint(file.read_text("utf-8"), [verifier]))
        except (OSError, UnicodeDecodeError, TlogError) as error:
            raise Invalid("--checkpoint", f"{file} is no checkpoint of this key: {error}") from None
    return found
