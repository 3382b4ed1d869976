"""`placet ledger`: checking and exporting stored logs, and rotating their keys, on the machine of the database."""

import typer

from placet.audit.commands import export, fsck, migrate, rotate_key

app = typer.Typer(
    help="Check and export stored logs, rotate their keys (run it where the audit database is).", no_args_is_help=True
)
app.command("fsck")(fsck.fsck)
app.command("export")(export.export)
app.command("migrate")(migrate.migrate)
app.command("rotate-key")(rotate_key.rotate_key)
