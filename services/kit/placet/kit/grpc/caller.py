"""Who is calling and until when, for the code below the guard.

Owns: `Caller`, and the two context variables that the guard sets before a handler runs.
Never: decides anything; imports gRPC. A handler takes what it needs as arguments: only servicers read these.
"""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """The holder of a verified token.

    `actor` is the token's `sub`; `roles` are lower-case names without prefix, as in `placet.api.common.v1.Role`.
    """

    actor: str
    controllers: frozenset[str]
    roles: frozenset[str]


current_caller: ContextVar[Caller] = ContextVar("placet_caller")
_deadline: ContextVar[int] = ContextVar("placet_deadline")


def caller() -> Caller:
    """Return who makes the current call. Raises LookupError outside of a guarded call."""
    return current_caller.get()


def deadline() -> int:
    """Return when the current call (of a stream: the current message) must be over: unix microseconds, absolute.

    Raises LookupError outside of a guarded call.
    """
    return _deadline.get()


def set_call(caller: Caller, deadline: int) -> None:
    """Set both for the current task; for the guard, and for tests of servicers."""
    current_caller.set(caller)
    _deadline.set(deadline)


def set_deadline(deadline: int) -> None:
    """Move the deadline on, for the next message of a stream."""
    _deadline.set(deadline)
