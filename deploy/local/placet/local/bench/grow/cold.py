"""How soon a process that has nothing of a log in memory proves an entry of it.

Each proof is made by a process of its own, the way the audit service answers GetEntry for a log that it does not hold
(`placet.audit.stored`): the head, the tiles, the right edge, the signed checkpoint, the entry and its inclusion proof.
Counted from when the replica has started (the connection is open, the log and its key were found) until the proof is
there. Nothing of the tree, no entry and no head is in memory. Two kinds: `process`, where another process has just
proven the same entry, so its pages are in the system's cache; and `disk`, with the whole file put out of that cache
before, which measures the disk. Every proof is then verified.
"""

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from placet.audit.logkeys import KeyFiles
from placet.audit.logs import Logs
from placet.audit.reading import Proven, Snapshot
from placet.audit.stored import stored_snapshot
from placet.kit.db.engine import open_engines
from placet.local.bench.grow.log import CONTROLLER, database
from placet.tlog.checkpoint import open_checkpoint
from placet.tlog.note import Verifier
from placet.tlog.proof import verify_inclusion

DISK: Final = "disk"
PROCESS: Final = "process"


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """The first proof of some processes, in milliseconds, by the clock and (at the median) of processor time.

    `again_p50_ms` is the second one, of another entry; `kb` were read from the disk for the first at the median.
    """

    p50_ms: float
    max_ms: float
    cpu_ms: float
    again_p50_ms: float
    kb: float


def first_proofs(folder: Path, size: int, runs: int) -> dict[str, First]:
    """Return what the first proof of an entry takes, by kind; entries are chosen at random below `size`."""
    found: dict[str, list[dict[str, float]]] = {DISK: [], PROCESS: []}
    for _ in range(runs):
        entries = [random.randrange(size) for _ in range(2)]  # noqa: S311 - any entries
        for kind, runs_of_kind in found.items():  # the disk first: what it has read, the next process finds in memory
            runs_of_kind.append(_elsewhere(folder, kind, entries))
    return {kind: _summary(runs_of_kind) for kind, runs_of_kind in found.items()}


def _elsewhere(folder: Path, kind: str, entries: list[int]) -> dict[str, float]:
    command = [sys.executable, "-m", __spec__.name, str(folder), kind, *map(str, entries)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def _summary(runs: list[dict[str, float]]) -> First:
    return First(
        p50_ms=round(median(run["first_ms"] for run in runs), 2),
        max_ms=round(max(run["first_ms"] for run in runs), 2),
        cpu_ms=round(median(run["cpu_ms"] for run in runs), 2),
        again_p50_ms=round(median(run["again_ms"] for run in runs), 2),
        kb=round(median(run["kb"] for run in runs)),
    )


def prove(folder: Path, kind: str, entries: Sequence[int]) -> dict[str, float]:
    """Prove two entries in this process, which must be new, and return what that took."""
    engines = open_engines(database(folder))
    log = Logs(engines.reader).find(CONTROLLER)
    assert log is not None
    keys = KeyFiles(folder / "keys", os.urandom)
    keys.load(log.controller, log.origin)  # as a replica does when it starts, and OpenSSL with it
    if kind == DISK:
        put_out_of_cache(folder / "audit.db")
    read, used, began = _blocks_read(), time.process_time(), time.perf_counter()
    snapshot = stored_snapshot(log, engines, keys)
    proofs = [snapshot.prove(entries[0])]
    first, cpu, kb = time.perf_counter(), time.process_time() - used, (_blocks_read() - read) / 2
    proofs.append(snapshot.prove(entries[1]))
    again = time.perf_counter()
    _verify(snapshot, proofs)
    engines.dispose()
    return {"first_ms": (first - began) * 1e3, "cpu_ms": cpu * 1e3, "again_ms": (again - first) * 1e3, "kb": kb}


def put_out_of_cache(path: Path) -> None:
    """Have the system forget the pages of a file that it holds in memory; they must have been written back."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


def _blocks_read() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_inblock


def _verify(snapshot: Snapshot, proofs: list[Proven]) -> None:
    checkpoint = open_checkpoint(snapshot.checkpoint, [Verifier.parse(key.vkey) for key in snapshot.log.keys])
    for one in proofs:
        verify_inclusion(one.leaf, one.index, checkpoint.size, one.proof, checkpoint.root)


def main(arguments: list[str]) -> dict[str, Any]:
    """Prove entries of the log in the folder named first, and return the figures."""
    folder, kind, *entries = arguments
    return prove(Path(folder), kind, [int(entry) for entry in entries])


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
