"""What the vault refuses, one class and one sentence each.

Owns: the vault's typed errors; every `reason` is a value of `placet.api.common.v1.ErrorReason`, documented with its
next step in docs/errors.md.
Never: carries a vector, a key, a token or anything derived from them. Kinds and statuses: style.md section 3.
"""

from collections.abc import Sequence

from placet.kit.errors import Conflict, Corrupt, Denied, Exhausted, Invalid, NotFound, Precondition, Unauthenticated


class TemplateInvalid(Invalid):
    """The template or probe is not what an encoder gives."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message, reason="TEMPLATE_INVALID")


class PermitInvalid(Unauthenticated):
    """The permit is not one that this vault accepts for this operation."""

    def __init__(self, message: str, *, cause: str = "OPERATION") -> None:
        super().__init__("PERMIT_INVALID", message, field="permit", metadata={"cause": cause})


class UseDenied(Denied):
    """The ledger denied the use: the secret was not touched; `reasons` are the admission rules' codes."""

    def __init__(self, reasons: Sequence[str], index: int) -> None:
        super().__init__(
            "USE_DENIED",
            f"the ledger denied this use: {', '.join(reasons)}; the denial is entry {index}",
            metadata={"reasons": ",".join(reasons), "index": str(index)},
        )


class TemplateMissing(NotFound):
    """No template was ever stored under the permit's basis."""

    def __init__(self, basis: int) -> None:
        super().__init__(
            f"no template is stored under basis {basis}: enrol one first",
            field="permit",
            metadata={"basis": str(basis)},
        )


class TemplateDestroyed(Precondition):
    """The template of this basis is destroyed."""

    def __init__(self, basis: int) -> None:
        super().__init__(
            "TEMPLATE_DESTROYED",
            f"the template of basis {basis} is destroyed: a new consent and a new enrolment are needed",
            metadata={"basis": str(basis)},
        )


class ModelMismatch(Precondition):
    """Probe and template come from different models, which never compare."""

    def __init__(self, stored: Sequence[str]) -> None:
        super().__init__(
            "MODEL_MISMATCH",
            "the probe was made by another model than the stored template: use that model, or enrol again",
            field="probe.model_sha256",
            metadata={"stored_model_ids": ",".join(stored)},
        )


class VaultSealed(Precondition):
    """The vault has no root key yet and answers nothing but health."""

    def __init__(self) -> None:
        super().__init__(
            "VAULT_SEALED", "the vault is sealed: its operator must make the root key available", retry_after=5.0
        )


class AttemptsExhausted(Exhausted):
    """Too many comparisons under this basis within the window."""

    def __init__(self, limit: int, window_s: int, retry_after: float) -> None:
        super().__init__(
            "ATTEMPTS_EXHAUSTED",
            f"at most {limit} comparisons under one basis in {window_s} s: try again later",
            metadata={"limit": str(limit), "window_s": str(window_s)},
            retry_after=retry_after,
        )


class IdempotencyConflict(Conflict):
    """The request id was used before for another request."""

    def __init__(self) -> None:
        super().__init__(
            "IDEMPOTENCY_CONFLICT", "this id was used for another request: make a new one for a new use", field="id"
        )


class StorageCorrupt(Corrupt):
    """A stored key or template does not authenticate: it was changed, or copied from another place."""

    def __init__(self, what: str) -> None:
        super().__init__(
            "STORAGE_CORRUPT", f"{what} does not authenticate: stop, and compare with a backup", metadata={"what": what}
        )


class KeyringUnusable(Exception):
    """The keyring file cannot be used; the vault stays sealed. The message says what to do, and holds no key."""
