"""Room for entries: on PostgreSQL their table is partitioned by index, and the next partitions are made ahead.

Made by whichever replica sees first that they will be needed, every few seconds and in a thread of its own, through
`extend_entries` of the schema: neither appends nor reads wait for it. Should it ever be late, the group that needs the
room makes it first (`ensure`), so no append fails for want of a partition. On SQLite there is always room. ADR 0014.
"""

import asyncio
import logging
from typing import Final

from sqlalchemy import Engine, text

from placet.kit.db.errors import mapped
from placet.kit.errors import PlacetError

# At 50,000 events/s this takes more than five minutes to fill.
ENTRIES: Final = 1 << 24
LEAST: Final = 256
EVERY_S: Final = 10.0
_UNBOUNDED: Final = 1 << 62
_SIZE: Final = text("SELECT coalesce(max(size), 0) FROM log")
_EXTEND: Final = text("SELECT extend_entries(:upto, :width)")
_log = logging.getLogger(__name__)


class Partitions:
    """The partitions of the entries' table; `width` is how many indexes each new one spans, at least 256."""

    # Invariant: every index below `room` has a partition.

    def __init__(self, engine: Engine, width: int = ENTRIES) -> None:
        self._engine = engine
        self._width = width
        self.room = 0 if engine.dialect.name == "postgresql" else _UNBOUNDED

    def ensure(self, upto: int) -> None:
        """Make the partitions for every index below `upto` that has none, in a transaction of its own."""
        if upto > self.room:
            # A transaction of its own: whoever is stopped half-way leaves no lock behind.
            alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")
            with mapped(), alone.begin() as connection:
                self.room = connection.execute(_EXTEND, {"upto": upto, "width": self._width}).scalar_one()

    def ahead(self) -> None:
        """Make sure that a whole partition is free beyond the longest log."""
        if self.room < _UNBOUNDED:
            with mapped(), self._engine.connect() as connection:
                size = connection.execute(_SIZE).scalar_one()
            self.ensure(size + self._width)

    async def run(self) -> None:
        """Look ahead from time to time, until cancelled."""
        while self.room < _UNBOUNDED:
            try:
                await asyncio.to_thread(self.ahead)
            except PlacetError as error:
                _log.warning("no partition could be made ahead; trying again", extra={"error": error.message})
            await asyncio.sleep(EVERY_S)
