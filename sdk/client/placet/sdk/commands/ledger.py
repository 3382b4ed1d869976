"""`placet ledger`: what is done with whole logs. Ours need the log's files only; placet-audit adds those that need its
database.
"""

from typing import Final

from placet.sdk.commands.loading import SharedGroup

OWN: Final = {"replay": "placet.sdk.commands.replay:replay"}

app = SharedGroup(name="ledger", own=OWN, help="Replay, check and export logs.", no_args_is_help=True)
