"""Runs the audit service: `python -m placet.audit`."""

import sys

from placet.audit.app import main
from placet.audit.settings import Settings
from placet.kit.app import run

if __name__ == "__main__":
    sys.exit(run(main, Settings))
