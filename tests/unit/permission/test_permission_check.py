"""Check says what Authorize would, as far as it can be told without a position, and appends nothing."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from unit.permission.world import BANK, BEGIN, DAY, World, purpose, world

from placet.permission.handlers import check as check_handler
from placet.permission.model.vocabulary import SECOND, AgeBand, Inference, Operation, Storage, Verdict


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        await made.put(purpose(operations=tuple(Operation)))
        yield made


CONSENTS: list[dict[str, Any]] = [
    {},
    {"purpose": "loans"},
    {"operations": frozenset({"enrol"})},
    {"sites": frozenset({"branch-2"})},
    {"egress": True},
    {"not_before": BEGIN + DAY},
    {"not_after": BEGIN + SECOND},
    {"age_band": AgeBand.UNDER_13},
    {"separate": False},
]
EVENTS: list[dict[str, Any]] = [
    {},
    {"egress": True},
    {"operation": Operation.IDENTIFY},
    {"operation": Operation.EXPORT},
    {"inference": Inference.HEALTH},
    {"device": "nobody"},
    {"storage": Storage.VAULT},
    {"occurred": BEGIN - 119 * SECOND},
    {"occurred": BEGIN - 121 * SECOND},
    {"occurred": BEGIN + 121 * SECOND},
    {"occurred": BEGIN - 121 * SECOND, "offline": True},
    {"occurred": BEGIN + 2 * SECOND},
    {"basis": 0},
    {"basis": 9},
    {"subject": b"nobody"},
]


@pytest.mark.parametrize("consent", CONSENTS, ids=str)
async def test_check_and_authorize_say_the_same(bank: World, consent: dict[str, Any]) -> None:
    await bank.persons.grant(b"alice", **consent)
    for changes in EVENTS:
        event = bank.event(**changes)
        before = len(bank.ledger.logs[BANK].entries)
        now = bank.clock()
        said = await check_handler.check(bank.asked(event), bank.desk, now=now, deadline=now + SECOND)
        assert len(bank.ledger.logs[BANK].entries) == before
        answer = (await bank.authorize(event)).answers[0]
        assert (said.verdict, said.reasons) == (answer.verdict, answer.reasons), changes
        assert (said.permitted_by, said.forbidden_by) == (answer.permitted_by, answer.forbidden_by)
        assert said.alternative == answer.alternative


async def test_check_claims_nothing_that_only_the_log_knows(bank: World) -> None:
    basis = await bank.persons.grant(b"alice", max_events=1)
    await bank.ask()
    await bank.persons.withdraw(basis, tell=False)
    now = bank.clock()
    said = await check_handler.check(bank.asked(bank.event()), bank.desk, now=now, deadline=now + SECOND)
    assert said.verdict is Verdict.ALLOW  # neither the count of events nor a withdrawal on its way is seen
    assert (await bank.ask()).reasons == ("BASIS_WITHDRAWN", "EVENTS_EXHAUSTED")
