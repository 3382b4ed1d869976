"""Everything that the posture can say of a rule, and what state each of it is.

Owns: the codes (the same in every language, and what a machine compares) and the one table from a code to its state.
Never: the sentences; `words.en` and `words.zh_cn` have one for each, and a test holds them complete.
"""

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """How a rule stands."""

    MET = "met"
    # Met today, but something lapses within 30 days, rests on a bare statement, or is not reported.
    AT_RISK = "at_risk"
    NOT_MET = "not_met"
    # No program can tell.
    NEEDS_PERSON = "needs_person"


class Saying(StrEnum):
    """One thing that can be found."""

    # Rules that are enforced at each event.
    ENFORCED = "enforced"
    NOT_ENFORCED = "not_enforced"
    RECORDED = "recorded"
    # R2, R9, R12, R13, R16
    NO_PURPOSE = "no_purpose"
    # R2
    NECESSITY_MISSING = "necessity_missing"
    ASSESSMENT_MISSING = "assessment_missing"
    ASSESSMENT_EXPIRED = "assessment_expired"
    ASSESSMENT_NOT_YET = "assessment_not_yet"
    ASSESSMENT_METHOD_CHANGED = "assessment_method_changed"
    ASSESSMENT_INCIDENT = "assessment_incident"
    ASSESSMENT_EXPIRES = "assessment_expires"
    ASSESSMENT_BARE = "assessment_bare"
    ASSESSMENT_STANDS = "assessment_stands"
    # R3
    PROTECTION_MISSING = "protection_missing"
    PROTECTION_BARE = "protection_bare"
    MEASURES_LACKING = "measures_lacking"
    MEASURES_EXPIRE = "measures_expire"
    MEASURES_STAND = "measures_stand"
    # R4
    PLACE_FORBIDDEN = "place_forbidden"
    PLACES_CLEAR = "places_clear"
    # R5
    SIGN_MISSING = "sign_missing"
    AREA_MISSING = "area_missing"
    NEED_MISSING = "need_missing"
    SIGN_EXPIRES = "sign_expires"
    SIGN_BARE = "sign_bare"
    SIGN_STANDS = "sign_stands"
    NOT_PUBLIC = "not_public"
    # R6
    INFERENCE_BANNED = "inference_banned"
    # R8
    FILING_OVERDUE = "filing_overdue"
    FILING_DUE = "filing_due"
    FILING_UNDETERMINED = "filing_undetermined"
    FILING_NEAR = "filing_near"
    FILING_LATE = "filing_late"
    FILING_DONE = "filing_done"
    FILING_NOT_REACHED = "filing_not_reached"
    FILING_OPEN_OVERDUE = "filing_open_overdue"
    FILING_OPEN_DUE = "filing_open_due"
    FILING_OPEN_UNDETERMINED = "filing_open_undetermined"
    FILING_ATTESTED = "filing_attested"
    FILING_NOT_ATTESTED = "filing_not_attested"
    # R9
    ALTERNATIVE_MISSING = "alternative_missing"
    ALTERNATIVE_DOWN = "alternative_down"
    ALTERNATIVE_EXPIRES = "alternative_expires"
    ALTERNATIVE_BARE = "alternative_bare"
    ALTERNATIVE_WORKS = "alternative_works"
    USAGE_MISSING = "usage_missing"
    USAGE_NONE = "usage_none"
    USAGE_REPORTED = "usage_reported"
    # R10, R14
    PERMISSION_EXPIRES = "permission_expires"
    PERMISSION_OPEN = "permission_open"
    PERMISSION_STANDS = "permission_stands"
    NO_PERMISSION = "no_permission"
    STATE_PROVISION = "state_provision"
    NO_STATE_PROVISION = "no_state_provision"
    # R12
    REVIEW_MISSING = "review_missing"
    REVIEW_OUTDATED = "review_outdated"
    REVIEW_BARE = "review_bare"
    REVIEWED = "reviewed"
    # R13
    FLOW_FORCED = "flow_forced"
    FLOW_MISSING = "flow_missing"
    FLOW_LAPSED = "flow_lapsed"
    FLOW_EXPIRES = "flow_expires"
    FLOW_BARE = "flow_bare"
    FLOW_STANDS = "flow_stands"
    # R16
    RETENTION_MISSING = "retention_missing"
    ANCHOR_MISSING = "anchor_missing"
    RETENTION_STATED = "retention_stated"
    NOTHING_KEPT = "nothing_kept"


_NOT_MET = """
not_enforced no_purpose necessity_missing assessment_missing assessment_expired assessment_not_yet
assessment_method_changed assessment_incident protection_missing measures_lacking place_forbidden sign_missing
area_missing need_missing inference_banned filing_overdue filing_open_overdue filing_not_attested alternative_missing
alternative_down flow_forced flow_missing flow_lapsed retention_missing
"""
_AT_RISK = """
assessment_expires assessment_bare protection_bare measures_expire sign_expires sign_bare filing_due filing_near
filing_late filing_open_due alternative_expires alternative_bare usage_missing usage_none permission_expires
permission_open review_bare flow_expires flow_bare anchor_missing
"""
_NEEDS_PERSON = "review_missing review_outdated filing_undetermined filing_open_undetermined"
_NAMED = {
    State.NOT_MET: _NOT_MET.split(),
    State.AT_RISK: _AT_RISK.split(),
    State.NEEDS_PERSON: _NEEDS_PERSON.split(),
}

# Whatever is named in none of the three lists is met.
STATES: Mapping[Saying, State] = dict.fromkeys(Saying, State.MET) | {
    Saying(name): state for state, names in _NAMED.items() for name in names
}
