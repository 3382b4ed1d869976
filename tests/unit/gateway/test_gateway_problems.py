"""Errors as problems: every kind, every reason, and values that do not tell."""

import json
import pickle

import pytest

from placet.api.common.v1 import errors_pb2
from placet.evidence.reasons import Reason
from placet.evidence.terms import Verdict
from placet.gateway.model import Query, Reading
from placet.gateway.problems import problem_response
from placet.gateway.wire import filter_to_pb
from placet.kit.errors import Invalid, Kind, error_of
from placet.kit.grpc.caller import Caller

RETRIED = {Kind.EXHAUSTED, Kind.UNAVAILABLE}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_a_problem(kind: Kind) -> None:
    answer = problem_response(error_of(kind, "SOME_REASON", "what happened", field="f", metadata={"a": "b"}))
    assert answer.status_code == kind.http_status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert ("retry-after" in answer.headers) == (kind in RETRIED)
    assert ("www-authenticate" in answer.headers) == (kind is Kind.UNAUTHENTICATED)
    assert json.loads(answer.body) == {
        "type": "urn:placet:problem:some-reason",
        "title": "Some reason",
        "status": kind.http_status,
        "detail": "what happened",
        "reason": "SOME_REASON",
        "field": "f",
        "metadata": {"a": "b"},
    }


def test_every_reason_has_its_own_type() -> None:
    reasons = [name.removeprefix("ERROR_REASON_") for name in errors_pb2.ErrorReason.keys()]  # noqa: SIM118
    types = {json.loads(problem_response(Invalid("f", "x", reason=one)).body)["type"] for one in reasons}
    assert len(types) == len(reasons)


@pytest.mark.parametrize(("after", "header"), [(None, "1"), (0.0, "1"), (0.2, "1"), (1.0, "1"), (1.1, "2"), (90, "90")])
def test_retry_after_is_whole_seconds_never_too_early(after: float | None, header: str) -> None:
    error = error_of(Kind.EXHAUSTED, "QUEUE_FULL", "full", retry_after=after)
    assert problem_response(error).headers["retry-after"] == header


def test_a_reading_does_not_tell_its_token() -> None:
    caller = Caller(actor="a", controllers=frozenset({"bank"}), roles=frozenset({"auditor"}))
    reading = Reading(caller=caller, controller="bank", token="canary")
    for shown in (repr(reading), str(reading), f"{reading}"):
        assert "canary" not in shown
        assert "bank" in shown
    with pytest.raises(TypeError):
        pickle.dumps(reading)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_can_be_looked_for(reason: Reason) -> None:
    assert filter_to_pb(Query(reason=reason)).reason != 0


def test_a_query_sets_what_it_names_and_nothing_else() -> None:
    assert filter_to_pb(Query()).ListFields() == []
    assert filter_to_pb(Query(basis=0)).HasField("basis")
    assert not filter_to_pb(Query()).HasField("basis")
    full = filter_to_pb(
        Query(
            since=1, until=2, kind="use", verdict=Verdict.DENY, reason=Reason.POLICY, purpose="p", site="s", device="d"
        )
    )
    assert getattr(full, "from") == 1
    assert (full.until, full.kind, full.verdict, full.purpose, full.site, full.device) == (2, "use", 2, "p", "s", "d")
