"""Answers that can be asked for again cheaply: ETag, If-None-Match, and how long each kind may be kept.

Owns the caching headers (ledger.md section 3: tiles never change, a checkpoint is good for seconds). Everything is
`private`: what one token may read must not be answered to another from a shared cache. Source: RFC 9110, RFC 9111.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256
from typing import Final

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel

_TAG: Final = re.compile(r'(?:W/)?("[\x21\x23-\x7e]*")')


class Keep(StrEnum):
    """How long an answer may be kept."""

    ASK_AGAIN = "private, no-cache"
    SECONDS = "private, max-age=2"
    FOR_EVER = "private, max-age=31536000, immutable"


def model_answer(request: Request, model: BaseModel) -> Response:
    """Return a model as JSON, or 304 if the caller has it."""
    return answer(request, model.model_dump_json().encode(), media_type="application/json")


def answer(
    request: Request,
    body: bytes,
    *,
    media_type: str,
    keep: Keep = Keep.ASK_AGAIN,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a body with its ETag, or 304 if the caller has it."""
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    sent = {"etag": tag, "cache-control": keep.value, "vary": "authorization", **(headers or {})}
    if _has(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=sent)
    return Response(body, media_type=media_type, headers=sent)


def _has(asked: str | None, tag: str) -> bool:
    return asked is not None and (asked.strip() == "*" or tag in _TAG.findall(asked))
