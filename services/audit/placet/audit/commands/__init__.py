"""`placet ledger`: checking and exporting stored logs, on the machine that has the database."""

import typer

from placet.audit.commands import export, fsck, migrate

app = typer.Typer(help="Check and export the stored logs (run it where the audit database is).", no_args_is_help=True)
app.command("fsck")(fsck.fsck)
app.command("export")(export.export)
app.command("migrate")(migrate.migrate)
