"""Failpoints: where a test can have a process die, just before or just after one of its writes.

Owns the one list of writes that have them (`Write`) and what is armed. A write is wrapped, `with Write.LEDGER_COMMIT:`;
entering passes its failpoint "before" (who dies there has lost the write), leaving it without an error "after" (the
write is done, nobody was told). Off unless a test arms it (`armed`, or the setting PLACET_FAILPOINT for a process of
its own): then a passing costs a look at one variable. Never changes what a write does.
"""

import logging
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, StrEnum
from types import TracebackType
from typing import Final, Never, TypeAlias


class Side(StrEnum):
    """On which side of a write: dying before it loses it, dying after it leaves it done and unanswered."""

    BEFORE = "before"
    AFTER = "after"


class Write(Enum):
    """Every write that has failpoints: SQL statements and commits, files, and what is sent to NATS."""

    # audit: one group of entries; `LEDGER_COMMIT` makes the statements before it durable, all or none.
    LEDGER_HEAD = "ledger.head"
    LEDGER_ENTRIES = "ledger.entries"
    LEDGER_TILES = "ledger.tiles"
    LEDGER_KEYS = "ledger.keys"
    LEDGER_DECISIONS = "ledger.decisions"
    LEDGER_CHANGES = "ledger.changes"
    LEDGER_USES = "ledger.uses"
    LEDGER_BASES = "ledger.bases"
    LEDGER_COMMIT = "ledger.commit"
    LEDGER_ANSWER = "ledger.answer"
    # audit: the life of a log.
    LOG_KEY = "log.key"
    LOG_CREATE = "log.create"
    KEY_ASK = "key.ask"
    KEY_ROTATE = "key.rotate"
    LOG_CLOSE = "log.close"
    LEASE_ACQUIRE = "lease.acquire"
    LEASE_RENEW = "lease.renew"
    LEASE_RELEASE = "lease.release"
    # audit: the search index, a projection.
    SEARCH_ROWS = "search.rows"
    SEARCH_PROGRESS = "search.progress"
    SEARCH_COMMIT = "search.commit"
    # Every service: its own transaction, and the outbox and inbox rows in it.
    DATABASE_COMMIT = "database.commit"
    OUTBOX_PUT = "outbox.put"
    OUTBOX_SETTLE = "outbox.settle"
    OUTBOX_TRIED = "outbox.tried"
    OUTBOX_PRUNE = "outbox.prune"
    INBOX_ONCE = "inbox.once"
    # Every service: what the outbox sends, and what becomes of a message.
    OUTBOX_APPEND = "outbox.append"
    OUTBOX_PUBLISH = "outbox.publish"
    MESSAGE_ACK = "message.ack"
    MESSAGE_NAK = "message.nak"
    MESSAGE_BURY = "message.bury"

    def before(self) -> None:
        """Pass the failpoint before this write."""
        if _armed is not None:
            _armed(self, Side.BEFORE)

    def after(self) -> None:
        """Pass the failpoint after this write."""
        if _armed is not None:
            _armed(self, Side.AFTER)

    def __enter__(self) -> None:
        if _armed is not None:
            self.before()

    def __exit__(self, failed: type[BaseException] | None, _error: object, _traceback: TracebackType | None) -> None:
        if _armed is not None and failed is None:
            self.after()


Action: TypeAlias = Callable[[Write, Side], None]
PATTERN: Final = re.compile(r"([a-z]+\.[a-z]+):(before|after)(?::([1-9][0-9]{0,8}))?")
_log = logging.getLogger(__name__)
_armed: Action | None = None


@contextmanager
def armed(action: Action) -> Iterator[None]:
    """Call `action` at every passing in the block; it may raise, or end the process. For tests."""
    global _armed  # noqa: PLW0603 - a failpoint is passed everywhere and must cost nothing when off
    before, _armed = _armed, action
    try:
        yield
    finally:
        _armed = before


def parse(text: str) -> tuple[Write, Side, int]:
    """Read `<write>:<before|after>[:<which passing>]`, e.g. `ledger.commit:after:3`; raises ValueError."""
    found = PATTERN.fullmatch(text)
    if found is None or found[1] not in (write.value for write in Write):
        raise ValueError("is not <write>:<before or after>:<which time>, e.g. ledger.commit:after:3")
    return Write(found[1]), Side(found[2]), int(found[3] or 1)


def checked(text: str) -> str:
    """Return the text of a failpoint, or an empty one; raises ValueError."""
    if text:
        parse(text)
    return text


def kill_at(text: str) -> None:
    """Have this process kill itself (SIGKILL) at that passing of a failpoint, for good; empty: nothing."""
    global _armed  # noqa: PLW0603 - as above
    if not text:
        return
    write, side, passing = parse(text)
    left = passing

    def passed(at: Write, on: Side) -> None:
        nonlocal left
        if at is write and on is side:
            left -= 1
            if not left:
                _die()

    _log.warning("this process will kill itself: PLACET_FAILPOINT is set", extra={"failpoint": text})
    _armed = passed


def _die() -> Never:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")
