"""What the consent service refuses, each in one sentence with the next step.

Owns: the errors of this service, rooted in `placet.kit.errors`.
Never: imports gRPC; carries a subject reference, a birth date or free text of a person in a message.
"""

from collections.abc import Mapping, Sequence

from placet.kit.errors import (
    Conflict,
    Corrupt,
    Exhausted,
    Invalid,
    NotFound,
    PlacetError,
    Precondition,
    Unavailable,
    error_of,
)

__all__ = [
    "AcceptedLater",
    "BasisEnded",
    "ConcurrentChange",
    "ControllerClosed",
    "Corrupt",
    "DeadlinePassed",
    "Exhausted",
    "GuardianInactive",
    "GuardianRequired",
    "IdempotencyConflict",
    "Invalid",
    "NotFound",
    "NoticeIncomplete",
    "NoticeNotYetPublished",
    "NoticeSuperseded",
    "PlacetError",
    "Precondition",
    "SamePerson",
    "StateInvalid",
    "Unavailable",
    "error_of",
    "missing",
    "too_large",
]


def missing(field: str, what: str) -> Invalid:
    """Return the error for a required field that is empty; `what` completes "Give ..."."""
    return Invalid(field, f"{field} is empty. Give {what}.", reason="FIELD_MISSING")


def too_large(field: str, limit: str) -> Invalid:
    """Return the error for a field beyond its bound; `limit` completes "is too large: at most ..."."""
    return Invalid(field, f"{field} is too large: at most {limit}.", reason="FIELD_TOO_LARGE")


class NoticeIncomplete(Precondition):
    """The notice lacks what the law asks it to say."""

    def __init__(self, items: Sequence[tuple[str, str]]) -> None:
        listed = "; ".join(f"{field} ({article})" for field, article in items)
        super().__init__(
            "NOTICE_INCOMPLETE",
            f"The notice lacks {listed}. Fill these in; nothing was published.",
            field=items[0][0],
            metadata={"missing": ",".join(field for field, _ in items)[:256], "article": items[0][1]},
        )


class NoticeSuperseded(Precondition):
    """A newer version of the notice says something else on purpose, method or retention."""

    def __init__(self, version: int, latest: int) -> None:
        super().__init__(
            "NOTICE_SUPERSEDED",
            f"Version {version} of this notice was superseded by version {latest}, which differs in purpose, method or "
            "retention. Show the newest version and ask again.",
            field="notice_hash",
            metadata={"version": str(version), "latest": str(latest)},
        )


class NoticeNotYetPublished(Unavailable):
    """The notice was accepted here but its entry has not reached the ledger."""

    def __init__(self) -> None:
        super().__init__(
            "LEDGER_UNAVAILABLE",
            "This notice is not in the ledger yet; nothing was recorded. Repeat the same request shortly.",
            field="notice_hash",
            retry_after=1.0,
        )


class GuardianRequired(Precondition):
    """A child under the age of the law in force cannot consent alone."""

    def __init__(self, age: int) -> None:
        super().__init__(
            "GUARDIAN_REQUIRED",
            f"This person is under {age}: only a guardian can consent. Open and confirm a guardianship, then name it "
            "in guardianships.",
            field="guardianships",
            metadata={"age": str(age), "article": "cn-2025/art-7"},
        )


class GuardianInactive(Precondition):
    """A guardianship is not confirmed, was withdrawn, or has run out."""

    def __init__(self, field: str, guardianship: str, why: str) -> None:
        super().__init__(
            "GUARDIAN_INACTIVE",
            f"Guardianship {guardianship} is not in force: {why}.",
            field=field,
            metadata={"guardianship": guardianship},
        )


class SamePerson(Precondition):
    """The confirmation must come from somebody else than the one who opened it."""

    def __init__(self) -> None:
        super().__init__(
            "SAME_PERSON",
            "You opened this guardianship yourself. Let a second person check the documents and confirm it.",
            field="id",
        )


class BasisEnded(Precondition):
    """What has ended cannot be changed any more."""

    def __init__(self, what: str, *, field: str = "id") -> None:
        super().__init__("BASIS_ENDED", f"{what} has ended. Capture a new consent instead.", field=field)


class StateInvalid(Precondition):
    """The thing exists but is not in a state that allows this."""

    def __init__(self, why: str, *, field: str = "id") -> None:
        super().__init__("STATE_INVALID", why, field=field)


class ControllerClosed(Precondition):
    """The controller was closed: only withdrawals and erasures are still recorded."""

    def __init__(self, controller: str) -> None:
        super().__init__(
            "CONTROLLER_CLOSED",
            f"Controller {controller} is closed; only withdrawals and erasures are still recorded.",
            field="controller",
        )


class IdempotencyConflict(Conflict):
    """The id was used before for something else."""

    def __init__(self, field: str, ident: str) -> None:
        super().__init__(
            "IDEMPOTENCY_CONFLICT",
            f"{field} {ident} was used before with other content. Repeat exactly what was sent, or use a fresh id.",
            field=field,
        )


class ConcurrentChange(Conflict):
    """Somebody else changed the same person's records at this moment."""

    def __init__(self) -> None:
        super().__init__(
            "CONCURRENT_CHANGE", "The records of this person changed at this moment; nothing was recorded. Try again."
        )


class DeadlinePassed(Unavailable):
    """The caller's deadline was over before anything was done."""

    def __init__(self) -> None:
        super().__init__("DEADLINE_PASSED", "The deadline passed before anything was recorded. Repeat the request.")


class AcceptedLater(Unavailable):
    """Accepted and durable here, but not in the ledger yet: it will arrive there."""

    def __init__(self, what: str, *, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(
            "LEDGER_UNAVAILABLE",
            f"{what} was accepted and will arrive in the ledger, which does not answer at this moment. "
            "Repeat the same request to get the proof.",
            metadata={"accepted": "true", **(metadata or {})},
            retry_after=1.0,
        )
