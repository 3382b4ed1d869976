"""The audit service as a process of its own, with something taken from it or done to it: for negative controls.

    python audit_child.py [--without-epoch] [--without-fence] [--deaf] [--stop-in WHERE FILE]

`--without-epoch`: commits do not ask which epoch holds the log. `--without-fence`: it never ends another's connections.
`--deaf`: it renews its leases and does not hear that they are lost. `--stop-in`: it stops itself (SIGSTOP) once FILE is
there, in the middle of its next `commit` or `indexing`, or when it has just written itself down for a `lease`.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from unittest.mock import ANY

from sqlalchemy import Engine, event

from placet.audit import lease, search, store
from placet.audit.app import main
from placet.audit.model import Commit
from placet.audit.settings import Settings
from placet.audit.statements import Session
from placet.kit.app import run


class _AllKept(dict[int, int]):
    """Whatever is asked for was kept."""

    def get(self, *_: Any) -> Any:
        return ANY


def without_epoch() -> None:
    store._MOVE = store._MOVE.replace("AND epoch = ?", "AND ? >= 0")  # type: ignore[misc]


def deaf() -> None:
    renew = lease.renew

    def renewed(engine: Engine, holder: str, now: int) -> Mapping[int, int]:
        renew(engine, holder, now)
        return _AllKept()

    lease.renew = renewed


def without_fence() -> None:
    lease.fence = lambda *_: None


def stop_in(where: str, trigger: Path) -> None:
    def stop() -> None:
        if trigger.exists():
            trigger.unlink()
            os.kill(os.getpid(), signal.SIGSTOP)

    STOPPING[where](stop)


def in_commit(stop: Callable[[], None]) -> None:
    move = store.SqlJournal._move_head

    def moved(journal: store.SqlJournal, session: Session, commit: Commit) -> None:
        move(journal, session, commit)
        stop()

    store.SqlJournal._move_head = moved  # type: ignore[method-assign]


def in_indexing(stop: Callable[[], None]) -> None:
    insert = Session.insert

    def inserted(session: Session, table: Any, rows: Any, **how: Any) -> None:
        if table is search.FOUND:
            stop()
        insert(session, table, rows, **how)

    Session.insert = inserted  # type: ignore[method-assign]


def in_lease(stop: Callable[[], None]) -> None:
    def executed(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("UPDATE log SET") and "epoch=" in statement.split("WHERE", maxsplit=1)[0]:
            stop()

    event.listen(Engine, "after_cursor_execute", executed)


STOPPING: Final[Mapping[str, Callable[[Callable[[], None]], None]]] = {
    "commit": in_commit,
    "indexing": in_indexing,
    "lease": in_lease,
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--without-epoch", action="store_true")
    parser.add_argument("--deaf", action="store_true")
    parser.add_argument("--without-fence", action="store_true")
    parser.add_argument("--stop-in", nargs=2, metavar=("WHERE", "FILE"))
    chosen = parser.parse_args()
    if chosen.without_epoch:
        without_epoch()
    if chosen.deaf:
        deaf()
    if chosen.without_fence:
        without_fence()
    if chosen.stop_in:
        stop_in(chosen.stop_in[0], Path(chosen.stop_in[1]))
    sys.exit(run(main, Settings))
