"""`python -m placet.consent`: runs the service with the settings of the environment until it is told to stop."""

import sys

from placet.consent.app import main

if __name__ == "__main__":
    sys.exit(main())
