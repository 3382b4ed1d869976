"""One entry of any kind, with its inclusion proof."""

from fastapi import APIRouter, Request, Response

from placet.gateway import views
from placet.gateway.answers import model_answer
from placet.gateway.reader import ReadingOf
from placet.gateway.routes.parts import Audit, Index

router = APIRouter(prefix="/v1/{controller}/entries", tags=["log"])


@router.get("/{index}", response_model=views.EntryView)
async def get_entry(reading: ReadingOf, audit: Audit, index: Index, request: Request) -> Response:
    """Show an entry, its bytes, and the proof that it is in the log."""
    return model_answer(request, await audit.entry(reading, index))
