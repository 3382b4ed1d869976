"""A log below a folder that the production sequencer appends to, without a mesh around it.

Owns the folder (`audit.db` and `keys`, as the audit service has them, so that `placet ledger` reads it too) and a clock
that stands still between requests: a process that was stopped for minutes does not spoil the log. Never inserts a row
itself: everything goes through `placet.audit.sequencer`, one transaction a group, durable.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from placet.audit import migrations
from placet.audit.clock import LogClock
from placet.audit.lease import acquire
from placet.audit.logkeys import KeyFiles
from placet.audit.logs import Logs
from placet.audit.model import Log
from placet.audit.queueing import Waiting
from placet.audit.sequencer import Sequencer
from placet.audit.store import SqlJournal
from placet.kit.db.engine import Engines, open_engines
from placet.kit.db.migrating import migrate
from placet.kit.errors import PlacetError
from placet.kit.ledger.messages import AppendReply, decode_reply, decode_request
from placet.local.bench.grow.asking import Asked, now
from placet.local.errors import LocalError
from placet.tlog.note import format_vkey

CONTROLLER: Final = "bench"
ORIGIN: Final = "localhost/log/bench"
_ALLOWED: Final = b'"verdict":"allow"'


class NotAppended(LocalError):
    """The sequencer did not do what was asked, so no figure means anything."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What some groups took: seconds, and seconds of this process's processor time."""

    clock: float
    cpu: float


class GrowingLog:
    """The log in a folder, made if it is not there; whoever opened it before may append no more."""

    def __init__(self, folder: Path) -> None:
        self._now = now()
        self._engines = open_engines(database(folder))
        migrate(self._engines.writer, migrations.__name__)
        keys = KeyFiles(folder / "keys", os.urandom)
        log = _found(Logs(self._engines.writer), keys, self._now)
        self._sequencer = self._holder(self._engines, log, keys)
        self._sequencer.open()
        self._now = max(self._now, self._sequencer.recover().t)

    def _holder(self, engines: Engines, log: Log, keys: KeyFiles) -> Sequencer:
        lease = acquire(engines.writer, log.id, "bench", self._now)
        if lease is None:
            raise NotAppended("another process appends to this log: end it first")
        clock = LogClock(lambda: self._now, lambda: self._now)
        return Sequencer(log, SqlJournal(engines, log, lease.epoch), engines, keys, clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engines.dispose()

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self._sequencer.recover().size

    @property
    def bases(self) -> int:
        """How many consents there are."""
        return self._sequencer.recover().bases

    def append(self, asked: Asked) -> bytes:
        """Append one request as a group of its own and return the encoded reply; raises what the sequencer answers."""
        self._now = max(self._now, asked.now)
        answers: list[bytes | PlacetError] = []
        self._sequencer.run([Waiting(asked.service, decode_request(asked.encoded), answers.append)])
        (answer,) = answers
        if isinstance(answer, PlacetError):
            raise answer
        return answer

    def measure(self, groups: Sequence[Asked]) -> Spent:
        """Append these groups of events and return what that took. Raises NotAppended unless all are allowed."""
        clock, cpu = time.perf_counter(), time.process_time()
        replies = [self.append(asked) for asked in groups]
        spent = Spent(time.perf_counter() - clock, time.process_time() - cpu)
        for reply in replies:
            require_allowed(decode_reply(reply))
        return spent


def require_allowed(reply: AppendReply) -> None:
    """Raise NotAppended unless every event of the reply stands in the log, allowed."""
    for result in reply.results:
        if result.error is not None or _ALLOWED not in result.entry:
            raise NotAppended(f"an event was not allowed: {result.error or result.entry!r}")


def database(folder: Path) -> str:
    """Return the URL of the log's database."""
    return f"sqlite:///{folder / 'audit.db'}"


def _found(logs: Logs, keys: KeyFiles, at: int) -> Log:
    log = logs.find(CONTROLLER)
    if log is None:
        signer = keys.create(CONTROLLER, ORIGIN)
        log = logs.create(CONTROLLER, ORIGIN, format_vkey(signer.vkey), at)
    return log
