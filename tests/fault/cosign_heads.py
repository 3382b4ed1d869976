"""Cosigns one history on a disk, and writes down what it let out: `python -m fault.cosign_heads DISK COUNT FULL`.

The production witness over its SQLite file, checkpoint by checkpoint. Each line of DISK/told is the size of a
checkpoint whose cosignature was answered. `synchronous` is what protects it: FULL, or NORMAL as the negative control.
"""

import sys
from pathlib import Path

from fault.cut_fs import TOLD
from integration.witness.witness_rig import LOG, ORIGIN, History

from placet.kit.durable import make_directory
from placet.sdk.witness import store
from placet.sdk.witness.conflicts import Conflicts
from placet.sdk.witness.store import Store
from placet.sdk.witness.witness import Answer, Witness
from placet.tlog.cosignature import CosignatureSigner
from placet.tlog.note import Verifier
from placet.tlog.witness import LogKeys

KEY = CosignatureSigner.from_seed("witness.example/w1", bytes(32))
PAGES = 8
"""Of the write-ahead log, after which it is moved into the database: often, to have cuts in there too."""
SYNCHRONOUS = {"NORMAL": 1, "FULL": 2}


def history(count: int) -> History:
    """What the log has, up to one entry more than is ever cosigned."""
    return History.of(count + 1)


def witness(folder: Path) -> Witness:
    """Open the witness whose state is in a folder."""
    keeper = Store(folder / "state.db", "w")
    return Witness(keeper, LogKeys([Verifier(LOG.vkey)]), KEY, Conflicts(folder / "conflicts"), clock=lambda: 1)


def offer(to: Witness, of: History, old: int, size: int) -> Answer:
    """Ask for the cosignature of a size."""
    return to.add_checkpoint(of.request(old, size))


def main(disk: str, count: str, synchronous: str = "FULL") -> None:
    """Cosign every size from 1 on."""
    store._PRAGMAS["synchronous"] = (synchronous, SYNCHRONOUS[synchronous])
    folder = Path(disk) / "witness"
    make_directory(folder)
    Store.create(folder / "state.db", "w")
    made, honest = witness(folder), history(int(count))
    made._keeper._db.execute(f"PRAGMA wal_autocheckpoint = {PAGES}")  # type: ignore[attr-defined]
    with (Path(disk) / TOLD).open("w", buffering=1) as told:
        for size in range(1, int(count) + 1):
            assert offer(made, honest, size - 1, size).status == 200
            told.write(f"{size}\n")
    assert ORIGIN in made._logs.origins


if __name__ == "__main__":
    main(*sys.argv[1:])
