"""What a log commits to, and that it only ever grew."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from placet.gateway import views
from placet.gateway.answers import model_answer
from placet.gateway.model import MAX_INDEX
from placet.gateway.reader import ReadingOf
from placet.gateway.routes.parts import Audit

router = APIRouter(prefix="/v1/{controller}", tags=["log"])


class Sizes(BaseModel):
    """Two tree sizes."""

    model_config = ConfigDict(extra="forbid")

    old: int = Field(ge=0, le=MAX_INDEX, description="Tree size of the older checkpoint.")
    new: int | None = Field(default=None, ge=1, le=MAX_INDEX, description="Of the newer; left out: the newest.")


@router.get("/checkpoint", response_model=views.CheckpointView)
async def get_checkpoint(reading: ReadingOf, audit: Audit, request: Request) -> Response:
    """Show the newest checkpoint; where witnesses are configured, the newest that a quorum of them cosigned."""
    return model_answer(request, await audit.checkpoint(reading))


@router.get("/consistency", response_model=views.ConsistencyView)
async def get_consistency(
    reading: ReadingOf, audit: Audit, sizes: Annotated[Sizes, Query()], request: Request
) -> Response:
    """Prove that one tree extends another."""
    return model_answer(request, await audit.consistency(reading, sizes.old, sizes.new))
