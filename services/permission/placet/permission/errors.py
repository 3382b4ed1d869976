"""What the permission service refuses, each in one sentence with the next step.

Owns: the errors of this service, rooted in `placet.kit.errors`. A denied face event is an answer and never
comes through here. Never: imports gRPC; carries a name, a subject reference or a key in a message.
"""

from datetime import UTC, datetime

from placet.kit.errors import Conflict, Denied, Invalid, NotFound, PlacetError, Precondition, Unavailable

__all__ = [
    "ApprovalInvalid",
    "ApprovalsMissing",
    "ApproverUnknown",
    "AssessmentDestroyed",
    "AssessmentUnknown",
    "ConsentsUnavailable",
    "ControllerForbidden",
    "IdempotencyConflict",
    "Invalid",
    "LegalPermissionUnknown",
    "PlaceForbidden",
    "PlacetError",
    "PurposeUnknown",
    "RetentionRequired",
    "RoleMissing",
    "SamePerson",
    "SiteUnknown",
    "StateInvalid",
    "StockUnavailable",
    "missing",
    "too_large",
]


def missing(field: str, what: str) -> Invalid:
    """Return the error for a required field that is empty; `what` completes "Give ..."."""
    return Invalid(field, f"{field} is empty. Give {what}.", reason="FIELD_MISSING")


def too_large(field: str, limit: str) -> Invalid:
    """Return the error for a field beyond its bound; `limit` completes "is too large: at most ..."."""
    return Invalid(field, f"{field} is too large: at most {limit}.", reason="FIELD_TOO_LARGE")


class PlaceForbidden(Denied):
    """A device may never stand in such a place: there is no override.

    `metadata`: `article` (those of the packs in force, `, ` between them), `rules` (ids of their rules), `place_class`.
    """

    def __init__(self, field: str, place: str, articles: tuple[str, ...], rules: tuple[str, ...]) -> None:
        named = ", ".join(articles)
        explanation = f"No face recognition device may be installed in a {place.replace('_', ' ')}: {named}."
        super().__init__(
            "PLACE_FORBIDDEN",
            f"{explanation} Take it out of this place; nothing was registered.",
            field=field,
            metadata={
                "article": named,
                "rules": ", ".join(rules),
                "place_class": place,
                "explanation": explanation,
            },
        )


class SiteUnknown(NotFound):
    """A device names a site that is not registered."""

    def __init__(self, site: str) -> None:
        super().__init__(f"Site {site} is not registered. Put the site first, then the device.", field="device.site")


class PurposeUnknown(NotFound):
    """Something is said about a purpose that is not registered."""

    def __init__(self, field: str, purpose: str) -> None:
        super().__init__(f"Purpose {purpose} is not registered. Put the purpose first.", field=field)


class AssessmentUnknown(NotFound):
    """There is no assessment of that id for this controller."""

    def __init__(self, ident: str) -> None:
        super().__init__(f"There is no assessment {ident}.", field="id")


class AssessmentDestroyed(Precondition):
    """An assessment of that id was destroyed; the id stays taken."""

    def __init__(self, ident: str) -> None:
        super().__init__("STATE_INVALID", f"Assessment {ident} was destroyed. Use another id.", field="assessment.id")


class RetentionRequired(Precondition):
    """The law wants a record kept for longer (Order 19 Art 9: three years). `until` in unix microseconds."""

    def __init__(self, ident: str, until: int) -> None:
        day = datetime.fromtimestamp(until / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        super().__init__(
            "RETENTION_REQUIRED",
            f"Assessment {ident} has to be kept until {day} (Order 19 Art 9). Nothing was destroyed; ask again then.",
            field="id",
            metadata={"kept_until": str(until)},
        )


class LegalPermissionUnknown(NotFound):
    """There is no draft of that id for this controller."""

    def __init__(self, permission: str) -> None:
        super().__init__(f"There is no legal permission {permission}. Request it first.", field="id")


class ApproverUnknown(Precondition):
    """The caller has not registered a key to sign approvals with."""

    def __init__(self) -> None:
        super().__init__("APPROVAL_INVALID", "You have no registered key. Call RegisterApprover first.")


class ApprovalInvalid(Precondition):
    """The approval does not hold: wrong signature, lapsed, or a key that changed."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__("APPROVAL_INVALID", why, field=field)


class ApprovalsMissing(Precondition):
    """Fewer approvers than the law of four eyes asks for."""

    def __init__(self, have: int, need: int, why: str) -> None:
        super().__init__(
            "APPROVALS_MISSING",
            f"{have} of {need} approvals stand: {why}",
            field="id",
            metadata={"have": str(have), "need": str(need)},
        )


class SamePerson(Precondition):
    """Two acts that need two persons were tried by one."""

    def __init__(self, why: str, *, field: str | None = None) -> None:
        super().__init__("SAME_PERSON", why, field=field)


class StateInvalid(Precondition):
    """The legal permission is not in a state that allows this."""

    def __init__(self, why: str, *, field: str = "id") -> None:
        super().__init__("STATE_INVALID", why, field=field)


class RoleMissing(Denied):
    """The role named in the request is not in the caller's token."""

    def __init__(self, role: str) -> None:
        super().__init__("ROLE_MISSING", f"Your token does not carry the role {role}.", field="role")


class IdempotencyConflict(Conflict):
    """The id was used before for something else."""

    def __init__(self, field: str, ident: str) -> None:
        super().__init__(
            "IDEMPOTENCY_CONFLICT",
            f"{field} {ident} was used before with other content. Repeat exactly what was sent, or use a fresh id.",
            field=field,
        )


class ConsentsUnavailable(Unavailable):
    """The consent service did not answer a lookup that this event needs: fail closed."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "DEPENDENCY_UNAVAILABLE",
            f"The consents of this person could not be read ({why}). No event was recorded; repeat the same request.",
            retry_after=0.5,
        )


class StockUnavailable(Unavailable):
    """The number of stored persons cannot be had: no duty is stated without it."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "DEPENDENCY_UNAVAILABLE",
            f"How many persons are stored could not be read ({why}). Nothing is stated without it; ask again.",
            retry_after=1.0,
        )


class ControllerForbidden(Denied):
    """A controller of the group is not in the caller's token."""

    def __init__(self, field: str) -> None:
        super().__init__("CONTROLLER_FORBIDDEN", f"Your token does not name the controller in {field}.", field=field)
