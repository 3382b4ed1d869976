"""Withdrawal receipts, and the fraud proofs that they make when a log goes back on one."""

from dataclasses import replace

import pytest
from fakes.evidence_drafts import consent
from fakes.evidence_log import ORIGIN, MemoryLog
from fakes.evidence_scenes import withdrawal

from placet.evidence.admission import admit_withdraw
from placet.evidence.building import build_fraud, build_receipt
from placet.evidence.bundle import ProvenEntry, ProvenStatus, format_evidence
from placet.evidence.canonical import b64url
from placet.evidence.drafts import OutcomeDraft
from placet.evidence.errors import VerifyError
from placet.evidence.status import Status, StatusTree
from placet.evidence.verify import Language, Verifier, verify_fraud, verify_receipt
from placet.evidence.words import Saying
from placet.tlog.note import Verifier as NoteVerifier


def sayings(statements):
    return [statement.saying for statement in statements]


def withdrawn_log(bases=3, basis=1):
    log = MemoryLog()
    log.submit(*(consent() for _ in range(bases)))
    index = log.submit(withdrawal(basis))[0].i
    return log, build_receipt(log, index)


def proven_status(tree, status):
    return ProvenStatus(
        ordinal=status.ordinal,
        granted=status.granted,
        ended=status.ended,
        history=status.history,
        proof=tuple(tree.proof(status.ordinal)),
    )


def lie(log, status=None, size=None):
    """End a batch whose status tree says otherwise than the log; returns the status it shows."""
    statuses = [log.status[ordinal] for ordinal in sorted(log.status)]
    if status is not None:
        statuses[status.ordinal] = status
    tree = StatusTree()
    for one in statuses[:size]:
        tree.put(one)
    log.end_batch(status_root=b64url(tree.root()), bases=tree.size)
    return None if status is None else proven_status(tree, status)


def test_a_receipt_proves_the_withdrawal():
    log, receipt = withdrawn_log()
    for evidence in (receipt, format_evidence(receipt)):
        report = verify_receipt(evidence, log.verifiers)
        assert sayings(report.proven) == [Saying.CHECKPOINT, Saying.WITHDRAWN, Saying.WITHDRAWAL_BINDS]
        assert sayings(report.unproven) == [Saying.UNPROVEN_OBEYED]
        assert (report.format, report.verdict, report.index, report.basis) == ("placet.receipt/1", None, 6, 1)
    assert "withdraws basis 1: by the data subject" in report.text()
    assert "个人本人" in report.text(Language.ZH_CN)


def test_a_receipt_is_of_a_withdraw():
    log, receipt = withdrawn_log()
    grant = ProvenEntry(index=2, entry=log.entry(2), proof=tuple(log.inclusion(2)))
    with pytest.raises(VerifyError) as caught:
        verify_receipt(replace(receipt, withdraw=grant), log.verifiers)
    assert (caught.value.reason, caught.value.field) == (Saying.WRONG_KIND, "withdraw.entry")


def test_a_log_that_revives_a_basis_is_convicted():
    log, receipt = withdrawn_log()
    old = log.size
    shown = lie(log, Status.at_grant(1, 3))
    fraud = build_fraud(receipt, log, shown, log.consistency(old))
    text = format_evidence(fraud)
    assert len(text) <= 10 * 1024
    report = Verifier(log.verifiers).verify(text)
    assert report.format == "placet.fraud/1"
    assert sayings(report.proven)[-3:] == [Saying.FRAUD_ENTRY, Saying.FRAUD_STANDS, Saying.FRAUD_CONVICTS]
    assert sayings(report.unproven) == [Saying.UNPROVEN_WHY]
    assert f"whoever holds the key of {ORIGIN} signed a falsehood" in report.text()
    assert "虚假" in report.text(Language.ZH_CN)


def test_a_log_that_moves_the_end_is_convicted():
    log, receipt = withdrawn_log()
    old = log.size
    shown = lie(log, Status.at_grant(1, 3).withdrawn(bytes(32), 5))
    report = verify_fraud(build_fraud(receipt, log, shown, log.consistency(old)), log.verifiers)
    assert Saying.FRAUD_OTHER_END in sayings(report.proven)


def test_a_log_that_drops_the_basis_is_convicted():
    log, receipt = withdrawn_log()
    old = log.size
    lie(log, size=1)
    report = verify_fraud(build_fraud(receipt, log, None, log.consistency(old)), log.verifiers)
    assert Saying.FRAUD_GONE in sayings(report.proven)
    assert "only 1 bases" in report.text()


def test_a_lie_in_the_very_tree_of_the_receipt_convicts_too():
    log = MemoryLog()
    log.submit(consent(), consent())
    forged = log.forge(lambda at: admit_withdraw(withdrawal(1), at, log.facts), end=False)[0]
    shown = lie(log, Status.at_grant(1, 3))
    fraud = build_fraud(build_receipt(log, forged.i), log, shown, [])
    assert Saying.FRAUD_STANDS in sayings(verify_fraud(fraud, log.verifiers).proven)


def refused(log, fraud, saying, field=None, verifiers=None):
    with pytest.raises(VerifyError) as caught:
        verify_fraud(fraud, verifiers or log.verifiers)
    assert caught.value.reason == saying
    if field:
        assert caught.value.field == field


def test_an_honest_log_is_not_convicted():
    log, receipt = withdrawn_log()
    old = log.size
    log.submit(consent(), OutcomeDraft(of=0, result="x"))
    honest = proven_status(log.statuses, log.status[1])
    refused(log, build_fraud(receipt, log, honest, log.consistency(old)), Saying.NO_FRAUD)
    refused(log, build_fraud(receipt, log, None, log.consistency(old)), Saying.NO_FRAUD)


def test_a_status_that_the_log_never_signed_convicts_nobody():
    log, receipt = withdrawn_log()
    old = log.size
    log.submit(consent())
    alive = replace(proven_status(log.statuses, log.status[1]), ended=None)
    refused(log, build_fraud(receipt, log, alive, log.consistency(old)), Saying.WRONG_STATUS_PROOF)
    other = proven_status(log.statuses, log.status[0])
    refused(
        log, build_fraud(receipt, log, other, log.consistency(old)), Saying.WRONG_STATUS_OF_ANOTHER, "status.ordinal"
    )


def test_the_later_tree_extends_the_receipts():
    log, receipt = withdrawn_log()
    old = log.size
    shown = lie(log, Status.at_grant(1, 3))
    right = log.consistency(old)
    for wrong in ([], right[:-1], [*right, bytes(32)], [bytes(32), *right[1:]]):
        refused(log, build_fraud(receipt, log, shown, wrong), Saying.WRONG_CONSISTENCY, "consistency")


def test_the_later_checkpoint_is_later():
    log, _ = withdrawn_log()
    early = replace(build_fraud(withdrawn_log()[1], log, None, []))
    log.submit(consent())
    receipt = build_receipt(log, 6)
    refused(log, replace(early, receipt=receipt), Saying.WRONG_ORDER, "checkpoint")


def test_both_checkpoints_are_of_one_log():
    log, receipt = withdrawn_log()
    other = MemoryLog("log.example/retailer", seed=b"o" * 32)
    other.submit(consent(), consent(), consent())
    other.submit(withdrawal(0))
    fraud = build_fraud(receipt, other, None, [])
    refused(log, fraud, Saying.WRONG_LOG, "checkpoint", [*log.verifiers, NoteVerifier(other.signer.vkey)])
    refused(log, fraud, Saying.WRONG_CHECKPOINT, "checkpoint")
    refused(log, fraud, Saying.WRONG_CHECKPOINT, "receipt.checkpoint", [NoteVerifier(other.signer.vkey)])


def test_the_later_checkpoint_ends_in_its_state():
    log, receipt = withdrawn_log()
    old = log.size
    shown = lie(log, Status.at_grant(1, 3))
    fraud = build_fraud(receipt, log, shown, log.consistency(old))
    refused(log, replace(fraud, state=fraud.receipt.withdraw), Saying.WRONG_INCLUSION, "state.proof")
