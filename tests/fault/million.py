"""A mesh's data directory whose ledger has a million entries, for campaigns at size: made once, in a few minutes.

The production sequencer writes it, in groups of 512 as a busy day would, with one thing off: nothing is synced to disk
while it is made.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from integration.audit.rig import SECOND, decision, event, grant_draft

from placet.audit import lease as leases
from placet.audit.checking.search import rebuild_search
from placet.audit.clock import LogClock
from placet.audit.logkeys import KeyFiles
from placet.audit.logs import Logs
from placet.audit.queueing import GROUP, Waiting
from placet.audit.search import SearchIndex
from placet.audit.sequencer import Sequencer
from placet.audit.store import SqlJournal
from placet.kit.db import engine
from placet.kit.db.engine import Engines, open_engines
from placet.kit.ledger.messages import (
    AppendRequest,
    Submission,
    decode_request,
    encode_decision,
    encode_request,
    submission,
)
from placet.local.mesh import Mesh

BASES = 20_000


async def make(data: Path, entries: int) -> None:
    """Fill the log of `bank` in a mesh's data directory to this size, and its search index."""
    async with Mesh(data, services=("audit",)) as mesh:
        await mesh.create_controller("bank")
    folder = data / "audit"
    kept = engine._PRAGMAS["synchronous"]
    engine._PRAGMAS["synchronous"] = ("OFF", 0)
    try:
        engines = open_engines(f"sqlite:///{folder / 'audit.db'}")
        _fill(engines, folder, entries)
        search = open_engines(f"sqlite:///{folder / 'search.db'}")
        (log,) = Logs(engines.reader).all()
        rebuild_search(engines, SearchIndex(search.writer), log, progress=lambda *_: None)
        search.dispose()
        engines.dispose()
    finally:
        engine._PRAGMAS["synchronous"] = kept


def _fill(engines: Engines, folder: Path, entries: int) -> None:
    (log,) = Logs(engines.reader).all()
    now = time.time_ns() // 1_000
    lease = leases.acquire(engines.writer, log.id, "filling", now + 10 * SECOND)
    assert lease is not None
    keys = KeyFiles(folder / "keys", os.urandom)
    clock = LogClock(lambda: now, lambda: now)
    sequencer = Sequencer(log, SqlJournal(engines, log, lease.epoch), engines, keys, clock)

    def send(service: str, submissions: Sequence[Submission]) -> None:
        raw = [msgspec.Raw(encode_decision(decision()))] if service == "permission" else []
        request = decode_request(encode_request(AppendRequest(now + SECOND, [], raw, list(submissions))))
        answers: list[object] = []
        sequencer.run([Waiting(service, request, answers.append)])
        assert isinstance(answers[0], bytes), answers

    while (head := sequencer.recover()).bases < min(BASES, entries // 10):
        send("consent", [submission(grant_draft(now), key=os.urandom(16)) for _ in range(GROUP)])
    while (head := sequencer.recover()).size < entries:
        count = min(GROUP, max(1, entries - head.size - 1))
        send("permission", [event(now, number % head.bases, permit=1) for number in range(count)])
    leases.release(engines.writer, lease)
