"""The context manager `permit`, in both clients: authorize, run, record."""

from typing import Any

import pytest
from integration.sdk.conftest import ASK
from integration.sdk.little_mesh import PERMIT, LittleMesh
from integration.sdk.test_sdk_faults import status

from placet.sdk import AsyncClient, Denied, Unreachable


async def test_an_allowed_event_runs_the_body_and_records_completed(mesh: LittleMesh, client: AsyncClient) -> None:
    async with client.permit(**ASK) as permitted:
        assert permitted.permit == PERMIT
        assert permitted.allowed
        assert mesh.outcomes == []
    assert mesh.outcomes == [(permitted.index, "completed")]


@pytest.mark.parametrize("outcome", ["match", "no_match"])
async def test_the_body_may_say_what_came_of_it(mesh: LittleMesh, client: AsyncClient, outcome: str) -> None:
    async with client.permit(**ASK) as permitted:
        permitted.outcome = outcome
    assert mesh.outcomes == [(permitted.index, outcome)]


async def test_nothing_is_recorded_if_the_body_says_so(mesh: LittleMesh, client: AsyncClient) -> None:
    async with client.permit(**ASK) as permitted:
        permitted.outcome = None
    with pytest.raises(KeyError):  # noqa: PT012
        async with client.permit(**ASK) as permitted:
            permitted.outcome = None
            raise KeyError
    assert mesh.outcomes == []


async def test_a_body_that_raises_is_recorded_as_an_error_and_its_error_comes_out(
    mesh: LittleMesh, client: AsyncClient
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with client.permit(**ASK) as permitted:
            raise ZeroDivisionError
    assert mesh.outcomes == [(permitted.index, "error")]


async def test_what_the_body_found_out_before_it_raised_is_recorded(mesh: LittleMesh, client: AsyncClient) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with client.permit(**ASK) as permitted:
            permitted.outcome = "match"
            raise ZeroDivisionError
    assert mesh.outcomes == [(permitted.index, "match")]


async def test_a_body_that_raises_is_not_hidden_by_an_outcome_that_cannot_be_recorded(
    mesh: LittleMesh, new_client: Any
) -> None:
    client = new_client(timeout=0.3)
    mesh.fail = lambda name, _: status("unavailable", "BUS_UNAVAILABLE") if name == "RecordOutcome" else None
    with pytest.raises(ZeroDivisionError):
        async with client.permit(**ASK) as permitted:
            raise ZeroDivisionError
    assert isinstance(permitted.unrecorded, Unreachable)
    with pytest.raises(Unreachable):
        async with client.permit(**ASK):
            pass


async def test_a_denied_event_raises_before_the_body(mesh: LittleMesh, client: AsyncClient) -> None:
    mesh.deny["payment"] = ("POLICY",)
    with pytest.raises(Denied) as caught:
        async with client.permit(**ASK):
            raise AssertionError("the body ran")
    assert caught.value.decision.reasons == ("POLICY",)
    assert "counter" in caught.value.explain()
    assert mesh.outcomes == []


async def test_a_denied_event_may_be_looked_at_instead(mesh: LittleMesh, client: AsyncClient) -> None:
    mesh.deny["payment"] = ("POLICY",)
    async with client.permit(**ASK, raise_denied=False) as permitted:
        assert not permitted.allowed
        assert permitted.permit is None
    assert mesh.outcomes == []
