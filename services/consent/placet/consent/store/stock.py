"""The port `StockStore` over SQL: what the vault told is counted in one transaction, from where the last one ended.

Owns: which rows a run of changes needs, and writing back what it changed. Whose a basis is stands in the consent of
that ordinal; a basis that no consent has (a legal permission) is its own holder.
Never: counts by itself (`policy.stock`); keeps anything of a person but the row number, and that only as long as a
template is stored.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from typing import TypeVar

from sqlalchemy import delete, func, insert
from sqlmodel import Session, col, select

from placet.consent.errors import Corrupt
from placet.consent.model.vocabulary import Controller, Instant
from placet.consent.policy.stock import UNLINKED, Day, Held, Range, Stock, StockChange, Tally, range_of, scope_of
from placet.consent.stock_tables import CountedRow, StoredBasisRow, StoredDayRow, StoredScopeRow
from placet.consent.tables import ConsentRow, ControllerRow, PersonRow
from placet.kit.db.database import Database
from placet.kit.db.errors import DuplicateKey, SerializationFailure

T = TypeVar("T")
_AT_ONCE = 1_000


class SqlStock:
    """`ports.StockStore` over the consent service's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def counted(self, controller: Controller) -> int:
        """Return the number of the last change that is counted."""
        return await self._database.read(lambda session: _counted(session, controller))

    async def count(self, controller: Controller, changes: Sequence[StockChange], now: Instant) -> None:
        """Count the changes that are not counted yet; in one transaction."""
        with suppress(DuplicateKey, SerializationFailure):  # another replica counted the same at this moment
            await self._database.write(lambda session: _count(session, controller, changes, now))

    async def stock(self, controller: Controller) -> Stock:
        """Return the count and its days."""
        return await self._database.read(lambda session: _stock(session, controller))

    async def controllers(self) -> list[Controller]:
        """Return every controller that was met."""
        query = select(ControllerRow.controller).order_by(col(ControllerRow.controller))
        return await self._database.read(lambda session: [Controller(one) for one in session.exec(query)])


def _counted(session: Session, controller: str) -> int:
    row = session.get(CountedRow, controller)
    return 0 if row is None else row.number


def _count(session: Session, controller: str, changes: Sequence[StockChange], now: Instant) -> None:
    done = _counted(session, controller)
    fresh = [change for change in changes if change.number > done]
    if not fresh:
        return
    if [change.number for change in fresh] != [*range(done + 1, done + 1 + len(fresh))]:
        raise Corrupt("STORAGE_CORRUPT", f"the vault's changes after {done} have a gap: restore its database")
    bases: set[int] = {change.basis for change in fresh}
    tally = _tally(session, controller, bases)
    before, owners = set(tally.held), _owners(session, controller, bases)
    for part in _parts({owner.holder for owner in owners.values()} - tally.bases.keys()):
        tally.bases |= _bases(session, controller, part)
    tally.take_in(fresh, owners, now)
    _write(session, controller, tally, before)
    session.merge(CountedRow(controller=controller, number=fresh[-1].number))


def _tally(session: Session, controller: str, bases: set[int]) -> Tally:
    """Return what is known of these bases, their holders and the scopes."""
    held: dict[int, Held] = {}
    for part in _parts(bases):
        query = select(
            StoredBasisRow.basis, StoredBasisRow.holder, StoredBasisRow.scope, StoredBasisRow.templates
        ).where(col(StoredBasisRow.controller) == controller, col(StoredBasisRow.basis).in_(part))
        for basis, holder, scope, templates in session.exec(query):
            held[basis] = Held(holder=holder, scope=scope, templates=templates)
    counts: dict[str, int] = {}
    for holders in _parts({one.holder for one in held.values()}):
        counts |= _bases(session, controller, holders)
    days = select(StoredDayRow).where(col(StoredDayRow.controller) == controller)
    last = session.exec(days.order_by(col(StoredDayRow.day).desc()).limit(1)).first()
    return Tally(
        held=held, bases=counts, scopes=_scopes(session, controller), last=None if last is None else _day_of(last)
    )


def _bases(session: Session, controller: str, holders: Sequence[str]) -> dict[str, int]:
    """Return how many bases with a template each of these holders has."""
    query = (
        select(StoredBasisRow.holder, func.count())
        .where(col(StoredBasisRow.controller) == controller, col(StoredBasisRow.holder).in_(holders))
        .group_by(col(StoredBasisRow.holder))
    )
    return dict(session.exec(query).all())


def _owners(session: Session, controller: str, bases: set[int]) -> dict[int, Held]:
    """Return whose each basis is."""
    found = {basis: Held(holder=f"basis:{basis}", scope=UNLINKED) for basis in bases}
    for part in _parts(bases):
        query = (
            select(ConsentRow.basis, PersonRow.id, PersonRow.subject)
            .join(PersonRow, col(PersonRow.id) == ConsentRow.person)
            .where(col(ConsentRow.controller) == controller, col(ConsentRow.basis).in_(part))
        )
        for basis, person, subject in session.exec(query):
            if basis is not None:
                found[basis] = Held(holder=f"person:{person}", scope=scope_of(subject))
    return found


def _write(session: Session, controller: str, tally: Tally, before: set[int]) -> None:
    """Write back what a run changed: few statements, because every other writer of this service waits meanwhile."""
    connection = session.connection()
    for part in _parts(before):
        mine = (col(StoredBasisRow.controller) == controller, col(StoredBasisRow.basis).in_(part))
        connection.execute(delete(StoredBasisRow).where(*mine))
    stored = [
        {"controller": controller, "basis": basis, "holder": one.holder, "scope": one.scope, "templates": one.templates}
        for basis, one in tally.held.items()
    ]
    if stored:
        connection.execute(insert(StoredBasisRow), stored)
    for scope, holders in tally.scopes.items():
        session.merge(StoredScopeRow(controller=controller, scope=scope, holders=holders))
    for day in tally.days.values():
        session.merge(
            StoredDayRow(
                controller=controller,
                day=day.day.isoformat(),
                peak_low=day.peak.low,
                peak_high=day.peak.high,
                close_low=day.close.low,
                close_high=day.close.high,
            )
        )


def _stock(session: Session, controller: str) -> Stock:
    days = select(StoredDayRow).where(col(StoredDayRow.controller) == controller).order_by(col(StoredDayRow.day))
    scopes = _scopes(session, controller)
    return Stock(
        stored=range_of(scopes),
        days=tuple(map(_day_of, session.exec(days))),
        unlinked=scopes.get(UNLINKED, 0),
    )


def _scopes(session: Session, controller: str) -> dict[bytes, int]:
    query = select(StoredScopeRow).where(col(StoredScopeRow.controller) == controller)
    return {row.scope: row.holders for row in session.exec(query)}


def _day_of(row: StoredDayRow) -> Day:
    return Day(
        day=date.fromisoformat(row.day),
        peak=Range(low=row.peak_low, high=row.peak_high),
        close=Range(low=row.close_low, high=row.close_high),
    )


def _parts(values: Iterable[T]) -> Iterator[list[T]]:
    """Cut into parts that fit into one statement."""
    listed = list(values)
    for begin in range(0, len(listed), _AT_ONCE):
        yield listed[begin : begin + _AT_ONCE]
