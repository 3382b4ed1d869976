"""The transaction that destroys: what is overwritten, what is deleted, what stays.

Owns: erasing a basis or one template within a session, and scrubbing what the database's files still hold afterwards.
Never: commits, needs a key. What stays is a tombstone, the hash of the blob that is gone, and a use's operation, event
and keyed digest, but not its answer. Design: vault.md section 3 (erasure).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, func, select

from placet.evidence.terms import BasisOrdinal, Micros
from placet.vault import outgoing, rows, stock
from placet.vault.crypto import erased_hash
from placet.vault.errors import TemplateDestroyed
from placet.vault.model import Erasure, Result
from placet.vault.tables import DataKeyRow, TemplateRow, TombstoneRow, UseRow


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasing:
    """Why and when something is destroyed."""

    reason: str
    at: Micros
    final: bool


def erase_basis(session: Session, controller: str, basis: BasisOrdinal, why: Erasing) -> None:
    """Destroy everything under a basis and leave its tombstone."""
    for row in _templates(session, controller, basis):
        erase_template(session, row, reason=why.reason, at=why.at)
    key = session.get(DataKeyRow, (controller, basis))
    if key is not None:
        key.blob = bytes(len(key.blob))
        session.flush()  # the overwriting UPDATE goes out before the DELETE
        session.delete(key)
    _forget_answers(session, controller, basis)
    _bury(session, controller, basis, final=why.final)


def erase_template(session: Session, row: TemplateRow, *, reason: str, at: Micros) -> None:
    """Overwrite and delete one ciphertext, keep its erasure, and put the ledger's record into the outbox."""
    sealed = rows.template_of(row)
    erasure = Erasure(
        controller=sealed.place.controller,
        basis=sealed.place.basis,
        template_id=sealed.place.template_id,
        reason=reason,
        blob_sha256=erased_hash(sealed),
        destroyed_at=at,
    )
    row.blob, row.nonce = bytes(len(row.blob)), bytes(len(row.nonce))
    session.flush()
    session.delete(row)
    session.flush()
    session.add(rows.erasure_row(erasure))
    stock.put_gone(session, erasure)
    outgoing.put_destroyed(session, erasure)


def _templates(session: Session, controller: str, basis: BasisOrdinal) -> Sequence[TemplateRow]:
    return session.exec(
        select(TemplateRow)
        .where(col(TemplateRow.controller) == controller, col(TemplateRow.basis) == basis)
        .order_by(col(TemplateRow.enrolled_at), col(TemplateRow.template_id))
    ).all()


def _forget_answers(session: Session, controller: str, basis: BasisOrdinal) -> None:
    """Erase template ids, decisions and scores: a repeated request is told that the template is destroyed."""
    answered = select(UseRow).where(
        col(UseRow.controller) == controller,
        col(UseRow.basis) == basis,
        col(UseRow.result).is_not(None),
        col(UseRow.result) != Result.ERROR.value,
    )
    for row in session.exec(answered).all():
        row.result, row.error = Result.ERROR.value, TemplateDestroyed(basis).reason
        row.template_id = row.score = None


def _bury(session: Session, controller: str, basis: BasisOrdinal, *, final: bool) -> None:
    latest = session.exec(select(func.max(UseRow.seq))).one() or 0
    row = session.get(TombstoneRow, (controller, basis))
    if row is None:
        session.add(TombstoneRow(controller=controller, basis=basis, seq=latest, final=final))
        return
    row.seq, row.final = max(row.seq, latest), row.final or final
