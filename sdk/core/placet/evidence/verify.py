"""Verifying evidence offline: bundles, withdrawal receipts, fraud proofs.

Trusts nobody but the keys that whoever verifies has pinned, one by one or in a trust policy: signature, quorum,
inclusion, status, history, and the admission rules run again. What comes back says in words what was proven and what
was not; what is wrong raises VerifyError, also in words. Steps: `trust`, `proving`, `judging`; sentences: `words`.
Follows ledger.md section 5.
"""

from collections.abc import Collection, Iterable
from typing import NoReturn

from placet.evidence.bundle import (
    BUNDLE,
    FRAUD,
    RECEIPT,
    Bundle,
    Evidence,
    Fraud,
    Receipt,
    parse_bundle,
    parse_evidence,
    parse_fraud,
    parse_receipt,
)
from placet.evidence.errors import VerifyError
from placet.evidence.judging import Judge
from placet.evidence.kinds import State, Withdraw
from placet.evidence.proving import prove, prove_state, prove_status, refuse
from placet.evidence.reporting import (
    Report,
    on_bundle,
    on_checkpoint,
    on_receipt,
    stated,
    unproven_by_bundle,
)
from placet.evidence.trust import Opened, Trust
from placet.evidence.words import Language, Saying, Statement
from placet.tlog.errors import ProofError
from placet.tlog.keys import NoteVerifier
from placet.tlog.policy import Policy
from placet.tlog.proof import verify_consistency

__all__ = (
    "Language",
    "Report",
    "Verifier",
    "VerifyError",
    "verify_bundle",
    "verify_fraud",
    "verify_receipt",
)


class Verifier:
    """Verifies any number of pieces of evidence under the same trust; what they share is verified once."""

    def __init__(
        self, trusted: Policy | Iterable[NoteVerifier], *, approver_keys: Collection[bytes] | None = None
    ) -> None:
        """Pin the keys of logs (and of witnesses, whose cosignatures are then reported), or a whole trust policy.

        Under a policy the quorum must have cosigned the checkpoint of a bundle or receipt. With `approver_keys`
        (32-byte Ed25519 keys) every approval of a legal permission must be by one of them.
        """
        self._trust = Trust(trusted)
        self._approver_keys = approver_keys

    def verify(self, evidence: Evidence | str | bytes) -> Report:
        """Verify evidence of any format; raises BundleError if it is malformed, VerifyError if it is wrong."""
        parsed = parse_evidence(evidence) if isinstance(evidence, str | bytes) else evidence
        if isinstance(parsed, Bundle):
            return self.bundle(parsed)
        return self.receipt(parsed) if isinstance(parsed, Receipt) else self.fraud(parsed)

    def bundle(self, evidence: Bundle | str | bytes) -> Report:
        """Verify the bundle of one event; raises BundleError if it is malformed, VerifyError if it is wrong."""
        bundle = evidence if isinstance(evidence, Bundle) else parse_bundle(evidence)
        opened = self._trust.open(bundle.checkpoint, "checkpoint")
        judged = Judge(opened, approver_keys=self._approver_keys).judge(bundle)
        return Report(
            format=BUNDLE,
            origin=opened.checkpoint.origin,
            size=opened.checkpoint.size,
            index=judged.event.i,
            basis=judged.event.basis,
            verdict=judged.event.verdict,
            reasons=judged.event.reasons,
            proven=tuple(on_bundle(opened, judged)),
            unproven=tuple(unproven_by_bundle(judged, approvers_pinned=self._approver_keys is not None)),
        )

    def receipt(self, evidence: Receipt | str | bytes) -> Report:
        """Verify the receipt of a withdrawal; raises BundleError if it is malformed, VerifyError if it is wrong."""
        receipt = evidence if isinstance(evidence, Receipt) else parse_receipt(evidence)
        opened, withdraw = self._receipt(receipt, "", quorum=True)
        return _report(
            RECEIPT, opened, withdraw, tuple(on_receipt(opened, withdraw)), (stated(Saying.UNPROVEN_OBEYED),)
        )

    def fraud(self, evidence: Fraud | str | bytes) -> Report:
        """Verify a fraud proof: that its log signed two things that cannot both be true.

        No quorum is asked for: what convicts the log is its own signature. Raises BundleError if it is malformed,
        VerifyError if it convicts nobody.
        """
        fraud = evidence if isinstance(evidence, Fraud) else parse_fraud(evidence)
        earlier, withdraw = self._receipt(fraud.receipt, "receipt.", quorum=False)
        later = self._trust.open(fraud.checkpoint, "checkpoint", quorum=False)
        _require_extends(earlier, later, fraud)
        state = prove_state(later, fraud.state)
        lie = _lie(fraud, withdraw, state)
        proven = (
            *on_checkpoint(earlier),
            *on_checkpoint(later),
            stated(Saying.FRAUD_ENTRY, size=earlier.checkpoint.size, ordinal=withdraw.basis, index=withdraw.i),
            lie,
            stated(Saying.FRAUD_CONVICTS, origin=later.checkpoint.origin),
        )
        return _report(FRAUD, later, withdraw, proven, (stated(Saying.UNPROVEN_WHY),))

    def _receipt(self, receipt: Receipt, prefix: str, *, quorum: bool) -> tuple[Opened, Withdraw]:
        opened = self._trust.open(receipt.checkpoint, f"{prefix}checkpoint", quorum=quorum)
        return opened, prove(opened, receipt.withdraw, Withdraw, f"{prefix}withdraw")


def verify_bundle(
    evidence: Bundle | str | bytes,
    verifiers: Iterable[NoteVerifier],
    *,
    approver_keys: Collection[bytes] | None = None,
) -> Report:
    """Verify one bundle under pinned keys; see `Verifier.bundle`, which is quicker for many."""
    return Verifier(verifiers, approver_keys=approver_keys).bundle(evidence)


def verify_receipt(evidence: Receipt | str | bytes, verifiers: Iterable[NoteVerifier]) -> Report:
    """Verify one withdrawal receipt under pinned keys."""
    return Verifier(verifiers).receipt(evidence)


def verify_fraud(evidence: Fraud | str | bytes, verifiers: Iterable[NoteVerifier]) -> Report:
    """Verify one fraud proof under pinned keys."""
    return Verifier(verifiers).fraud(evidence)


def _report(
    format_: str, opened: Opened, withdraw: Withdraw, proven: tuple[Statement, ...], unproven: tuple[Statement, ...]
) -> Report:
    return Report(
        format=format_,
        origin=opened.checkpoint.origin,
        size=opened.checkpoint.size,
        index=withdraw.i,
        basis=withdraw.basis,
        verdict=None,
        reasons=(),
        proven=proven,
        unproven=unproven,
    )


def _require_extends(earlier: Opened, later: Opened, fraud: Fraud) -> None:
    """Verify that both checkpoints are of one log and the later tree begins with the earlier one."""
    old, new = earlier.checkpoint, later.checkpoint
    if old.origin != new.origin:
        refuse("checkpoint", Saying.WRONG_LOG, first=old.origin, second=new.origin)
    if new.size < old.size:
        refuse("checkpoint", Saying.WRONG_ORDER, first=old.size, second=new.size)
    try:
        verify_consistency(old.size, old.root, new.size, new.root, fraud.consistency)
    except ProofError as error:
        raise VerifyError("consistency", stated(Saying.WRONG_CONSISTENCY, why=error)) from error


def _lie(fraud: Fraud, withdraw: Withdraw, state: State) -> Statement:
    """Return what the later tree says otherwise than the receipt; raises VerifyError if it says the same."""
    size, ordinal, status = state.i + 1, withdraw.basis, fraud.status
    if status is None:
        if state.bases > ordinal:
            _refuse_no_fraud(size, withdraw)
        return stated(Saying.FRAUD_GONE, size=size, bases=state.bases)
    if status.ordinal != ordinal:
        refuse("status.ordinal", Saying.WRONG_STATUS_OF_ANOTHER, given=status.ordinal, ordinal=ordinal)
    prove_status(state, status, "status")
    if status.ended is None:
        return stated(Saying.FRAUD_STANDS, size=size, ordinal=ordinal)
    if status.ended == withdraw.i:
        _refuse_no_fraud(size, withdraw)
    return stated(Saying.FRAUD_OTHER_END, size=size, ordinal=ordinal, ended=status.ended)


def _refuse_no_fraud(size: int, withdraw: Withdraw) -> NoReturn:
    refuse("status", Saying.NO_FRAUD, size=size, ordinal=withdraw.basis, index=withdraw.i)
