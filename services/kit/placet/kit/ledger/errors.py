"""How an append can fail as a whole. A refused submission is its receipt's error, not one of these."""

from placet.kit.bus.errors import UNKNOWN
from placet.kit.errors import Corrupt, Exhausted, Invalid, PlacetError, Unavailable, error_of


class LedgerUnavailable(Unavailable):
    """No replica of the audit service holds this log at the moment: nothing was appended."""

    def __init__(self, controller: str) -> None:
        super().__init__(
            "LEDGER_UNAVAILABLE",
            "the ledger does not answer; nothing was appended: repeat the request with the same key",
            metadata={"controller": controller},
        )


class LedgerSilent(Unavailable):
    """The ledger was asked and no answer came."""

    def __init__(self, reason: str = "LEDGER_UNAVAILABLE") -> None:
        super().__init__(reason, f"the ledger was asked and did not answer in time: {UNKNOWN}")


class LedgerNotAsked(Unavailable):
    """The deadline passed while the append waited for its turn."""

    def __init__(self) -> None:
        super().__init__("DEADLINE_PASSED", "the deadline passed before the ledger was asked; nothing was appended")


class LedgerBusy(Exhausted):
    """More appends wait here than the ledger takes in time."""

    def __init__(self, waiting: int) -> None:
        super().__init__(
            "QUEUE_FULL", f"{waiting} appends are waiting; nothing was appended: come back later", retry_after=0.2
        )


class TooMuchAtOnce(Invalid):
    """More than fits one request to the ledger, or its answer."""

    def __init__(self, why: str) -> None:
        super().__init__("submissions", f"{why}; nothing was appended: send less at once", reason="FIELD_TOO_LARGE")


class AnswerMismatch(Corrupt):
    """The ledger's answer does not have a result for each submission."""

    def __init__(self, asked: int, got: int) -> None:
        super().__init__(
            "PROOF_INVALID", f"the ledger was asked for {asked} entries and answered for {got}; raise the alarm"
        )


def same(error: PlacetError) -> PlacetError:
    """Return a copy: one exception object must not be raised by several callers."""
    return error_of(
        error.kind,
        error.reason,
        error.message,
        field=error.field,
        metadata=error.metadata,
        retry_after=error.retry_after,
    )
