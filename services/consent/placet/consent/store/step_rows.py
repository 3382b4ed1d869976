"""Rows of guardianships and steps to model and back, total in both directions.

Owns: the mapping. Notices and consents: `rows`.
Never: a query.
"""

import json
from datetime import date
from typing import Any

from placet.consent.model.guardianships import Guardianship, GuardianshipBasis
from placet.consent.model.steps import Action, Bar, Receipt, Step
from placet.consent.model.vocabulary import (
    BasisOrdinal,
    ConsentId,
    Controller,
    EndedBy,
    GuardianKind,
    GuardianshipId,
    Instant,
    LeafIndex,
    PersonKey,
    StepId,
)
from placet.consent.store.rows import dumps, instant_of
from placet.consent.tables import GuardianshipBasisRow, GuardianshipRow, StepRow

_HASH = 32


def guardianship_row(guardianship: Guardianship) -> GuardianshipRow:
    """Return the row of a guardianship, without its off-log record."""
    return GuardianshipRow(
        controller=guardianship.controller,
        id=guardianship.id,
        minor=guardianship.minor,
        guardian=guardianship.guardian,
        kind=guardianship.kind.value,
        minor_birth_date=guardianship.minor_birth_date.isoformat(),
        zone=guardianship.zone,
        proof_sha256=guardianship.proof_sha256,
        not_after=guardianship.not_after,
        end_asked=guardianship.end_asked,
        digest=guardianship.digest,
        opened_by=guardianship.opened_by,
        opened_at=guardianship.opened_at,
        **guardianship_changes(guardianship),
    )


def guardianship_changes(guardianship: Guardianship) -> dict[str, Any]:
    """Return the columns of a guardianship that may change after it was opened."""
    by = guardianship.withdrawn_by
    return {
        "confirmed_by": guardianship.confirmed_by,
        "confirmed_at": guardianship.confirmed_at,
        "step": guardianship.step,
        "ending": guardianship.ending,
        "withdrawn_at": guardianship.withdrawn_at,
        "withdrawn_by": None if by is None else by.value,
    }


def guardianship_of(row: GuardianshipRow) -> Guardianship:
    """Return the guardianship of a row."""
    return Guardianship(
        controller=Controller(row.controller),
        id=GuardianshipId(row.id),
        minor=PersonKey(row.minor),
        guardian=PersonKey(row.guardian),
        kind=GuardianKind(row.kind),
        minor_birth_date=date.fromisoformat(row.minor_birth_date),
        zone=row.zone,
        proof_sha256=row.proof_sha256,
        not_after=Instant(row.not_after),
        end_asked=row.end_asked,
        digest=row.digest,
        opened_by=row.opened_by,
        opened_at=Instant(row.opened_at),
        confirmed_by=row.confirmed_by,
        confirmed_at=instant_of(row.confirmed_at),
        step=None if row.step is None else StepId(row.step),
        ending=None if row.ending is None else StepId(row.ending),
        withdrawn_at=instant_of(row.withdrawn_at),
        withdrawn_by=None if row.withdrawn_by is None else EndedBy(row.withdrawn_by),
    )


def guardianship_basis_of(row: GuardianshipBasisRow) -> GuardianshipBasis:
    """Return the guardianship basis of a row."""
    return GuardianshipBasis(
        controller=Controller(row.controller),
        guardianship=GuardianshipId(row.guardianship),
        consent=ConsentId(row.consent),
        grant=StepId(row.grant_step),
        withdrawal=None if row.withdrawal is None else StepId(row.withdrawal),
        ordinal=None if row.ordinal is None else BasisOrdinal(row.ordinal),
        ended=None if row.ended is None else LeafIndex(row.ended),
    )


def step_row(step: Step, floor: int) -> StepRow:
    """Return the row of a new step."""
    return StepRow(
        controller=step.controller,
        person=step.person,
        action=step.action.value,
        key=step.key,
        draft=json.dumps(dict(step.draft), separators=(",", ":"), ensure_ascii=False),
        consent=step.consent,
        guardianship=step.guardianship,
        basis_of=step.basis_of,
        needs_of=dumps(step.needs_of),
        accepted_at=step.accepted_at,
        floor=floor,
        pending=True,
    )


def step_of(row: StepRow) -> Step:
    """Return the step of a row."""
    assert row.id is not None
    return Step(
        controller=Controller(row.controller),
        person=PersonKey(row.person),
        action=Action(row.action),
        key=row.key,
        draft=json.loads(row.draft),
        consent=None if row.consent is None else ConsentId(row.consent),
        guardianship=None if row.guardianship is None else GuardianshipId(row.guardianship),
        basis_of=None if row.basis_of is None else StepId(row.basis_of),
        needs_of=tuple(StepId(one) for one in json.loads(row.needs_of)),
        accepted_at=Instant(row.accepted_at),
        id=StepId(row.id),
        receipt=_receipt(row),
        bar=None if row.bar is None else Bar(**json.loads(row.bar)),
        basis=None if row.basis is None else BasisOrdinal(row.basis),
    )


def _receipt(row: StepRow) -> Receipt | None:
    if row.position is None:
        return None
    assert row.entry is not None
    assert row.leaf_hash is not None
    assert row.proof is not None
    assert row.checkpoint is not None
    assert row.tree_size is not None
    return Receipt(
        index=LeafIndex(row.position),
        entry=row.entry,
        leaf_hash=row.leaf_hash,
        proof=tuple(row.proof[at : at + _HASH] for at in range(0, len(row.proof), _HASH)),
        checkpoint=row.checkpoint,
        tree_size=row.tree_size,
    )
