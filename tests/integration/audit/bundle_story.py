"""One log of the production sequencer that has everything a bundle can hold, each event under a name.

Times are the rig's. Approvers are those of `fakes.evidence_log`. Nothing here asserts: the tests do.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fakes.evidence_log import DPO, LEGAL, Approver
from integration.audit.rig import SECOND, Rig, decision, entry_of, event, grant_draft, use

from placet.evidence.canonical import b64url
from placet.evidence.drafts import AmendDraft, DecisionDraft, GrantDraft
from placet.evidence.terms import LeafIndex
from placet.kit.ledger.messages import AppendReply, submission

HOUR = 3_600 * SECOND
SUBJECT = b64url(bytes(range(16)))
IDENTIFY = {"operation": "identify", "purpose": "search"}


class Story:
    """The events by name, with the number of parts that their bundles must hold."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.events: dict[str, int] = {}
        self.withdrawals: dict[str, int] = {}

    def tell(self) -> "Story":
        """Append everything; in between the sequencer forgets all it knows, as after a crash."""
        self._consents()
        self.rig.restart()
        self._guardians()
        self._legal_permissions()
        self.rig.restart()
        self._without_basis()
        self.rig.now += SECOND
        self._ends()
        return self

    def bundle(self, name: str) -> bytes:
        """The bundle of an event as audit hands it out now."""
        return self.rig.sequencer.snapshot().bundle(self.events[name])

    def _consents(self) -> None:
        rig = self.rig
        self.plain = rig.grant()
        self._event("plain", self.plain, permit=2)
        for _ in range(3):
            rig.send(use(self.events["plain"]), service="vault")
        self.narrowed = rig.grant(purposes=("login", "pay"), sites=("branch-1", "branch-2"), egress=True)
        self._amend(self.narrowed, purposes=("pay",))
        self._amend(self.narrowed, egress=False)
        self._event("amended", self.narrowed, permit=1)
        self._event("out_of_scope", self.narrowed, purpose="login")
        self._amend(self.narrowed, sites=("branch-1",))

    def _guardians(self) -> None:
        rig = self.rig
        self.guardians = [self._guardianship(), self._guardianship(not_after=rig.now + HOUR)]
        self.minor = rig.grant(subject=SUBJECT, needs=tuple(self.guardians), not_after=rig.now + HOUR)
        self._event("guarded", self.minor, permit=1)
        rig.send(use(self.events["guarded"]), service="vault")

    def _legal_permissions(self) -> None:
        rig = self.rig
        law = decision(operation="identify", basis_form="legal_permission")
        two = self._legal(LEGAL, DPO, not_after=rig.now + HOUR)
        self._event("legal", two, law, permit=1, **IDENTIFY)
        one = self._legal(LEGAL, not_after=rig.now + HOUR // 4)
        self._event("break_glass", one, law, **IDENTIFY)

    def _without_basis(self) -> None:
        none = decision(basis_form="none")
        self._event("missing", None, none)
        self._event("unknown", 10_000, none)
        forbidding = replace(decision(place_class="restroom"), verdict="deny", permit=(), forbid=("cn-2025/art-13",))
        self._event("forbidden", self.plain, forbidding, permit=1)

    def _ends(self) -> None:
        rig = self.rig
        self.withdrawals["plain"] = rig.withdraw(self.plain).results[0].index
        rig.send(use(self.events["plain"]), service="vault")
        self._event("withdrawn", self.plain)
        self.withdrawals["guardian"] = rig.withdraw(self.guardians[0]).results[0].index
        self._event("unguarded", self.minor)
        self.withdrawals["narrowed"] = rig.withdraw(self.narrowed).results[0].index
        for _ in range(5):
            rig.event(rig.grant())

    def _event(self, name: str, basis: int | None, decided: DecisionDraft | None = None, **changes: Any) -> None:
        reply = self.rig.send(event(self.rig.now, basis, **changes), decisions=[decided or decision()])
        self.events[name] = reply.results[0].index

    def _amend(self, basis: int, **changes: Any) -> None:
        entry_of(self._send(AmendDraft(basis=basis, **changes), "consent"))

    def _guardianship(self, **changes: Any) -> int:
        bare: dict[str, Any] = {"form": "guardianship", "purposes": (), "operations": (), "sites": ()}
        return self.rig.grant(subject=SUBJECT, **bare, **changes)

    def _legal(self, *approvers: Approver, **changes: Any) -> int:
        rig = self.rig
        fields = {"form": "legal_permission", "subject": None, "purposes": ("search",), "authority": "court_order/7"}
        draft = grant_draft(rig.now, **fields, operations=("identify",), **changes)
        return legal_permission(rig, draft, approvers)

    def _send(self, draft: Any, service: str) -> AppendReply:
        return self.rig.send(submission(draft, key=os.urandom(16)), service=service)


def legal_permission(rig: Rig, draft: GrantDraft, approvers: Sequence[Approver]) -> int:
    """Have a draft approved, grant it, and return its ordinal."""
    signed = [one.approve(draft, origin=rig.log.origin, expires=rig.now + HOUR) for one in approvers]
    records = [submission(record, key=os.urandom(16)) for record in signed]
    approved = rig.send(*records, service="permission")
    indexes = tuple(LeafIndex(entry_of(approved, place).i) for place in range(len(records)))
    granted = rig.send(submission(replace(draft, approvals=indexes), key=os.urandom(16)), service="permission")
    return entry_of(granted).basis  # type: ignore[no-any-return]
