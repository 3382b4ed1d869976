"""What to do next about each reason an error can carry, in one sentence for people.

Owns the table; a test walks the proto enum `ErrorReason` so that no reason is without its sentence. Reasons that
the SDK itself raises stand at the end. Never decides anything.
"""

from collections.abc import Mapping
from typing import Final

_UNKNOWN: Final = "look the reason up in docs/errors.md; the service may be newer than this client."

_STEPS: Final[Mapping[str, str]] = {
    "FIELD_INVALID": "correct the named field and call again; nothing was done.",
    "FIELD_MISSING": "fill the named field and call again; nothing was done.",
    "FIELD_TOO_LARGE": "make the named field smaller and call again; nothing was done.",
    "REQUEST_MALFORMED": "the request could not be read; check that client and mesh have the same version.",
    "TEMPLATE_INVALID": "check dimension, finiteness and quality of the template; it was not stored.",
    "CURSOR_INVALID": "start the search again without a cursor.",
    "ENTRY_TOO_LARGE": "name fewer purposes, sites or operations in one call.",
    "TOKEN_MISSING": "put a token into the configuration.",
    "TOKEN_INVALID": "get a new token from your issuer; check its audience (`placet`) and key.",
    "TOKEN_EXPIRED": "get a new token, or configure a callable that returns a fresh one.",
    "PERMIT_INVALID": "authorize again and use the permit of that answer, before it expires.",
    "CONTROLLER_FORBIDDEN": "use a token that names this controller.",
    "ROLE_MISSING": "use a token with the role that the message names.",
    "USE_DENIED": "do not process the face; the use was refused at the ledger, see the reasons in the metadata.",
    "PLACE_FORBIDDEN": "no camera may stand there (Order 19); put the device elsewhere. There is no override.",
    "BUS_FORBIDDEN": "have the operator check the service's bus credentials.",
    "NOT_FOUND": "check the id and the controller.",
    "ALREADY_EXISTS": "use another id, or read what exists.",
    "CONTROLLER_UNKNOWN": "have the operator create the controller first.",
    "BASIS_UNKNOWN": "check the basis ordinal; the log has no such basis.",
    "NOTICE_INCOMPLETE": "fill the items that the message names and publish again.",
    "NOTICE_SUPERSEDED": "show the person the newest version of the notice and ask again.",
    "GUARDIAN_REQUIRED": "open and confirm a guardianship first, then capture the consent with it.",
    "GUARDIAN_INACTIVE": "confirm the guardianship, or use one that still stands.",
    "SAME_PERSON": "have a second person do this step.",
    "APPROVALS_MISSING": "get approvals of two distinct approvers in two distinct roles, then issue.",
    "APPROVAL_INVALID": "sign the draft's digest again with the registered key, with an expiry in the future.",
    "BASIS_ENDED": "ask the person again; what is withdrawn is not revived.",
    "ADMISSION_REFUSED": "the ledger's rules refuse it, see the metadata; nothing was appended.",
    "CONTROLLER_CLOSED": "nothing but withdrawals and erasures is taken any more.",
    "MODEL_MISMATCH": "compare only templates of one model; enrol again with the new one.",
    "TEMPLATE_DESTROYED": "there is nothing to compare with; enrol again under a basis that stands.",
    "VAULT_SEALED": "wait until the vault is unsealed; sealed, it answers only health checks.",
    "STATE_INVALID": "read the current state; this step does not follow from it.",
    "RETENTION_REQUIRED": "keep the record; ask again after the day that the message names.",
    "BASIS_AMBIGUOUS": "name the basis: several cover this.",
    "CALENDAR_UNKNOWN": "update the library `chinesecalendar`, or give the year in the file of PLACET_FILING_CALENDAR.",
    "IDEMPOTENCY_CONFLICT": "use a new id: this one stands for another request.",
    "CONCURRENT_CHANGE": "read again, then repeat the whole step.",
    "QUEUE_FULL": "ask again after the delay told; send fewer at once.",
    "ATTEMPTS_EXHAUSTED": "no more comparisons under this basis for now; ask again after the delay told.",
    "LEDGER_UNAVAILABLE": "process no face; repeat the call with the same id.",
    "BUS_UNAVAILABLE": "process no face; repeat the call with the same id.",
    "DEPENDENCY_UNAVAILABLE": "process no face; check the target's address, then repeat the call with the same id.",
    "DEADLINE_PASSED": "process no face; repeat the call with the same id: it finds what was done, if anything was.",
    "CLOCK_UNTRUSTED": "have the operator set the service's clock right.",
    "PROOF_INVALID": "trust nothing in this answer; keep the evidence and alarm your auditor.",
    "STORAGE_CORRUPT": "have the operator run `placet ledger fsck`; trust nothing until it is clean.",
    "LOG_FORKED": "the log has shown two histories; keep both checkpoints and alarm your auditor.",
    "INTERNAL": "give the operator the error id; the service's log has the cause.",
    "NOT_SERVED": "check that client and mesh have the same version.",
    # Raised by the SDK itself.
    "CONFIG_INVALID": "correct the configuration; no call was made.",
    "CLOSED": "make a new client; this one was closed.",
    "LOCAL_MISSING": "install the distribution placet-local to run a mesh on this machine.",
}


def next_step(reason: str) -> str:
    """Return what to do about an error of that reason, as one sentence."""
    return _STEPS.get(reason, _UNKNOWN)


def reasons() -> frozenset[str]:
    """Return every reason that has its own sentence."""
    return frozenset(_STEPS)
