"""Whom a verifier trusts, as people give it: verifier keys (text, or files with one key a line), or a trust policy.

Never takes a key from anywhere else. What is wrong is told as wrong use, naming the option and the line.
"""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from placet.tlog.cosignature import CosignatureVerifier, parse_verifier
from placet.tlog.errors import PolicyError, TlogError
from placet.tlog.note import Verifier
from placet.tlog.policy import Policy, parse_policy

Keys: TypeAlias = list[Verifier | CosignatureVerifier]
KeyOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(help="Verifier key of the log, or a file with keys, one a line; may be repeated.", metavar="VKEY"),
]
PolicyOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="Trust policy (C2SP tlog-policy) instead of --key: logs, witnesses and their quorum.", metavar="FILE"
    ),
]


def read_trust(keys: list[str] | None, policy: Path | None) -> Keys | Policy:
    """Return what `--key` and `--policy` say; raises BadParameter unless exactly one of them is given and is right."""
    if keys and policy:
        raise typer.BadParameter("give either --policy or --key: a policy has its own keys", param_hint="--policy")
    if policy:
        return read_policy(policy)
    if not keys:
        message = "pin the verifier key of the log, or give a trust policy (--policy); never take it from the evidence"
        raise typer.BadParameter(message, param_hint="--key")
    return read_keys(keys)


def read_policy(path: Path) -> Policy:
    """Return the trust policy of a file; raises BadParameter naming the line that is wrong."""
    try:
        policy = parse_policy(path.read_bytes())
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror or error}", param_hint="--policy") from error
    except PolicyError as error:
        raise typer.BadParameter(f"{path}, {error.field}: {error} [{error.reason}]", param_hint="--policy") from error
    if not policy.logs:
        message = f"{path} names no log; add `log <vkey>` with the key you were given"
        raise typer.BadParameter(message, param_hint="--policy")
    return policy


def read_keys(given: list[str]) -> Keys:
    """Return the verifiers of keys or key files; raises BadParameter naming what is wrong with which."""
    found: Keys = []
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
