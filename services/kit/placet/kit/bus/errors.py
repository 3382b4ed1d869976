"""What can go wrong on the bus, each with what the caller may conclude from it.

The difference that matters is whether something may have happened: `BusDown` and `NoResponders` mean that it did not;
`BusLost` and `AnswerLate` mean that nobody knows, and that repeating with the same idempotency key is safe.
"""

from typing import Final

from placet.kit.errors import Denied, Exhausted, Invalid, Unavailable

UNKNOWN: Final = "whether it was done is unknown, and repeating it with the same key is safe"


class BusDown(Unavailable):
    """There is no connection to NATS: nothing was sent, and nothing will be sent later."""

    def __init__(self, why: str = "NATS cannot be reached") -> None:
        super().__init__("BUS_UNAVAILABLE", f"{why}; nothing was sent: repeat the request")


class BusLost(Unavailable):
    """The connection broke while an answer was awaited."""

    def __init__(self) -> None:
        super().__init__("BUS_UNAVAILABLE", f"the connection to NATS was lost before the answer came: {UNKNOWN}")


class NoResponders(Unavailable):
    """Nobody serves that subject at this moment: nothing was done."""

    def __init__(self, subject: str) -> None:
        super().__init__(
            "BUS_UNAVAILABLE",
            f"nobody answers on {subject} now; nothing was done: repeat the request",
            metadata={"subject": subject},
        )


class AnswerLate(Unavailable):
    """The deadline passed while an answer was awaited."""

    def __init__(self) -> None:
        super().__init__("DEADLINE_PASSED", f"the deadline passed before the answer came: {UNKNOWN}")


class DeadlinePassed(Unavailable):
    """The deadline had passed before anything was sent."""

    def __init__(self) -> None:
        super().__init__("DEADLINE_PASSED", "the deadline had passed already; nothing was sent")


class BusForbidden(Denied):
    """Our credentials may not use this subject: a mistake in the NATS configuration, which looks like a timeout."""

    def __init__(self, subject: str, what: str) -> None:
        super().__init__(
            "BUS_FORBIDDEN",
            f"the NATS credentials of this service do not allow it to {what} {subject}; nothing was done: "
            "correct its permissions",
            metadata={"subject": subject},
        )


class BusRefused(Denied):
    """NATS does not know our credentials."""

    def __init__(self, server: str) -> None:
        super().__init__(
            "BUS_FORBIDDEN", f"NATS at {server} refused the credentials of this service; give it valid ones"
        )


class PayloadTooLarge(Invalid):
    """A message larger than NATS takes."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            "payload",
            f"a message of {size} bytes is more than NATS takes ({limit}); send less at once",
            reason="FIELD_TOO_LARGE",
            metadata={"size": str(size), "limit": str(limit)},
        )


class AnswerTooLarge(Invalid):
    """The answer is larger than NATS takes; what was asked for has been done."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            "payload",
            f"it was done, but the answer of {size} bytes is more than NATS takes ({limit}); "
            "ask again for less at once, with the same keys",
            reason="FIELD_TOO_LARGE",
            metadata={"size": str(size), "limit": str(limit)},
        )


class TooManyAtOnce(Exhausted):
    """The service answers as many requests as it can already."""

    def __init__(self, running: int) -> None:
        super().__init__(
            "QUEUE_FULL", f"{running} requests are being served; nothing was done: come back later", retry_after=0.2
        )
