"""Whatever the OpenAPI document allows, and what it does not: no 5xx, only documented answers, only problems on error.

Schemathesis over real HTTP, before a real little log. Without the document's word a status, a content type or a body
that it does not describe fails the test.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from integration.gateway.gateway_rig import Served, served, token
from integration.gateway.gateway_routes import GUARDED, OPEN
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import FailureGroup

from placet.gateway.model import MAX_INDEX

load_all_checks()
# Left out: a parameter that matches the document's pattern may still be no date; unsupported methods and malformed
# parameters have tests of their own (what is "negative" here may be just the missing token, which this test supplies).
LEFT_OUT = {"positive_data_acceptance", "negative_data_rejection", "unsupported_method"}
CHECKED = [check for check in CHECKS.get_all() if check.__name__ not in LEFT_OUT]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(Path(tmp_path_factory.mktemp("schema"))) as running:
        yield running


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("path", [*OPEN, *GUARDED])
def test_every_operation_keeps_its_word(gateway: Served, path: str, mode: GenerationMode) -> None:
    operation = schemathesis.openapi.from_url(f"{gateway.url}/openapi.json")[path]["GET"]
    if mode is GenerationMode.NEGATIVE and path in OPEN:
        return  # takes nothing that could be wrong
    bearer = {"Authorization": f"Bearer {token(gateway.issuer)}"}

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        _aim(case, gateway.size)
        case.call_and_validate(checks=CHECKED, headers=bearer)

    ask()


def _aim(case: Any, size: int) -> None:
    """Bring what is well-formed near what exists; what is malformed stays as it is."""
    given_path = case.path_parameters
    if re.fullmatch(r"[a-z][a-z0-9-]{0,62}", str(given_path.get("controller", ""))):
        given_path["controller"] = "bank"
    if type(index := given_path.get("index")) is int and 0 <= index <= MAX_INDEX:
        given_path["index"] = index % (size + 2)
    if str(path := given_path.get("path", "")).isalnum():
        given_path["path"] = f"0/000.p/{1 + len(path) % size}"


def test_a_server_error_would_be_found(tmp_path: Path) -> None:
    with served(tmp_path) as broken:
        broken.app.state.verifier = None
        case = schemathesis.openapi.from_url(f"{broken.url}/openapi.json")["/v1/{controller}/checkpoint"]["GET"].Case(
            path_parameters={"controller": "bank"}
        )
        with pytest.raises(FailureGroup, match="Server error"):
            case.call_and_validate(checks=CHECKED, headers={"Authorization": f"Bearer {token(broken.issuer)}"})


def test_the_checks_are_the_ones_that_matter() -> None:
    names = {check.__name__ for check in CHECKED}
    assert names >= {
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "ignored_auth",
    }
