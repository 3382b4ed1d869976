"""`placet policy`: asking the law, without a running mesh. One file per command, imported only when it is called."""

from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

# Name -> module:function.
COMMANDS: Final = {
    "list": "placet.permission.commands.list:list_packs",
    "test": "placet.permission.commands.test:run_scenarios",
    "explain": "placet.permission.commands.explain:explain",
    "shadow": "placet.permission.commands.shadow:shadow",
}


class PolicyGroup(TyperGroup):
    """The commands of the table."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return their names, sorted; nothing is imported."""
        return sorted(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of a name, imported now; None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, function = COMMANDS[cmd_name].partition(":")
        single = typer.Typer(add_completion=False)
        single.command(cmd_name)(getattr(import_module(module), function))
        return get_command(single)


app = typer.Typer(cls=PolicyGroup, no_args_is_help=True)


@app.callback()
def policy() -> None:
    """Test and list the policy packs, say why a decision was made, and what another law would do."""
