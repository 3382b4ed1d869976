"""The port `VaultStore` over SQL: one transaction a method.

Owns: what is read and written together. Whatever must reach the ledger goes into the outbox in the same transaction
(`outgoing`); what is destroyed is overwritten first (`erasing`).
Never: opens a ciphertext, asks another service. The database is opened with `secure_delete`: vault.md section 3.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar
from uuid import UUID

from sqlmodel import Session, col, delete, or_, select

from placet.evidence.terms import BasisOrdinal, LeafIndex, Micros
from placet.kit.db.database import Database
from placet.kit.db.errors import DuplicateKey, SerializationFailure
from placet.kit.db.scrubbing import scrub
from placet.kit.errors import Conflict
from placet.vault import outgoing, policy, rows, stock
from placet.vault.erasing import Erasing, erase_basis, erase_template
from placet.vault.errors import TemplateDestroyed
from placet.vault.model import Answer, AttemptLimit, DestroyReason, Erasure, Operation, Result, Stock, Tombstone, Use
from placet.vault.tables import ControllerKeyRow, DataKeyRow, ErasureRow, TemplateRow, TombstoneRow, UseRow
from placet.vault.template import ControllerKey, DataKey, KeyPurpose, SealedTemplate

T = TypeVar("T")
_PAUSES_S = (0.005, 0.02, 0.05, 0.1, 0.2)


class SqlStore:
    """The vault's tables; `wake` is called when something new stands in the outbox."""

    def __init__(self, database: Database, *, wake: Callable[[], None]) -> None:
        self._database = database
        self._wake = wake
        # Invariant: what was deleted up to `_scrubbed` is in no file; what came before this process may be.
        self._deletions, self._scrubbed = 1, 0

    async def _write(self, fn: Callable[[Session], T]) -> T:
        """Run `fn` in one transaction; again when another replica wrote the same rows first (PostgreSQL)."""
        for pause in _PAUSES_S:
            with suppress(DuplicateKey, SerializationFailure):
                return await self._database.write(fn)
            await asyncio.sleep(pause)
        raise Conflict("CONCURRENT_CHANGE", "others change the same rows at the same time: repeat the request")

    async def find_use(self, controller: str, request_id: UUID) -> Use | None:
        """Return what is known of a request."""
        return await self._database.read(lambda session: _found(_use_row(session, controller, request_id)))

    async def begin_use(self, use: Use, limit: AttemptLimit | None) -> Use:
        """Store a use that begins, or return the one there is; what goes on after a while begins anew."""

        def write(session: Session) -> Use:
            row = _use_row(session, use.controller, use.id)
            if row is not None and row.result is not None:
                return rows.use_of(row)
            if limit is not None:
                policy.require_attempt(_attempts(session, use, limit), limit, use.begun_at)
            if row is None:
                session.add(row := rows.use_row(use))
                session.flush()
            elif limit is not None:
                row.begun_at = use.begun_at
            return rows.use_of(row)

        return await self._write(write)

    async def drop_use(self, use: Use) -> None:
        """Forget a use that the ledger denied."""

        def write(session: Session) -> None:
            row = _use_row(session, use.controller, use.id)
            if row is not None and row.result is None:
                session.delete(row)

        await self._write(write)

    async def finish_use(self, use: Use, answer: Answer, entry: LeafIndex) -> Answer:
        """Keep the answer, unless there is one, and put its outcome into the outbox."""
        kept = await self._write(lambda session: _finish(session, use, answer, entry))
        self._wake()
        return kept

    async def store_template(
        self, use: Use, sealed: SealedTemplate, data_key: DataKey, entry: LeafIndex
    ) -> Answer | None:
        """Store a template with its data key, its use's answer and outcome, if its basis still takes it."""
        try:
            return await self._write(lambda session: _store(session, use, sealed, data_key, entry))
        finally:
            self._deletions += 1  # perhaps of a template whose place this one took: `scrub` soon
            self._wake()

    async def templates(self, controller: str, basis: BasisOrdinal) -> Sequence[SealedTemplate]:
        """Return the stored templates of a basis."""
        query = select(TemplateRow).where(col(TemplateRow.controller) == controller, col(TemplateRow.basis) == basis)
        return await self._database.read(
            lambda session: [rows.template_of(row) for row in session.exec(query.order_by(col(TemplateRow.model_id)))]
        )

    async def data_key(self, controller: str, basis: BasisOrdinal) -> DataKey | None:
        """Return the wrapped data key of a basis."""

        def read(session: Session) -> DataKey | None:
            row = session.get(DataKeyRow, (controller, basis))
            return None if row is None else rows.data_key_of(row)

        return await self._database.read(read)

    async def controller_key(self, controller: str, purpose: KeyPurpose) -> ControllerKey | None:
        """Return the newest version of a controller's key."""
        query = (
            select(ControllerKeyRow)
            .where(col(ControllerKeyRow.controller) == controller, col(ControllerKeyRow.purpose) == purpose.value)
            .order_by(col(ControllerKeyRow.version).desc())
            .limit(1)
        )

        def read(session: Session) -> ControllerKey | None:
            row = session.exec(query).first()
            return None if row is None else rows.controller_key_of(row)

        return await self._database.read(read)

    async def controller_key_version(self, controller: str, purpose: KeyPurpose, version: int) -> ControllerKey | None:
        """Return one version of a controller's key."""

        def read(session: Session) -> ControllerKey | None:
            row = session.get(ControllerKeyRow, (controller, purpose.value, version))
            return None if row is None else rows.controller_key_of(row)

        return await self._database.read(read)

    async def add_controller_key(self, key: ControllerKey) -> ControllerKey:
        """Store a controller's key, or return the one there is."""

        def write(session: Session) -> ControllerKey:
            row = session.get(ControllerKeyRow, (key.controller, key.purpose.value, key.version))
            if row is None:
                session.add(row := rows.controller_key_row(key))
            return rows.controller_key_of(row)

        return await self._write(write)

    async def any_keys(self) -> bool:
        """Return whether keys are stored that only an existing root key opens."""
        return await self._database.read(lambda session: session.exec(select(ControllerKeyRow)).first() is not None)

    async def destroy(
        self,
        controller: str,
        bases: Sequence[BasisOrdinal],
        *,
        reason: str,
        final: bool,
        at: Micros,
        message_id: str | None = None,
    ) -> None:
        """Destroy everything under these bases in one transaction, then empty the write-ahead log."""
        why = Erasing(reason=reason, at=at, final=final)

        def write(session: Session) -> None:
            if message_id is not None and not outgoing.first_time(session, message_id, at):
                return
            for basis in bases:
                erase_basis(session, controller, basis, why)

        try:
            await self._write(write)
        finally:
            self._deletions += 1
            self._wake()
        await self.scrub()

    async def scrub(self) -> None:
        """Empty the write-ahead log if something was deleted since; call it now and then."""
        deletions = self._deletions
        if self._scrubbed < deletions and await asyncio.to_thread(scrub, self._database.engines.writer):
            self._scrubbed = max(self._scrubbed, deletions)

    async def tombstone(self, controller: str, basis: BasisOrdinal) -> Tombstone | None:
        """Return what stays of a destroyed basis."""
        return await self._database.read(lambda session: _tombstone(session, controller, basis))

    async def stock(self, controller: str, *, after: int, limit: int) -> Stock:
        """Return what was stored and destroyed after that number."""
        return await self._database.read(lambda session: stock.read(session, controller, after=after, limit=limit))

    async def number_older(self) -> int:
        """Number what was stored before there were numbers; once, at the start."""
        return await self._write(stock.number_older)

    async def erasures(self, controller: str, basis: BasisOrdinal) -> Sequence[Erasure]:
        """Return the destroyed templates of a basis, in the order of their destruction."""
        query = (
            select(ErasureRow)
            .where(col(ErasureRow.controller) == controller, col(ErasureRow.basis) == basis)
            .order_by(col(ErasureRow.destroyed_at), col(ErasureRow.template_id))
        )
        return await self._database.read(lambda session: [rows.erasure_of(row) for row in session.exec(query)])

    async def forget_uses(self, before: Micros) -> int:
        """Delete uses begun before that time; return how many. Their ids are still the ledger's."""
        forget = delete(UseRow).where(col(UseRow.begun_at) < before)
        return await self._write(lambda session: session.connection().execute(forget).rowcount)


def _found(row: UseRow | None) -> Use | None:
    return None if row is None else rows.use_of(row)


def _use_row(session: Session, controller: str, request_id: UUID) -> UseRow | None:
    query = select(UseRow).where(col(UseRow.controller) == controller, col(UseRow.id) == str(request_id))
    return session.exec(query).first()


def _tombstone(session: Session, controller: str, basis: BasisOrdinal) -> Tombstone | None:
    row = session.get(TombstoneRow, (controller, basis))
    return None if row is None else rows.tombstone_of(row)


def _attempts(session: Session, use: Use, limit: AttemptLimit) -> list[Micros]:
    """Return when others compared under this basis: those answered in the window, and those on their way."""
    query = select(UseRow.begun_at).where(
        col(UseRow.controller) == use.controller,
        col(UseRow.basis) == use.basis,
        col(UseRow.operation) == Operation.VERIFY.value,
        col(UseRow.id) != str(use.id),
        col(UseRow.begun_at) > use.begun_at - limit.window,
        or_(col(UseRow.result).is_not(None), col(UseRow.begun_at) > use.begun_at - limit.in_flight),
    )
    return [Micros(at) for at in session.exec(query)]


def _finish(session: Session, use: Use, answer: Answer, entry: LeafIndex) -> Answer:
    row = _use_row(session, use.controller, use.id)
    known = None if row is None else rows.use_of(row).answer
    if known is not None:
        return known
    if row is None:  # forgotten or dropped by a twin of this request: the outcome is written all the same
        session.add(row := rows.use_row(use))
        session.flush()
    # Invariant: no decision or score is kept of a template that is destroyed.
    stored = rows.use_of(row)
    gone = not policy.storable(stored, _tombstone(session, use.controller, use.basis))
    rows.keep_answer(row, _destroyed(use) if gone else answer)
    outgoing.put_outcome(session, stored, answer, entry)
    return answer


def _destroyed(use: Use) -> Answer:
    return Answer(result=Result.ERROR, error=TemplateDestroyed(use.basis).reason)


def _store(session: Session, use: Use, sealed: SealedTemplate, data_key: DataKey, entry: LeafIndex) -> Answer | None:
    row = _use_row(session, use.controller, use.id)
    known = None if row is None else rows.use_of(row).answer
    if known is not None:
        return known
    # Invariant: what the ledger allowed before a destruction is never stored after it.
    if row is None or not policy.storable(rows.use_of(row), _tombstone(session, use.controller, use.basis)):
        return _finish(session, use, _destroyed(use), entry)
    key = session.get(DataKeyRow, (use.controller, use.basis))
    if key is None:
        session.add(rows.data_key_row(data_key))
    elif key.blob != data_key.wrapped.blob:
        return None
    _replace(session, sealed)
    session.add(rows.template_row(sealed))
    stock.put_stored(session, sealed)
    return _finish(session, use, Answer(result=Result.ENROLLED, template_id=sealed.place.template_id), entry)


def _replace(session: Session, sealed: SealedTemplate) -> None:
    """Destroy the template of the same model whose place this one takes."""
    place = sealed.place
    old = session.exec(
        select(TemplateRow).where(
            col(TemplateRow.controller) == place.controller,
            col(TemplateRow.basis) == place.basis,
            col(TemplateRow.model_sha256) == place.model_sha256,
        )
    ).first()
    if old is not None:
        erase_template(session, old, reason=DestroyReason.REPLACED.value, at=sealed.enrolled_at)
