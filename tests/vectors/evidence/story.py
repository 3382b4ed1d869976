"""The log behind the golden vectors: a bank's first day, every kind of entry and every form of basis in it.

Everything follows from the constants here and in `fakes.evidence_log`; changing the story changes every vector, so what
is new gets a story of its own.
"""

from dataclasses import replace

from fakes.evidence_drafts import (
    HASH,
    HOUR,
    consent,
    decision,
    event,
    forbidding,
    grant_approved,
    guardianship,
    legal_permission,
    permit,
)
from fakes.evidence_log import LEGAL, T0, MemoryLog
from fakes.evidence_scenes import withdrawal

from placet.evidence.building import build_bundle, build_fraud, build_receipt
from placet.evidence.bundle import Evidence, ProvenStatus
from placet.evidence.canonical import b64url
from placet.evidence.drafts import AmendDraft, OutcomeDraft, RecordDraft, UseDraft
from placet.evidence.status import Status, StatusTree
from placet.evidence.terms import SECOND, Operation
from placet.tlog.hashing import leaf_hash

SEED = bytes(range(32))


def bank() -> tuple[MemoryLog, dict[str, int]]:
    """The log, and where its events and withdrawals stand."""
    log = MemoryLog(seed=SEED)
    at: dict[str, int] = {}
    device = {"device": "cam.1", "place_class": "branch_counter", "site": "branch.1", "about": "柜台\u0007\t\"'\\/"}
    log.submit(RecordDraft(type="register.device_added", data=device))
    log.submit(consent(), t=T0 + SECOND)  # basis 0
    log.submit(guardianship(), t=T0 + 2 * SECOND)  # basis 1
    log.submit(consent(needs=(1,), max_events=9), t=T0 + 3 * SECOND)  # basis 2
    grant_approved(log, legal_permission(not_after=T0 + 24 * HOUR))  # basis 3
    grant_approved(log, legal_permission(not_after=T0 + HOUR // 4, authority="emergency"), LEGAL)  # basis 4
    log.submit(AmendDraft(basis=0, purposes=("login",), not_after=T0 + 90 * 24 * HOUR), t=T0 + 10 * SECOND)
    now = T0 + 11 * SECOND
    identify = {"operation": Operation.IDENTIFY, "purpose": "search", "occurred": now}
    under_law = decision(
        context={"operation": "identify", "basis_form": "legal_permission"}, permit=("cn-2025/legal-permission",)
    )
    at["allowed"] = log.submit(event(1, occurred=now, seen=log.size, permit=permit()), t=now, decision=decision())[0].i
    at["guarded"] = log.submit(event(2, basis=2, occurred=now, seen=log.size), decision=decision())[0].i
    at["legal"] = log.submit(event(3, basis=3, **identify), decision=under_law)[0].i
    at["break_glass"] = log.submit(event(4, basis=4, **identify), decision=under_law)[0].i
    none = forbidding(context={"basis_form": "none"}, forbid=("cn-2025/art-13", "cn-2025/art-29"))
    at["missing"] = log.submit(event(5, basis=None, occurred=now), decision=none)[0].i
    at["unknown"] = log.submit(event(6, basis=77, occurred=now), decision=none)[0].i
    vault = UseDraft(event=at["allowed"], service="vault")
    log.submit(vault, OutcomeDraft(of=at["allowed"], result="match"), vault)
    at["withdrawn"] = log.submit(withdrawal(0), t=now + SECOND)[0].i
    at["guardian_left"] = log.submit(withdrawal(1), t=now + 2 * SECOND)[0].i
    late = event(7, occurred=now + 2 * SECOND, purpose="payment", site="branch.9", permit=permit())
    at["denied"] = log.submit(late, decision=decision())[0].i
    at["unguarded"] = log.submit(event(8, basis=2, occurred=now), decision=decision())[0].i
    log.submit(vault)
    log.submit(RecordDraft(type="vault.template_destroyed", data={"basis": 0, "blob": HASH, "reason": "withdrawn"}))
    return log, at


def evidence() -> dict[str, Evidence]:
    """Every piece of evidence that the bank's log gives and that verifies."""
    log, at = bank()
    found: dict[str, Evidence] = {
        name: build_bundle(log, index) for name, index in at.items() if name not in ("withdrawn", "guardian_left")
    }
    found["receipt"] = build_receipt(log, at["withdrawn"])
    found["fraud"] = _fraud(log, at, alive=True)
    log, at = bank()
    found["fraud_gone"] = _fraud(log, at, alive=False)
    return found


def _fraud(log: MemoryLog, at: dict[str, int], *, alive: bool) -> Evidence:
    """What the log would sign if it revived basis 0, or forgot all bases."""
    receipt, old = build_receipt(log, at["withdrawn"]), log.size
    revived = Status.at_grant(0, log.status[0].granted)
    statuses = [revived, *(log.status[ordinal] for ordinal in range(1, len(log.status)))] if alive else []
    tree = StatusTree()
    for status in statuses:
        tree.put(status)
    log.end_batch(status_root=b64url(tree.root()), bases=tree.size)
    shown = None
    if alive:
        shown = ProvenStatus(
            ordinal=0, granted=revived.granted, ended=None, history=revived.history, proof=tuple(tree.proof(0))
        )
    return build_fraud(receipt, log, shown, log.consistency(old))


def refused() -> dict[str, Evidence]:
    """Evidence that must be refused, each for one thing."""
    good = evidence()
    bundle, guarded, receipt, fraud = (good[name] for name in ("allowed", "guarded", "receipt", "fraud"))
    own = bundle.bases[0]
    return {
        "event_of_another_index": replace(bundle, event=replace(bundle.event, index=bundle.event.index + 1)),
        "decision_of_another_event": replace(bundle, decision=good["legal"].decision),
        "amend_left_out": replace(bundle, bases=(replace(own, amends=()),)),
        "withdrawal_left_out": replace(bundle, bases=(replace(own, withdraw=None),)),
        "withdrawal_left_out_of_the_status_too": replace(
            bundle,
            bases=(
                replace(
                    own,
                    withdraw=None,
                    status=replace(
                        own.status,
                        ended=None,
                        history=Status.at_grant(0, own.grant.index).amended(leaf_hash(own.amends[0].entry)).history,
                    ),
                ),
            ),
        ),
        "guardianship_left_out": replace(guarded, bases=guarded.bases[:1]),
        "approvals_left_out": replace(
            good["legal"], bases=(replace(good["legal"].bases[0], approvals=good["legal"].bases[0].approvals[:1]),)
        ),
        "state_is_not_the_last_entry": replace(bundle, state=good["receipt"].withdraw),
        "receipt_of_a_grant": replace(receipt, withdraw=own.grant),
        "fraud_that_is_none": replace(fraud, status=replace(fraud.status, ended=fraud.receipt.withdraw.index)),
    }
