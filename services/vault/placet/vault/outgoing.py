"""What the vault tells the ledger and the others, written in the transaction that it follows from.

Owns: the rows of the outbox for `outcome` entries and `vault.template_destroyed` records, and what their delivery
changes: the erasure learns its index, and the message `template_destroyed` goes out.
Never: sends anything itself, tells anything but ledger ids, codes and hashes of ciphertexts. Keys are longer than the
16 bytes of a use's, so none is ever taken for a use. Design: architecture.md section 3, ledger.md section 4.
"""

from collections.abc import Callable

from sqlmodel import Session

from placet.evidence.canonical import b64url
from placet.evidence.drafts import OutcomeDraft, RecordDraft
from placet.evidence.terms import LeafIndex, Micros
from placet.kit.bus.dispatcher import Settle
from placet.kit.bus.messages import Message
from placet.kit.bus.outbox import OutboxRow
from placet.kit.errors import PlacetError
from placet.kit.ledger.messages import Submission, submission
from placet.kit.ledger.receipts import Receipt
from placet.vault.handlers.ledger import SERVICE
from placet.vault.model import Answer, Erasure, Use
from placet.vault.rows import erasure_of
from placet.vault.tables import INBOX, OUTBOX, ErasureRow
from placet.vault.template import TemplateId

DESTROYED = "vault.template_destroyed"
_MESSAGE_KIND = "template_destroyed"


def first_time(session: Session, message_id: str, now: Micros) -> bool:
    """Return True unless this message was dealt with before, and remember it with this transaction."""
    return INBOX.once(session, message_id, now)


def put_outcome(session: Session, use: Use, answer: Answer, entry: LeafIndex) -> None:
    """Have the `outcome` of an allowed use appended. `use` is as stored: its `seq` names the row."""
    draft = OutcomeDraft(of=entry, result=answer.result.value)
    asked = submission(draft, key=b"outcome:" + use.id.bytes)
    OUTBOX.put_append(session, use.controller, asked, id=f"outcome.{use.seq}", now=use.begun_at)


def put_destroyed(session: Session, erasure: Erasure) -> None:
    """Have the record of an erasure appended; `settle` tells the erasure where it stands."""
    OUTBOX.put_append(
        session,
        erasure.controller,
        destroyed(erasure),
        id=row_id(erasure.template_id),
        now=erasure.destroyed_at,
        about=str(erasure.template_id),
    )


def row_id(template_id: TemplateId) -> str:
    """Return the id of the outbox row of an erasure."""
    return f"destroyed.{template_id}"


def destroyed(erasure: Erasure) -> Submission:
    """Return the `vault.template_destroyed` record of an erasure: always the same one."""
    data = {
        "basis": erasure.basis,
        "blob_sha256": b64url(erasure.blob_sha256),
        "reason": erasure.reason,
        "template_id": str(erasure.template_id),
    }
    return submission(RecordDraft(type=DESTROYED, data=data), key=b"destroyed:" + erasure.template_id.bytes)


def settle(now: Callable[[], int]) -> Settle:
    """Return what the outbox does once a row is delivered, in the same transaction: see the module."""

    def settled(session: Session, row: OutboxRow, outcome: Receipt | PlacetError) -> None:
        if not row.about or isinstance(outcome, PlacetError):
            return  # a refusal stands in the outbox row
        found = session.get_one(ErasureRow, (row.controller, row.about))
        found.entry = outcome.index
        session.add(found)
        OUTBOX.put_message(session, _message(erasure_of(found), now()), now=now())

    return settled


def _message(erasure: Erasure, now: int) -> Message:
    return Message(
        id=f"{DESTROYED}.{erasure.template_id}",
        controller=erasure.controller,
        service=SERVICE,
        kind=_MESSAGE_KIND,
        index=erasure.index,
        basis=erasure.basis,
        at=now,
        data={"reason": erasure.reason, "template_id": str(erasure.template_id)},
    )
