"""Appends to a log on a disk, and writes down what it was told: `python -m fault.append_entries DISK GROUPS FULL`.

The production sequencer over a real SQLite file, group by group. Each line of DISK/told is one acknowledged entry: key,
index, leaf hash. `synchronous` is what protects it: FULL, or NORMAL as the negative control.
"""

import os
import random
import sys
from pathlib import Path
from typing import Any

from fault.cut_fs import TOLD
from integration.audit.rig import SECOND, Rig, decision, entry_of, event, grant_draft, use

from placet.evidence.drafts import WithdrawDraft
from placet.kit.db import engine
from placet.kit.durable import make_directory
from placet.kit.ledger.messages import AppendReply, Submission, submission

# Pages of the write-ahead log after which it is moved into the database: often, to have cuts in there too.
WAL_PAGES = 40


def main(disk: str, groups: str, synchronous: str = "FULL") -> None:
    """Append so many groups of a few events each, with grants, uses and withdrawals between them."""
    if synchronous == "NORMAL":
        engine._PRAGMAS["synchronous"] = ("NORMAL", 1)
    folder = Path(disk) / "audit"
    make_directory(folder)
    dice = random.Random(1)
    with (Path(disk) / TOLD).open("w", buffering=1) as told:
        rig = Rig(folder)
        with rig.engines.writer.begin() as connection:
            connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")

        def send(*submissions: Submission, **how: Any) -> AppendReply:
            reply = rig.send(*submissions, **how)
            for one, result in zip(submissions, reply.results, strict=True):
                told.write(f"{one.key.hex()} {result.index} {result.leaf.hex()}\n")
            return reply

        def grant() -> int:
            given = send(submission(grant_draft(rig.now), key=os.urandom(16)), service="consent")
            return entry_of(given).basis  # type: ignore[no-any-return]

        basis = grant()
        for number in range(int(groups)):
            rig.now += SECOND
            if number % 9 == 8:
                ending = WithdrawDraft(basis=basis, by="data_subject", reason="no_longer_wanted")
                send(submission(ending, key=os.urandom(16)), service="consent")
                basis = grant()
            events = [event(rig.now, basis, permit=2) for _ in range(dice.randint(1, 5))]
            reply = send(*events, decisions=[decision(minor=[str(number % 7)])])
            send(use(reply.results[0].index), service="vault")
        rig.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
