"""Verifier keys as people give them: the text itself, or a file with one key a line (`#` begins a comment).

Never takes a key from anywhere else.
"""

from pathlib import Path

import typer

from placet.tlog.cosignature import CosignatureVerifier, parse_verifier
from placet.tlog.errors import TlogError
from placet.tlog.note import Verifier


def read_keys(given: list[str]) -> list[Verifier | CosignatureVerifier]:
    """Return the verifiers of keys or key files; raises BadParameter naming what is wrong with which."""
    found: list[Verifier | CosignatureVerifier] = []
    for one in given:
        for line in _lines(one):
            try:
                found.append(parse_verifier(line))
            except TlogError as error:
                raise typer.BadParameter(f"{error} [{one[:60]}]", param_hint="--key") from error
    return found


def _lines(given: str) -> list[str]:
    path = Path(given)
    try:
        if not path.is_file():
            return [given.strip()]
        text = path.read_text()
    except (OSError, ValueError) as error:  # a key may be longer than a file name can be
        if "+" in given:
            return [given.strip()]
        raise typer.BadParameter(f"{given[:60]} cannot be read: {error}", param_hint="--key") from error
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    keys = [line for line in lines if line]
    if not keys:
        raise typer.BadParameter(f"{path} holds no key", param_hint="--key")
    return keys
