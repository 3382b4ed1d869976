"""What the service's role may do in PostgreSQL: the least that appending and serving need.

Owned by another role, which runs the migrations, the tables cannot be altered or emptied by the service, and their
triggers not be switched off. What was appended can be read and nothing else; only a log's head and lease, its further
keys and the end of a basis move. A service refuses to run with a role that may more (`require_least`). See ledger.md
section 7.
"""

from typing import Final

from sqlalchemy import Engine, text

from placet.audit.errors import RoleTooStrong
from placet.audit.tables import APPEND_ONLY, BasisRow, LogKeyRow, LogRow, of
from placet.audit.witness_tables import CosignatureRow, WitnessedRow
from placet.kit.db.errors import mapped

# What is only ever added to.
GROWING: Final = (*APPEND_ONLY, WitnessedRow, CosignatureRow)
# Columns that may change, by table; all others never do once they are written.
CHANGEABLE: Final = {
    of(LogRow).name: (
        *("closed_at", "size", "prev", "at", "state", "bases", "status_root"),
        *("epoch", "holder", "lease_until"),
    ),
    of(LogKeyRow).name: ("vkey", "overlap", "since", "until"),
    of(BasisRow).name: ("ended", "history", "events"),
}
_MAY_CHANGE: Final = text(
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') "
    "AND relname = ANY(:tables) AND (has_table_privilege(oid, 'DELETE, TRUNCATE, TRIGGER') "
    "OR has_any_column_privilege(oid, 'UPDATE') OR pg_has_role(relowner, 'USAGE')) ORDER BY relname"
)


def grant(engine: Engine, role: str) -> None:
    """Give a role what the service needs and take everything else from it; may be repeated. Run as the owner."""
    with mapped(), engine.begin() as connection:
        names = text("SELECT quote_ident(:role), quote_ident(current_schema())")
        quoted, schema = connection.execute(names, {"role": role}).one()
        for statement in _statements(quoted, schema):
            connection.exec_driver_sql(statement)


def _statements(role: str, schema: str) -> list[str]:
    tables = [of(row).name for row in GROWING]
    changing = [f"GRANT UPDATE ({', '.join(columns)}) ON {name} TO {role}" for name, columns in CHANGEABLE.items()]
    return [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}",
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"GRANT SELECT, INSERT ON {', '.join((*tables, *CHANGEABLE))} TO {role}",
        *changing,
        f"GRANT SELECT ON alembic_version TO {role}",
        f"GRANT USAGE ON SEQUENCE log_id_seq TO {role}",
        f"GRANT EXECUTE ON FUNCTION extend_entries(bigint, bigint) TO {role}",
    ]


def require_least(engine: Engine) -> None:
    """Raise RoleTooStrong if our role may change or empty what must only ever grow; SQLite knows no roles."""
    if engine.dialect.name != "postgresql":
        return
    with mapped(), engine.connect() as connection:
        found = connection.execute(_MAY_CHANGE, {"tables": [of(row).name for row in GROWING]}).scalars().all()
        role = connection.execute(text("SELECT current_user")).scalar_one()
    if found:
        raise RoleTooStrong(role, found)
