"""The log as C2SP tlog-tiles, for readers that know nothing of Placet (ledger.md section 3)."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from placet.gateway.answers import Keep, answer
from placet.gateway.reader import ReadingOf
from placet.gateway.routes.parts import Audit
from placet.kit.errors import Invalid
from placet.tlog.errors import TileError
from placet.tlog.tiles import parse_tile_path

router = APIRouter(prefix="/log/{controller}", tags=["C2SP tlog-tiles"])
_NOTE = "text/plain; charset=utf-8"
_BYTES = "application/octet-stream"

# No pattern in the document: OpenAPI has no path parameter with slashes, and generators of requests give up on one.
TilePath = Annotated[str, Path(description="`<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]` (C2SP tlog-tiles).")]


@router.get(
    "/checkpoint",
    response_class=Response,
    responses={200: {"description": "The signed note.", "content": {_NOTE: {"schema": {"type": "string"}}}}},
)
async def get_log_checkpoint(reading: ReadingOf, audit: Audit, request: Request) -> Response:
    """Return the newest checkpoint, a signed note; where witnesses are configured, the newest cosigned by a quorum."""
    tile = await audit.tile(reading, "checkpoint")
    return answer(request, tile.content, media_type=_NOTE, keep=Keep.SECONDS)


@router.get(
    "/tile/{path:path}",
    response_class=Response,
    responses={200: {"description": "Hashes or entries.", "content": {_BYTES: {"schema": {"type": "string"}}}}},
)
async def get_log_tile(reading: ReadingOf, audit: Audit, path: TilePath, request: Request) -> Response:
    """Return a tile of hashes, or a bundle of entries; it never changes."""
    try:
        parse_tile_path(f"tile/{path}")
    except TileError as error:
        raise Invalid("path", str(error)) from None
    tile = await audit.tile(reading, f"tile/{path}")
    return answer(request, tile.content, media_type=_BYTES, keep=Keep.FOR_EVER)
