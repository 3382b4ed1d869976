"""Whether the gateway lives, and whether it can do its work; for anybody."""

from fastapi import APIRouter

from placet.gateway.routes.parts import Audit
from placet.gateway.views import Health

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> Health:
    """Say that the process answers."""
    return Health()


@router.get("/readyz")
async def readyz(audit: Audit) -> Health:
    """Say whether audit answers; 503 if not."""
    await audit.require_serving()
    return Health()
