"""Reads the bytes of an `event` entry quickly, and exactly as strictly as `placet.evidence.entries.parse_entry`.

Entries are canonical JSON: one text for one value, keys sorted. So one anchored pattern reads an ordinary event in
a few microseconds; whatever it does not match goes through `parse_entry`, which reads it or refuses it. A property test
holds the two against each other. Never looks at what an entry means.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from placet.evidence.entries import parse_entry
from placet.evidence.errors import EvidenceError
from placet.evidence.kinds import Event
from placet.evidence.reasons import ORDER, Reason
from placet.evidence.terms import MAX_INT, Operation

_INT = r"(0|[1-9][0-9]{0,15})"
_CODE = r'"([A-Za-z0-9._:-]+)"'
_UUID = r'"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"'
_BOOL = r"(true|false)"
_EVENT: Final = re.compile(
    rf'\{{"basis":(?:{_INT}|null),"decision":{_INT},"device":{_CODE},"egress":{_BOOL},'
    rf'"frame":(?:{_UUID}|null),"i":{_INT},"id":{_UUID},"kind":"event","occurred":{_INT},"offline":{_BOOL},'
    rf'"operation":"({"|".join(Operation)})",'
    rf'"permit":(?:\{{"max_uses":{_INT},"not_after":{_INT}\}}|null),"prev":"[A-Za-z0-9_-]{{42}}[AEIMQUYcgkosw048]",'
    rf'"purpose":{_CODE},"reasons":\[([A-Z_",]*)\],"seen":{_INT},"site":{_CODE},"t":{_INT},"v":1,'
    r'"verdict":"(allow|deny)"\}'
).fullmatch


class EventView(NamedTuple):
    """An `event` entry as it stands in the log; `permit` is flattened, both parts None when there is none."""

    basis: int | None
    decision: int
    device: str
    egress: bool
    frame: str | None
    position: int
    id: str
    occurred: int
    offline: bool
    operation: str
    max_uses: int | None
    not_after: int | None
    purpose: str
    reasons: tuple[Reason, ...]
    seen: int
    site: str
    at: int
    allowed: bool


def read_event(data: bytes) -> EventView:
    """Return the event of an entry's bytes; raises EvidenceError if they are no entry or of another kind."""
    return _quick(data) or _thorough(data)


def _quick(data: bytes) -> EventView | None:
    try:
        match = _EVENT(data.decode("ascii"))
    except UnicodeDecodeError:
        return None
    if match is None:
        return None
    (
        basis,
        decision,
        device,
        egress,
        frame,
        index,
        key,
        occurred,
        offline,
        operation,
        max_uses,
        not_after,
        purpose,
        reasons,
        seen,
        site,
        at,
        verdict,
    ) = match.groups()
    found_reasons = _reasons(reasons) if reasons else ()
    view = EventView(
        None if basis is None else int(basis),
        int(decision),
        device,
        egress == "true",
        frame,
        int(index),
        key,
        int(occurred),
        offline == "true",
        operation,
        None if max_uses is None else int(max_uses),
        None if not_after is None else int(not_after),
        purpose,
        found_reasons or (),
        int(seen),
        site,
        int(at),
        verdict == "allow",
    )
    if found_reasons is None or (operation == "export" and not view.egress) or len(data) > 60_000 or _oversize(view):
        return None
    return view


def _oversize(view: EventView) -> bool:
    positions = max(view.position, view.decision, view.seen, view.basis or 0, view.max_uses or 0)
    return max(positions, view.occurred, view.at, view.not_after or 0) > MAX_INT


@lru_cache(maxsize=1_024)
def _reasons(text: str) -> tuple[Reason, ...] | None:
    """Return the reasons of the inside of the list, None if it is not canonical or not in order."""
    words = text.split(",")
    if any(len(word) < 3 or word[0] != '"' or word[-1] != '"' or word[1:-1] not in ORDER for word in words):
        return None
    reasons = tuple(Reason(word[1:-1]) for word in words)
    return reasons if list(reasons) == sorted(set(reasons), key=ORDER.__getitem__) else None


def _thorough(data: bytes) -> EventView:
    entry = parse_entry(data)
    if not isinstance(entry, Event):
        raise EvidenceError("KIND", "kind", f"the entry is of the kind {entry.kind}, not event")
    return EventView(
        entry.basis,
        entry.decision,
        entry.device,
        entry.egress,
        entry.frame,
        entry.i,
        entry.id,
        entry.occurred,
        entry.offline,
        str(entry.operation),
        entry.permit.max_uses if entry.permit else None,
        entry.permit.not_after if entry.permit else None,
        entry.purpose,
        entry.reasons,
        entry.seen,
        entry.site,
        entry.t,
        entry.verdict == "allow",
    )
