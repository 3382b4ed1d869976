"""A log at its last commit, read from what is stored: for a replica that does not hold it, and from a cold start.

Reads what a proof needs and no more: the head, a row for each tile on the way, the ragged right edge. The status tree
is read when a status is first asked for. Checks what it is about to sign like recovery does: the chain must end where
the head says, and the bases must give the status root that the head has. Never writes. See ledger.md section 7.
"""

from functools import cached_property
from typing import Final

from placet.audit.errors import Corrupt
from placet.audit.logs import Logs
from placet.audit.model import Head, Log
from placet.audit.nodes import StoredNodes, TileCache
from placet.audit.past import PastStatus, leaves_before
from placet.audit.ports import LogKeys
from placet.audit.reading import Snapshot
from placet.audit.recovery import read_status
from placet.audit.signing import Signers
from placet.audit.statements import Session
from placet.audit.store import SqlJournal, read_head
from placet.evidence.terms import MAX_INT, BasisOrdinal
from placet.kit.db.engine import Engines
from placet.kit.db.errors import mapped
from placet.tlog.checkpoint import Checkpoint, sign_checkpoint
from placet.tlog.tree import subtree_root

_ROTATED: Final = "SELECT count(*) FROM log_key WHERE log = ? AND since IS NOT NULL"


class StoredStatus:
    """The status tree that a head commits (`StatusReader`), whatever the log's holder appends meanwhile."""

    def __init__(self, engines: Engines, log: Log, head: Head) -> None:
        self._engines = engines
        self._log = log
        self._head = head

    def node(self, level: int, index: int) -> bytes:
        """Return the root of the perfect subtree of 2**level leaves number `index`; raises Corrupt."""
        return self._at_head.node(level, index)

    def proof(self, ordinal: BasisOrdinal) -> list[bytes]:
        """Return the inclusion proof of a basis, leaf sibling first; raises Corrupt."""
        return self._at_head.proof(ordinal)

    @cached_property
    def _at_head(self) -> PastStatus:
        head, journal = self._head, SqlJournal(self._engines, self._log, epoch=-1)
        now = read_status(self._engines.reader, self._log.id)
        # Asked after the bases were read, so nothing that they show already is missing here.
        changed = {ordinal for ordinal in journal.changed_since(head.size, MAX_INT) if ordinal < head.bases}
        if now.size >= head.bases:
            status = PastStatus(now, head.bases, leaves_before(journal, head.size, sorted(changed)))
            if status.root() == head.status_root:
                return status
        raise Corrupt(f"the bases of log {self._log.id} do not give the status root of its head")


def stored_snapshot(log: Log, engines: Engines, keys: LogKeys) -> Snapshot:
    """Return the log at its last commit, its checkpoint signed anew (signing is deterministic).

    Raises Corrupt if its rows cannot be right, and what the provider of keys raises.
    """
    with mapped(), engines.reader.connect() as connection:
        session = Session.over(connection)
        head = read_head(session, log.id)
        (rotated,) = session.run(_ROTATED, log.id).fetchone()
    if rotated != len(log.rotated):  # asked after the head: a rotation may be the last thing that was committed
        log = Logs(engines.reader).find(log.controller) or log
    nodes = StoredNodes(TileCache(engines.reader, log.id), engines.reader, log.id, head.size)
    with mapped():
        if head.size and nodes.node(0, head.size - 1) != head.prev:
            raise Corrupt(f"the last entry of log {log.id} is not the one its head names")
        checkpoint = Checkpoint(origin=log.origin, size=head.size, root=subtree_root(0, head.size, nodes))
    note = sign_checkpoint(checkpoint, *Signers(log, keys).at(head))
    return Snapshot(log, head, note, nodes, StoredStatus(engines, log, head), engines)
