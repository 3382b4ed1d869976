"""Why an event or a use was denied, and why a grant, amend or withdraw was refused: every code of `placet/rules/1`.

`Reason` stands in entries and is permanent, in the order of ledger.md section 5, which is the order within an entry.
`Refusal` is never written to a log: what is refused is not appended. Both are documented in docs/errors.md.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why the sequencer wrote `deny`."""

    BASIS_MISSING = "BASIS_MISSING"
    BASIS_UNKNOWN = "BASIS_UNKNOWN"
    BASIS_FORM = "BASIS_FORM"
    BASIS_WITHDRAWN = "BASIS_WITHDRAWN"
    BASIS_NOT_YET_VALID = "BASIS_NOT_YET_VALID"
    BASIS_EXPIRED = "BASIS_EXPIRED"
    PURPOSE_NOT_COVERED = "PURPOSE_NOT_COVERED"
    OPERATION_NOT_COVERED = "OPERATION_NOT_COVERED"
    SITE_NOT_COVERED = "SITE_NOT_COVERED"
    EGRESS_NOT_COVERED = "EGRESS_NOT_COVERED"
    OPERATION_NEEDS_PERMISSION = "OPERATION_NEEDS_PERMISSION"
    GUARDIAN_WITHDRAWN = "GUARDIAN_WITHDRAWN"
    GUARDIAN_EXPIRED = "GUARDIAN_EXPIRED"
    CLOCK_OUT_OF_RANGE = "CLOCK_OUT_OF_RANGE"
    EVENTS_EXHAUSTED = "EVENTS_EXHAUSTED"
    POLICY = "POLICY"
    POLICY_ERROR = "POLICY_ERROR"
    DECISION_MISMATCH = "DECISION_MISMATCH"
    SEEN_IN_FUTURE = "SEEN_IN_FUTURE"
    PERMIT_UNKNOWN = "PERMIT_UNKNOWN"
    PERMIT_EXHAUSTED = "PERMIT_EXHAUSTED"
    PERMIT_EXPIRED = "PERMIT_EXPIRED"


ORDER = {reason: place for place, reason in enumerate(Reason)}
"""The place of each reason within an entry."""


class Refusal(StrEnum):
    """Why nothing was appended."""

    FORM_FIELDS = "FORM_FIELDS"
    """A field that this form of basis must not or must have."""
    VALIDITY = "VALIDITY"
    """It would end before it begins."""
    NEEDS_UNKNOWN = "NEEDS_UNKNOWN"
    NEEDS_FORM = "NEEDS_FORM"
    NEEDS_SUBJECT = "NEEDS_SUBJECT"
    NEEDS_INACTIVE = "NEEDS_INACTIVE"
    APPROVALS_MISSING = "APPROVALS_MISSING"
    APPROVAL_UNKNOWN = "APPROVAL_UNKNOWN"
    APPROVAL_MALFORMED = "APPROVAL_MALFORMED"
    APPROVAL_EXPIRED = "APPROVAL_EXPIRED"
    APPROVAL_OF_ANOTHER_DRAFT = "APPROVAL_OF_ANOTHER_DRAFT"
    APPROVAL_SIGNATURE = "APPROVAL_SIGNATURE"
    APPROVERS_NOT_DISTINCT = "APPROVERS_NOT_DISTINCT"
    BASIS_UNKNOWN = "BASIS_UNKNOWN"
    BASIS_ENDED = "BASIS_ENDED"
    AMEND_EMPTY = "AMEND_EMPTY"
    AMEND_NOT_NARROWER = "AMEND_NOT_NARROWER"
