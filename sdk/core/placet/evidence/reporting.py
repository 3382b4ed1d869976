"""What a verification found, as statements: what was proven and, just as plainly, what was not.

Owns which sentences belong to which finding (ledger.md section 5, "Verification"); the sentences themselves are
`placet.evidence.words`. A page that shows evidence must not claim more than `Report.proven` says.
"""

from collections.abc import Iterator

from placet.evidence.approvals import approval_of
from placet.evidence.grants import valid_at
from placet.evidence.judging import Judged, JudgedBasis
from placet.evidence.kinds import Event, Withdraw
from placet.evidence.reasons import Reason
from placet.evidence.terms import RULES, BasisOrdinal, Form, LeafIndex, Verdict, value
from placet.evidence.trust import Opened
from placet.evidence.view import Basis
from placet.evidence.words import WORDS, Language, Saying, Statement, Time, say
from placet.tlog.policy import NONE

_QUORUM = {
    (True, True): Saying.QUORUM_NONE,
    (False, True): Saying.QUORUM_REACHED,
    (False, False): Saying.QUORUM_NOT_REACHED,
}
_OF_OTHER_RULES = frozenset(
    {Reason.CLOCK_OUT_OF_RANGE, Reason.POLICY, Reason.POLICY_ERROR, Reason.DECISION_MISMATCH, Reason.SEEN_IN_FUTURE}
)
"""The reasons of rules 6, 8 and 9: with these alone the basis stood, and the event was denied all the same."""


@value
class Report:
    """The findings on one piece of evidence that verified."""

    format: str
    origin: str
    """The log."""
    size: int
    """The checkpoint's tree size."""
    index: LeafIndex
    """Of the event, or of the withdraw."""
    basis: BasisOrdinal | None
    verdict: Verdict | None
    """Of the event; None for a receipt and a fraud proof."""
    reasons: tuple[Reason, ...]
    proven: tuple[Statement, ...]
    unproven: tuple[Statement, ...]

    @property
    def said(self) -> tuple[str, ...]:
        """What was proven, in English sentences."""
        return self.says(Language.EN)

    @property
    def unsaid(self) -> tuple[str, ...]:
        """What was not proven, in English."""
        return self.does_not_say(Language.EN)

    def says(self, language: Language) -> tuple[str, ...]:
        """Return what was proven, in sentences."""
        return tuple(say(statement, language) for statement in self.proven)

    def does_not_say(self, language: Language) -> tuple[str, ...]:
        """Return what was not proven."""
        return tuple(say(statement, language) for statement in self.unproven)

    def text(self, language: Language = Language.EN) -> str:
        """Return the whole report as lines under two headings."""
        words = WORDS[language]
        lines = [words.proven, *(f"- {one}" for one in self.says(language))]
        return "\n".join([*lines, words.unproven, *(f"- {one}" for one in self.does_not_say(language))])


def stated(saying: Saying, /, **facts: object) -> Statement:
    """Return a statement."""
    return Statement(saying=saying, facts=facts)


def on_checkpoint(opened: Opened) -> Iterator[Statement]:
    """Say who signed what."""
    checkpoint = opened.checkpoint
    yield stated(Saying.CHECKPOINT, origin=checkpoint.origin, size=checkpoint.size, signers=opened.signers)
    if opened.cosigned:
        yield stated(Saying.WITNESSED, witnesses=opened.cosigned)
    quorum = opened.quorum
    if quorum is not None:
        yield stated(_QUORUM[quorum.name == NONE, quorum.reached], quorum=quorum.name, missing=quorum.missing)


def on_bundle(opened: Opened, judged: Judged) -> Iterator[Statement]:
    """Say what a bundle proves."""
    event, decision = judged.event, judged.decision
    yield from on_checkpoint(opened)
    yield stated(
        Saying.EVENT,
        index=event.i,
        id=event.id,
        operation=event.operation,
        purpose=event.purpose,
        site=event.site,
        device=event.device,
        t=Time(event.t),
    )
    if event.verdict == Verdict.ALLOW:
        yield stated(Saying.ALLOWED, rules=RULES)
    else:
        yield stated(Saying.DENIED, rules=RULES, reasons=event.reasons)
    yield stated(
        Saying.DECISION,
        index=decision.i,
        packs=tuple(policy.id for policy in decision.policies),
        verdict=decision.verdict,
        permit=decision.permit,
        forbid=decision.forbid,
        errors=decision.errors,
    )
    yield from _on_bases(opened, judged)
    yield from _on_use(judged)


def unproven_by_bundle(judged: Judged, *, approvers_pinned: bool) -> Iterator[Statement]:
    """Say what a bundle does not prove."""
    event = judged.event
    yield stated(Saying.UNPROVEN_CONSENT)
    yield stated(Saying.UNPROVEN_FACTS)
    yield stated(Saying.UNPROVEN_SUBMITTED)
    yield stated(Saying.UNPROVEN_STATUS_ROOT)
    if not judged.bases:
        yield stated(Saying.UNPROVEN_NAMED_BASIS)
    for basis in judged.bases[:1]:
        if basis.grant.max_events is not None:
            yield stated(Saying.UNPROVEN_EVENT_COUNT, ordinal=basis.grant.basis, most=basis.grant.max_events)
        if basis.approvals and not approvers_pinned:
            yield stated(Saying.UNPROVEN_APPROVERS)
    if event.permit is not None:
        yield stated(Saying.UNPROVEN_USE_COUNT)


def on_receipt(opened: Opened, withdraw: Withdraw) -> Iterator[Statement]:
    """Say what a withdrawal receipt proves."""
    yield from on_checkpoint(opened)
    yield stated(
        Saying.WITHDRAWN,
        index=withdraw.i,
        ordinal=withdraw.basis,
        by=withdraw.by,
        reason=withdraw.reason,
        t=Time(withdraw.t),
    )
    yield stated(Saying.WITHDRAWAL_BINDS, index=withdraw.i)


def _on_bases(opened: Opened, judged: Judged) -> Iterator[Statement]:
    event = judged.event
    if not judged.bases:
        yield stated(Saying.NO_BASIS)
        return
    own, *needed = judged.bases
    yield from _on_own_basis(own, event)
    for guardianship in needed:
        yield from _on_guardianship(guardianship, event)
    yield stated(Saying.NOTHING_LEFT_OUT, state=judged.state.i, size=opened.checkpoint.size)
    if event.verdict == Verdict.ALLOW and all(basis.grant.i < event.seen for basis in judged.bases):
        yield stated(Saying.BRACKET, seen=event.seen, index=event.i)
    if event.offline:
        yield stated(Saying.OFFLINE)


def _on_own_basis(basis: JudgedBasis, event: Event) -> Iterator[Statement]:
    grant = basis.grant
    stood = Saying.BASIS_STOOD if _OF_OTHER_RULES.issuperset(event.reasons) else Saying.BASIS_DID_NOT_STAND
    facts = {"ordinal": grant.basis, "form": grant.form, "granted": grant.i, "law": grant.law, "index": event.i}
    yield Statement(saying=stood, facts=facts)
    yield from _on_changes(basis, event)
    if grant.imported:
        yield stated(Saying.BASIS_IMPORTED, ordinal=grant.basis)
    if grant.form == Form.LEGAL_PERMISSION:
        roles = tuple(approval_of(record.data).role for record in basis.approvals)
        saying = Saying.BREAK_GLASS if len(roles) == 1 else Saying.APPROVED
        yield stated(saying, count=len(roles), roles=roles)


def _on_guardianship(basis: JudgedBasis, event: Event) -> Iterator[Statement]:
    grant = basis.grant
    saying = Saying.GUARDIAN_STOOD if _active(basis, event) else Saying.GUARDIAN_DID_NOT_STAND
    yield stated(saying, ordinal=grant.basis, granted=grant.i)
    yield from _on_changes(basis, event)


def _active(basis: JudgedBasis, event: Event) -> bool:
    """Tell whether a guardianship was active at the event: rule 5, for this one alone."""
    if basis.withdraw is not None and basis.withdraw.i < event.i:
        return False
    stood = Basis.of(basis.grant)
    for amend in basis.amends:
        if amend.i < event.i:
            stood = stood.narrowed(amend)
    return valid_at(stood, event.t)


def _on_changes(basis: JudgedBasis, event: Event) -> Iterator[Statement]:
    ordinal = basis.grant.basis
    earlier = sum(amend.i < event.i for amend in basis.amends)
    if earlier:
        yield stated(Saying.BASIS_AMENDED, ordinal=ordinal, count=earlier)
    if basis.withdraw is not None and basis.withdraw.i > event.i:
        yield stated(Saying.BASIS_ENDED_LATER, ordinal=ordinal, ended=basis.withdraw.i)


def _on_use(judged: Judged) -> Iterator[Statement]:
    permit = judged.event.permit
    if permit is not None:
        yield stated(Saying.PERMIT, max_uses=permit.max_uses, not_after=Time(permit.not_after))
    for use in judged.uses:
        yield stated(Saying.USE, n=use.n, service=use.service, index=use.i, verdict=use.verdict, reasons=use.reasons)
