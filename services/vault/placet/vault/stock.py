"""Which bases have a stored template, as a numbered list of changes: what the stock of persons is counted from (R8).

Owns: the rows of `stock`, written in the transaction that stores or destroys, so that no change is ever missing or
early. The consent service, which knows whose basis it is, reads on from the number it has.
Never: knows a person; counts. Design: vault.md section 3 (retention), docs/adr/0019-filing.md.
"""

from sqlmodel import Session, col, func, select

from placet.evidence.terms import BasisOrdinal, Micros
from placet.vault.model import Erasure, Stock, StockChange
from placet.vault.tables import StockRow, TemplateRow
from placet.vault.template import SealedTemplate


def put_stored(session: Session, sealed: SealedTemplate) -> None:
    """Write down that a template is stored."""
    place = sealed.place
    _put(session, place.controller, str(place.template_id), place.basis, stored=True, at=sealed.enrolled_at)


def put_gone(session: Session, erasure: Erasure) -> None:
    """Write down that a template is gone."""
    _put(
        session,
        erasure.controller,
        str(erasure.template_id),
        erasure.basis,
        stored=False,
        at=erasure.destroyed_at,
    )


def read(session: Session, controller: str, *, after: int, limit: int) -> Stock:
    """Return the changes after that number, at most `limit`."""
    query = (
        select(StockRow)
        .where(col(StockRow.controller) == controller, col(StockRow.number) > after)
        .order_by(col(StockRow.number))
        .limit(limit)
    )
    changes = tuple(
        StockChange(number=row.number, basis=BasisOrdinal(row.basis), stored=row.stored, at=Micros(row.at))
        for row in session.exec(query)
    )
    return Stock(changes=changes, last=_last(session, controller))


def number_older(session: Session) -> int:
    """Number the templates that were stored before there was this list; return how many. Safe to repeat."""
    known = select(StockRow.template_id).where(
        col(StockRow.controller) == TemplateRow.controller, col(StockRow.template_id) == TemplateRow.template_id
    )
    query = (
        select(TemplateRow.controller, TemplateRow.template_id, TemplateRow.basis, TemplateRow.enrolled_at)
        .where(~known.exists())
        .order_by(col(TemplateRow.enrolled_at), col(TemplateRow.template_id))
    )
    older = session.exec(query).all()
    for controller, template_id, basis, at in older:
        _put(session, controller, template_id, basis, stored=True, at=at)
    return len(older)


def _put(session: Session, controller: str, template_id: str, basis: int, *, stored: bool, at: int) -> None:
    # Invariant: dense. On PostgreSQL two transactions that took the same number collide, and one runs again.
    number = _last(session, controller) + 1
    session.add(
        StockRow(controller=controller, number=number, template_id=template_id, basis=basis, stored=stored, at=at)
    )
    session.flush()


def _last(session: Session, controller: str) -> int:
    return session.exec(select(func.max(StockRow.number)).where(col(StockRow.controller) == controller)).one() or 0
