"""Promise P3 under concurrency and faults: a history of real clients against a real mesh, checked (`checker.py`).

Once a withdrawal has returned nothing that starts later is allowed, and no permit comes of an older request, whatever
is paused, killed or late meanwhile. The negative controls take away one protection each: the campaign must find it out.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from fault.history.campaigns import GRACE_NS, LIVES, campaign, enough, felt, load_of, violations
from fault.history.checker import Line, Rule, Violation, check
from fault.history.faults import FAULTS, killed, paused
from fault.history.lives import KINDS, Adult, Child, CourtOrder, Life
from fault.history.mutations import MUTATIONS
from fault.history.record import Operation, Outcome, Way
from fault.history.variant import command
from fault.history.workload import Load
from fault.history.world import world

from placet.local.mesh import NATS

pytestmark = pytest.mark.mesh
Kinds = Callable[[Load, str], Life]
ROUNDS: Final = 10
LATE: Final = {name: command(name, "late_messages") for name in ("permission", "vault")}


def convicted(history: Sequence[Operation], ledger: Sequence[Line]) -> set[str]:
    """Return the lies that could be made of a right history; expects the checker to convict each."""
    told: set[str] = set()
    for lie, rule in MUTATIONS.items():
        with suppress(StopIteration):  # the history has nothing to make this one of
            wrong = check(*lie(list(history), list(ledger)), grace=GRACE_NS)
            assert rule in {violation.rule for violation in wrong}, lie.__name__
            told.add(lie.__name__)
    return told


async def test_nothing_is_allowed_after_a_withdrawal_returned(tmp_path: Path) -> None:
    async with world(tmp_path) as found:
        load = load_of(found, 1)
        ledger = await campaign(found, load, (paused("audit"), killed(NATS)), rest=0.5, longest=1.5)
    enough(load, 3)
    felt(load)
    assert violations(load, ledger) == []
    assert len(convicted(load.recorder.operations, ledger)) >= len(MUTATIONS) - 2


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("programs", [{}, LATE], ids=["as shipped", "messages late"])
@pytest.mark.parametrize("seed", [2, 3])
async def test_every_fault_of_the_campaign(tmp_path: Path, seed: int, programs: Mapping[str, list[str]]) -> None:
    async with world(tmp_path, programs) as found:
        load = load_of(found, seed)
        faults = load.chance.sample(FAULTS, len(FAULTS))
        ledger = await campaign(found, load, faults * 2, rest=2.0, longest=2.5)
    enough(load, 30)
    felt(load)
    assert violations(load, ledger) == []


async def caught(
    folder: Path,
    programs: Mapping[str, list[str]],
    kinds: Sequence[Kinds] = KINDS,
    *,
    seed: int,
    enough_found: Callable[[list[Violation]], bool] = bool,
) -> list[Violation]:
    """Return what a campaign without faults finds violated, as soon as that is enough, or after ten rounds."""
    async with world(folder, programs) as found:
        load = load_of(found, seed, kinds)
        wrong: list[Violation] = []
        for _ in range(ROUNDS):
            await asyncio.gather(*(load.one() for _ in range(LIVES)))
            wrong = check(load.recorder.operations, await found.ledger(), grace=GRACE_NS)
            if enough_found(wrong):
                print(f"  {wrong[0].text}")
                return wrong
    enough(load, ROUNDS)
    return wrong


@pytest.mark.long
@pytest.mark.parametrize(
    ("service", "variant", "kind", "rule"),
    [
        ("audit", "deaf_sequencer", Adult, Rule.BEHIND_WITHDRAWAL),
        ("audit", "deaf_sequencer", CourtOrder, Rule.BEHIND_WITHDRAWAL),
        ("audit", "guardians_unheard", Child, Rule.BEHIND_WITHDRAWAL),
        ("vault", "use_asked_once", Adult, Rule.AFTER_WITHDRAWAL),
        ("vault", "use_asked_once", Child, Rule.AFTER_WITHDRAWAL),
        ("vault", "use_asked_once", CourtOrder, Rule.AFTER_WITHDRAWAL),
        ("permission", "permit_not_asked", Adult, Rule.PERMIT_AFTER),
        ("permission", "permit_not_asked", Child, Rule.PERMIT_AFTER),
        ("permission", "permit_not_asked", CourtOrder, Rule.PERMIT_AFTER),
    ],
)
async def test_a_protection_that_is_off_is_found_out(
    tmp_path: Path, service: str, variant: str, kind: Kinds, rule: Rule
) -> None:
    def found_out(wrong: list[Violation]) -> bool:
        return rule in {violation.rule for violation in wrong}

    assert found_out(await caught(tmp_path, _off(service, variant), [kind], seed=4, enough_found=found_out))


@pytest.mark.long
async def test_it_is_found_out_in_every_way_of_asking(tmp_path: Path) -> None:
    def found_out(wrong: list[Violation]) -> bool:
        late = [violation.text for violation in wrong if violation.rule is Rule.AFTER_WITHDRAWAL]
        return all(any(f"({Outcome.ALLOWED.value}, {way.value})" in text for text in late) for way in Way)

    programs = _off("audit", "deaf_sequencer")
    assert found_out(await caught(tmp_path, programs, [Adult], seed=6, enough_found=found_out))


@pytest.mark.long
async def test_late_messages_alone_are_no_violation(tmp_path: Path) -> None:
    assert await caught(tmp_path, LATE, seed=5) == []


def _off(service: str, variant: str) -> dict[str, list[str]]:
    """Return the programs of a mesh with a protection switched off, and late messages, so that others do not help."""
    return LATE | {service: command(service, variant, *(["late_messages"] if service != "audit" else []))}
