"""`make bench`: `placet bench`, which may be given `--database postgres` here.

Then every service has a database of its own on PostgreSQL: on the server of `PLACET_TEST_POSTGRES_URL`, or on one that
is started from the wheel.
"""

import sys
from contextlib import ExitStack

from placet.sdk.commands import run

POSTGRES = ["--database", "postgres"]


def main() -> int:
    """Run the command and return its exit status."""
    arguments = [part for argument in sys.argv[1:] for part in _split(argument)]
    with ExitStack() as stack:
        while (at := _find(arguments)) is not None:
            from tests.bench.postgres import databases  # the wheel of the server is loaded only if it is needed

            given = stack.enter_context(databases()).items()
            arguments[at : at + 2] = [part for name, url in given for part in ("--database", f"{name}={url}")]
        return run(["bench", *arguments])


def _split(argument: str) -> list[str]:
    return POSTGRES if argument == "=".join(POSTGRES) else [argument]


def _find(arguments: list[str]) -> int | None:
    return next((at for at in range(len(arguments)) if arguments[at : at + 2] == POSTGRES), None)


if __name__ == "__main__":
    sys.exit(main())
