"""Reads the bytes of the frequent entries (events, uses, outcomes) quickly, and exactly as strictly as `parse_entry`.

Entries are canonical JSON: one text for one value, keys sorted. So one anchored pattern reads an ordinary entry in
a few microseconds; whatever it does not match goes through `placet.evidence.entries.parse_entry`, which reads it or
refuses it. A property test holds the two against each other. Never looks at what an entry means.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from placet.evidence.entries import MAX_ENTRY_BYTES, parse_entry
from placet.evidence.errors import EvidenceError
from placet.evidence.kinds import Event
from placet.evidence.reasons import ORDER, Reason
from placet.evidence.terms import BasisOrdinal, LeafIndex, Micros, Operation, Verdict
from placet.evidence.view import EventFacts

# At most 2^53-1 with one number left out at the top: what begins with 9 and has 16 digits is read thoroughly.
INT = r"(0|[1-8][0-9]{0,15}|9[0-9]{0,14})"
CODE = r'"([A-Za-z0-9._:/-]+)"'
_UUID = r'"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"'
_BOOL = r"(true|false)"
HASH = r'"([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])"'
_REASONS = r'\[([A-Z_",]*)\]'
_VERDICT = r'"(allow|deny)"'
_EVENT: Final = re.compile(
    rf'\{{"basis":(?:{INT}|null),"decision":{INT},"device":{CODE},"egress":{_BOOL},'
    rf'"frame":(?:{_UUID}|null),"i":{INT},"id":{_UUID},"kind":"event","occurred":{INT},"offline":{_BOOL},'
    rf'"operation":"({"|".join(Operation)})",'
    rf'"permit":(?:\{{"max_uses":{INT},"not_after":{INT}\}}|null),"prev":{HASH},'
    rf'"purpose":{CODE},"reasons":{_REASONS},"seen":{INT},"site":{CODE},"t":{INT},"v":1,"verdict":{_VERDICT}\}}'
).fullmatch
_USE: Final = re.compile(
    rf'\{{"event":{INT},"i":{INT},"kind":"use","n":{INT},"prev":{HASH},"reasons":{_REASONS},"service":{CODE},'
    rf'"t":{INT},"v":1,"verdict":{_VERDICT}\}}'
).fullmatch
_OUTCOME: Final = re.compile(
    rf'\{{"i":{INT},"kind":"outcome","of":{INT},"prev":{HASH},"result":{CODE},"t":{INT},"v":1\}}'
).fullmatch
_OPERATIONS: Final = {operation.value: operation for operation in Operation}
_NO_REASONS: Final[tuple[Reason, ...]] = ()
_new: Final = tuple.__new__
"""Makes a named tuple of a tuple without a function in between."""


class EventView(NamedTuple):
    """An `event` entry as it stands in the log; `permit` is flattened, both parts None when there is none."""

    basis: BasisOrdinal | None
    decision: LeafIndex
    device: str
    egress: bool
    frame: str | None
    i: LeafIndex
    id: str
    occurred: Micros
    offline: bool
    operation: Operation
    max_uses: int | None
    not_after: Micros | None
    prev: str
    purpose: str
    reasons: tuple[Reason, ...]
    seen: int
    site: str
    t: Micros
    allowed: bool

    def facts(self) -> EventFacts:
        """Return what the rules read of the event when its permit is used."""
        return EventFacts(
            basis=self.basis,
            purpose=self.purpose,
            operation=self.operation,
            site=self.site,
            egress=self.egress,
            allowed=self.allowed,
            max_uses=self.max_uses,
            not_after=self.not_after or Micros(0),
        )


class UseView(NamedTuple):
    """A `use` entry that names an event."""

    event: LeafIndex
    i: LeafIndex
    n: int
    prev: str
    reasons: tuple[Reason, ...]
    t: Micros
    allowed: bool


class OutcomeView(NamedTuple):
    """Where an `outcome` entry stands; what it says is never judged."""

    i: LeafIndex
    prev: str
    t: Micros


def read_event(data: bytes) -> EventView:
    """Return the event of an entry's bytes; raises EvidenceError if they are no entry or of another kind."""
    return quick_event(data) or _thorough(data)


def event_facts(data: bytes) -> EventFacts | None:
    """Return what the rules read of an event, None if the entry is of another kind; raises EntryError if it is none."""
    view = quick_event(data)
    if view is not None:
        return view.facts()
    entry = parse_entry(data)
    return EventFacts.of(entry) if isinstance(entry, Event) else None


def quick_event(data: bytes) -> EventView | None:
    """Return the event of an entry's bytes if it is an ordinary one; None means that `parse_entry` has to be asked."""
    match = _EVENT(data.decode("latin-1"))
    if match is None or len(data) > MAX_ENTRY_BYTES:
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
        prev,
        purpose,
        written,
        seen,
        site,
        at,
        verdict,
    ) = match.groups()
    reasons = _reasons(written) if written else _NO_REASONS
    if reasons is None or (operation == "export" and egress == "false"):
        return None
    view = (
        None if basis is None else int(basis),
        int(decision),
        device,
        egress == "true",
        frame,
        int(index),
        key,
        int(occurred),
        offline == "true",
        _OPERATIONS[operation],
        None if max_uses is None else int(max_uses),
        None if not_after is None else int(not_after),
        prev,
        purpose,
        reasons,
        int(seen),
        site,
        int(at),
        verdict == "allow",
    )
    return _new(EventView, view)


def quick_use(data: bytes) -> UseView | None:
    """Return the use of an entry's bytes if it is an ordinary one; None means that `parse_entry` has to be asked."""
    match = _USE(data.decode("latin-1"))
    if match is None or len(data) > MAX_ENTRY_BYTES:
        return None
    event, index, n, prev, written, _, at, verdict = match.groups()
    reasons = _reasons(written) if written else _NO_REASONS
    if reasons is None:
        return None
    return UseView(int(event), int(index), int(n), prev, reasons, int(at), verdict == "allow")  # type: ignore[arg-type]


def quick_outcome(data: bytes) -> OutcomeView | None:
    """Return the outcome of an entry's bytes if it is an ordinary one; None: ask `parse_entry`."""
    match = _OUTCOME(data.decode("latin-1"))
    if match is None or len(data) > MAX_ENTRY_BYTES:
        return None
    index, _, prev, _, at = match.groups()
    return OutcomeView(int(index), prev, int(at))  # type: ignore[arg-type]


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
    return view_of(entry)


def view_of(entry: Event) -> EventView:
    """Return the view of an event that was parsed."""
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
        Operation(entry.operation),
        entry.permit.max_uses if entry.permit else None,
        entry.permit.not_after if entry.permit else None,
        entry.prev,
        entry.purpose,
        entry.reasons,
        entry.seen,
        entry.site,
        entry.t,
        entry.verdict == Verdict.ALLOW,
    )
