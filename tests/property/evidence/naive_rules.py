"""The admission rules a second time, written from ledger.md section 5 as plainly as it stands there.

Works on the parsed JSON of all entries before a position and scans them anew for every question. Shares no line with
`placet.evidence`. Says whether an event or use is allowed, and for which reasons not.
"""

from typing import Any

Json = dict[str, Any]
SECOND = 1_000_000


def at(before: list[Json], index: int) -> Json | None:
    return next((entry for entry in before if entry["i"] == index), None)


def find_basis(before: list[Json], ordinal: int | None) -> Json | None:
    """The grant with the amends before applied, and `ended`."""
    basis: Json | None = None
    for entry in before:
        if entry["kind"] == "grant" and entry["basis"] == ordinal:
            basis = {**entry, "ended": False}
        if basis is not None and entry["kind"] == "amend" and entry["basis"] == ordinal:
            for name in ("purposes", "operations", "sites", "egress", "not_after"):
                if entry[name] is not None:
                    basis[name] = entry[name]
        if basis is not None and entry["kind"] == "withdraw" and entry["basis"] == ordinal:
            basis["ended"] = True
    return basis


def inside(basis: Json, x: int) -> bool:
    return basis["not_before"] <= x and (basis["not_after"] is None or x < basis["not_after"])


def covers(scope: list[str], wanted: str) -> bool:
    return scope == ["*"] or wanted in scope


def rules_2_to_5(before: list[Json], basis: Json, asked: Json, t: int, moments: list[int]) -> list[str]:
    reasons = []
    if basis["ended"]:
        reasons.append("BASIS_WITHDRAWN")
    if any(x < basis["not_before"] for x in moments):
        reasons.append("BASIS_NOT_YET_VALID")
    if basis["not_after"] is not None and any(x >= basis["not_after"] for x in moments):
        reasons.append("BASIS_EXPIRED")
    if not covers(basis["purposes"], asked["purpose"]):
        reasons.append("PURPOSE_NOT_COVERED")
    if not covers(basis["operations"], asked["operation"]):
        reasons.append("OPERATION_NOT_COVERED")
    if not covers(basis["sites"], asked["site"]):
        reasons.append("SITE_NOT_COVERED")
    if asked["egress"] and not basis["egress"]:
        reasons.append("EGRESS_NOT_COVERED")
    if asked["operation"] == "identify" and basis["form"] != "legal_permission":
        reasons.append("OPERATION_NEEDS_PERMISSION")
    guardians = [find_basis(before, ordinal) for ordinal in basis["needs"]]
    if any(guardian["ended"] for guardian in guardians):
        reasons.append("GUARDIAN_WITHDRAWN")
    if not all(inside(guardian, t) for guardian in guardians):
        reasons.append("GUARDIAN_EXPIRED")
    return reasons


def against_event(before: list[Json], event: Json, named: int | None) -> list[str]:
    """Every reason against the event; `named` is the ordinal that the caller named."""
    reasons = []
    t, occurred = event["t"], event["occurred"]
    basis = find_basis(before, named)
    form = "none"
    if named is None:
        reasons.append("BASIS_MISSING")
    elif basis is None:
        reasons.append("BASIS_UNKNOWN")
    else:
        form = basis["form"]
        if form == "guardianship":
            reasons.append("BASIS_FORM")
        reasons += rules_2_to_5(before, basis, event, t, [t, occurred])
    limit = 72 * 3600 * SECOND if event["offline"] else 120 * SECOND
    if not -120 * SECOND <= t - occurred <= limit:
        reasons.append("CLOCK_OUT_OF_RANGE")
    if basis is not None and basis["max_events"] is not None:
        stand = sum(e["kind"] == "event" and e["basis"] == named and e["verdict"] == "allow" for e in before)
        if stand >= basis["max_events"]:
            reasons.append("EVENTS_EXHAUSTED")
    decision = at(before, event["decision"])
    if decision["verdict"] != "allow":
        reasons.append("POLICY")
        if decision["errors"]:
            reasons.append("POLICY_ERROR")
    context = decision["context"]
    of_event = (event["operation"], event["egress"], form)
    if (context["operation"], context["egress"], context["basis_form"]) != of_event:
        reasons.append("DECISION_MISMATCH")
    if event["seen"] > event["i"]:
        reasons.append("SEEN_IN_FUTURE")
    return reasons


def against_use(before: list[Json], use: Json, named: int) -> tuple[int, list[str]]:
    """The number of the use, and every reason against it; `named` is the index that the caller named."""
    event = at(before, named)
    if event is None or event["kind"] != "event":
        return 1, ["PERMIT_UNKNOWN"]
    made = sum(e["kind"] == "use" and e["event"] == named and e["verdict"] == "allow" for e in before)
    reasons = []
    if event["basis"] is not None:
        basis = find_basis(before, event["basis"])
        reasons += rules_2_to_5(before, basis, event, use["t"], [use["t"]])
    if event["verdict"] != "allow" or event["permit"] is None:
        reasons.append("PERMIT_UNKNOWN")
    else:
        if made + 1 > event["permit"]["max_uses"]:
            reasons.append("PERMIT_EXHAUSTED")
        if use["t"] >= event["permit"]["not_after"]:
            reasons.append("PERMIT_EXPIRED")
    return made + 1, reasons
