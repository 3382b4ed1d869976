"""Revision 0001: the tables of the log, what refuses to change them, and the partitions of the entries.

Written out, not taken from `tables.py`: what a revision does must not change when the tables do. A test holds both
equal. On PostgreSQL entries are partitioned by index; `extend_entries` is the one thing that the service's role may
do to the schema: it runs with the owner's rights and makes the next partitions, and nothing else (ADR 0014).
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, String

revision = "0001"
down_revision = None

APPEND_ONLY = ("entry", "tile", "basis_change", "event_use", "idempotency", "decision")


def upgrade() -> None:
    """Make everything; tables that a database of before the first release has are kept."""
    _log()
    _entries()
    _bases()
    _answers()
    if op.get_bind().dialect.name == "postgresql":
        _protect_postgres()
        _partitions()
    else:
        _protect_sqlite()


def _key(name: str, of: type[BigInteger | Integer] = BigInteger) -> "Column[int]":
    return Column(name, of(), primary_key=True, autoincrement=False, nullable=False)


def _big(name: str, *, nullable: bool = False) -> "Column[int]":
    return Column(name, BigInteger(), nullable=nullable)


def _bytes(name: str, *, primary_key: bool = False) -> "Column[bytes]":
    return Column(name, LargeBinary(), primary_key=primary_key, nullable=False)


def _create(
    name: str, *columns: "Column[int] | Column[bytes] | Column[bool] | Column[str]", entries: bool = False
) -> None:
    """Make a table whose rows are clustered by key (SQLite); that of the entries is partitioned (PostgreSQL)."""
    partitions = {"postgresql_partition_by": "RANGE (idx)"} if entries else {}
    op.create_table(name, *columns, if_not_exists=True, sqlite_with_rowid=False, **partitions)


def _log() -> None:
    op.create_table(
        "log",
        Column("id", Integer(), primary_key=True, nullable=False),
        Column("controller", String(), nullable=False),
        Column("origin", String(), nullable=False),
        Column("vkey", String(), nullable=False),
        _big("created_at"),
        _big("closed_at", nullable=True),
        _big("size"),
        _bytes("prev"),
        _big("at"),
        _big("state", nullable=True),
        _big("bases"),
        _bytes("status_root"),
        _big("epoch"),
        Column("holder", String(), nullable=True),
        _big("lease_until"),
        sa.UniqueConstraint("controller"),
        sa.UniqueConstraint("origin"),
        if_not_exists=True,
    )


def _entries() -> None:
    _create("entry", _key("log", Integer), _key("idx"), _bytes("body"), entries=True)
    op.create_table(
        "tile",
        _key("log", Integer),
        _key("level", Integer),
        _key("number"),
        _bytes("root"),
        _bytes("hashes"),
        if_not_exists=True,
    )


def _bases() -> None:
    columns = (_big("granted"), _big("ended", nullable=True), _bytes("history"), _big("events"))
    _create("basis", _key("log", Integer), _key("ordinal"), *columns)
    _create("basis_change", _key("log", Integer), _key("ordinal"), _key("idx"))
    op.create_index("basis_change_by_index", "basis_change", ["log", "idx"], if_not_exists=True)
    _create("event_use", _key("log", Integer), _key("event"), _key("idx"), Column("allowed", Boolean(), nullable=False))


def _answers() -> None:
    service = Column("service", String(), primary_key=True, nullable=False)
    key = _bytes("key", primary_key=True)
    _create("idempotency", _key("log", Integer), service, key, _big("idx"), _bytes("digest"))
    _create("decision", _key("log", Integer), _bytes("digest", primary_key=True), _big("idx"))


def _protect_sqlite() -> None:
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER IF NOT EXISTS {table}_refuses_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def _protect_postgres() -> None:
    op.execute(
        "CREATE FUNCTION refuse_changes() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_changes()"
        )


# The index at which the last partition ends: what the entries have room for.
ROOM = """
CREATE FUNCTION entry_room() RETURNS bigint LANGUAGE sql STABLE SET search_path = {schema}, pg_temp AS $$
    SELECT coalesce(max(substring(pg_get_expr(part.relpartbound, part.oid) FROM 'TO \\(''?(\\d+)''?\\)')::bigint), 0)
    FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid WHERE inhparent = 'entry'::regclass
$$
"""

# A partition is made by itself and then attached: unlike CREATE TABLE ... PARTITION OF, this blocks neither appends nor
# reads. Statement triggers of a parent do not speak for its partitions, so each has its own.
EXTEND = """
CREATE FUNCTION extend_entries(upto bigint, width bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    room bigint;
    part text;
BEGIN
    IF width < 256 OR upto > (SELECT coalesce(max(size), 0) FROM log) + 16 * width THEN
        RAISE EXCEPTION 'partitions are made a little ahead of the logs, not up to % in steps of %', upto, width;
    END IF;
    LOCK TABLE entry IN SHARE UPDATE EXCLUSIVE MODE;
    room := entry_room();
    WHILE room < upto LOOP
        part := format('entry_%s', room);
        EXECUTE format('CREATE TABLE %I (LIKE entry INCLUDING ALL)', part);
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION refuse_changes()', part);
        EXECUTE format('ALTER TABLE entry ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', part, room, room + width);
        room := room + width;
    END LOOP;
    RETURN room;
END
$$
"""


def _partitions() -> None:
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    for function in (ROOM, EXTEND):
        op.execute(function.format(schema=schema))
    op.execute("REVOKE ALL ON FUNCTION extend_entries(bigint, bigint) FROM PUBLIC")
