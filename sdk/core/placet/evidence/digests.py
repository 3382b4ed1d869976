"""Digests over the content of drafts and entries: what approvers sign, and when two decisions are the same.

Both are SHA-256 over canonical JSON and the same for a draft and for the entry made of it. Permanent: they stand in
signatures and decide which decision an event points at (ledger.md sections 4 and 5).
"""

from hashlib import sha256
from typing import Final

from placet.evidence.canonical import encode
from placet.evidence.drafts import DecisionDraft, GrantDraft
from placet.evidence.entries import Decision, Grant, to_json

DRAFT_TAG: Final = b"placet/draft/v1\0"
_GRANT: Final = (
    "form",
    "subject",
    "purposes",
    "operations",
    "sites",
    "egress",
    "not_after",
    "needs",
    "max_events",
    "record",
    "notice",
    "law",
    "authority",
    "imported",
)
_DECISION: Final = ("policies", "context", "verdict", "permit", "forbid", "errors")


def grant_digest(grant: GrantDraft | Grant) -> bytes:
    """Return what approvers of a legal permission sign: SHA-256 over the tag and the canonical JSON of the draft.

    It covers everything but what the sequencer assigns, the approvals themselves and `not_before`.
    """
    return sha256(DRAFT_TAG + encode({name: to_json(getattr(grant, name)) for name in _GRANT})).digest()


def decision_digest(decision: DecisionDraft | Decision) -> bytes:
    """Return the SHA-256 of a decision's content; decisions of one digest share the entry with the lowest index."""
    return sha256(encode({name: to_json(getattr(decision, name)) for name in _DECISION})).digest()
