"""A service's database as its handlers see it: run a function in one transaction, off the event loop.

Owns the threads: one writer (SQLite allows no more, and queueing here is fairer than its busy handler), a few readers.
Never lets a driver error out (`db.errors`), and never lets writes queue without bound.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from sqlalchemy import Engine, MetaData
from sqlmodel import Session

from placet.kit.db.engine import BUSY_TIMEOUT_MS, READERS, Engines, open_engines
from placet.kit.db.errors import SerializationFailure, mapped
from placet.kit.errors import Exhausted
from placet.kit.failpoints import Write

T = TypeVar("T")

WAITING: Final = 2_048
# PostgreSQL only: a transaction that lost against another is run again this often, after a growing pause.
ATTEMPTS: Final = 10
PAUSE_S: Final = 0.001
LONGEST_PAUSE_S: Final = 0.05


class Database:
    """One database. Functions given to it run in its threads: they take a session and touch nothing else."""

    def __init__(self, engines: Engines, *, readers: int = READERS, waiting: int = WAITING) -> None:
        self.engines = engines
        writers = 1 if engines.serial else readers
        serializable = (
            engines.writer if engines.serial else engines.writer.execution_options(isolation_level="SERIALIZABLE")
        )
        self._writer = _Lane(serializable, "placet-db-write", writers, waiting)
        self._reader = _Lane(engines.reader, "placet-db-read", readers, waiting)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        readers: int = READERS,
        busy_timeout_ms: int = BUSY_TIMEOUT_MS,
        secure_delete: bool = False,
        rebuildable: bool = False,
    ) -> "Database":
        """Open a database (`open_engines`) and connect once each way: an unsafe or unreachable one is found at once.

        Raises UnsafeDatabase, DatabaseUnavailable or Invalid.
        """
        engines = open_engines(
            url,
            readers=readers,
            busy_timeout_ms=busy_timeout_ms,
            secure_delete=secure_delete,
            rebuildable=rebuildable,
        )
        database = cls(engines, readers=readers)
        try:
            await database.write(_touch)
            await database.read(_touch)
        except BaseException:
            await database.close()
            raise
        return database

    async def write(self, fn: Callable[[Session], T]) -> T:
        """Run `fn(session)` in one transaction that is committed, durably, before this returns its result.

        Any exception rolls everything back and is raised here. If the caller is cancelled, what has begun is finished.
        Raises DuplicateKey, DatabaseUnavailable, Exhausted, ...; on PostgreSQL `fn` may run more than once.
        """

        def written(session: Session) -> T:
            result = fn(session)
            Write.DATABASE_COMMIT.before()
            return result

        result = await self._writer.run(written)
        Write.DATABASE_COMMIT.after()
        return result

    async def read(self, fn: Callable[[Session], T]) -> T:
        """Run `fn(session)` on one snapshot, without being able to write."""
        return await self._reader.run(fn)

    async def create_all(self, metadata: MetaData) -> None:
        """Create the tables of one service that do not exist yet."""
        await self.write(lambda session: metadata.create_all(session.connection()))

    async def close(self) -> None:
        """Finish what runs and close all connections; may be called again."""
        await asyncio.to_thread(self._shut)

    def _shut(self) -> None:
        self._writer.shut()
        self._reader.shut()
        self.engines.dispose()


def _touch(session: Session) -> None:
    session.connection()


class _Lane:
    """Threads that run transactions on one engine."""

    def __init__(self, engine: Engine, name: str, threads: int, waiting: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._waiting = waiting
        self._count = 0

    async def run(self, fn: Callable[[Session], T]) -> T:
        if self._count >= self._waiting:
            raise Exhausted("QUEUE_FULL", "too much waits for the database; come back later", retry_after=0.2)
        self._count += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._transact, fn)
        finally:
            self._count -= 1

    def _transact(self, fn: Callable[[Session], T]) -> T:
        for attempt in range(ATTEMPTS):
            try:
                with mapped(), Session(self._engine, expire_on_commit=False) as session, session.begin():
                    return fn(session)
            except SerializationFailure:
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(min(LONGEST_PAUSE_S, PAUSE_S * 2**attempt))
        raise AssertionError("unreachable")

    def shut(self) -> None:
        self._threads.shutdown(wait=True)
