"""The audit service as a process of its own, with something taken from it or done to it: for negative controls.

    python audit_child.py [--without-epoch] [--deaf] [--stop-in-commit FILE]

`--without-epoch`: commits do not ask which epoch holds the log. `--deaf`: it renews its leases and does not hear that
they are lost. `--stop-in-commit`: it stops itself (SIGSTOP) in the middle of its next commit once FILE is there.
"""

import argparse
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import ANY

from sqlalchemy import Engine

from placet.audit import lease, store
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


def stop_in_commit(trigger: Path) -> None:
    move = store.SqlJournal._move_head

    def moved(journal: store.SqlJournal, session: Session, commit: Commit) -> None:
        move(journal, session, commit)
        if trigger.exists():
            trigger.unlink()
            os.kill(os.getpid(), signal.SIGSTOP)

    store.SqlJournal._move_head = moved  # type: ignore[method-assign]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--without-epoch", action="store_true")
    parser.add_argument("--deaf", action="store_true")
    parser.add_argument("--stop-in-commit", type=Path)
    chosen = parser.parse_args()
    if chosen.without_epoch:
        without_epoch()
    if chosen.deaf:
        deaf()
    if chosen.stop_in_commit:
        stop_in_commit(chosen.stop_in_commit)
    sys.exit(run(main, Settings))
