"""Drafts with lawful defaults; a test names only what it is about."""

from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

from fakes.evidence_log import DPO, LEGAL, T0, Approver, MemoryLog

from placet.evidence.canonical import b64url
from placet.evidence.drafts import (
    DecisionDraft,
    EventDraft,
    GrantDraft,
    PermitAsked,
)
from placet.evidence.entries import PolicyRef
from placet.evidence.terms import SECOND, Form, Operation, Verdict

D = TypeVar("D", bound=Any)
HOUR = 3_600 * SECOND
YEAR = 365 * 24 * HOUR
SUBJECT = b64url(bytes(range(16)))
HASH = b64url(bytes(range(32)))
PACK = PolicyRef(id="cn-2025", hash=b64url(bytes([7]) * 32))


def consent(**changes: Any) -> GrantDraft:
    return changed(
        GrantDraft(
            form=Form.CONSENT,
            subject=SUBJECT,
            purposes=("login", "payment"),
            operations=(Operation.ENROL, Operation.VERIFY),
            sites=("branch.1", "branch.2"),
            egress=False,
            not_before=T0,
            not_after=T0 + YEAR,
            needs=(),
            max_events=None,
            approvals=(),
            record=HASH,
            notice=HASH,
            law="cn-2025",
            authority=None,
            imported=False,
        ),
        changes,
    )


def guardianship(**changes: Any) -> GrantDraft:
    bare = consent(form=Form.GUARDIANSHIP, purposes=(), operations=(), sites=(), notice=None)
    return changed(bare, changes)


def legal_permission(**changes: Any) -> GrantDraft:
    basis = consent(
        form=Form.LEGAL_PERMISSION,
        subject=None,
        purposes=("search",),
        operations=(Operation.IDENTIFY, Operation.VERIFY),
        sites=("*",),
        notice=None,
        authority="court_order/cn-2025/art-13-3",
    )
    return changed(basis, changes)


def grant_approved(log: MemoryLog, draft: GrantDraft, *approvers: Approver) -> Any:
    """Approve a legal permission, then grant it: two batches. Returns the grant."""
    records = log.submit(*(approver.approve(draft, origin=log.origin) for approver in approvers or (LEGAL, DPO)))
    return log.submit(replace(draft, approvals=tuple(record.i for record in records)))[0]


def decision(**changes: Any) -> DecisionDraft:
    context: dict[str, Any] = {
        "operation": "verify",
        "egress": False,
        "basis_form": "consent",
        "minor": [],
        "place_class": "branch_counter",
        "storage": "device",
    }
    context.update(changes.pop("context", {}))
    lawful = DecisionDraft(
        policies=(PACK,),
        context=context,
        verdict=Verdict.ALLOW,
        permit=("cn-2025/consent",),
        forbid=(),
        errors=(),
    )
    return changed(lawful, changes)


def forbidding(**changes: Any) -> DecisionDraft:
    return decision(**{"verdict": Verdict.DENY, "forbid": ("cn-2025/art-13",), **changes})


def event(number: int = 1, **changes: Any) -> EventDraft:
    return changed(
        EventDraft(
            id=str(UUID(int=0x0190_A5D0_AC96_774B_8CCE_0000_0000_0000 + number)),
            frame=None,
            basis=0,
            purpose="login",
            operation=Operation.VERIFY,
            device="cam.1",
            site="branch.1",
            egress=False,
            occurred=T0,
            offline=False,
            seen=0,
            permit=None,
        ),
        changes,
    )


def permit(max_uses: int = 1, seconds: int = 60) -> PermitAsked:
    return PermitAsked(max_uses=max_uses, lifetime_us=seconds * SECOND)


def changed(draft: D, changes: dict[str, Any]) -> D:
    if isinstance(draft, EventDraft):
        return draft._replace(**changes)
    return replace(draft, **changes)
