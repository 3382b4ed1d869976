"""The filing (R8): how many are stored and what is due; the records of it; its contents.

Owns: which controllers one caller may add up (each must be in the token: a group never shows more than its members
would), and what a filing is made of. Records and facts are register items: one entry each (`handlers.registers.put`).
Never: counts persons (consent does, over what the vault has), or states a number of yesterday for today's: without the
count there is no answer. Source: law.md section 1 (R8), docs/adr/0019-filing.md.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from placet.kit.errors import Unavailable
from placet.permission.errors import ControllerForbidden, Invalid
from placet.permission.filing.calendar import WorkingDays, today
from placet.permission.filing.contents import NO_FACTS, Contents, elsewhere_undeclared
from placet.permission.filing.duties import Duty, duties, of_records
from placet.permission.filing.page import render
from placet.permission.filing.rules import Rules
from placet.permission.filing.series import Stock, declared, together
from placet.permission.handlers import registers
from placet.permission.handlers.registers import RegisterDesk
from placet.permission.model.filings import Filing, FilingFacts, FilingKind
from placet.permission.model.receipts import Receipt
from placet.permission.model.registers import Attestation, ItemKind, Purpose
from placet.permission.ports import Stocks
from placet.permission.posture.facts import FilingFacts as Stand
from placet.permission.posture.facts import OpenFiling

MAX_GROUP = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class FilingDesk:
    """Everything that the filing works with."""

    registers: RegisterDesk
    stocks: Stocks
    rules: Rules
    calendar: WorkingDays


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """How a controller, or a group, stands on one day."""

    today: date
    stock: Stock
    elsewhere: int
    duties: tuple[Duty, ...]
    filings: tuple[Filing, ...]
    calendar: str
    counting: str
    elsewhere_undeclared: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Member:
    """What is known of one controller."""

    stock: Stock
    facts: FilingFacts
    filings: tuple[Filing, ...]
    purposes: tuple[Purpose, ...]


def members(controller: str, group: Sequence[str], allowed: frozenset[str]) -> tuple[str, ...]:
    """Return the controllers of a request, the named one first, each once.

    Raises ControllerForbidden for one that the caller's token does not name, whether it exists or not.
    """
    if len(group) > MAX_GROUP:
        raise Invalid("group", f"group names {len(group)} controllers; give at most {MAX_GROUP}.")
    for at, other in enumerate(group):
        if other not in allowed:
            raise ControllerForbidden(f"group[{at}]")
    return tuple(dict.fromkeys([controller, *group]))


async def status(controllers: Sequence[str], desk: FilingDesk, *, now: int, deadline: int) -> Status:
    """Return how many are stored, what is due and what was filed.

    Raises Unavailable when the count cannot be had.
    """
    known = await _members(controllers, desk, deadline)
    return _status(known, desk, now)


async def record(controller: str, filing: Filing, desk: FilingDesk, *, now: int, deadline: int) -> Receipt:
    """Record a filing, a change or an end of use; the same content again gives the same entry.

    Raises Invalid for a filing made in the future.
    """
    if filing.filed_on and date.fromisoformat(filing.filed_on) > today(now):
        raise Invalid(
            "filing.filed_on", f"filing.filed_on is {filing.filed_on}, which is in the future. Record it then."
        )
    return await registers.put(controller, filing, desk.registers, now=now, deadline=deadline)


async def put_facts(controller: str, facts: FilingFacts, desk: FilingDesk, *, now: int, deadline: int) -> Receipt:
    """Register what a filing says of the controller; the same content again gives the same entry."""
    return await registers.put(controller, facts, desk.registers, now=now, deadline=deadline)


async def stand(controller: str, desk: FilingDesk, *, now: int, deadline: int) -> Stand:
    """Return how the duties that are law stand for one controller alone, as its posture has it (R8).

    Where nobody can count the stored persons now, the stock is None: the posture then says what the controller attests,
    as such. A recorded change or end of use needs no count, and is told all the same.
    """
    law = desk.rules.law
    try:
        found = await status([controller], desk, now=now, deadline=deadline)
    except Unavailable:
        return await _uncounted(controller, desk, today(now))
    duty = next(one for one in found.duties if one.rule == law and one.kind is FilingKind.INITIAL)
    return Stand(
        stock=found.stock.stored.high,
        threshold=law.needed,
        state=duty.state,
        reached_on=duty.reached_on,
        deadline=duty.in_time_until,
        filed_on=date.fromisoformat(duty.filing.filed_on) if duty.filing and duty.filing.filed_on else None,
        filing=duty.filing.id if duty.filing else "",
        index=await _index(controller, duty.filing, desk) if duty.filing else None,
        open=await _open(controller, found.duties, desk),
    )


async def _uncounted(controller: str, desk: FilingDesk, day: date) -> Stand:
    filings = await registers.in_force(controller, Filing, desk.registers.registers)
    recorded = of_records(filings, desk.rules, desk.calendar, day)
    opened = await _open(controller, recorded, desk)
    return Stand(stock=None, threshold=desk.rules.law.needed, open=opened)


async def _open(controller: str, found: Sequence[Duty], desk: FilingDesk) -> tuple[OpenFiling, ...]:
    """Return the recorded changes and ends of use that were not filed."""
    waiting = [
        (one.filing, one)
        for one in found
        if one.kind is not FilingKind.INITIAL and one.filing is not None and not one.filing.filed_on
    ]
    return tuple(
        [
            OpenFiling(
                id=filing.id,
                kind=filing.kind.value,
                since=date.fromisoformat(filing.since),
                state=duty.state,
                deadline=duty.in_time_until,
                index=await _index(controller, filing, desk),
            )
            for filing, duty in waiting
        ]
    )


async def _index(controller: str, filing: Filing, desk: FilingDesk) -> int | None:
    change = await desk.registers.registers.current(controller, ItemKind.FILING, filing.id)
    return change.index if change else None


async def export(
    controllers: Sequence[str], kind: FilingKind, language: str, desk: FilingDesk, *, now: int, deadline: int
) -> tuple[str, tuple[str, ...]]:
    """Return the contents of a filing as one HTML page, and the codes of what is missing in it."""
    known = await _members(controllers, desk, deadline)
    found = _status(known, desk, now)
    (attestation,) = await registers.in_force(controllers[0], Attestation, desk.registers.registers) or (None,)
    law = desk.rules.law
    contents = Contents(
        controllers=tuple(controllers),
        kind=kind,
        facts=known[0].facts,
        purposes=tuple(purpose for member in known for purpose in member.purposes),
        attestation=attestation,
        stock=found.stock,
        duty=next(one for one in found.duties if one.rule == law and one.kind is FilingKind.INITIAL),
        filings=found.filings,
        rules=desk.rules,
        calendar=found.calendar,
        today=found.today,
        now=now,
    )
    return render(contents, language), contents.missing


async def _members(controllers: Sequence[str], desk: FilingDesk, deadline: int) -> list[_Member]:
    return list(await asyncio.gather(*(_member(controller, desk, deadline) for controller in controllers)))


async def _member(controller: str, desk: FilingDesk, deadline: int) -> _Member:
    held = desk.registers.registers
    facts = await registers.in_force(controller, FilingFacts, held)
    return _Member(
        stock=await desk.stocks.stock(controller, deadline=deadline),
        facts=facts[0] if facts else NO_FACTS,
        filings=tuple(await registers.in_force(controller, Filing, held)),
        purposes=tuple(await registers.in_force(controller, Purpose, held)),
    )


def _status(known: Sequence[_Member], desk: FilingDesk, now: int) -> Status:
    day = today(now)
    stock = together([_with_elsewhere(one) for one in known])
    filings = tuple(sorted((one for member in known for one in member.filings), key=lambda one: (one.since, one.id)))
    return Status(
        today=day,
        stock=stock,
        elsewhere=sum(one.facts.stored_elsewhere for one in known),
        duties=duties(stock, filings, desk.rules, desk.calendar, day),
        filings=filings,
        calendar=desk.calendar.described,
        counting=f"{desk.rules.counting_source['en']}; {desk.rules.counting_confidence}",
        elsewhere_undeclared=any(elsewhere_undeclared(one.facts, one.purposes) for one in known),
    )


def _with_elsewhere(member: _Member) -> Stock:
    since = member.facts.stored_elsewhere_since
    return declared(member.stock, member.facts.stored_elsewhere, date.fromisoformat(since) if since else None)
