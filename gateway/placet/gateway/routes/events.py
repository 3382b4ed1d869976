"""Events: search, why one was allowed or denied, and its evidence."""

import re
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from placet.evidence.reasons import Reason
from placet.evidence.terms import Kind, Verdict
from placet.gateway import model, views, wire
from placet.gateway.answers import answer, model_answer
from placet.gateway.model import MAX_INDEX
from placet.gateway.reader import ReadingOf
from placet.gateway.routes.parts import Audit, Index
from placet.gateway.times import PATTERN, micros
from placet.kit.errors import Invalid

router = APIRouter(prefix="/v1/{controller}/events", tags=["events"])
MAX_PAGE = 500
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9-]")

ANY = "any"
KINDS = tuple(kind.value for kind in Kind)
Id = Annotated[str | None, Field(min_length=1, max_length=64)]


class Search(BaseModel):
    """What to look for; every parameter that is given must match."""

    model_config = ConfigDict(extra="forbid")

    since: str | None = Field(
        default=None,
        description="The entry's time is not before this: RFC 3339, or microseconds since 1970 UTC.",
        json_schema_extra={"pattern": PATTERN},
    )
    until: str | None = Field(
        default=None, description="The entry's time is before this.", json_schema_extra={"pattern": PATTERN}
    )
    verdict: Verdict | None = Field(default=None, description="Of an event or a use.")
    reason: Reason | None = Field(default=None, description="One of the reasons for which it was denied.")
    purpose: Id = None
    site: Id = None
    device: Id = None
    basis: int | None = Field(default=None, ge=0, le=MAX_INDEX, description="Ordinal of the basis.")
    kind: str = Field(
        default=Kind.EVENT.value,
        description="The kind of entry; `any` for all.",
        json_schema_extra={"enum": [*KINDS, ANY]},
    )
    cursor: str | None = Field(default=None, min_length=1, max_length=64, description="`next_cursor` of a page.")
    limit: int = Field(default=50, ge=1, le=MAX_PAGE, description="Entries on a page.")

    def query(self) -> model.Query:
        """Return what audit is asked; raises Invalid naming the parameter."""
        if self.kind not in (*KINDS, ANY):
            raise Invalid("kind", f"one of {', '.join(KINDS)}, or {ANY} for all")
        since = None if self.since is None else micros("since", self.since)
        until = None if self.until is None else micros("until", self.until)
        if until is not None and until <= (since or 0):
            raise Invalid("until", "must be after since, and after 1970")
        return model.Query(
            since=since,
            until=until,
            kind=None if self.kind == ANY else self.kind,
            verdict=self.verdict,
            reason=self.reason,
            purpose=self.purpose,
            site=self.site,
            device=self.device,
            basis=self.basis,
        )


@router.get("", response_model=views.Page)
async def search_events(
    reading: ReadingOf, audit: Audit, search: Annotated[Search, Query()], request: Request
) -> Response:
    """Find entries, newest first, a page at a time."""
    page = await audit.search(reading, search.query(), cursor=search.cursor or "", limit=search.limit)
    return model_answer(request, page)


@router.get("/{index}", response_model=views.EventDetail)
async def get_event(reading: ReadingOf, audit: Audit, index: Index, request: Request) -> Response:
    """Show an event, the articles that permitted and forbade it, and what it stands on."""
    bundle = await audit.bundle(reading, index)
    where = f"/v1/{reading.controller}/events/{index}/bundle"
    return model_answer(request, wire.detail_of(bundle, where=where))


@router.get(
    "/{index}/bundle",
    response_class=Response,
    responses={
        200: {"description": "placet.bundle/1", "content": {"application/json": {"schema": {"type": "object"}}}}
    },
)
async def get_bundle(reading: ReadingOf, audit: Audit, index: Index, request: Request) -> Response:
    """Download the evidence for an event, to be checked offline with `placet verify`."""
    bundle = await audit.bundle(reading, index)
    name = f"{_NOT_IN_A_NAME.sub('-', reading.controller)}-event-{index}.bundle.json"
    disposition = {"content-disposition": f'attachment; filename="{name}"'}
    return answer(request, bundle, media_type="application/json", headers=disposition)
