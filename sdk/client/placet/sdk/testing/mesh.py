"""A mesh for tests, run by placet-local on a thread of its own, for blocking and asynchronous tests alike.

Owns starting, stopping, and making clients and tokens of any role. What runs and how is `placet.local.mesh`, imported
only when a mesh is started.
"""

import asyncio
import os
import tempfile
from collections.abc import Coroutine, Iterable
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Self, TypeVar

from placet.sdk.client import AsyncClient, Client
from placet.sdk.config import Config
from placet.sdk.errors import ConfigError

if TYPE_CHECKING:
    from placet.local.mesh import Mesh

R = TypeVar("R")


def start_mesh(controllers: Iterable[str] = ("demo",), *, data: str | os.PathLike[str] | None = None) -> "RunningMesh":
    """Return a mesh that runs inside `with` or `async with`; `data` None: a temporary directory, removed at the end.

    Raises ConfigError (LOCAL_MISSING) if placet-local is not installed, LocalError if the mesh does not start.
    """
    return RunningMesh(tuple(controllers), data)


class RunningMesh:
    """A whole mesh: `client(controller)` gives a client with every role, `config(...)` one with the roles named."""

    def __init__(self, controllers: tuple[str, ...], data: str | os.PathLike[str] | None) -> None:
        self._names = controllers
        self._data = data
        self._held = ExitStack()
        self._mesh: Mesh | None = None
        self._loop = asyncio.new_event_loop()
        # The kernel ends the mesh's processes with the thread that made them, so it gets a thread that lives as long.
        self._thread = Thread(target=self._loop.run_forever, name="placet-mesh", daemon=True)

    @property
    def mesh(self) -> "Mesh":
        """The mesh itself (placet.local.mesh.Mesh), e.g. to kill or pause a service; use it through `run`."""
        if self._mesh is None:
            raise ConfigError("CONFIG_INVALID", "the mesh does not run; use it inside `with start_mesh()`")
        return self._mesh

    def start(self) -> Self:
        """Start everything and create the controllers; blocks until it serves."""
        mesh = self._make()
        self._thread.start()
        try:
            self.run(mesh.start())
            self._mesh = mesh
            for controller in self._names:
                self.run(mesh.create_controller(controller))
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop everything and remove the temporary directory; may be called again."""
        mesh, self._mesh = self._mesh, None
        if mesh is not None:
            self.run(mesh.stop())
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
        self._held.close()

    def config(
        self, controller: str | None = None, *, roles: Iterable[str] | None = None, actor: str = "test", **changes: Any
    ) -> Config:
        """Return the configuration of a controller's client (None: the first), which is created if it is new.

        `roles` None: every role of a client. Two tokens of different `actor` are two different people.
        """
        name = controller or self._names[0]
        mesh = self.mesh
        files = mesh.controllers.get(name) or self.run(mesh.create_controller(name))
        if roles is not None or actor != "test":
            from placet.local.controllers import CLIENT_ROLES

            granted = CLIENT_ROLES if roles is None else tuple(roles)
            changes.setdefault("token", mesh.issuer.mint(f"{actor}@{name}", [name], granted))
        return Config.from_file(files.config, **changes)

    def client(self, controller: str | None = None, **options: Any) -> Client:
        """Return a blocking client; arguments as `config`. Close it, or use it with `with`."""
        return Client(self.config(controller, **options))

    def async_client(self, controller: str | None = None, **options: Any) -> AsyncClient:
        """Return an asynchronous client; arguments as `config`."""
        return AsyncClient(self.config(controller, **options))

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Run a coroutine of the mesh on its thread, e.g. `mesh.run(mesh.mesh.kill("audit"))`."""
        return self._submit(coroutine).result()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    def _submit(self, coroutine: Coroutine[Any, Any, R]) -> "Future[R]":
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def _make(self) -> "Mesh":
        try:
            from placet.local.mesh import Mesh
        except ImportError as error:
            raise ConfigError(
                "LOCAL_MISSING", f"a mesh on this machine needs placet-local ({error})", field="placet-local"
            ) from error
        data = self._data
        if data is None:
            data = self._held.enter_context(tempfile.TemporaryDirectory(prefix="placet-", ignore_cleanup_errors=True))
        return Mesh(Path(data))
