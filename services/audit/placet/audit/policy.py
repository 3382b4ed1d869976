"""Which service may append what. Pure.

The bus lets only a service's own credentials publish to its append subject, so the service is known; this table is
what that knowledge is for: a vault that was taken over can neither grant nor withdraw nor write events. See ADR 0004.
"""

from collections.abc import Mapping
from typing import Final

from placet.audit.errors import ControllerClosed, KindForbidden
from placet.audit.model import Log, LogState

# `record` and `grant` entries are split further: by the first word of the type, and by the form.
MAY_APPEND: Final[Mapping[str, frozenset[str]]] = {
    "consent": frozenset(
        {
            "grant:consent",
            "grant:guardianship",
            "amend",
            "withdraw",
            "record:notice",
            "record:consent",
            "record:guardianship",
            "record:entry",
        }
    ),
    "permission": frozenset(
        {
            "event",
            "outcome",
            "grant:legal_permission",
            "withdraw",
            "record:register",
            "record:permission",
            "record:policy",
            "record:key",
            "record:entry",
        }
    ),
    "vault": frozenset({"use", "outcome", "record:vault", "record:key"}),
    "gateway": frozenset({"record:auditor"}),
    "audit": frozenset({"record:log", "record:controller", "record:key", "record:witness"}),
}

# What a closed controller's log still takes: withdrawals and erasures.
WHEN_CLOSED: Final = frozenset({"withdraw", "record:vault", "record:controller"})


def require_permitted(log: Log, service: str, what: str) -> None:
    """Raise KindForbidden or ControllerClosed unless this service may append `what` to this log now."""
    if what not in MAY_APPEND.get(service, frozenset()):
        raise KindForbidden(service, what)
    if log.state is LogState.CLOSED and what not in WHEN_CLOSED:
        raise ControllerClosed(log.controller)
