"""`placet version`: which distributions of Placet are installed, and in which version."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Final

import typer

DISTRIBUTIONS: Final = ("sdk", "core", "api", "local", "kit", "consent", "permission", "vault", "audit", "gateway")


def version() -> None:
    """Show the version of every installed distribution of Placet."""
    for name in DISTRIBUTIONS:
        try:
            typer.echo(f"placet-{name} {version_of(f'placet-{name}')}")
        except PackageNotFoundError:
            continue
