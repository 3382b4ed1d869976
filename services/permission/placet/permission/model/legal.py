"""A legal permission from draft to revocation, and the law of four eyes.

Owns: `LegalDraft`, `LegalPermission` and its states, approvers and approvals, which approvals stand, and how many are
needed (vault.md section 1; ledger.md section 5, rule `grant`). Never: the digest and the signed bytes (placet.evidence
has them), the position in the log, or whether a key really belongs to a person: that remains the operator's claim.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from placet.permission.errors import ApprovalInvalid, ApprovalsMissing, Invalid, SamePerson, StateInvalid
from placet.permission.model.basis import BasisFacts, end_of
from placet.permission.model.fields import check_bytes, check_code, check_instrument, check_int, check_uuid, check_words
from placet.permission.model.vocabulary import (
    CLOCK_TOLERANCE,
    SECOND,
    ApproverRole,
    BasisForm,
    LegalCode,
    Operation,
)

ANY_SITE = "*"
MAX_WORDS = 256
# Break-glass: one approver is enough for a window of at most this length, microseconds.
BREAK_GLASS_WINDOW = 900 * SECOND
FOUR_EYES = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class LegalDraft:
    """What is asked for. Times are microseconds since 1970 UTC; `not_before`, `not_after`, `max_events` 0: no bound."""

    code: LegalCode
    authority: str
    document_sha256: bytes
    purposes: tuple[str, ...]
    operations: tuple[Operation, ...]
    sites: tuple[str, ...]
    egress: bool
    not_before: int
    not_after: int
    max_events: int
    law: str

    def __post_init__(self) -> None:
        # Invariant: a permission names its instrument, document, purposes, operations and sites; it is never blanket.
        check_instrument("draft.authority", self.authority)
        check_bytes("draft.document_sha256", self.document_sha256, 32)
        _check_codes("draft.purposes", self.purposes)
        check_words("draft.operations", self.operations, needed=True)
        if self.sites != (ANY_SITE,):
            _check_codes("draft.sites", self.sites)
        check_int("draft.not_before", self.not_before)
        check_int("draft.not_after", self.not_after)
        check_int("draft.max_events", self.max_events)
        check_code("draft.law", self.law)
        if self.not_after and self.not_after <= self.not_before:
            raise Invalid("draft.not_after", "draft.not_after must lie after draft.not_before, or be 0 for no end.")

    def window(self, now: int) -> int:
        """Return how long it would be in force if issued now, as the log counts it; without an end: as good as ever."""
        return end_of(self.not_after) - max(self.not_before, now - CLOCK_TOLERANCE)


def _check_codes(field: str, values: tuple[str, ...]) -> None:
    check_words(field, values, needed=True)
    if len(values) > MAX_WORDS:
        raise Invalid(field, f"{field} names more than {MAX_WORDS}.", reason="FIELD_TOO_LARGE")
    for at, value in enumerate(values):
        check_code(f"{field}[{at}]", value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Approver:
    """Somebody who signs approvals: `actor` is the token's `sub`, `id` the random id that stands in the log."""

    actor: str
    id: str
    public_key: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """A signed approval that is in the log at `index`; it lapses at `expires` (microseconds)."""

    approver: str
    role: ApproverRole
    key: bytes
    expires: int
    signature: bytes
    index: int


class LegalState(StrEnum):
    """Where a legal permission stands."""

    DRAFT = "draft"
    ISSUED = "issued"
    # Revoked here; the entry is on its way into the log if `ended` is None.
    REVOKED = "revoked"


@dataclass(frozen=True, kw_only=True, slots=True)
class LegalPermission:
    """A legal permission. `digest` is of the caller's request, `draft_digest` what approvers sign.

    `record` and `salt` open the commitment in the log; `basis`, `granted`, `leaf` and `begins` (the `not_before` that
    the log wrote) are set once it is issued.
    """

    id: str
    requester: str
    draft: LegalDraft
    digest: bytes
    draft_digest: bytes
    record: bytes
    salt: bytes
    state: LegalState = LegalState.DRAFT
    approvals: tuple[Approval, ...] = ()
    basis: int | None = None
    granted: int | None = None
    leaf: bytes | None = None
    begins: int | None = None
    revoked_for: str = ""
    ended: int | None = None

    def __post_init__(self) -> None:
        # Invariant: only what is in the log is issued; what was issued has a basis, a grant index and its leaf hash.
        check_uuid("id", self.id)
        in_log = None not in (self.basis, self.granted, self.leaf, self.begins)
        if (self.state is not LegalState.DRAFT) != in_log:
            raise ValueError(f"a legal permission in state {self.state} with basis {self.basis}")

    def issued(self, *, basis: int, granted: int, leaf: bytes, begins: int) -> Self:
        """Return it as the log has it from `granted` on."""
        return replace(self, state=LegalState.ISSUED, basis=basis, granted=granted, leaf=leaf, begins=begins)

    def revoked(self, reason: str, *, ended: int | None = None) -> Self:
        """Return it revoked; `ended` once the log has it. Raises StateInvalid for a draft."""
        if self.state is LegalState.DRAFT:
            raise StateInvalid("This legal permission was never issued: there is nothing to revoke.")
        return replace(self, state=LegalState.REVOKED, revoked_for=self.revoked_for or reason, ended=ended)

    def facts(self) -> BasisFacts:
        """Return it as a basis. Raises ValueError for a draft."""
        if self.basis is None or self.granted is None or self.begins is None:
            raise ValueError("a draft is no basis")
        draft = self.draft
        return BasisFacts(
            ordinal=self.basis,
            granted=self.granted,
            leaf=self.leaf,
            ended=(self.ended or self.granted) if self.state is LegalState.REVOKED else None,
            form=BasisForm.LEGAL_PERMISSION,
            code=draft.code.value,
            purposes=frozenset(draft.purposes),
            operations=frozenset(draft.operations),
            sites=None if draft.sites == (ANY_SITE,) else frozenset(draft.sites),
            egress=draft.egress,
            not_before=self.begins,
            not_after=end_of(draft.not_after),
            term_stated=draft.not_after != 0,
        )


def check_approval(permission: LegalPermission, approver: Approver, role: ApproverRole, expires: int, now: int) -> None:
    """Raise unless this person may approve this draft in this role now.

    Refused: the requester, a second role of the same person, a role that somebody else's standing approval fills, an
    approval that has lapsed already, and any approval of what is no draft any more.
    """
    if permission.state is not LegalState.DRAFT:
        raise StateInvalid("Only a draft can be approved; this one was issued already.")
    if approver.actor == permission.requester:
        raise SamePerson("Who requests a legal permission cannot approve it: find two other persons.")
    if expires <= now:
        raise ApprovalInvalid("expires", "The approval lapses before it begins. Sign one that expires later.")
    for other in permission.approvals:
        if other.approver == approver.id and other.role is not role:
            raise SamePerson("You approved this draft in another role: the second role needs a second person.")
        if other.approver != approver.id and other.key == approver.public_key:
            raise SamePerson("Another approver signed this draft with your key: approvers need keys of their own.")
        if other.approver != approver.id and other.role is role and other.expires > now:
            raise StateInvalid(f"Somebody else's approval as {role} stands until it lapses.", field="role")


def standing(approvals: Iterable[Approval], now: int) -> tuple[Approval, ...]:
    """Return the approvals that count at `now`: not lapsed, one for each role, approver and key; the newest first."""
    kept: list[Approval] = []
    for approval in sorted(approvals, key=lambda approval: approval.index, reverse=True):
        clash = any(
            other.role is approval.role or other.approver == approval.approver or other.key == approval.key
            for other in kept
        )
        if approval.expires > now and not clash:
            kept.append(approval)
    return tuple(kept)


def approvals_for_issue(permission: LegalPermission, now: int) -> tuple[Approval, ...]:
    """Return the approvals under which this draft may be issued now: two, or one for a window of at most 900 s.

    Raises ApprovalsMissing, StateInvalid when it is no draft, Invalid when its window has passed.
    """
    if permission.state is not LegalState.DRAFT:
        raise StateInvalid("This legal permission was issued already.")
    if permission.draft.not_after and permission.draft.not_after <= now:
        raise StateInvalid("The window of this draft has passed. Request a new one.")
    count = standing(permission.approvals, now)
    if len(count) >= FOUR_EYES:
        return count
    if count and permission.draft.window(now) <= BREAK_GLASS_WINDOW:
        return count
    why = "two persons, one as approve_legal and one as approve_dpo, must approve"
    if count:
        why += "; one alone is enough only for a window of at most 900 s from now (break-glass)"
    raise ApprovalsMissing(len(count), FOUR_EYES, f"{why}.")
