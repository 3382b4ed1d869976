"""A log with something in every column of every table: each kind of entry, full tiles, repeats, a closed controller."""

import os
from dataclasses import replace

from fakes.evidence_drafts import guardianship, legal_permission
from fakes.evidence_log import DPO, LEGAL
from integration.audit.rig import SECOND, Rig, decision, entry_of, event, grant_draft, record, use

from placet.evidence.canonical import b64url
from placet.evidence.drafts import AmendDraft, GrantDraft, OutcomeDraft, WithdrawDraft
from placet.evidence.terms import BasisOrdinal, LeafIndex
from placet.kit.ledger.messages import Draft, submission

PLAIN = 140


def fill(rig: Rig, *, plain: int = PLAIN) -> None:
    """Append everything that can be appended; `plain` events make it long enough for full tiles."""
    consents = [rig.grant(), rig.grant(max_events=3), _guarded(rig), _permitted(rig)]
    _send(rig, AmendDraft(basis=BasisOrdinal(consents[0]), operations=("verify",)))
    for number in range(plain):
        rig.now += SECOND
        rig.send(event(rig.now, consents[number % 3], permit=1), decisions=[decision(minor=[str(number // 50)])])
    allowed = rig.event(consents[0], permit=1).results[0].index
    rig.send(use(allowed), use(allowed), use(0), service="vault")
    _send(rig, OutcomeDraft(of=LeafIndex(allowed), result="match"), service="vault")
    rig.event(None)
    rig.event(10**6)
    ending = WithdrawDraft(basis=BasisOrdinal(consents[1]), by="data_subject", reason="no_longer_wanted")
    _send(rig, ending)
    # A second key for the same withdrawal: it is kept when its group appends something else.
    again = submission(ending, key=os.urandom(16))
    rig.send(again, submission(grant_draft(rig.now), key=os.urandom(16)), service="consent")
    rig.send(record("controller.closed", reason="contract_ended"), service="audit")
    rig.sequencer.reopen(rig.logs.close(rig.log, rig.now))
    rig.withdraw(consents[0])


def _send(rig: Rig, draft: Draft, service: str = "consent") -> int:
    sent = rig.send(submission(draft, key=os.urandom(16)), service=service)
    return entry_of(sent).i  # type: ignore[no-any-return]


def _granted(rig: Rig, draft: GrantDraft, service: str = "consent") -> BasisOrdinal:
    sent = rig.send(submission(draft, key=os.urandom(16)), service=service)
    return entry_of(sent).basis  # type: ignore[no-any-return]


def _guarded(rig: Rig) -> int:
    """A consent that needs a guardianship of the same person."""
    person = b64url(os.urandom(16))
    guardian = _granted(rig, replace(guardianship(), subject=person, not_before=rig.now, not_after=None))
    return _granted(rig, grant_draft(rig.now, subject=person, needs=(guardian,)))


def _permitted(rig: Rig) -> int:
    """A legal permission with its two approvals."""
    year = 365 * 24 * 3_600 * SECOND
    draft = replace(legal_permission(), not_before=rig.now, not_after=rig.now + year)
    approvals = [who.approve(draft, origin=rig.log.origin, expires=rig.now + year) for who in (LEGAL, DPO)]
    indexes = [LeafIndex(_send(rig, one, service="permission")) for one in approvals]
    return _granted(rig, replace(draft, approvals=tuple(indexes)), service="permission")
