"""Runs the gateway: `python -m placet.gateway`."""

import sys

from placet.gateway.app import main
from placet.gateway.settings import Settings
from placet.kit.app import run

if __name__ == "__main__":
    sys.exit(run(main, Settings))
