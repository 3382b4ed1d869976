"""`placet prove`: the inclusions of a bundle as C2SP `.tlog-proof` files, for anybody's tools.

Owns the files: for each entry its bytes as they are in the log, and the proof beside them. Writes only what it has
verified under the pinned keys, never opens a connection. Which inclusions there are is `placet.evidence.inclusions`.
"""

from pathlib import Path
from typing import Annotated

import typer

from placet.evidence.bundle import parse_evidence
from placet.evidence.inclusions import inclusions
from placet.evidence.verify import Verifier
from placet.sdk.commands.keys import KeyOption, PolicyOption, read_trust
from placet.tlog.tlogproof import SUFFIX, format_tlog_proof


def prove(
    evidence: Annotated[Path, typer.Argument(help="A bundle, withdrawal receipt or fraud proof.", metavar="BUNDLE")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to; made if missing.", metavar="DIR")],
    key: KeyOption = None,
    policy: PolicyOption = None,
) -> None:
    """Write each entry of a bundle and its inclusion as a .tlog-proof (C2SP tlog-proof), once the bundle verifies."""
    verifier = Verifier(read_trust(key, policy))
    found = parse_evidence(evidence.read_bytes())
    verifier.verify(found)
    output.mkdir(parents=True, exist_ok=True)
    for one in inclusions(found):
        (output / f"{one.name}.json").write_bytes(one.entry)
        (output / f"{one.name}{SUFFIX}").write_text(format_tlog_proof(one.proof), encoding="utf-8", newline="\n")
        typer.echo(f"{output / one.name}{SUFFIX}: entry {one.proof.index}, {len(one.proof.hashes)} hashes")
    typer.echo(
        f"Each {SUFFIX} proves that the .json file beside it is an entry of the log: its leaf hash is SHA-256(0x00 || "
        "file). Verify them with any tool for C2SP tlog-proof, under the log's key as you were given it."
    )
