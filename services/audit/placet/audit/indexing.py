"""Keeps the search index behind the logs: after each commit it is told, and reads on from where it stopped.

Runs in a thread of its own and yields to the sequencer: an append never waits for it, and under load it falls behind
and says so (`complete_to`). An index that was deleted, or cannot be read, at the start or later, is made anew: indexing
begins at 0 again. Rows that are wrong are found by `placet ledger fsck`, which makes them anew when asked to.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import make_url, select

from placet.audit.model import Log
from placet.audit.search import DAMAGED, SearchIndex, remove_files
from placet.audit.statements import Session
from placet.audit.store import ENTRY, read_head
from placet.kit.db.database import Database
from placet.kit.db.engine import Engines
from placet.kit.db.errors import mapped
from placet.kit.errors import Kind, PlacetError

# So few that the interpreter is not kept from the sequencer for long: with 256, appends waited 100 to 200 ms at times.
PAGE: Final = 64
# Share of the time that indexing may take while appends go on.
DUTY: Final = 0.05
# The longest that it gives way: a page that took long because the machine stood still says nothing of its work.
MOST_S: Final = 1.0
# How long a page may fill when nothing is left to index: a commit for each event would cost more than the event.
PAUSE_S: Final = 0.2
# How long to wait for a database that cannot be used now.
AGAIN_S: Final = 1.0

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Indexer:
    """Feeds the search index from the logs."""

    def __init__(self, engines: Engines, index: SearchIndex) -> None:
        self._engines = engines
        self._index = index
        self._behind: dict[int, bool] = {}
        self._wake = asyncio.Event()

    def appended(self, log: Log) -> None:
        """Take note that a log has grown."""
        self._behind[log.id] = True
        self._wake.set()

    async def run(self, logs: list[Log]) -> None:
        """Index what is behind, until cancelled; begins with all logs that exist."""
        for log in logs:
            self.appended(log)
        while True:
            await self._wake.wait()
            self._wake.clear()
            for log_id in [log_id for log_id, behind in self._behind.items() if behind]:
                await self._page(log_id)

    async def _page(self, log_id: int) -> None:
        """Index one page; pause afterwards, to let the next one fill or to leave the processor to appends."""
        self._behind[log_id] = False
        clock = asyncio.get_running_loop().time
        started = clock()
        more = await asyncio.to_thread(self._try_to_feed, log_id)
        took = clock() - started
        if more is None:
            await asyncio.sleep(AGAIN_S)
        elif not more:
            await asyncio.sleep(PAUSE_S)
        elif self._behind[log_id]:
            await asyncio.sleep(min(took * (1 / DUTY - 1), MOST_S))
        if more is not False:
            self._behind[log_id] = True
            self._wake.set()

    def _try_to_feed(self, log: int) -> bool | None:
        """Index one page of a log; return whether there is more, None if it could not be done now.

        Replicas share an index: one that is stopped may hold a lock in it, and must not bring its successor down.
        """
        try:
            return self._feed(log)
        except PlacetError as error:
            if error.kind not in (Kind.UNAVAILABLE, Kind.CONFLICT):
                raise
            _log.warning("a page could not be indexed; trying again", extra={"error": error.message})
            return None

    def _feed(self, log: int) -> bool:
        """Index one page of a log; return whether there is more."""
        begin = self._sound(lambda: self._index.complete_to(log), otherwise=0)
        with mapped(), self._engines.reader.connect() as connection:
            size = read_head(Session.over(connection), log).size
            query = select(ENTRY.c.body).where(ENTRY.c.log == log, ENTRY.c.idx >= begin, ENTRY.c.idx < begin + PAGE)
            entries = [body for (body,) in connection.execute(query.order_by(ENTRY.c.idx))]
        if entries:
            self._sound(lambda: self._index.feed(log, begin, entries), otherwise=None)
        return begin + len(entries) < size

    def _sound(self, work: Callable[[], T], *, otherwise: T) -> T:
        """Do something with the index; if it cannot be read, make it anew."""
        try:
            with mapped():
                return work()
        except PlacetError as error:
            if error.reason != DAMAGED:
                raise
            _log.error("the search index is damaged: it is made anew", extra={"alarm": True})
            self._index.reset()
            self._behind = dict.fromkeys(self._behind, True)
            return otherwise


async def open_search(url: str) -> Database:
    """Open the database of the index; a file that is no database is thrown away: it must not keep the ledger down."""
    try:
        return await Database.open(url, rebuildable=True)
    except PlacetError as error:
        if error.reason != DAMAGED:
            raise
        _log.error("the search index is damaged: it is made anew", extra={"alarm": True})
        remove_files(make_url(url))
        return await Database.open(url, rebuildable=True)
