"""Rows to model and back, and nothing else.

Owns: the one place where a table's columns meet the fields of a dataclass.
Never: queries; decides. What a row cannot say (a bad enum, a bad hash) fails loudly when it is read.
"""

from uuid import UUID

from placet.evidence.terms import BasisOrdinal, LeafIndex, Micros
from placet.vault.model import Answer, Erasure, Operation, Result, Tombstone, Use
from placet.vault.tables import ControllerKeyRow, DataKeyRow, ErasureRow, TemplateRow, TombstoneRow, UseRow
from placet.vault.template import (
    ControllerKey,
    DataKey,
    KeyPurpose,
    Place,
    SealedTemplate,
    TemplateFacts,
    TemplateId,
    WrappedKey,
)


def controller_key_row(key: ControllerKey) -> ControllerKeyRow:
    """Return the row of a controller's key."""
    return ControllerKeyRow(
        controller=key.controller,
        purpose=key.purpose.value,
        version=key.version,
        root_version=key.wrapped.version,
        blob=key.wrapped.blob,
    )


def controller_key_of(row: ControllerKeyRow) -> ControllerKey:
    """Return the controller's key of a row."""
    return ControllerKey(
        controller=row.controller,
        purpose=KeyPurpose(row.purpose),
        version=row.version,
        wrapped=WrappedKey(version=row.root_version, blob=row.blob),
    )


def data_key_row(key: DataKey) -> DataKeyRow:
    """Return the row of a data key."""
    return DataKeyRow(
        controller=key.controller, basis=key.basis, kek_version=key.wrapped.version, blob=key.wrapped.blob
    )


def data_key_of(row: DataKeyRow) -> DataKey:
    """Return the data key of a row."""
    return DataKey(
        controller=row.controller,
        basis=BasisOrdinal(row.basis),
        wrapped=WrappedKey(version=row.kek_version, blob=row.blob),
    )


def template_row(sealed: SealedTemplate) -> TemplateRow:
    """Return the row of a sealed template."""
    place, facts = sealed.place, sealed.facts
    return TemplateRow(
        controller=place.controller,
        template_id=str(place.template_id),
        basis=place.basis,
        model_id=facts.model_id,
        model_sha256=place.model_sha256,
        dimension=place.dimension,
        quality=facts.quality,
        captured_at=facts.captured_at,
        kek_version=place.kek_version,
        nonce=sealed.nonce,
        blob=sealed.blob,
        enrolled_at=sealed.enrolled_at,
    )


def template_of(row: TemplateRow) -> SealedTemplate:
    """Return the sealed template of a row: its place is where the row stands now, so a moved row does not open."""
    place = Place(
        controller=row.controller,
        basis=BasisOrdinal(row.basis),
        template_id=TemplateId(UUID(row.template_id)),
        model_sha256=row.model_sha256,
        dimension=row.dimension,
        kek_version=row.kek_version,
    )
    facts = TemplateFacts(
        model_id=row.model_id,
        model_sha256=row.model_sha256,
        dimension=row.dimension,
        quality=row.quality,
        captured_at=Micros(row.captured_at),
    )
    return SealedTemplate(place=place, facts=facts, nonce=row.nonce, blob=row.blob, enrolled_at=Micros(row.enrolled_at))


def use_row(use: Use) -> UseRow:
    """Return the row of a use that begins."""
    return UseRow(
        controller=use.controller,
        id=str(use.id),
        operation=use.operation.value,
        digest=use.digest,
        basis=use.basis,
        event=use.event,
        begun_at=use.begun_at,
    )


def use_of(row: UseRow) -> Use:
    """Return the use of a stored row."""
    assert row.seq is not None
    return Use(
        controller=row.controller,
        id=UUID(row.id),
        operation=Operation(row.operation),
        digest=row.digest,
        basis=BasisOrdinal(row.basis),
        event=LeafIndex(row.event),
        begun_at=Micros(row.begun_at),
        seq=row.seq,
        answer=_answer_of(row),
    )


def keep_answer(row: UseRow, answer: Answer) -> None:
    """Write an answer into the row of its use."""
    row.result = answer.result.value
    row.template_id = None if answer.template_id is None else str(answer.template_id)
    row.score = answer.score
    row.error = answer.error


def tombstone_of(row: TombstoneRow) -> Tombstone:
    """Return the tombstone of a row."""
    return Tombstone(seq=row.seq, final=row.final)


def erasure_row(erasure: Erasure) -> ErasureRow:
    """Return the row of an erasure that is not in the ledger yet."""
    return ErasureRow(
        controller=erasure.controller,
        template_id=str(erasure.template_id),
        basis=erasure.basis,
        reason=erasure.reason,
        blob_sha256=erasure.blob_sha256,
        destroyed_at=erasure.destroyed_at,
    )


def erasure_of(row: ErasureRow) -> Erasure:
    """Return the erasure of a row."""
    return Erasure(
        controller=row.controller,
        basis=BasisOrdinal(row.basis),
        template_id=TemplateId(UUID(row.template_id)),
        reason=row.reason,
        blob_sha256=row.blob_sha256,
        destroyed_at=Micros(row.destroyed_at),
        index=None if row.entry is None else LeafIndex(row.entry),
    )


def _answer_of(row: UseRow) -> Answer | None:
    if row.result is None:
        return None
    template_id = None if row.template_id is None else TemplateId(UUID(row.template_id))
    return Answer(result=Result(row.result), template_id=template_id, score=row.score, error=row.error)
