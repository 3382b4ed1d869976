"""Why a permit was refused or could not be minted: one class, a closed set of reasons, the claim at fault."""

from enum import StrEnum


class PermitReason(StrEnum):
    """What is wrong with a permit or a key set."""

    MALFORMED = "MALFORMED"
    HEADER = "HEADER"
    ALGORITHM = "ALGORITHM"
    KEY_UNKNOWN = "KEY_UNKNOWN"
    SIGNATURE = "SIGNATURE"
    CLAIM = "CLAIM"
    ISSUER = "ISSUER"
    AUDIENCE = "AUDIENCE"
    CONTROLLER = "CONTROLLER"
    NOT_YET_VALID = "NOT_YET_VALID"
    EXPIRED = "EXPIRED"
    LIFETIME = "LIFETIME"
    BINDING = "BINDING"
    JWKS = "JWKS"


class PermitError(Exception):
    """A permit that must not be used; ask Authorize for a new one. Never carries the token.

    `reason` is a stable code, `field` the claim, header or part at fault, the message a sentence for people.
    """

    def __init__(self, reason: PermitReason, field: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field
        self.message = message

    def diagnostics(self) -> str:
        """Return the error as a line for people."""
        return f"{self.reason} ({self.field}): {self}"
