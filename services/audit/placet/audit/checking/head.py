"""A log's own row, its key and its bases against what its entries give; and the checkpoints it must not contradict."""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import Connection

from placet.audit.checking.entries import EntryCheck
from placet.audit.checking.findings import Findings
from placet.audit.checking.streaming import Rows
from placet.audit.model import Head, Log
from placet.audit.statements import Session
from placet.evidence.replay import Replay
from placet.evidence.terms import BasisOrdinal
from placet.tlog.checkpoint import Checkpoint
from placet.tlog.hashing import HASH_SIZE

_BASES: Final = "SELECT ordinal, granted, ended, history, events FROM basis WHERE log = ? ORDER BY ordinal"
_HEAD: Final = "SELECT size, at, bases, state, prev, status_root FROM log WHERE id = ?"
_CLOSED: Final = "SELECT closed_at FROM log WHERE id = ?"


def check_identity(log: Log, vkey: str | None, found: Findings) -> None:
    """Compare what the log says it is with the pinned key."""
    if not all(isinstance(one, str) for one in (log.controller, log.origin, log.vkey)):
        found.add("head", None, "controller, origin and vkey are not texts")
        return
    known = [str(key.vkey) for key in log.keys]
    if vkey is not None and vkey not in known:
        found.add("key", None, f"the log says {', '.join(known)}, pinned is {vkey}")
    if log.origin.rpartition("/")[2] != log.controller:
        found.add("head", None, f"the log of {log.controller} has the origin {log.origin}")


def stored_head(connection: Connection, log: Log, found: Findings) -> Head | None:
    """Return the head, or note why its row cannot be one."""
    row = Session.over(connection).run(_HEAD, log.id).fetchone()
    if row is None:
        found.add("head", None, "the log has no row")
        return None
    *numbers, prev, root = row
    sound = all(isinstance(one, int) and one >= 0 for one in numbers if one is not None)
    if not sound or not all(isinstance(one, bytes) and len(one) == HASH_SIZE for one in (prev, root)):
        found.add("head", None, "its values are of other types")
        return None
    try:
        size, at, bases, state = numbers
        return Head(size=size, prev=prev, t=at, state=state, bases=bases, status_root=root)
    except (ValueError, TypeError) as error:
        found.add("head", None, str(error))
        return None


def usable_checkpoints(
    checkpoints: Sequence[Checkpoint], log: Log, head: Head, found: Findings
) -> Iterator[Checkpoint]:
    """Return those that the entries can be compared with; note those that are of another log or beyond its end."""
    for one in checkpoints:
        if one.origin != log.origin:
            found.add("checkpoint", None, f"it is one of {one.origin}, not of {log.origin}")
        elif one.size > head.size:
            text = f"a log of {one.size} entries was signed, {head.size} are left: the others were cut off"
            found.add("checkpoint", head.size, text)
        else:
            yield one


def check_head(connection: Connection, log: Log, head: Head, entries: EntryCheck, found: Findings) -> None:
    """Compare the log's row with what all its entries give."""
    replay = entries.replay
    if head.size and not replay.complete:
        found.add("head", head.size - 1, "the last entry is not a state")
    derived = {
        "prev": (head.prev, entries.last),
        "at": (head.t, entries.t),
        "bases": (head.bases, replay.statuses.size),
        "status_root": (head.status_root, replay.statuses.root()),
    }
    for column, (stored, given) in derived.items():
        if stored != given:
            found.add("head", head.size, f"its {column} does not fit the entries")
    closed_at = Session.over(connection).run(_CLOSED, log.id).fetchone()[0]
    if closed_at is not None and not isinstance(closed_at, int):
        found.add("head", None, "its closed_at is no time")
    elif closed_at is not None and entries.closed is None:
        found.add("head", None, "the log is marked as closed, and no entry says so")
    elif closed_at is None and entries.closed is not None:
        text = "this entry closes the controller, and the log is still open: repeat CloseController"
        found.add("head", entries.closed, text)


def check_bases(connection: Connection, log: Log, replay: Replay, found: Findings) -> None:
    """Compare the rows of the bases with their status, and with the number of allowed events where that is limited."""
    rows = Rows(connection, found, "basis", _BASES, log.id)
    for number in range(replay.statuses.size):
        ordinal = BasisOrdinal(number)
        stored = [tuple(row[1:]) for row in rows.take(ordinal)]
        if not stored:
            found.add("basis", ordinal, "is missing")
        elif stored != [_row(replay, ordinal)]:
            found.add("basis", ordinal, "its row does not fit the entries")
    rows.end()
    rows.close()


def _row(replay: Replay, ordinal: BasisOrdinal) -> tuple[object, ...]:
    status, basis = replay.status(ordinal), replay.facts.basis(ordinal)
    assert status is not None
    assert basis is not None
    # The sequencer counts only where a grant limits.
    events = 0 if basis.max_events is None else replay.facts.allowed_events(ordinal)
    return status.granted, status.ended, status.history, events
