"""A NATS server that somebody else runs (`PLACET_NATS_URL`): only its stream and consumers are made.

Its permissions and keys are its operator's business (deploy/nats/permissions.yaml says what they should be). Offers
what `NatsServer` offers, without a process of ours. Never: starts, stops or configures that server.
"""

from pathlib import Path

from placet.local.child import Child
from placet.local.nats_server import prepare
from placet.local.permissions import ADMIN, Permissions


class ExternalNats:
    """The server at `url`; `seeds` is a directory of `<service>.seed` files, None: it asks for no credentials."""

    def __init__(self, url: str, permissions: Permissions, seeds: Path | None) -> None:
        self.url = url
        self._permissions = permissions
        self._seeds = seeds.resolve() if seeds else None

    @property
    def child(self) -> Child:
        """Raise: there is no process of ours."""
        raise RuntimeError(f"the NATS server at {self.url} is not ours to control")

    def seed_file(self, service: str) -> Path | None:
        """Return the file with the nkey seed of a service, None without credentials."""
        return self._seeds / f"{service}.seed" if self._seeds else None

    async def start(self) -> None:
        """Have the streams and consumers. Raises PlacetError when the server cannot be reached or refuses us."""
        await prepare(self.url, self._permissions, self.seed_file(ADMIN))

    async def start_again(self) -> None:
        """Raise: see `child`."""
        _ = self.child

    async def stop(self) -> None:
        """Leave it running."""
