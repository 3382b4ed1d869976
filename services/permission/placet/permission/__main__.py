"""`python -m placet.permission`: runs the service with the settings of the environment until it is told to stop."""

import sys

from placet.permission.app import main

if __name__ == "__main__":
    sys.exit(main())
