"""Erasing for good: what was deleted or overwritten leaves SQLite's write-ahead log too.

Works on a database opened with `secure_delete`. Never deletes anything itself. SQLite documentation: PRAGMA
secure_delete, PRAGMA wal_checkpoint.
"""

from sqlalchemy import Engine


def scrub(engine: Engine) -> bool:
    """Bring everything out of SQLite's write-ahead log into the overwritten file and empty it; True when done.

    A deleted row's old page stays in the log until then. On PostgreSQL dead rows go with the next VACUUM: True.
    """
    if engine.dialect.name != "sqlite":
        return True
    connection = engine.raw_connection()
    try:
        # SQLite's busy handler waits for readers; who reads for longer than that is waited for by the next call.
        busy, *_ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy
    finally:
        connection.close()
