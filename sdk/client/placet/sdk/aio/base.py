"""What every area of the asynchronous client stands on: the session, the desk that makes events, the coalescer.

Owns nothing else; opened by `AsyncClient`, closed by it.
"""

from typing import Self
from uuid import UUID

from placet.sdk.coalesce import Coalescer
from placet.sdk.config import Config
from placet.sdk.ids import uuid_text
from placet.sdk.session import Session, Sources
from placet.sdk.wire.faces import Desk


class Area:
    """The base of all areas of `AsyncClient`. Use it as an async context manager, or call `close`."""

    def __init__(self, config: Config, *, sources: Sources | None = None) -> None:
        self._session = Session(config, sources or Sources())
        self._desk = Desk(config.references, self._session.new_id, self._session.sources.wall)
        self._coalescer = Coalescer(self._session, config.coalescing)

    @property
    def controller(self) -> str:
        """Whose client this is."""
        return self._session.controller

    @property
    def checkpoint_held(self) -> str | None:
        """The newest checkpoint that was verified (a signed note), None before the first.

        Keep it and give it to the next client as `Config.checkpoint`: a log that forked in between is then noticed.
        """
        return self._session.trust.head.note or None

    def _id(self, field: str, given: str | UUID | None) -> str:
        return self._session.new_id() if given is None else uuid_text(field, given)

    def _now(self) -> int:
        return self._session.sources.wall() // 1_000

    async def close(self) -> None:
        """Close the channels; whoever still waits gets `Unreachable`."""
        await self._coalescer.close()
        await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
