"""Registers: each change is one ledger entry, and in force once it is there.

Owns: what a change commits to (`data` holds the id and a salted commitment, no name), the key that makes it safe to
repeat, and the refusal of places where no device may ever stand. Never: late arrival: if the log does not answer,
nothing is registered until the request is repeated. Source: law.md section 1 (R4), ledger.md section 4.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

from placet.evidence.canonical import b64url, encode
from placet.evidence.drafts import RecordDraft
from placet.kit.ledger.messages import submission
from placet.permission.errors import AssessmentDestroyed, PlaceForbidden, PurposeUnknown, SiteUnknown
from placet.permission.handlers.places import forbidding
from placet.permission.handlers.rulings import Engine
from placet.permission.model.attestations import Alternative, AlternativeUsage, Assessment, CaptureFlow
from placet.permission.model.receipts import Receipt, receipt_of
from placet.permission.model.registers import (
    Change,
    Device,
    Item,
    ItemKind,
    Site,
    id_of,
    kind_of,
    record_of,
    register_of,
)
from placet.permission.model.vocabulary import FORBIDDEN_PLACES, PlaceClass
from placet.permission.ports import Ledger, Registers

I = TypeVar("I", bound=Item)  # noqa: E741

# Record types that are not `register.<kind>_put` with the id under the kind's name.
_DESTROYED = "register.assessment_destroyed"


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisterDesk:
    """Everything that the registers work with; `fresh(n)` gives n random bytes."""

    registers: Registers
    ledger: Ledger
    engine: Engine
    fresh: Callable[[int], bytes]


async def put(controller: str, item: Item, desk: RegisterDesk, *, now: int, deadline: int) -> Receipt:
    """Register an item, or replace it; the same content again gives the same entry.

    `now` and `deadline` in unix microseconds. Raises PlaceForbidden (with the articles of the packs in force; nothing
    is appended), SiteUnknown and PurposeUnknown for what refers to nothing, AssessmentDestroyed, Unavailable when the
    log does not answer.
    """
    if isinstance(item, Device):
        await _check_place(controller, item, desk, now)
    await _check_purposes(controller, item, desk.registers)
    if isinstance(item, Assessment) and await desk.registers.current(controller, ItemKind.DESTRUCTION, item.id):
        raise AssessmentDestroyed(item.id)
    change = await _change(controller, item, desk)
    appended = await desk.ledger.append(
        controller,
        [submission(_record(change), key=_key(change), digest=change.digest)],
        deadline=deadline,
    )
    await desk.registers.confirm(controller, change, appended.receipt().index)
    return receipt_of(appended)


async def in_force(controller: str, cls: type[I], registers: Registers) -> list[I]:
    """Return what a register holds, by id."""
    items = await registers.items(controller, register_of(cls))
    return [item for item in items if isinstance(item, cls)]


async def _check_place(controller: str, device: Device, desk: RegisterDesk, now: int) -> None:
    if device.place_class in FORBIDDEN_PLACES:
        raise _forbidden("device.place_class", device.place_class, desk, now)
    change = await desk.registers.current(controller, ItemKind.SITE, device.site)
    if change is None:
        raise SiteUnknown(device.site)
    site = change.item()
    if isinstance(site, Site) and site.place_class in FORBIDDEN_PLACES:
        raise _forbidden("device.site", site.place_class, desk, now)


def _forbidden(field: str, place: PlaceClass, desk: RegisterDesk, now: int) -> PlaceForbidden:
    articles, rules = forbidding(desk.engine, place, now)
    return PlaceForbidden(field, place, articles, rules)


async def _check_purposes(controller: str, item: Item, registers: Registers) -> None:
    """Refuse what is said about a purpose that is not registered: an assessment made before would never count."""
    for field, purpose in _purposes_of(item):
        if await registers.current(controller, ItemKind.PURPOSE, purpose) is None:
            raise PurposeUnknown(field, purpose)


def _purposes_of(item: Item) -> list[tuple[str, str]]:
    match item:
        case Assessment():
            return [(f"assessment.purposes[{at}]", purpose) for at, purpose in enumerate(item.purposes)]
        case Alternative():
            return [(f"alternative.purposes[{at}]", purpose) for at, purpose in enumerate(item.purposes)]
        case CaptureFlow():
            return [("flow.purpose", item.purpose)]
        case AlternativeUsage():
            return [("usage.purpose", item.purpose)]
    return []


async def _change(controller: str, item: Item, desk: RegisterDesk) -> Change:
    """Return the change that puts this content in force: the current one if it does already, else a prepared one."""
    kind, ident = kind_of(item), id_of(item)
    record = encode(record_of(item))
    digest = sha256(b"placet/register/v1\0" + kind.encode() + b"\0" + record).digest()
    current = await desk.registers.current(controller, kind, ident)
    if current is not None and current.digest == digest:
        return current
    version = 1 if current is None else current.version + 1
    fresh = Change(kind=kind, id=ident, version=version, digest=digest, record=record, salt=desk.fresh(32))
    return await desk.registers.prepare(controller, fresh)


def _key(change: Change) -> bytes:
    """Return the idempotency key: the same content at the same version is the same change."""
    named = f"{change.kind}\0{change.id}\0{change.version}\0".encode()
    return b"register:" + sha256(named + change.digest).digest()


def _record(change: Change) -> RecordDraft:
    data: dict[str, object] = {"commitment": b64url(sha256(change.salt + change.record).digest())}
    if change.kind is ItemKind.DESTRUCTION:
        return RecordDraft(type=_DESTROYED, data=data | {ItemKind.ASSESSMENT.value: change.id})
    data["version"] = change.version
    if change.kind is not ItemKind.ATTESTATION:
        data[change.kind.value] = change.id
    return RecordDraft(type=f"register.{change.kind}_put", data=data)
