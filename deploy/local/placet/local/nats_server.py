"""The NATS server of a mesh: configured afresh at each start, with new keys and exactly the permissions of the file.

Owns: its keys (one nkey a service, the seed in a file only the owner reads), its configuration, its process, and the
streams and durable consumers in it, which the key of `admin` makes. `sync_interval: always`: promises.md.
Never: listens beyond 127.0.0.1, knows an anonymous user, gives a service a right that permissions.yaml does not.
"""

import json
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import nkeys

from placet.kit.bus.bus import Bus, Credentials
from placet.kit.bus.consumer import consumer_config
from placet.kit.bus.jetstream import DEAD_LETTERS, JetStream
from placet.local import nats_binary
from placet.local.child import Child, leashed
from placet.local.files import private_dir, write
from placet.local.permissions import ADMIN, Permissions
from placet.local.ports import HOST

START_S: Final = 15.0


class NatsServer:
    """A nats-server below `data`; `port` must be free."""

    def __init__(
        self,
        data: Path,
        port: int,
        permissions: Permissions,
        *,
        logs: Path | None = None,
        processors: frozenset[int] = frozenset(),
    ) -> None:
        self.url = f"nats://{HOST}:{port}"
        self.permissions = permissions
        self._port = port
        self._seeds = data / "run" / "seeds"
        self._store = data / "nats"
        self._config = data / "run" / "nats.conf"
        self._log = (logs or data / "logs") / "nats.log"
        self._ports = private_dir(data / "run" / "nats")
        self._processors = processors
        self._child: Child | None = None

    def seed_file(self, service: str) -> Path:
        """Return the file with the nkey seed of a service."""
        return self._seeds / f"{service}.seed"

    @property
    def child(self) -> Child:
        """Return the process."""
        if self._child is None:
            raise RuntimeError("the NATS server was never started")
        return self._child

    async def start(self) -> None:
        """Start with new keys, and have the streams and consumers. Raises ServerMissing, ServerTooOld, DidNotStart."""
        keys = {service: self._new_key(service) for service in self.permissions.services}
        private_dir(self._store)
        config = configuration(self._port, self._store, self._ports, self.permissions, keys)
        write(self._config, json.dumps(config, indent=2))
        binary = str(nats_binary.find())
        command = leashed([binary, "-c", str(self._config)])
        self._child = Child("nats", command, {}, self._log, self._processors)
        await self.start_again()
        await prepare(self.url, self.permissions, self.seed_file(ADMIN))

    async def start_again(self) -> None:
        """Start the process after it ended: same port, keys, permissions and store. Raises DidNotStart."""
        self.child.start()
        await self.child.until(self._ports / f"nats-server_{self.child.pid}.ports", within=START_S)

    async def stop(self) -> None:
        """Stop the server, and remove the seeds: they are good for this run only."""
        if self._child is not None:
            await self._child.stop()
        for service in self.permissions.services:
            self.seed_file(service).unlink(missing_ok=True)

    def _new_key(self, service: str) -> str:
        """Make the service's key and return its public part."""
        seed = nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)
        write(self.seed_file(service), seed.decode())
        return str(nkeys.from_seed(seed).public_key.decode())


def configuration(
    port: int, store: Path, ports: Path, permissions: Permissions, keys: Mapping[str, str]
) -> dict[str, object]:
    """Return the server's configuration; `keys` has each service's public nkey. (The server reads JSON.)"""
    users = [{"nkey": key, "permissions": permissions.server_terms(service)} for service, key in keys.items()]
    return {
        "host": HOST,
        "port": port,
        "server_name": "placet-dev",
        "ports_file_dir": str(ports),
        "jetstream": {"store_dir": str(store), "sync_interval": "always"},
        "max_payload": 1_048_576,
        "authorization": {"users": users},
    }


async def prepare(url: str, permissions: Permissions, seed: Path | None) -> None:
    """Have the streams and every service's durable consumers, as `admin`.

    Raises PlacetError when the server cannot be reached, refuses the key, or has a stream that would lose messages.
    """
    async with Bus(
        url, name=ADMIN, clock=_now, random=secrets.token_bytes, credentials=Credentials(seed_file=seed)
    ) as bus:
        stream = JetStream(bus)
        await stream.ensure_stream()
        await stream.ensure_stream(DEAD_LETTERS)
        for allowed in permissions.services.values():
            for durable, filters in allowed.consumers.items():
                await stream.ensure_consumer(durable, consumer_config(filters))


def _now() -> int:
    return time.time_ns() // 1_000
