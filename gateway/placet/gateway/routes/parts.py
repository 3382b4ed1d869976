"""What several routes take: audit's client and the position of an entry."""

from typing import Annotated

from fastapi import Depends, Path, Request

from placet.gateway.client import AuditClient
from placet.gateway.model import MAX_INDEX


def audit_client(request: Request) -> AuditClient:
    """Return the client that the application was made with."""
    found: AuditClient = request.app.state.audit
    return found


Audit = Annotated[AuditClient, Depends(audit_client)]
Index = Annotated[int, Path(ge=0, le=MAX_INDEX, description="Position of the entry in the log.")]
