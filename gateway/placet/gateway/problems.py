"""Errors as RFC 9457 problem details: the one place where an error becomes an HTTP answer.

Owns: `Problem` (the body), the mapping of `PlacetError`, of FastAPI's own errors and of everything unexpected.
Never: shows a traceback or the text of an unexpected exception: those are logged under an error id, which is shown.
Status by kind: `placet.kit.errors` (style.md section 3).
"""

import logging
import math
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from placet.kit.errors import Invalid, Kind, NotFound, NotServed, PlacetError

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:placet:problem:"
_RETRIED: Final = (Kind.EXHAUSTED, Kind.UNAVAILABLE)
_RETRY_AFTER_S: Final = 1.0
_ALARMING: Final = (Kind.CORRUPT, Kind.INTERNAL)
# What pydantic calls it, and what we do; everything else is FIELD_INVALID.
_REASONS: Final = {"missing": "FIELD_MISSING", "string_too_long": "FIELD_TOO_LARGE"}
_TEXTS: Final = {"extra_forbidden": "there is no such parameter", "missing": "this parameter is required"}
_log = logging.getLogger(__name__)


class Problem(BaseModel):
    """Why a request was not answered (RFC 9457)."""

    type: str = Field(description="A URN for the reason; the same reason always has the same.")
    title: str = Field(description="The reason in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong this time, and what to do next.")
    reason: str = Field(description="The reason as a code, documented in docs/errors.md.")
    field: str | None = Field(description="The parameter at fault, if it is one.")
    metadata: dict[str, str] = Field(description="What else is known, by name; `error_id` is for the operator.")


def problem_response(
    error: PlacetError, *, status: int | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the answer for an error; `status` replaces that of its kind."""
    status = status or error.kind.http_status
    problem = Problem(
        type=TYPE_PREFIX + error.reason.lower().replace("_", "-"),
        title=error.reason.replace("_", " ").capitalize(),
        status=status,
        detail=error.message,
        reason=error.reason,
        field=error.field,
        metadata=error.metadata,
    )
    sent = {"cache-control": "no-store", **_headers(error), **(headers or {})}
    return Response(problem.model_dump_json(), status_code=status, media_type=MEDIA_TYPE, headers=sent)


def unexpected(error: Exception, error_id: str) -> PlacetError:
    """Log an exception that nobody foresaw under an id; returns what the caller is told."""
    _log.error("a request failed", exc_info=error, extra={"error_id": error_id})
    text = f"internal error {error_id}: give this id to the operator"
    return PlacetError(Kind.INTERNAL, "INTERNAL", text, metadata={"error_id": error_id})


def handle_errors(app: FastAPI) -> None:
    """Make the application answer every error it foresees with a problem."""
    app.add_exception_handler(PlacetError, _known)
    app.add_exception_handler(RequestValidationError, _bad_parameter)
    app.add_exception_handler(HTTPException, _from_framework)


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, PlacetError)
    if error.kind in _ALARMING:
        error_id = error.metadata.setdefault("error_id", request.app.state.new_error_id())
        _log.error("a request failed", exc_info=error, extra={"error_id": error_id, "alarm": True})
    return problem_response(error)


async def _bad_parameter(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = str([*first["loc"], "request", "request"][1])  # ("query", name, ...): parameters are flat
    text = _TEXTS.get(first["type"], first["msg"])
    return problem_response(Invalid(field, text, reason=_REASONS.get(first["type"], "FIELD_INVALID")))


async def _from_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem_response(_of_status(error), status=error.status_code, headers=error.headers)


def _of_status(error: HTTPException) -> PlacetError:
    if error.status_code == 404:
        return NotFound("there is nothing at this address; /openapi.json lists what there is")
    if error.status_code == 405:
        return NotServed("this address does not take this method; the header Allow says which")
    return Invalid("request", str(error.detail), reason="REQUEST_MALFORMED")


def _headers(error: PlacetError) -> dict[str, Any]:
    if error.kind is Kind.UNAUTHENTICATED:
        missing = error.reason == "TOKEN_MISSING"
        return {"www-authenticate": 'Bearer realm="placet"' + ("" if missing else ', error="invalid_token"')}
    if error.kind in _RETRIED:
        return {"retry-after": str(max(1, math.ceil(error.retry_after or _RETRY_AFTER_S)))}
    return {}
