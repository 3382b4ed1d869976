"""The sentences of a verification in English. See `placet.evidence.words.sayings` for what each is."""

from collections.abc import Mapping
from typing import Final

from placet.evidence.reasons import Reason
from placet.evidence.terms import EndedBy, Form, Operation, Verdict
from placet.evidence.words.sayings import Saying, Words

_PROVEN: Final = {
    Saying.CHECKPOINT: "The log {origin} committed to {size} entries in a checkpoint signed by {signers}.",
    Saying.WITNESSED: "The checkpoint is cosigned by {witnesses}.",
    Saying.COSIGNATURE: "{witness} at {t}",
    Saying.QUORUM_REACHED: (
        "The quorum {quorum} of the trust policy is reached: its witnesses were shown this very tree. "
        "Witnesses of the policy that did not cosign: {missing}."
    ),
    Saying.QUORUM_NOT_REACHED: (
        "The quorum {quorum} of the trust policy is not reached (did not cosign: {missing}); the log's own signature "
        "binds it all the same."
    ),
    Saying.QUORUM_NONE: "The trust policy demands no witness: only the log itself vouches for this tree.",
    Saying.EVENT: (
        "Entry {index}, unchanged, is the face event {id}: {operation} for purpose {purpose} at site {site}, "
        "device {device}, recorded at {t} by the log's clock."
    ),
    Saying.ALLOWED: "Its verdict is allow; the rules {rules}, run again here on the proven entries, give the same.",
    Saying.DENIED: "Its verdict is deny; the rules {rules}, run again here, give the same reasons: {reasons}.",
    Saying.NO_BASIS: "It rests on no basis.",
    Saying.BASIS_STOOD: (
        "It rests on basis {ordinal}, a {form} granted at entry {granted} under {law}: not withdrawn before entry "
        "{index}, valid at that time, and covering this purpose, operation, site and egress."
    ),
    Saying.BASIS_DID_NOT_STAND: (
        "It names basis {ordinal}, a {form} granted at entry {granted} under {law}, which did not support it."
    ),
    Saying.BASIS_AMENDED: "Basis {ordinal} was narrowed {count} time(s) before the event: the narrower scope counted.",
    Saying.BASIS_ENDED_LATER: "Basis {ordinal} was withdrawn at entry {ended}, after the event: the verdict stays.",
    Saying.BASIS_IMPORTED: "Basis {ordinal} was imported: it was not captured through Placet.",
    Saying.GUARDIAN_STOOD: "It needs guardianship {ordinal}, granted at entry {granted}, which was active.",
    Saying.GUARDIAN_DID_NOT_STAND: "It needs guardianship {ordinal}, granted at entry {granted}, which was not active.",
    Saying.APPROVED: (
        "The legal permission was signed by {count} approvers, distinct in person, key and role ({roles}), over this "
        "very draft, before it was granted."
    ),
    Saying.BREAK_GLASS: (
        "ATTENTION, break-glass: only ONE approver ({roles}) signed this legal permission, which lasts at most 15 "
        "minutes; a review must follow."
    ),
    Saying.DECISION: (
        "The decision is entry {index}, made with {packs}: {verdict}; permitted by: {permit}; forbidden by: {forbid}; "
        "errors: {errors}."
    ),
    Saying.NOTHING_LEFT_OUT: (
        "The status tree in entry {state} binds every change of these bases below size {size}: no amend and no "
        "withdrawal is left out of this bundle."
    ),
    Saying.BRACKET: (
        "The caller had seen {seen} entries: as far as this log says, the basis stood during the whole of positions "
        "{seen} to {index}, whatever the camera's clock said."
    ),
    Saying.OFFLINE: "It came from a device that had been offline and was judged at the position where it entered.",
    Saying.PERMIT: "A permit for {max_uses} use(s) until {not_after} could be made of it.",
    Saying.USE: "Use {n}, by {service}, stands at entry {index}: {verdict}; reasons: {reasons}.",
    Saying.WITHDRAWN: (
        "Entry {index}, unchanged, withdraws basis {ordinal}: by the {by}, reason {reason}, at {t} by the log's clock."
    ),
    Saying.WITHDRAWAL_BINDS: (
        "No event or use under that basis after entry {index} can be allowed by the rules; a later checkpoint that "
        "shows the basis otherwise convicts the log, together with this receipt."
    ),
    Saying.FRAUD_ENTRY: "At size {size} the log signed that basis {ordinal} was withdrawn at entry {index}.",
    Saying.FRAUD_STANDS: "At size {size}, extending the former, it signed that basis {ordinal} had not been withdrawn.",
    Saying.FRAUD_OTHER_END: "At size {size}, extending the former, it signed that basis {ordinal} ended at {ended}.",
    Saying.FRAUD_GONE: "At size {size}, extending the former, it signed that there are only {bases} bases.",
    Saying.FRAUD_CONVICTS: "Both cannot be true: whoever holds the key of {origin} signed a falsehood.",
}
_UNPROVEN: Final = {
    Saying.UNPROVEN_CONSENT: "that consent was given at all, or freely: grants are the operator's own entries",
    Saying.UNPROVEN_FACTS: (
        "the facts in the decision's context, the time the camera claims (occurred), and the log's own clock (t)"
    ),
    Saying.UNPROVEN_SUBMITTED: "anything about events that were never submitted to the log",
    Saying.UNPROVEN_STATUS_ROOT: (
        "that the status root is right: it is the operator's signed claim; a full replay, a replaying witness or a "
        "withdrawal receipt would convict a false one"
    ),
    Saying.UNPROVEN_EVENT_COUNT: "how many events were allowed under basis {ordinal} (at most {most}): replay counts",
    Saying.UNPROVEN_USE_COUNT: "how often the permit was used in all: uses may be left out here; replay counts them",
    Saying.UNPROVEN_APPROVERS: "whose the approvers' keys are: that is the operator's claim; pin the keys to check it",
    Saying.UNPROVEN_NAMED_BASIS: "whether the caller named no basis or one that did not exist",
    Saying.UNPROVEN_OBEYED: "that processing really stopped, or that templates were destroyed",
    Saying.UNPROVEN_WHY: "why the log signed a falsehood: error or intent",
}
_WRONG: Final = {
    Saying.WRONG_CHECKPOINT: "The checkpoint is not one that a pinned key signed: {why}",
    Saying.WRONG_QUORUM: (
        "The quorum {quorum} of the trust policy is not reached. Cosigned by: {cosigned}. Not cosigned by: {missing}."
    ),
    Saying.WRONG_INCLUSION: "Entry {index} is not in the signed tree of {size} entries: {why}",
    Saying.WRONG_ENTRY: "The bytes of entry {index} are no entry of a Placet log: {why}",
    Saying.WRONG_INDEX: "Entry {index} says of itself that it is entry {claimed}.",
    Saying.WRONG_KIND: "Entry {index} is a {kind} where a {wanted} must stand.",
    Saying.WRONG_LAST_STATE: (
        "The checkpoint's last entry, {last}, must be the state that covers up to itself, but this state is entry "
        "{index} and covers {covers}: such a checkpoint must never be signed."
    ),
    Saying.WRONG_RULES_VERSION: "The log follows the rules {rules}; this verifier knows {known} only.",
    Saying.WRONG_DECISION: "The event rests on decision {wanted}, the bundle holds entry {index}.",
    Saying.WRONG_BASES: "The event rests on the bases ({wanted}), the bundle holds ({given}).",
    Saying.WRONG_CHANGE: "Entry {index} is no change of basis {ordinal} in log order after its grant.",
    Saying.WRONG_APPROVALS: "The grant {index} names the approvals ({wanted}), the bundle holds ({given}).",
    Saying.WRONG_APPROVER_KEY: "Approval {index} is signed by a key that is not among the pinned approvers' keys.",
    Saying.WRONG_USE: "Entry {index} is no use of event {event}, in log order after it.",
    Saying.WRONG_STATUS: (
        "The status of basis {ordinal} says {field} {claimed}, but the entries in the bundle give {given}: an amend or "
        "a withdrawal is missing, added or changed."
    ),
    Saying.WRONG_STATUS_PROOF: (
        "The status of basis {ordinal} that these entries give is not the one that the log signed: an amend or a "
        "withdrawal is left out, or the status is false ({why})"
    ),
    Saying.WRONG_TIME: "Time goes back from entry {before} to entry {index}.",
    Saying.WRONG_CHAIN: "Entry {index} does not name the leaf hash of entry {before}: the hash chain is broken.",
    Saying.WRONG_ALLOW: "Entry {index} says allow, but the rules deny it: {reasons}.",
    Saying.WRONG_REASONS: "Entry {index} gives the reasons ({written}), but the rules give ({reasons}).",
    Saying.WRONG_BY_RULES: "Entry {index} is not what the rules allow at that position: {why}",
    Saying.WRONG_LOG: "The two checkpoints are of different logs, {first} and {second}.",
    Saying.WRONG_ORDER: "The checkpoint of size {second} is not later than the receipt's of size {first}.",
    Saying.WRONG_CONSISTENCY: "The later tree is not proven to extend the receipt's: {why}",
    Saying.WRONG_STATUS_OF_ANOTHER: "The status is of basis {given}, the receipt of basis {ordinal}.",
    Saying.NO_FRAUD: (
        "No fraud is shown: at size {size} the log still says that basis {ordinal} ended at entry {index}, or the "
        "status that would show otherwise is missing."
    ),
}
_TERMS: Final[Mapping[str, str]] = {
    Form.CONSENT: "consent",
    Form.GUARDIANSHIP: "guardianship",
    Form.LEGAL_PERMISSION: "legal permission",
    Operation.ENROL: "enrolment",
    Operation.VERIFY: "verification (1:1)",
    Operation.IDENTIFY: "identification (1:N)",
    Operation.ANALYSE: "analysis",
    Operation.EXPORT: "export",
    Operation.DELETE: "deletion",
    Verdict.ALLOW: "allow",
    Verdict.DENY: "deny",
    EndedBy.DATA_SUBJECT: "data subject",
    EndedBy.GUARDIAN: "guardian",
    EndedBy.CONTROLLER: "controller",
    EndedBy.AUTHORITY: "authority",
    EndedBy.SYSTEM: "system",
    Reason.BASIS_MISSING: "BASIS_MISSING (no basis was named)",
    Reason.BASIS_UNKNOWN: "BASIS_UNKNOWN (the basis named does not exist)",
    Reason.BASIS_FORM: "BASIS_FORM (a guardianship is no basis for an event)",
    Reason.BASIS_WITHDRAWN: "BASIS_WITHDRAWN (the basis was withdrawn before)",
    Reason.BASIS_NOT_YET_VALID: "BASIS_NOT_YET_VALID (the basis had not begun)",
    Reason.BASIS_EXPIRED: "BASIS_EXPIRED (the basis had expired)",
    Reason.PURPOSE_NOT_COVERED: "PURPOSE_NOT_COVERED (the basis does not cover the purpose)",
    Reason.OPERATION_NOT_COVERED: "OPERATION_NOT_COVERED (the basis does not cover the operation)",
    Reason.SITE_NOT_COVERED: "SITE_NOT_COVERED (the basis does not cover the site)",
    Reason.EGRESS_NOT_COVERED: "EGRESS_NOT_COVERED (the basis does not let face data leave the device)",
    Reason.OPERATION_NEEDS_PERMISSION: "OPERATION_NEEDS_PERMISSION (identification needs a legal permission)",
    Reason.GUARDIAN_WITHDRAWN: "GUARDIAN_WITHDRAWN (a guardianship that is needed was withdrawn before)",
    Reason.GUARDIAN_EXPIRED: "GUARDIAN_EXPIRED (a guardianship that is needed had expired)",
    Reason.CLOCK_OUT_OF_RANGE: "CLOCK_OUT_OF_RANGE (the camera's clock is too far from the log's)",
    Reason.EVENTS_EXHAUSTED: "EVENTS_EXHAUSTED (all events that the basis allows had been used)",
    Reason.POLICY: "POLICY (the law forbids it: see the articles of the decision)",
    Reason.POLICY_ERROR: "POLICY_ERROR (a policy could not be evaluated)",
    Reason.DECISION_MISMATCH: "DECISION_MISMATCH (the decision was made for another kind of event)",
    Reason.SEEN_IN_FUTURE: "SEEN_IN_FUTURE (the caller claims to have seen a larger log)",
    Reason.PERMIT_UNKNOWN: "PERMIT_UNKNOWN (there is no such permit)",
    Reason.PERMIT_EXHAUSTED: "PERMIT_EXHAUSTED (all uses of the permit had been made)",
    Reason.PERMIT_EXPIRED: "PERMIT_EXPIRED (the permit had expired)",
}

ENGLISH: Final = Words(
    sentences={**_PROVEN, **_UNPROVEN, **_WRONG},
    terms=_TERMS,
    comma=", ",
    nothing="none",
    proven="Proven:",
    unproven="Not proven by this file, and not to be claimed from it:",
)
