"""The errors of the SDK: one class per kind, each naming the reason, the field and the next step.

Owns the hierarchy and `explain()`. Reasons are the values of the proto enum `ErrorReason` without prefix; what to do
about each is `placet.sdk.advice`. A denied face event is an answer, not an error: `Denied` is raised only by
`client.permit`, and is no `PlacetError`, so that "no" is never mistaken for "out of order".
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from placet.sdk.advice import next_step

if TYPE_CHECKING:
    from placet.sdk.model.faces import Decision


class Kind(StrEnum):
    """What went wrong, seen by the caller (the table of style.md)."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "denied"
    NOT_FOUND = "not_found"
    ALREADY_EXISTS = "already_exists"
    PRECONDITION = "precondition"
    CONFLICT = "conflict"
    EXHAUSTED = "exhausted"
    UNAVAILABLE = "unavailable"
    CORRUPT = "corrupt"
    NOT_SERVED = "not_served"
    INTERNAL = "internal"


class PlacetError(Exception):
    """The root of all errors of the SDK.

    `reason` is a stable code, `field` the dotted path of the argument at fault (or None), `metadata` what else the
    service told, `retry_after` the seconds to wait before asking again (or None).
    """

    kind: ClassVar[Kind] = Kind.INTERNAL

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        field: str | None = None,
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.field = field
        self.metadata: Mapping[str, str] = dict(metadata or {})
        self.retry_after = retry_after

    def __str__(self) -> str:
        at = f" (field {self.field})" if self.field and self.field not in self.message else ""
        return f"{self.reason}: {self.message}{at}"

    def explain(self) -> str:
        """Return what happened and what to do next, in a few lines for people."""
        lines = [str(self)]
        lines += [f"  {name}: {value}" for name, value in sorted(self.metadata.items())]
        if self.retry_after is not None:
            lines.append(f"  ask again in {self.retry_after:.1f} s")
        lines.append(f"Next step: {next_step(self.reason)}")
        return "\n".join(lines)


class Invalid(PlacetError):
    """An argument is malformed, missing or too large; nothing was done."""

    kind = Kind.INVALID


class ConfigError(Invalid):
    """The client's own configuration cannot be used; no call was made."""


class Unauthenticated(PlacetError):
    """The token is missing, malformed or expired."""

    kind = Kind.UNAUTHENTICATED


class Forbidden(PlacetError):
    """The token is good, and does not permit this: another controller, or a role that is missing."""

    kind = Kind.FORBIDDEN


class NotFound(PlacetError):
    """This controller has nothing of that id."""

    kind = Kind.NOT_FOUND


class AlreadyExists(PlacetError):
    """It exists already, with other content."""

    kind = Kind.ALREADY_EXISTS


class Precondition(PlacetError):
    """It exists but is not in a state that allows this: withdrawn, expired, not approved."""

    kind = Kind.PRECONDITION


class Conflict(PlacetError):
    """The idempotency key was used for something else, or somebody changed it at the same moment."""

    kind = Kind.CONFLICT


class Exhausted(PlacetError):
    """A queue or a quota is full; nothing was done."""

    kind = Kind.EXHAUSTED


class Unreachable(PlacetError):
    """Placet did not answer within the deadline: process no face.

    `alternative` is what the registers last read offer instead of the face (R9), None if they name nothing. The same
    call with the same id may be repeated: it finds what was done, if anything was.
    """

    kind = Kind.UNAVAILABLE

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        field: str | None = None,
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        alternative: str | None = None,
    ) -> None:
        super().__init__(reason, message, field=field, metadata=metadata, retry_after=retry_after)
        self.alternative = alternative

    def explain(self) -> str:
        """Return what happened, what to offer instead of the face, and what to do next."""
        offer = f"\nOffer instead of the face: {self.alternative}" if self.alternative else ""
        return super().explain() + offer


class Corrupt(PlacetError):
    """A hash, proof or authentication tag does not match. Never retried; raise the alarm."""

    kind = Kind.CORRUPT


class ProofError(Corrupt):
    """An answer that its own proof does not bear out: it is not returned, and must not be acted upon.

    Keep it: `held` and `answered` (checkpoints as signed notes; `held` empty if none was held) and `proof` (hashes) may
    convict the log. `evidence` has everything else that was compared.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        held: str = "",
        answered: str = "",
        proof: Sequence[bytes] = (),
        evidence: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(reason, message)
        self.held = held
        self.answered = answered
        self.proof = tuple(proof)
        self.evidence = dict(evidence or {})

    def explain(self) -> str:
        """Return the refusal with both checkpoints and the proof, to be handed to an auditor."""
        lines = [super().explain()]
        for name, note in (("checkpoint held", self.held), ("checkpoint answered", self.answered)):
            if note:
                lines.append(f"{name}:\n{note.rstrip()}")
        lines += [f"proof[{at}]: {one.hex()}" for at, one in enumerate(self.proof)]
        lines += [f"{name}: {_shown(value)}" for name, value in self.evidence.items()]
        return "\n".join(lines)


class NotServed(PlacetError):
    """This service does not serve the method; check that client and mesh have the same version."""

    kind = Kind.NOT_SERVED


class Internal(PlacetError):
    """The service failed in a way that it does not explain; its log has the error id."""


class Denied(Exception):
    """The ledger said no to a face event; `decision` has verdict, reasons, articles and the alternative to offer."""

    def __init__(self, decision: "Decision") -> None:
        reasons = ", ".join(decision.reasons)
        super().__init__(f"denied at ledger index {decision.index}: {reasons}")
        self.decision = decision

    def explain(self) -> str:
        """Return the reasons, the articles that forbid it (`client.explain` has their texts) and what to offer."""
        decision = self.decision
        lines = [str(self)]
        if decision.forbidden_by:
            lines.append(f"  forbidden by: {', '.join(decision.forbidden_by)}")
            lines.append("  what these say, and what to do: client.explain(denied.decision).text()")
        if decision.alternative:
            lines.append(f"  offer instead of the face: {decision.alternative}")
        return "\n".join(lines)


CLASSES: Mapping[Kind, type[PlacetError]] = {
    Kind.INVALID: Invalid,
    Kind.UNAUTHENTICATED: Unauthenticated,
    Kind.FORBIDDEN: Forbidden,
    Kind.NOT_FOUND: NotFound,
    Kind.ALREADY_EXISTS: AlreadyExists,
    Kind.PRECONDITION: Precondition,
    Kind.CONFLICT: Conflict,
    Kind.EXHAUSTED: Exhausted,
    Kind.UNAVAILABLE: Unreachable,
    Kind.CORRUPT: Corrupt,
    Kind.NOT_SERVED: NotServed,
    Kind.INTERNAL: Internal,
}
"""The class that each kind of failure is raised as."""


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return ", ".join(_shown(one) for one in value)
    return str(value)
