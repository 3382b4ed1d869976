"""Runs the vault: `python -m placet.vault`."""

import sys

from placet.kit.app import run
from placet.vault.app import main
from placet.vault.settings import Settings

if __name__ == "__main__":
    sys.exit(run(main, Settings))
