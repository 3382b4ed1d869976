"""Cosignatures kept for good, and the newest checkpoint that a quorum has cosigned.

Owns reading and writing of `witness_tables`. A checkpoint with another root than the one kept for its size is refused:
the log would have two histories.
"""

from collections.abc import Mapping

from sqlmodel import Session, col, select

from placet.audit.errors import Corrupt
from placet.audit.model import Cosigned
from placet.audit.quorum import Quorum
from placet.audit.witness_tables import CosignatureRow, WitnessedRow
from placet.kit.db.database import Database
from placet.tlog.note import Vkey, add_signatures, format_vkey, parse_vkey


class WitnessStore:
    """The cosignatures of all logs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, origin: str, checkpoint: Cosigned, lines: Mapping[Vkey, str]) -> None:
        """Keep these lines under a checkpoint; durable once this returns, and may be repeated. Raises Corrupt."""

        def write(session: Session) -> None:
            found = session.get(WitnessedRow, (origin, checkpoint.size))
            if found is None:
                row = WitnessedRow(origin=origin, size=checkpoint.size, root=checkpoint.root, note=checkpoint.note)
                session.add(row)
            elif found.root != checkpoint.root:
                raise Corrupt(f"{origin} has another root at {checkpoint.size} than the one that witnesses cosigned")
            for vkey, line in lines.items():
                key = (origin, checkpoint.size, format_vkey(vkey))
                if session.get(CosignatureRow, key) is None:
                    session.add(CosignatureRow(origin=origin, size=checkpoint.size, vkey=key[2], line=line))

        await self._database.write(write)

    async def newest(self, origin: str, quorum: Quorum) -> Cosigned | None:
        """Return the newest checkpoint that a quorum cosigned, with all its cosignatures; None if there is none."""

        def read(session: Session) -> Cosigned | None:
            rows = select(CosignatureRow).where(CosignatureRow.origin == origin)
            size, lines = -1, dict[Vkey, str]()
            for row in session.exec(rows.order_by(col(CosignatureRow.size).desc()).execution_options(yield_per=100)):
                if row.size != size:
                    if quorum(lines.keys()):
                        break
                    size, lines = row.size, {}
                lines[parse_vkey(row.vkey)] = row.line
            if not quorum(lines.keys()):
                return None
            found = session.get_one(WitnessedRow, (origin, size))
            return Cosigned(note=add_signatures(found.note, lines.values()), size=size, root=found.root)

        return await self._database.read(read)
