"""What a command says when it cannot do what it was asked: field, reason, next step, never a traceback."""

from typing import Final

from placet.evidence.errors import EvidenceError
from placet.kit.errors import PlacetError
from placet.permission.policy.errors import PolicyError
from placet.tlog.errors import TlogError

# All that a command may meet: a log that cannot be read, a pack or facts that cannot be used.
Failures: Final = (PlacetError, EvidenceError, TlogError, PolicyError)


def said(error: Exception) -> str:
    """Return one of these errors as a line or two for people."""
    if isinstance(error, EvidenceError | TlogError):
        return error.diagnostics()
    if isinstance(error, PlacetError) and error.field and error.field not in error.message:
        return f"{error.field}: {error.message}"
    return str(error)
