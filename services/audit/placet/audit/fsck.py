"""Checking a stored log against itself: every entry replayed, every tile, row, link and signature derived again.

Trusts nothing that is stored but the pinned verifier key, if one is given, and the checkpoints that it signed: without
such a checkpoint a log that was cut back to an earlier state of its own is a perfect log. Names the first entry that is
wrong. Memory grows with the bases, not with the entries. Reads only. See ledger.md section 7 and promise P7.
"""

from collections.abc import Sequence
from contextlib import ExitStack, closing

from sqlalchemy import Connection

from placet.audit.checking.cosigned import Cosignatures, CosignedCheck
from placet.audit.checking.entries import EntryCheck, Progress
from placet.audit.checking.findings import Finding, Findings
from placet.audit.checking.head import check_bases, check_head, check_identity, stored_head, usable_checkpoints
from placet.audit.checking.logkeys import check_rotations, check_signing, sound_keys
from placet.audit.checking.storage import check_storage
from placet.audit.model import Log
from placet.audit.ports import LogKeys
from placet.kit.db.engine import Engines
from placet.kit.db.errors import mapped
from placet.kit.errors import PlacetError
from placet.tlog.checkpoint import Checkpoint

__all__ = ("Cosignatures", "Finding", "check_storage", "fsck")


def fsck(
    engines: Engines,
    log: Log,
    *,
    keys: LogKeys | None,
    vkey: str | None,
    progress: Progress,
    checkpoints: Sequence[Checkpoint] = (),
    cosigned: Cosignatures | None = None,
) -> list[Finding]:
    """Check one log and return what is wrong, the first bad entry first; an empty list means that all is well.

    `vkey` is the pinned verifier key, if any; `keys` where its signing key should be; `checkpoints` are some that this
    key signed; `cosigned` is where what witnesses signed is kept, if it is to be checked too. `progress` is told (done,
    size).
    """
    found = Findings()
    check_identity(log, vkey, found)
    try:
        with mapped(), ExitStack() as stack:
            kept: CosignedCheck | None = None
            if cosigned is not None and isinstance(log.vkey, str) and sound_keys(log):
                kept = stack.enter_context(closing(CosignedCheck(cosigned, log, found)))
            connection = stack.enter_context(engines.moment())
            _check(connection, log, keys, checkpoints, found, progress, kept)
    except PlacetError as error:
        found.add("storage", None, error.message)
    except UnicodeDecodeError:  # of a text, or of what SQLite says of one
        found.add("storage", None, "the database file is damaged: a text in it is none")
    return list(found)


def _check(
    connection: Connection,
    log: Log,
    keys: LogKeys | None,
    checkpoints: Sequence[Checkpoint],
    found: Findings,
    progress: Progress,
    cosigned: CosignedCheck | None,
) -> None:
    head = stored_head(connection, log, found)
    if head is None:
        return
    check_signing(log, head, keys, found)
    known = tuple(usable_checkpoints(checkpoints, log, head, found))
    with closing(EntryCheck(connection, log, head, found, checkpoints=known, cosigned=cosigned)) as entries:
        if entries.run(progress):
            check_head(connection, log, head, entries, found)
            check_rotations(log, entries.rotations, found)
            check_bases(connection, log, entries.replay, found)
