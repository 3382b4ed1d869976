"""The errors of the audit service: one sentence each, naming the next step; `placet.kit.errors` gives their kind."""

from collections.abc import Sequence

from placet.kit import errors


class HeadMoved(errors.Unavailable):
    """Another holder committed to this log: what was prepared here was not appended."""

    def __init__(self, controller: str) -> None:
        super().__init__(
            "LEDGER_UNAVAILABLE",
            f"the log of {controller} has another holder now; nothing was appended: repeat with the same key",
        )


class CommitUnknown(errors.Unavailable):
    """The connection to the database was lost between asking for the commit and hearing of it."""

    def __init__(self) -> None:
        super().__init__(
            "LEDGER_UNAVAILABLE",
            "the database was lost while committing; whether this was appended is not known: repeat with the same key",
        )


class ClockUntrusted(errors.Unavailable):
    """The clock of this machine went backwards or leapt: appending would poison the times in the log."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "CLOCK_UNTRUSTED",
            f"the sequencer stopped because {detail}; set the clock right and restart the audit service",
        )


class DeadlinePassed(errors.Unavailable):
    """The request was still waiting when its deadline passed."""

    def __init__(self) -> None:
        super().__init__("DEADLINE_PASSED", "the deadline passed before the ledger took it; nothing was appended")


class QueueFull(errors.Exhausted):
    """More is waiting than the sequencer takes."""

    def __init__(self, waiting: int) -> None:
        super().__init__(
            "QUEUE_FULL",
            f"{waiting} submissions are waiting; nothing was appended: come back after the retry delay",
            retry_after=0.2,
        )


class ControllerUnknown(errors.NotFound):
    """There is no log for this controller."""

    def __init__(self, controller: str) -> None:
        super().__init__(
            f"there is no controller {controller!r}; an operator creates it with CreateController",
            reason="CONTROLLER_UNKNOWN",
            field="controller",
        )


class ControllerClosed(errors.Precondition):
    """The controller was closed: its log takes only withdrawals and erasures."""

    def __init__(self, controller: str) -> None:
        super().__init__(
            "CONTROLLER_CLOSED",
            f"controller {controller!r} is closed; only withdrawals and erasures are still recorded",
            field="controller",
        )


class IdempotencyConflict(errors.Conflict):
    """The key stands in the log already, with another content."""

    def __init__(self, index: int) -> None:
        super().__init__(
            "IDEMPOTENCY_CONFLICT",
            f"this key was used for another content at index {index}; nothing was appended: take a new key",
            metadata={"index": str(index)},
        )


class KindForbidden(errors.Denied):
    """A service tried to append what is not its own."""

    def __init__(self, service: str, kind: str) -> None:
        super().__init__("BUS_FORBIDDEN", f"the {service} service may not append {kind}; nothing was appended")


class Refused(errors.Precondition):
    """The admission rules refuse this entry."""

    def __init__(self, reason: str, field: str | None, message: str) -> None:
        super().__init__(
            "ADMISSION_REFUSED",
            f"{message}; nothing was appended",
            field=field,
            metadata={"rule": reason},
        )


class NotInLog(errors.NotFound):
    """No such entry below the size of the newest checkpoint."""

    def __init__(self, field: str, index: int, size: int) -> None:
        super().__init__(f"{field} {index} is not in the log; it has {size} entries", field=field)


class RoleTooStrong(errors.Unavailable):
    """The database would let this service change what must only ever grow: it refuses to run."""

    def __init__(self, role: str, tables: Sequence[str]) -> None:
        super().__init__(
            "DEPENDENCY_UNAVAILABLE",
            f"the database role {role} may change or empty {', '.join(tables)}; run the service with a role made by "
            "deploy/postgres/roles.sql and `placet ledger migrate --service-role`",
        )


class Corrupt(errors.Corrupt):
    """What is stored does not agree with itself."""

    def __init__(self, message: str) -> None:
        super().__init__("STORAGE_CORRUPT", f"{message}; run placet ledger fsck")


class KeysUnavailable(errors.Unavailable):
    """The token that holds the signing keys does not answer: nothing can be signed."""

    def __init__(self, token: str, detail: str) -> None:
        super().__init__(
            "LEDGER_UNAVAILABLE",
            f"the token {token!r} with the signing keys does not answer ({detail}); check PLACET_PKCS11_*, then repeat",
        )
