"""A nats-server whose store is where a test wants it, synced as a test wants it."""

import json
from pathlib import Path

from integration.kit_bus.nats_process import Nats

DEADLINE_US = 10_000_000


def nats_on(folder: Path, store: Path, *, always: bool) -> Nats:
    """Return a server with its configuration in `folder`; `always`: it syncs before it acknowledges (as shipped)."""
    server = Nats(folder)
    sync = ", sync_interval: always" if always else ""
    (folder / "nats.conf").write_text(
        f'host: "127.0.0.1"\nport: {server.port}\njetstream {{ store_dir: {json.dumps(str(store))}{sync} }}\n'
    )
    return server
