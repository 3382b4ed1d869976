"""Who reads: the bearer token of a request, judged before anything else of it is looked at.

Owns `ReadingOf`, which every route under /v1 and /log depends on, and the rule that a parameter stands once: with two,
an auditor would not know which was meant. Roles: architecture.md section 7. Audit judges the same token again.
"""

from typing import Annotated, Final

from fastapi import Depends, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from placet.gateway.model import Reading
from placet.kit.errors import Invalid, Unauthenticated
from placet.kit.grpc.access import Access
from placet.kit.security.jwt import TokenVerifier

READERS: Final = Access(roles=frozenset({"auditor", "dpo", "regulator"}))
_SCHEME: Final = HTTPBearer(
    auto_error=False,
    bearerFormat="JWT",
    scheme_name="bearer",
    description="A token of the configured issuer, for the controller, with the role auditor, dpo or regulator.",
)
Shown = Annotated[HTTPAuthorizationCredentials | None, Security(_SCHEME)]
ControllerName = Annotated[
    str,
    Path(
        description="The controller whose log is read; the token must name it.",
        json_schema_extra={"pattern": "^[a-z][a-z0-9-]{0,62}$"},
    ),
]


async def reading(request: Request, controller: ControllerName, shown: Shown) -> Reading:
    """Return who reads which log.

    Raises Unauthenticated (TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED), Denied (ROLE_MISSING, CONTROLLER_FORBIDDEN),
    Unavailable when no key set can be had, and Invalid for a parameter that is given twice.
    """
    token = _bearer(request.headers.getlist("authorization"))
    verifier: TokenVerifier = request.app.state.verifier
    caller = (await verifier.verify(token)).caller
    READERS.check_role(caller)
    READERS.check_controller(caller, controller)
    _require_once([name for name, _ in request.query_params.multi_items()])
    return Reading(caller=caller, controller=controller, token=token)


ReadingOf = Annotated[Reading, Depends(reading)]


def _bearer(values: list[str]) -> str:
    if not values:
        raise Unauthenticated("TOKEN_MISSING", "send the header `Authorization: Bearer <token>`")
    if len(values) > 1:
        raise Unauthenticated("TOKEN_INVALID", "send exactly one `Authorization`")
    scheme, _, token = values[0].partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("TOKEN_INVALID", "`Authorization` must be `Bearer <token>`")
    return token


def _require_once(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise Invalid(name[:64], "this parameter stands more than once; give it once")
