"""Runs the audit service: `python -m placet.audit`."""

import sys

from placet.audit.app import main
from placet.audit.settings import Settings
from placet.kit.app import run

# A group comes back from the database a dozen times; each time another thread (the index, a reader) may hold the
# interpreter for this long, 5 ms unless set. Measured: calls at half rate wait 160 ms at most otherwise, 30 with it.
SWITCH_INTERVAL_S = 0.001

if __name__ == "__main__":
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    sys.exit(run(main, Settings))
