"""The HTTP application: which routes there are, and what holds for all of them.

Owns: putting routes, error answers, the boundary and the OpenAPI document together. Never: reads clock, randomness or
environment (`app.py` hands them down). Every operation says `default: problem+json`.
"""

from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute

from placet.gateway.boundary import Boundary
from placet.gateway.client import AuditClient
from placet.gateway.problems import MEDIA_TYPE, Problem, handle_errors
from placet.gateway.routes import checkpoints, entries, events, health, log
from placet.kit.security.jwt import TokenVerifier
from placet.kit.telemetry.metrics import Metrics

VERSION: Final = "0.1.0"
_DESCRIPTION: Final = """The logs of Placet, for those who check them.

Everything but health and this document needs a bearer token of the configured issuer for the controller, with the role
auditor, dpo or regulator. Answers are claims of the server; bundles, proofs and tiles are evidence when they are
checked against the log's key, pinned beforehand."""
_PROBLEM: Final[dict[str, Any]] = {
    "description": "Why there is no such answer (RFC 9457).",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_STATUSES: Final = ("400", "401", "403", "404", "429", "500", "503", "default")


def create_app(
    audit: AuditClient,
    verifier: TokenVerifier,
    *,
    new_error_id: Callable[[], str],
    metrics: Metrics,
    max_concurrent: int = 2_048,
) -> FastAPI:
    """Return the application; it reads through `audit` and tells callers by `verifier`."""
    app = FastAPI(
        title="Placet",
        version=VERSION,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.state.audit = audit
    app.state.verifier = verifier
    app.state.new_error_id = new_error_id
    for part in (health, events, entries, checkpoints, log):
        app.include_router(part.router)
    handle_errors(app)
    calls = metrics.counter("placet.http.calls", "requests by route, method and status")
    app.add_middleware(Boundary, max_concurrent=max_concurrent, new_error_id=new_error_id, calls=calls)
    _describe_problems(app)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


def _describe_problems(app: FastAPI) -> None:
    """Make the OpenAPI document say what errors look like, in place of FastAPI's own."""
    document = app.openapi()
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for theirs in ("HTTPValidationError", "ValidationError"):
        schemas.pop(theirs, None)
    schemas["Problem"] = Problem.model_json_schema()
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            for status in _STATUSES:
                operation["responses"].setdefault(status, _PROBLEM)
