"""A replay as text: written down where a state ends, read again to go on from there.

Owns the lines of `placet.replay/1`, all JSON: a header, then a line for each basis, decision, approval and run of use
counts. Not evidence and not permanent: whoever resumes compares root and statuses with the tree; to store the lines
whole and unchanged is the caller's duty.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from placet.evidence.canonical import b64url, unb64url
from placet.evidence.checks import integer, sha256_text, text
from placet.evidence.entries import encode_entry, parse_entry
from placet.evidence.errors import EvidenceError
from placet.evidence.kinds import Record
from placet.evidence.reasons import Reason
from placet.evidence.replay import Saved
from placet.evidence.state import Facts
from placet.evidence.terms import BasisOrdinal, Form, LeafIndex, Micros
from placet.evidence.view import Basis, DecisionFacts, id_set

FORMAT: Final = "placet.replay/1"
_USES_A_LINE: Final = 512
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def dump(saved: Saved) -> Iterator[bytes]:
    """Yield the lines of a replay, each with its newline."""
    facts = saved.facts
    yield _line(
        {
            "format": FORMAT,
            "origin": saved.origin,
            "size": saved.size,
            "t": saved.t,
            "prev": saved.prev,
            "hashes": [b64url(one) for one in saved.hashes],
        }
    )
    for basis in facts.bases.values():
        allowed = facts.allowed_events.get(basis.ordinal, 0)
        yield _line(["basis", *_basis_row(basis), allowed, b64url(saved.histories.get(basis.ordinal, b""))])
    for index, decision in facts.decisions.items():
        row = [index, decision.against, decision.operation, decision.egress, decision.basis_form]
        yield _line(["decision", *row])
    for record in facts.approvals.values():
        yield _line(["approval", encode_entry(record).decode()])
    pairs = facts.allowed_uses.pairs()
    while run := list(islice(pairs, _USES_A_LINE)):
        yield _line(["uses", *run])


def load(lines: Iterable[bytes]) -> Saved:
    """Return the replay of its lines; raises EvidenceError naming the line unless `dump` could have written it."""
    number = 0
    reading = None
    try:
        for line in lines:
            number += 1
            row = json.loads(line)
            if reading is None:
                reading = _Reading(row)
            else:
                reading.read(row)
        if reading is None:
            raise ValueError("it is empty")
        return reading.saved()
    except (ValueError, TypeError, LookupError, AttributeError, EvidenceError) as error:
        raise EvidenceError(
            "SAVED_REPLAY", f"line {number}", f"this is no replay that can be resumed: {error}"
        ) from error


class _Reading:
    """The replay that the lines so far make."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        if header["format"] != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        self._header = header
        self._facts = Facts.none()
        self._histories: dict[BasisOrdinal, bytes] = {}

    def read(self, row: list[Any]) -> None:
        """Take one line into account."""
        _READ[row[0]](self, *row[1:])

    def saved(self) -> Saved:
        """Return all of it."""
        header = self._header
        return Saved(
            origin=text("origin", header["origin"]),
            size=integer("size", header["size"]),
            t=Micros(integer("t", header["t"])),
            prev=sha256_text("prev", header["prev"]),
            hashes=tuple(unb64url(one) for one in header["hashes"]),
            facts=self._facts,
            histories=self._histories,
        )

    def basis(self, *row: Any) -> None:
        """Take a basis, with its count of allowed events and its history."""
        *fields, allowed, history = row
        basis = _basis_of(*fields)
        if basis.ordinal != len(self._facts.bases):
            raise ValueError(f"basis {len(self._facts.bases)} is missing")
        self._facts.bases[basis.ordinal] = basis
        if allowed:
            self._facts.allowed_events[basis.ordinal] = allowed
        if history:
            self._histories[basis.ordinal] = unb64url(history)

    def decision(self, index: LeafIndex, against: list[str], *of_context: object) -> None:
        """Take the facts of a decision."""
        operation, egress, basis_form = of_context
        self._facts.decisions[index] = DecisionFacts(
            against=tuple(Reason(reason) for reason in against),
            operation=operation,
            egress=egress,
            basis_form=basis_form,
        )

    def approval(self, entry: str) -> None:
        """Take an approval record."""
        record = parse_entry(entry.encode())
        if not isinstance(record, Record):
            raise ValueError("an approval is a record")
        self._facts.approvals[record.i] = record

    def uses(self, *pairs: list[int]) -> None:
        """Take counts of allowed uses."""
        for event, count in pairs:
            self._facts.allowed_uses.put(event, count)


_READ: Final[Mapping[str, Callable[..., None]]] = {
    "basis": _Reading.basis,
    "decision": _Reading.decision,
    "approval": _Reading.approval,
    "uses": _Reading.uses,
}


def _line(row: object) -> bytes:
    return _encode(row).encode() + b"\n"


def _basis_row(basis: Basis) -> tuple[object, ...]:
    return (
        basis.ordinal,
        basis.form,
        basis.subject,
        basis.granted,
        basis.ended,
        sorted(basis.purposes),
        sorted(basis.operations),
        sorted(basis.sites),
        basis.egress,
        basis.not_before,
        basis.not_after,
        basis.needs,
        basis.max_events,
    )


def _basis_of(
    ordinal: Any,
    form: str,
    subject: str | None,
    granted: Any,
    ended: Any,
    purposes: list[str],
    operations: list[str],
    sites: list[str],
    egress: bool,
    not_before: Any,
    not_after: Any,
    needs: list[Any],
    max_events: int | None,
) -> Basis:
    return Basis(
        ordinal=ordinal,
        form=Form(form),
        subject=subject,
        granted=granted,
        ended=ended,
        purposes=id_set(tuple(purposes)),
        operations=id_set(tuple(operations)),
        sites=id_set(tuple(sites)),
        egress=egress,
        not_before=not_before,
        not_after=not_after,
        needs=tuple(needs),
        max_events=max_events,
    )
