"""Brings a log's working state back from the database: the same on the first start, after a crash and after a lost
lease.

Owns: the tail (two tile levels of the right edge and the roots before it) and the status tree (one leaf for each
basis). Checks while it reads: the chain end and the status root must be those of the head, so a damaged database does
not get to sign anything. Never writes. See ledger.md section 7 ("Recovery takes the normal path").
"""

from sqlalchemy import Connection, Engine, select

from placet.audit.errors import Corrupt
from placet.audit.model import Head
from placet.audit.nodes import TILE_WIDTH, TileCache, row_of_hashes
from placet.audit.statements import Session
from placet.audit.store import BASIS, TILE, read_head
from placet.audit.tail import WINDOW, Tail
from placet.evidence.status import StatusTree, status_leaf
from placet.kit.db.engine import Engines
from placet.tlog.hashing import HASH_SIZE


def recover(engines: Engines, log: int, tiles: TileCache) -> tuple[Head, Tail, StatusTree]:
    """Return the head, a tail that ends there and the status tree, as of one moment; raises Corrupt if they disagree.

    A replica that does not hold the log reads it so while another appends.
    """
    with engines.moment() as connection:
        head = read_head(Session.over(connection), log)
        return head, _tail(connection, log, head, tiles), _status(connection, log, head)


def _tail(connection: Connection, log: int, head: Head, tiles: TileCache) -> Tail:
    windows = head.size // WINDOW
    roots = row_of_hashes(connection, log, 2, 0, windows) if windows else b""
    leaves = _window_leaves(connection, log, windows, head.size)
    if leaves and leaves[-HASH_SIZE:] != head.prev:
        raise Corrupt(f"the last entry of log {log} is not the one its head names")
    return Tail(tiles, window_roots=roots, leaves=leaves)


def _window_leaves(connection: Connection, log: int, windows: int, size: int) -> bytes:
    first, full = windows * TILE_WIDTH, size // TILE_WIDTH
    query = select(TILE.c.hashes).where(TILE.c.log == log, TILE.c.level == 0, TILE.c.number >= first)
    stored = [hashes for (hashes,) in connection.execute(query.order_by(TILE.c.number))]
    if len(stored) != full - first:
        raise Corrupt(f"level 0 of log {log} has {len(stored)} of {full - first} full tiles after tile {first}")
    return b"".join(stored) + row_of_hashes(connection, log, 0, full * TILE_WIDTH, size)


def _status(connection: Connection, log: int, head: Head) -> StatusTree:
    tree = _statuses(connection, log)
    if tree.size != head.bases or tree.root() != head.status_root:
        raise Corrupt(f"the bases of log {log} do not give the status root of its head")
    return tree


def read_status(engine: Engine, log: int) -> StatusTree:
    """Return the status tree of all bases that are stored now."""
    with engine.connect() as connection:
        return _statuses(connection, log)


def _statuses(connection: Connection, log: int) -> StatusTree:
    query = select(BASIS).where(BASIS.c.log == log).order_by(BASIS.c.ordinal)
    rows = connection.execution_options(yield_per=10_000).execute(query)
    return StatusTree.from_leaves(status_leaf(row.ordinal, row.granted, row.ended, row.history) for row in rows)
