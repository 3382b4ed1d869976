"""Commands that are imported only when they are called.

Owns finding them: our own by a table, others by the entry-point group `placet.commands`. A distribution that does not
import is told apart from a command that does not exist. Never imports anything for the sake of another command.
"""

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

GROUP: Final = "placet.commands"


class OwnGroup(TyperGroup):
    """A group whose commands come from `own` (name -> module:attribute), and from nowhere else."""

    def __init__(self, *, own: Mapping[str, str], **options: Any) -> None:
        super().__init__(**options)
        self._own = dict(own)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands, sorted; nothing is imported."""
        return sorted(self._own)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of a name, imported now; None if there is none."""
        return _own_command(self._own[cmd_name], cmd_name) if cmd_name in self._own else None


class LazyGroup(OwnGroup):
    """The whole program: commands of our own, and those that distributions register as entry points."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands, sorted; nothing is imported."""
        return sorted({*self._own, *(one.name for one in entry_points(group=GROUP))})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of a name, imported now; None if there is none. One that does not load says so."""
        return super().get_command(ctx, cmd_name) or _registered(cmd_name)


class SharedGroup(OwnGroup):
    """A group of ours to which another distribution may add: its own group of the same name is an entry point.

    That one is imported only when a command is asked for that is not ours, or all of them are.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands, sorted."""
        others = self._others()
        return sorted({*self._own, *(others.list_commands(ctx) if isinstance(others, TyperGroup) else ())})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of a name, imported now; None if there is none."""
        if cmd_name in self._own:
            return _own_command(self._own[cmd_name], cmd_name)
        others = self._others()
        return others.get_command(ctx, cmd_name) if isinstance(others, TyperGroup) else others

    def _others(self) -> Any:
        """Return the other distribution's group, what says that it does not load, or None."""
        return _registered(str(self.name))


def call_registered(group: str, *arguments: str) -> int | None:
    """Run a command of a group that another distribution registered; its exit status, None if it is not installed."""
    found = _registered(group)
    if found is None:
        return None
    status = found.main(args=list(arguments), prog_name=f"placet {group}", standalone_mode=False)
    return status if isinstance(status, int) else 0


def _own_command(place: str, name: str) -> Any:
    module, _, attribute = place.partition(":")
    found = getattr(import_module(module), attribute)
    return found if isinstance(found, TyperGroup) else _command(found, name)


def _registered(name: str) -> Any:
    found = [one for one in entry_points(group=GROUP) if one.name == name]
    return _command(_load(found[0]), name) if found else None


def _load(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        where = entry.dist.name if entry.dist else entry.value
        reason = f"{where} does not load ({error}); install it again"

    def unavailable() -> None:
        typer.echo(f"placet: `placet {entry.name}`: {reason}", err=True)
        raise typer.Exit(1)

    unavailable.__doc__ = f"(not available: {reason})"
    return unavailable


def _command(found: Any, name: str) -> Any:
    """Return a Typer app or a function as a command of that name."""
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False)
        single.command(name)(found)
        found = single
    command = get_command(found)
    command.name = name
    # What Typer adds to every app on its own; only the whole program could complete itself.
    command.params = [one for one in command.params if one.name not in ("install_completion", "show_completion")]
    return command
