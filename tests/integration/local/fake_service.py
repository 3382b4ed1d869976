"""A stand-in for a service in tests of the mesh: listens on its port, tells what it was told, ends on SIGTERM.

FAKE_FAILS=1: ends with status 3 before it is ready. FAKE_HANGS=1: is never ready. FAKE_DEAF=1: ignores SIGTERM.
"""

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

from placet.kit.process import exit_with_parent


def main() -> None:
    exit_with_parent(int(os.environ["PLACET_EXIT_WITH_PARENT"]))
    if os.environ.get("FAKE_FAILS"):
        print("the fake fails, as it was told")
        sys.exit(3)
    if os.environ.get("FAKE_DEAF"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    listener = socket.create_server(("127.0.0.1", int(os.environ["PLACET_PORT"])))
    ready = Path(os.environ["PLACET_READY_FILE"])
    told = {name: value for name, value in os.environ.items() if name.startswith("PLACET_")}
    if not os.environ.get("FAKE_HANGS"):
        unfinished = ready.with_name(f".{ready.name}")
        unfinished.write_text(json.dumps({"pid": os.getpid(), "told": told}))
        unfinished.replace(ready)
    while listener:
        time.sleep(60)


if __name__ == "__main__":
    main()
