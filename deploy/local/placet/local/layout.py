"""Where a mesh keeps its files, below its data directory.

lock                 held while a mesh runs here
run/                 made afresh at each start: NATS configuration, seeds, jwks.json, ready files
logs/<service>.log   what each process wrote
nats/                JetStream's store
<service>/           the service's own data: database, keys
clients/<controller>.json, .token, .reference    for the SDK; the reference key outlives restarts
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from placet.local.errors import DataInUse
from placet.local.files import private_dir


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one mesh; `data` is absolute."""

    data: Path

    @property
    def run(self) -> Path:
        """Return the directory of this run's files."""
        return self.data / "run"

    @property
    def jwks(self) -> Path:
        """Return the file with the issuer's public keys."""
        return self.run / "jwks.json"

    @property
    def clients(self) -> Path:
        """Return the directory of the clients' configurations."""
        return self.data / "clients"

    def ready(self, service: str) -> Path:
        """Return the file that a service writes once it serves."""
        return self.run / "ready" / f"{service}.json"

    def log(self, service: str) -> Path:
        """Return the log file of a process."""
        return self.data / "logs" / f"{service}.log"

    def own(self, service: str) -> Path:
        """Return the data directory of a service."""
        return self.data / service

    def renew(self) -> None:
        """Make the directories; what an earlier run left in `run` is removed."""
        shutil.rmtree(self.run, ignore_errors=True)
        for path in (self.run, self.run / "ready", self.clients, self.data / "logs"):
            private_dir(path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the data directory. Raises DataInUse if another mesh does; the kernel frees it if we are killed."""
        private_dir(self.data)
        descriptor = os.open(self.data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DataInUse(self.data) from None
            yield
        finally:
            os.close(descriptor)
