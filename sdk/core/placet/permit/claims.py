"""What a permit says: its claims as values, and as the JSON object of a JWT.

Owns the names of the claims (vault.md section 2; RFC 7519, RFC 8705 for `cnf`, RFC 9396 for `authorization_details`)
and what each may hold. Times are whole seconds since 1970 UTC, rounded down: a permit never outlives its event's.
Whether a permit may be used now, here and by this caller is `placet.permit.verify`.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from placet.evidence.checks import (
    Check,
    ascending,
    byte_string,
    code,
    each,
    identifier,
    integer,
    matching,
    members,
    one_of,
    optional,
    sha256_text,
    text,
    uuid,
    within,
)
from placet.evidence.errors import FieldError
from placet.evidence.terms import MAX_INT, SECOND, Form, Operation, value
from placet.permit.errors import PermitError, PermitReason

TYPE: Final = "face_processing"
_SUBJECT: Final = re.compile(r"(?:event|gallery):[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_CONTROLLER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@value
class Details:
    """What may be done: the one item of `authorization_details`."""

    actions: tuple[Operation, ...]
    locations: tuple[str, ...]
    """Ids of sites and devices."""
    purpose: str
    datatypes: tuple[str, ...]
    max_uses: int
    max_gallery: int | None
    """Largest gallery that may be searched; None for what is not 1:N."""
    retention: int | None
    """Seconds that a result or template may be kept; None if the permit does not say."""


@value
class BasisClaim:
    """The basis that the event rests on: where its grant stands in the log."""

    form: Form
    ordinal: int
    grant: int
    leaf: str
    """Leaf hash of the grant as base64url."""


@value
class EventClaim:
    """Where the event stands in the log, and the tree it was proven in."""

    index: int
    leaf: str
    size: int


@value
class PermitClaims:
    """Everything that a permit says."""

    iss: str
    aud: str
    """`urn:placet:vault:<controller>` or `urn:placet:engine:<controller>`: exactly one audience."""
    sub: str
    """`event:<id>` or `gallery:<id>`."""
    azp: str
    """The controller."""
    jti: str
    """The event's id: replay and uses are counted on it, never on the token's text."""
    iat: int
    nbf: int
    exp: int
    cnf: str | None
    """SHA-256 thumbprint of the caller's TLS certificate as base64url (RFC 8705); None when it has none."""
    details: Details
    basis: BasisClaim
    event: EventClaim
    policy: tuple[str, ...]
    """Hashes of the policy packs that decided."""

    # Invariant: iat <= nbf < exp; a permit for an event names that event in `sub` and `jti`.

    def __post_init__(self) -> None:
        if not self.iat <= self.nbf < self.exp:
            _refuse("exp", "iat <= nbf < exp must hold")
        if self.sub.startswith("event:") and self.sub != f"event:{self.jti}":
            _refuse("sub", "must name the event that jti names")


def window(t: int, not_after: int) -> tuple[int, int]:
    """Return `iat` and `exp` in seconds for an event's `t` and its permit's `not_after`, both in microseconds.

    A repeated request gets the same window, so a late retry yields no fresh permit (ledger.md section 7).
    """
    return t // SECOND, not_after // SECOND


def claims_json(claims: PermitClaims) -> dict[str, Any]:
    """Return the claims as the JSON object of a JWT; `cnf` is left out when there is none."""
    details, basis, event = claims.details, claims.basis, claims.event
    found: dict[str, Any] = {
        "iss": claims.iss,
        "aud": claims.aud,
        "sub": claims.sub,
        "azp": claims.azp,
        "jti": claims.jti,
        "iat": claims.iat,
        "nbf": claims.nbf,
        "exp": claims.exp,
        "authorization_details": [
            {
                "type": TYPE,
                "actions": list(details.actions),
                "locations": list(details.locations),
                "purpose": details.purpose,
                "datatypes": list(details.datatypes),
                "max_uses": details.max_uses,
                "max_gallery": details.max_gallery,
                "retention": details.retention,
            }
        ],
        "basis": {"form": basis.form, "ordinal": basis.ordinal, "grant": basis.grant, "leaf": basis.leaf},
        "event": {"index": event.index, "leaf": event.leaf, "size": event.size},
        "policy": list(claims.policy),
    }
    if claims.cnf is not None:
        found["cnf"] = {"x5t#S256": claims.cnf}
    return found


def claims_of(obj: object) -> PermitClaims:
    """Return the claims of a JWT's JSON object; raises PermitError naming the claim at fault."""
    wanted = _CLAIMS if isinstance(obj, dict) and "cnf" in obj else _CLAIMS_UNBOUND
    try:
        found = members("", obj, wanted)
    except FieldError as error:
        raise PermitError(PermitReason.CLAIM, error.field, f"{error.field} {error.message}") from error
    found["details"] = found.pop("authorization_details")
    return PermitClaims(**{"cnf": None, **found})


def _details(field: str, value: object) -> Details:
    items = each(_item)(field, value)
    if len(items) != 1:
        raise FieldError(field, "must be exactly one item")
    return items[0]


def _item(field: str, value: object) -> Details:
    found = members(field, value, _DETAILS)
    del found["type"]
    return Details(**found)


def _basis(field: str, value: object) -> BasisClaim:
    return BasisClaim(**members(field, value, _BASIS))


def _event(field: str, value: object) -> EventClaim:
    return EventClaim(**members(field, value, {"index": integer, "leaf": sha256_text, "size": integer}))


def _cnf(field: str, value: object) -> str:
    thumbprint: str = members(field, value, {"x5t#S256": byte_string(32)})["x5t#S256"]
    return thumbprint


def _refuse(field: str, message: str) -> NoReturn:
    raise PermitError(PermitReason.CLAIM, field, f"{field}: {message}")


_DETAILS: Final[Mapping[str, Check[Any]]] = {
    "type": matching(re.compile(TYPE), "the type of a permit"),
    "actions": ascending(one_of(Operation)),
    "locations": each(identifier),
    "purpose": identifier,
    "datatypes": each(code),
    "max_uses": within(1, MAX_INT),
    "max_gallery": optional(within(1, MAX_INT)),
    "retention": optional(integer),
}
_BASIS: Final[Mapping[str, Check[Any]]] = {
    "form": one_of(Form),
    "ordinal": integer,
    "grant": integer,
    "leaf": sha256_text,
}
_CLAIMS_UNBOUND: Final[Mapping[str, Check[Any]]] = {
    "iss": text,
    "aud": text,
    "sub": matching(_SUBJECT, "event:<id> or gallery:<id>"),
    "azp": matching(_CONTROLLER, "a controller's id"),
    "jti": uuid,
    "iat": integer,
    "nbf": integer,
    "exp": integer,
    "authorization_details": _details,
    "basis": _basis,
    "event": _event,
    "policy": ascending(sha256_text),
}
_CLAIMS: Final[Mapping[str, Check[Any]]] = {**_CLAIMS_UNBOUND, "cnf": _cnf}
