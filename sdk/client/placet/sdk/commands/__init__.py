"""The `placet` command: one file per command here, further ones from other distributions.

Owns the host: which commands exist, loading each only when it is called (`placet verify` needs nothing but placet-sdk),
and that no error ever reaches people as a traceback. Others register in the entry-point group `placet.commands`: name
-> a Typer app or a function. PLACET_DEBUG=1 shows the traceback of a defect.
"""

import os
import sys
from typing import Final

import typer

from placet.evidence.errors import EvidenceError
from placet.sdk.commands.loading import LazyGroup
from placet.sdk.errors import PlacetError
from placet.tlog.errors import TlogError

OWN: Final = {
    "filing": "placet.sdk.commands.filing:app",
    "ledger": "placet.sdk.commands.ledger:app",
    "monitor": "placet.sdk.commands.monitor:monitor",
    "posture": "placet.sdk.commands.posture:posture",
    "prove": "placet.sdk.commands.prove:prove",
    "receipts": "placet.sdk.commands.receipts:receipts",
    "verify": "placet.sdk.commands.verify:verify",
    "version": "placet.sdk.commands.version:version",
    "witness": "placet.sdk.commands.witness:app",
}
DEFECT: Final = 70

app = LazyGroup(
    name="placet",
    own=OWN,
    help="Placet: a consent ledger for face processing. Every answer can be proven; `placet verify` does, offline.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line; the entry point `placet`."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status: 0 done, 1 it does not hold or failed, 2 used wrongly."""
    try:
        app(arguments, prog_name="placet")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except KeyboardInterrupt:
        return _say("stopped", 130)
    except PlacetError as error:
        return _say(error.explain())
    except (EvidenceError, TlogError) as error:
        return _say(error.diagnostics())
    except OSError as error:
        return _say(f"{error.filename or 'input or output'}: {error.strerror or error}")
    except Exception as error:
        if os.environ.get("PLACET_DEBUG"):
            raise
        what = f"{type(error).__name__}: {error}"
        return _say(f"a defect: {what}. Run again with PLACET_DEBUG=1 and report what it prints.", DEFECT)
    return 0


def _say(text: str, status: int = 1) -> int:
    typer.echo(f"placet: {text}", err=True)
    return status
