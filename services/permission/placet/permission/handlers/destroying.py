"""Destroying the record of an impact assessment, once the law lets it go.

Owns: the term: Order 19 Art 9 and PIPL 56 want report and processing records kept for at least three years, counted in
calendar years from the later of its conclusion and the newest version's entry in the log; and never while it is valid.
Never: shortens it, or takes anything out of the log: what goes is the salt and the record of every version, so that
nobody can open the commitments again. The entry `register.assessment_destroyed` says that it was done.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from placet.permission.errors import AssessmentUnknown, RetentionRequired
from placet.permission.handlers.registers import RegisterDesk, put
from placet.permission.model.attestations import Assessment, Destruction
from placet.permission.model.receipts import Receipt
from placet.permission.model.registers import ItemKind

KEPT_YEARS = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class _Entry(msgspec.Struct):
    t: int


async def destroy(controller: str, ident: str, desk: RegisterDesk, *, now: int, deadline: int) -> Receipt:
    """Destroy salt and record of an assessment; repeated, it returns the same entry.

    Raises RetentionRequired before its time, AssessmentUnknown, Unavailable when the log does not answer.
    """
    destruction = Destruction(id=ident)
    if await desk.registers.current(controller, ItemKind.DESTRUCTION, ident) is None:
        change = await desk.registers.current(controller, ItemKind.ASSESSMENT, ident)
        item = None if change is None else change.item()
        if not isinstance(item, Assessment):
            raise AssessmentUnknown(ident)
        until = kept_until(item, await _recorded_at(controller, item, desk, now=now, deadline=deadline))
        if now < until:
            raise RetentionRequired(ident, until)
    return await put(controller, destruction, desk, now=now, deadline=deadline)


def kept_until(assessment: Assessment, recorded: int) -> int:
    """Return the first moment at which an assessment may be destroyed; all in microseconds since 1970 UTC."""
    return max(years_after(max(assessment.concluded_at, recorded), KEPT_YEARS), assessment.valid_until)


def years_after(moment: int, years: int) -> int:
    """Return the same moment some years later; 29 February becomes 1 March, so that no day is lost."""
    at = _EPOCH + moment * _MICROSECOND
    try:
        later = at.replace(year=at.year + years)
    except ValueError:
        later = at.replace(year=at.year + years, month=3, day=1)
    return (later - _EPOCH) // _MICROSECOND


async def _recorded_at(controller: str, item: Assessment, desk: RegisterDesk, *, now: int, deadline: int) -> int:
    """Return the log's time of the newest version's entry: putting the same content again finds it."""
    return msgspec.json.decode((await put(controller, item, desk, now=now, deadline=deadline)).entry, type=_Entry).t
