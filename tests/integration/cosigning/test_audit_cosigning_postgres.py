"""Cosigning where the log is in PostgreSQL, as the service's own role, which may add what was cosigned and no more."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from integration.audit.audit_databases import SERVICE, AuditPostgres, audit_postgres, audit_server
from integration.audit.rig import Rig
from integration.cosigning.cosigning_rig import Bench, Witnesses, bench
from integration.witness.witness_rig import Zygote

from placet.audit.cosigners import WitnessCosigners
from placet.audit.errors import Corrupt, RoleTooStrong
from placet.audit.fsck import Cosignatures, Finding, check_storage, fsck
from placet.audit.grants import require_least
from placet.audit.model import Cosigned

__all__ = ("audit_postgres", "audit_server")
ALL = {"test/log/bank", "witness.example/w0", "witness.example/w1", "witness.example/w2"}
TABLES = ("witnessed", "cosignature")


@pytest.fixture
def rig(tmp_path: Path, audit_postgres: AuditPostgres) -> Iterator[Rig]:
    """A log `bank`, as the service's role has it."""
    made = Rig(tmp_path, audit_postgres.service)
    yield made
    made.close()


@pytest.fixture
def three(rig: Rig, zygote: Zygote, tmp_path: Path) -> Witnesses:
    return Witnesses(zygote, tmp_path / "witnesses", rig.log.vkey, 3)


def check(rig: Rig) -> list[Finding]:
    """Check the log and what was cosigned, in their one database, as the service's role."""
    kept = Cosignatures(engines=rig.engines)
    found = check_storage(rig.engines, rig.engines)
    return found + fsck(rig.engines, rig.log, keys=rig.keys, vkey=rig.log.vkey, progress=lambda *_: None, cosigned=kept)


def kept(postgres: AuditPostgres) -> tuple[int, int]:
    """How many checkpoints and cosignatures are kept."""
    with psycopg.connect(postgres.service) as connection:
        counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in TABLES]
    return counts[0][0], counts[1][0]  # type: ignore[index]


async def signed_by_all(made: Bench, size: int) -> Cosigned:
    found = await made.published(size)
    assert made.check(found) == ALL
    return found


async def test_what_is_published_is_kept_and_is_there_after_a_restart(
    rig: Rig, three: Witnesses, audit_postgres: AuditPostgres
) -> None:
    async with bench(rig, three.named(), quorum=3) as made:
        for _ in range(3):
            found = await signed_by_all(made, made.grow())
    assert kept(audit_postgres) == (3, 9)
    assert check(rig) == []
    for number in range(3):
        three.kill(number)
    rig.restart()
    async with bench(rig, three.named(), quorum=3) as made:
        cosigners = WitnessCosigners([(at, None) for at in made.named], made.cosigning._around, made.store)  # type: ignore[misc]
        await cosigners._restore(made.cosigning)
        assert made.cosigning.published is not None
        assert made.cosigning.published.size == found.size
        assert made.check(made.cosigning.published) == ALL


async def test_two_replicas_keep_what_they_are_told_at_the_same_time(
    rig: Rig, three: Witnesses, audit_postgres: AuditPostgres
) -> None:
    """One has just lost the log and the other taken it: both are answered, and nothing is there twice."""
    async with bench(rig, three.named(), quorum=3) as one, bench(rig, three.named(), quorum=3) as other:
        for _ in range(5):
            size = one.grow()
            other.cosigning.grown()
            await asyncio.gather(signed_by_all(one, size), signed_by_all(other, size))
        assert (one.outcomes("unavailable"), one.outcomes("corrupt")) == (0, 0)
    assert kept(audit_postgres) == (5, 15)
    assert check(rig) == []


async def test_no_other_root_is_ever_kept_for_a_size(rig: Rig, three: Witnesses) -> None:
    async with bench(rig, three.named(), quorum=2) as made:
        found = await made.published(made.grow())
        with pytest.raises(Corrupt, match="another root"):
            await made.store.keep(rig.log.origin, Cosigned(note=found.note, size=found.size, root=bytes(32)), {})


@contextmanager
def given(postgres: AuditPostgres, change: str, back: str) -> Iterator[None]:
    """Change rights for as long as a block lasts."""
    postgres.run(change)
    try:
        yield
    finally:
        postgres.run(back)


@pytest.mark.parametrize("table", TABLES)
async def test_the_services_role_can_neither_change_nor_remove_what_was_cosigned(
    rig: Rig, three: Witnesses, audit_postgres: AuditPostgres, table: str
) -> None:
    async with bench(rig, three.named(), quorum=3) as made:
        await made.published(made.grow())
    for statement in (f"UPDATE {table} SET size = 0", f"DELETE FROM {table}", f"TRUNCATE {table}"):
        with (
            psycopg.connect(audit_postgres.service) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement)  # type: ignore[call-overload]
    require_least(rig.engines.reader)
    for right in ("UPDATE", "DELETE", "TRUNCATE"):
        change, back = f"GRANT {right} ON {table} TO {SERVICE}", f"REVOKE {right} ON {table} FROM {SERVICE}"
        with given(audit_postgres, change, back), pytest.raises(RoleTooStrong, match=table):
            require_least(rig.engines.reader)


async def test_control_without_the_right_to_add_nothing_is_published(
    rig: Rig, three: Witnesses, audit_postgres: AuditPostgres
) -> None:
    """What cannot be kept is not published, and the log goes on; with the right again it is."""
    change, back = f"REVOKE INSERT ON cosignature FROM {SERVICE}", f"GRANT INSERT ON cosignature TO {SERVICE}"
    async with bench(rig, three.named(), quorum=2) as made:
        with given(audit_postgres, change, back):
            size = made.grow()
            await made.until(lambda: not made.cosigning.hopeful)
            assert made.cosigning.published is None
            assert kept(audit_postgres) == (0, 0), "a checkpoint without its cosignature is not kept either"
        await made.published(size)


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("UPDATE cosignature SET line = replace(line, 'witness.example/w1', 'witness.example/w2')", "cosignature"),
        ("UPDATE witnessed SET root = decode(repeat('00', 32), 'hex')", "witnessed"),
        ("DELETE FROM witnessed", "cosignature"),
        ("UPDATE witnessed SET size = size + 1000", "witnessed"),
        ("UPDATE cosignature SET origin = 'test/log/shop'", "storage"),
    ],
)
async def test_what_was_changed_by_somebody_who_may_is_found(
    rig: Rig, three: Witnesses, audit_postgres: AuditPostgres, statement: str, part: str
) -> None:
    async with bench(rig, three.named(), quorum=3) as made:
        await signed_by_all(made, made.grow())
    assert check(rig) == []
    audit_postgres.run(statement)
    assert part in [finding.part for finding in check(rig)]
