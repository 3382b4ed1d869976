"""Lawful items of the registers beyond purpose, site and device; each test changes what it is about."""

from hashlib import sha256
from typing import Any

from unit.permission.world import BANK, BEGIN, DAY, World

from placet.evidence.kinds import Record
from placet.permission.handlers.registers import put
from placet.permission.model.attestations import (
    Alternative,
    AlternativeUsage,
    Assessment,
    CaptureFlow,
    Deployment,
    Incident,
    Measure,
    MeasureAttestation,
)
from placet.permission.model.receipts import Receipt
from placet.permission.model.registers import Item
from placet.permission.model.vocabulary import SECOND

YEAR = 365 * DAY


def assessment(**changes: Any) -> Assessment:
    values: dict[str, Any] = {
        "id": "pia-1",
        "purposes": ("entry",),
        "report_sha256": sha256(b"report 1").digest(),
        "lawfulness": "the customer asks for it",
        "rights_impact": "small; the card is offered",
        "risks": "a leak would let others pose as the customer",
        "protection": "encrypted, audited",
        "assessor": "assessor-2",
        "concluded_at": BEGIN - DAY,
        "valid_until": BEGIN + YEAR,
        **changes,
    }
    return Assessment(**values)


def incident(**changes: Any) -> Incident:
    values: dict[str, Any] = {
        "id": "inc-1",
        "noticed_at": BEGIN,
        "description": "a backup was stolen",
        "report_sha256": b"",
        **changes,
    }
    return Incident(**values)


def measures(*left_out: Measure, until: int = BEGIN + YEAR) -> tuple[MeasureAttestation, ...]:
    return tuple(
        MeasureAttestation(measure=one, evidence_sha256=b"e" * 32, checked_at=BEGIN - DAY, valid_until=until)
        for one in Measure
        if one not in left_out
    )


def deployment(**changes: Any) -> Deployment:
    values: dict[str, Any] = {"id": "core", "name": "Core", "measures": measures(), "retired": False, **changes}
    return Deployment(**values)


def flow(**changes: Any) -> CaptureFlow:
    values: dict[str, Any] = {
        "purpose": "entry",
        "face_is_default": False,
        "face_is_first": False,
        "refusal_equal": True,
        "choice_reset_by_update": False,
        "evidence_sha256": b"f" * 32,
        "checked_at": BEGIN - DAY,
        "valid_until": BEGIN + YEAR,
        **changes,
    }
    return CaptureFlow(**values)


def alternative(**changes: Any) -> Alternative:
    values: dict[str, Any] = {
        "id": "card",
        "name": "card and PIN",
        "purposes": ("entry",),
        "in_service": True,
        "checked_at": BEGIN - DAY,
        "valid_until": 0,
        **changes,
    }
    return Alternative(**values)


def usage(**changes: Any) -> AlternativeUsage:
    values: dict[str, Any] = {"purpose": "entry", "period": "2027-01", "face": 90, "alternative": 10, **changes}
    return AlternativeUsage(**values)


async def register(bank: World, item: Item) -> Receipt:
    return await put(BANK, item, bank.registers, now=bank.clock(), deadline=bank.clock() + SECOND)


def records(bank: World) -> list[Record]:
    return [one for one in bank.ledger.of_kind(BANK, Record) if one.type.startswith("register.")]  # type: ignore
