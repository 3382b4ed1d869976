"""The inbox: which messages a service has dealt with, kept in the transaction that deals with them.

Owns the table `inbox` of a service, UNIQUE by message id. A message that JetStream delivers twice changes the state
once. Rows are kept longer than any message can be redelivered, then pruned.
"""

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, delete, text
from sqlmodel import Session

from placet.kit.failpoints import Write


class Inbox:
    """One service's inbox; make it beside the service's tables: `inbox = Inbox(Table.metadata)`."""

    def __init__(self, metadata: MetaData, name: str = "inbox") -> None:
        self.table = Table(
            name,
            metadata,
            Column("id", String(64), primary_key=True),
            Column("at", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
        )
        self._insert = text(f"INSERT INTO {name} (id, at) VALUES (:id, :at) ON CONFLICT (id) DO NOTHING")  # noqa: S608

    def once(self, session: Session, message_id: str, now: int) -> bool:
        """Return True the first time a message is seen; `now` is in unix microseconds.

        Only in the transaction that deals with the message: if that is rolled back, the message was not seen.
        """
        with Write.INBOX_ONCE:
            result = session.connection().execute(self._insert, {"id": message_id, "at": now})
        return result.rowcount == 1

    def prune(self, session: Session, before: int) -> int:
        """Forget messages seen before a time; return how many."""
        return session.connection().execute(delete(self.table).where(self.table.c.at < before)).rowcount
