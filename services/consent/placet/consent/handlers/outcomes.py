"""What follows from a step's entry: the state of the record it belongs to, the person's receipt, the message to others.

Owns: one function for each action; all of them run in the transaction that stores the step's receipt.
Never: talks to the ledger. Anchors: 'Service rules' (tx2), architecture.md section 3 (messages carry ledger ids only).
"""

from dataclasses import replace
from typing import Any

from placet.consent.errors import Corrupt
from placet.consent.model.consents import Consent
from placet.consent.model.steps import Action, Bar, Receipt, Step
from placet.consent.model.vocabulary import BasisOrdinal, Instant
from placet.consent.policy import records as contents
from placet.consent.policy.digests import note_id
from placet.consent.ports import Note, Records, Signer
from placet.evidence import canonical


def entered(records: Records, step: Step, receipt: Receipt, *, signer: Signer, law: str) -> None:
    """Record that a step is in the log as `receipt.entry`. Raises Corrupt when the entry is not what was asked for."""
    entry = _entry(receipt)
    basis = BasisOrdinal(entry["basis"]) if step.action is not Action.RECORD else None
    records.save_receipt(step, receipt, basis)
    match step.action:
        case Action.GRANT:
            _granted(records, step, receipt, entry, signer=signer, law=law)
        case Action.GRANT_GUARDIANSHIP:
            assert basis is not None
            records.save_guardianship_basis(replace(records.guardianship_basis(step.id), ordinal=basis))
        case Action.AMEND:
            _note(records, step, receipt, entry, "amended")
        case Action.WITHDRAW:
            _withdrawn(records, step, receipt, entry)
        case Action.WITHDRAW_GUARDIANSHIP:
            _guardianship_withdrawn(records, step, receipt, entry)
        case Action.RECORD:
            _recorded(records, step, receipt, entry, signer=signer, law=law)


def barred(records: Records, step: Step, bar: Bar) -> None:
    """Record that the log will never take a step; a consent whose grant is refused never is in force."""
    records.save_bar(step, bar)
    if step.action is Action.GRANT:
        records.save_consent(replace(_consent(records, step), barred=True))


def _entry(receipt: Receipt) -> dict[str, Any]:
    entry = canonical.decode(receipt.entry)
    if not isinstance(entry, dict):
        raise Corrupt("PROOF_INVALID", f"the entry at index {receipt.index} is no object")
    return entry


def _consent(records: Records, step: Step) -> Consent:
    assert step.consent is not None
    consent = records.consent(step.controller, step.consent)
    assert consent is not None  # stored in the same transaction as its steps
    return consent


def _granted(
    records: Records, step: Step, receipt: Receipt, entry: dict[str, Any], *, signer: Signer, law: str
) -> None:
    if entry["record"] != step.draft["record"]:
        raise Corrupt("PROOF_INVALID", f"the grant at index {receipt.index} commits to another record")
    consent = _consent(records, step)
    consent = replace(
        consent,
        basis=BasisOrdinal(entry["basis"]),
        granted=receipt.index,
        leaf_hash=receipt.leaf_hash,
        not_before=Instant(entry["not_before"]),
        guarding=replace(consent.guarding, needs=tuple(BasisOrdinal(one) for one in entry["needs"])),
    )
    records.save_consent(_with_receipt(records, consent, receipt, entry, signer, law))
    _note(records, step, receipt, entry, "granted")


def _with_receipt(
    records: Records, consent: Consent, receipt: Receipt, entry: dict[str, Any], signer: Signer, law: str
) -> Consent:
    notice = records.notice(consent.controller, consent.notice_hash)
    assert notice is not None  # a foreign key
    claims = contents.receipt_claims(consent, notice, receipt, at=Instant(entry["t"]), law=law)
    return replace(consent, signed_receipt=signer.sign(claims))


def _withdrawn(records: Records, step: Step, receipt: Receipt, entry: dict[str, Any]) -> None:
    consent = _consent(records, step)
    assert consent.ending is not None
    records.save_consent(replace(consent, ending=replace(consent.ending, index=receipt.index)))
    _note(records, step, receipt, entry, "withdrawn")


def _guardianship_withdrawn(records: Records, step: Step, receipt: Receipt, entry: dict[str, Any]) -> None:
    assert step.basis_of is not None
    basis = records.guardianship_basis(step.basis_of)
    records.save_guardianship_basis(replace(basis, ended=receipt.index))
    ended = _consent(records, step).basis
    stopped = [] if ended is None else [ended]
    _note(records, step, receipt, entry, "guardianship_withdrawn", stopped=stopped)


def _recorded(
    records: Records, step: Step, receipt: Receipt, entry: dict[str, Any], *, signer: Signer, law: str
) -> None:
    if entry["type"] == "notice.published":
        notice = records.notice(step.controller, canonical.unb64url(entry["data"]["hash"]))
        assert notice is not None
        records.save_notice(replace(notice, index=receipt.index))
    elif step.consent is not None:
        records.save_consent(_with_receipt(records, _consent(records, step), receipt, entry, signer, law))


def _note(records: Records, step: Step, receipt: Receipt, entry: dict[str, Any], kind: str, **data: Any) -> None:
    note = Note(
        id=note_id(step.key),
        kind=kind,
        index=receipt.index,
        basis=BasisOrdinal(entry["basis"]),
        at=Instant(entry["t"]),
        data=data,
    )
    records.add_note(step.controller, note)
