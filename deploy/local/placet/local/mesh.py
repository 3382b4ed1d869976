"""The whole mesh on this machine: NATS, the four services and the gateway, each a process, on 127.0.0.1.

Owns the order of starting (NATS, then all others at once) and stopping (the gateway and the services, then audit, then
NATS), and what each process is told: ports, credentials, where its files are. For development, tests and the demo.
Invariant: whatever ends the process that made the mesh, even SIGKILL, ends every process of the mesh (Linux).
Never: starts a service again by itself, listens beyond 127.0.0.1, takes settings of services from the environment.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from placet.local import permissions
from placet.local.child import Child
from placet.local.controllers import CLIENT_ROLES, ControllerFiles, Controllers
from placet.local.external_nats import ExternalNats
from placet.local.issuer import AUDIENCE, Issuer
from placet.local.layout import Layout
from placet.local.nats_server import NatsServer
from placet.local.placement import Placement, available, place
from placet.local.ports import HOST, assign
from placet.local.settings import Settings, inherited

NATS: Final = "nats"
AUDIT: Final = "audit"
GATEWAY: Final = "gateway"
VAULT: Final = "vault"
SERVICES: Final = ("consent", "permission", VAULT, AUDIT, GATEWAY)
START_S: Final = 60.0


class Mesh:
    """One mesh. `async with Mesh(data)` starts and stops it; start it from a thread that outlives it.

    `services` chooses which to start; `programs` replaces the command of some; `environment` adds variables to some,
    by service, or to all, under the name "".
    """

    def __init__(
        self,
        data: str | os.PathLike[str],
        *,
        port_base: int | None = None,
        services: Sequence[str] = SERVICES,
        programs: Mapping[str, Sequence[str]] | None = None,
        environment: Mapping[str, Mapping[str, str]] | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.layout = Layout(Path(data).resolve())
        self.issuer = Issuer()
        self.controllers: dict[str, ControllerFiles] = {}
        self._names = tuple(services)
        self._port_base = port_base
        self._programs = dict(programs or {})
        self._extra = dict(environment or {})
        self._settings = settings or Settings()
        self._held = ExitStack()
        self._ports: dict[str, int] = {}
        self._nats: NatsServer | ExternalNats | None = None
        self._children: dict[str, Child] = {}
        self._placement: Placement = place(available()) if self._settings.place_processes else {}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def addresses(self) -> dict[str, str]:
        """Return `host:port` of every service."""
        return {name: f"{HOST}:{port}" for name, port in self._ports.items() if name != NATS}

    @property
    def nats_url(self) -> str:
        """Return the address of the NATS server."""
        return self._bus().url

    @property
    def gateway(self) -> str | None:
        """Return the gateway's URL, None if it is not among the services."""
        return f"http://{HOST}:{self._ports[GATEWAY]}" if GATEWAY in self._ports else None

    async def start(self) -> None:
        """Start everything and wait until it serves; whatever was started is stopped if that fails.

        Raises LocalError (DataInUse, PortTaken, ServerMissing, DidNotStart, ...), or PlacetError for an external NATS.
        """
        self._held.enter_context(self.layout.locked())
        try:
            self._ports = assign((*self._names, NATS), self._port_base)
            self.layout.renew()
            self.issuer.write_jwks(self.layout.jwks)
            self._nats = self._new_nats()
            await self._nats.start()
            self._children = {name: self._child(name) for name in self._names}
            await self._start_all()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything; may be called again."""
        audit = self._children.get(AUDIT)
        await asyncio.gather(*(child.stop() for child in self._children.values() if child is not audit))
        if audit is not None:
            await audit.stop()
        if self._nats is not None:
            await self._nats.stop()
        self._held.close()

    async def create_controller(self, controller: str, roles: Iterable[str] = CLIENT_ROLES) -> ControllerFiles:
        """Create a controller and write its client's configuration. Raises DidNotCreate."""
        targets = {name: address for name, address in self.addresses.items() if name != GATEWAY}
        made = Controllers(self.layout.clients, self.issuer, targets, self.gateway)
        self.controllers[controller] = files = await made.create(controller, roles)
        return files

    async def start_service(self, name: str) -> None:
        """Start a service that ended, at its old address, and wait until it serves. Raises DidNotStart."""
        if name == NATS:
            await self._bus().start_again()
            return
        self._launch(name)
        await self._children[name].until(self.layout.ready(name), within=START_S)

    async def stop_service(self, name: str) -> None:
        """Stop a service in order (SIGTERM)."""
        await self.child(name).stop()

    async def restart(self, name: str) -> None:
        """Stop a service in order, start it again, and wait until it serves."""
        await self.stop_service(name)
        await self.start_service(name)

    async def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a service a signal that ends it, and wait until it has ended."""
        await self.child(name).kill(number)

    def pause(self, name: str) -> None:
        """Stop a service's clock, as it were (SIGSTOP): it holds its connections and does nothing."""
        self.child(name).send(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a paused service go on (SIGCONT)."""
        self.child(name).send(signal.SIGCONT)

    def child(self, name: str) -> Child:
        """Return a service's process, or that of `nats`. Raises KeyError for a name that was not started."""
        return self._bus().child if name == NATS else self._children[name]

    def ended(self) -> dict[str, int | None]:
        """Return the processes that have ended, with their status: none, while all is well."""
        return {name: child.status for name, child in self._children.items() if not child.running}

    def _bus(self) -> NatsServer | ExternalNats:
        if self._nats is None:
            raise RuntimeError("the mesh was not started")
        return self._nats

    def _new_nats(self) -> NatsServer | ExternalNats:
        allowed = permissions.load()
        if self._settings.nats_url is not None:
            return ExternalNats(self._settings.nats_url, allowed, self._settings.nats_seeds)
        return NatsServer(self.layout.data, self._ports[NATS], allowed, processors=self._processors(NATS))

    def _processors(self, name: str) -> frozenset[int]:
        return self._placement.get(name, frozenset())

    async def _start_all(self) -> None:
        for name in self._names:
            self._launch(name)
        waits = [self._children[name].until(self.layout.ready(name), within=START_S) for name in self._names]
        await asyncio.gather(*waits)

    def _launch(self, name: str) -> None:
        # What a killed service left must not be taken for the new one's word.
        self.layout.ready(name).unlink(missing_ok=True)
        self._children[name].start()

    def _child(self, name: str) -> Child:
        command = self._programs.get(name) or [sys.executable, "-m", f"placet.{name}"]
        return Child(name, command, self._environment(name), self.layout.log(name), self._processors(name))

    def _environment(self, name: str) -> dict[str, str]:
        told = {
            "PLACET_SERVICE": name,
            "PLACET_HOST": HOST,
            "PLACET_PORT": str(self._ports[name]),
            "PLACET_DATA_DIR": str(self.layout.own(name)),
            "PLACET_NATS_URL": self._bus().url,
            "PLACET_JWKS": str(self.layout.jwks),
            "PLACET_ISSUER": self.issuer.issuer,
            "PLACET_AUDIENCE": AUDIENCE,
            "PLACET_READY_FILE": str(self.layout.ready(name)),
            "PLACET_EXIT_WITH_PARENT": str(os.getpid()),
        }
        seed = self._bus().seed_file(name)
        if seed is not None:
            told["PLACET_NATS_SEED_FILE"] = str(seed)
        if name == GATEWAY and AUDIT in self._ports:
            told["PLACET_AUDIT"] = f"{HOST}:{self._ports[AUDIT]}"
        if name == VAULT:
            told["PLACET_KEYRING_CREATE"] = "true"
        return {**inherited(os.environ), **told, **self._extra.get("", {}), **self._extra.get(name, {})}
