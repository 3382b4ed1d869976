"""Promise P3 around takeovers: two replicas of audit on PostgreSQL, of which the one that holds the log is killed and
stopped while clients ask, compare and withdraw. The history must hold, and a holder that wakes up must append nothing.
"""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from fault.history.campaigns import campaign, enough, felt, load_of, tally, violations
from fault.history.faults import Fault, killed, paused
from fault.history.pair import Pair, holder_killed, holder_stopped, pair
from fault.history.variant import command
from integration.audit.audit_databases import AuditPostgres, audit_postgres, audit_server

from placet.local.mesh import NATS
from placet.sdk import Corrupt, ProofError

__all__ = ["audit_postgres", "audit_server"]
pytestmark = pytest.mark.mesh
# Replicas that do not hear that their lease is lost: the worst that can wake up.
DEAF = command("audit", "deaf")


async def test_nothing_is_allowed_after_a_withdrawal_whoever_holds_the_log(
    tmp_path: Path, audit_postgres: AuditPostgres
) -> None:
    async with pair(tmp_path, audit_postgres, DEAF) as found:
        await lived_through(found, 11, [holder_stopped(found)], rest=0.5, longest=0.6, lives=3)
        assert found.refused(), "the holder that woke up wanted to append, and was refused"


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("names", [(), ("deaf",)], ids=["as shipped", "deaf"])
async def test_takeovers_in_turn_with_other_faults(
    tmp_path: Path, audit_postgres: AuditPostgres, names: Sequence[str]
) -> None:
    async with pair(tmp_path, audit_postgres, command("audit", *names)) as found:
        others = [killed(NATS), paused("consent"), killed("permission"), paused("vault"), paused(NATS)]
        faults = [*others, *[holder_stopped(found), holder_killed(found)] * 5]
        await lived_through(found, 12, random.Random(12).sample(faults, len(faults)), rest=2.0, longest=2.5, lives=30)


async def lived_through(
    found: Pair, seed: int, faults: Sequence[Fault], *, rest: float, longest: float, lives: int
) -> None:
    """Expect a history without a violation, and a sound log, after these faults."""
    load = load_of(found.world, seed)
    ledger = await campaign(found.world, load, faults, rest=rest, longest=longest)
    enough(load, lives)
    felt(load)
    assert violations(load, ledger) == []
    assert found.fsck() == ""


@pytest.mark.long
async def test_control_without_the_heads_check_a_woken_holder_is_found_out(
    tmp_path: Path, audit_postgres: AuditPostgres
) -> None:
    """By a client that is shown two histories, by a successor that recovers, by the checker, or else by fsck."""
    async with pair(tmp_path, audit_postgres, command("audit", "deaf", "any_head")) as found:
        load = load_of(found.world, 13)
        wrong: Sequence[object] = ()
        try:
            ledger = await campaign(found.world, load, [holder_stopped(found)] * 3, rest=1.0, longest=1.0)
            wrong = violations(load, ledger)
        except* (ProofError, Corrupt) as noticed:
            wrong = _leaves(noticed)
        tally(load.recorder.operations)
        print(f"  {wrong[0] if wrong else 'no client noticed'}")
        assert wrong or found.fsck()


def _leaves(group: BaseExceptionGroup[Exception]) -> list[Exception]:
    """Return the exceptions of a group, and of the groups in it."""
    nested = [_leaves(one) if isinstance(one, BaseExceptionGroup) else [one] for one in group.exceptions]
    return [one for some in nested for one in some]
