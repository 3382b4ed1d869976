"""Which basis an event relies on: hop 2 of architecture.md section 3.

Owns: the order of choice. What the caller names; else a consent that covers the event, the newest first; else a legal
permission that covers it; else the consent that a denial should name; else nothing. One lookup for all persons of a
request that are not known well enough. Never: judges; keeps anything outside the projection; goes on without an answer
that it needs (fail closed).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from placet.permission.handlers.rulings import is_egress
from placet.permission.model.basis import BasisFacts, Scope, covers, first_covering, nearest
from placet.permission.model.book import Book, Place
from placet.permission.model.events import Asked, FaceEvent
from placet.permission.model.projection import Known, Projection, Whose
from placet.permission.model.vocabulary import Operation
from placet.permission.ports import Consents


class Case(NamedTuple):
    """An event with what was found out about it: `ordinal` goes to the log, `basis` is None if nothing is known."""

    event: FaceEvent
    place: Place
    egress: bool
    occurred: int
    ordinal: int | None
    basis: BasisFacts | None


class _Open(NamedTuple):
    """An event whose basis is not chosen yet."""

    event: FaceEvent
    place: Place
    scope: Scope
    occurred: int


async def choose(
    asked: Asked, book: Book, *, projection: Projection, consents: Consents, now: int, deadline: int
) -> list[Case]:
    """Return every event of a request with the basis it relies on, in order.

    Raises Unavailable when consent has to be asked and does not answer.
    """
    cases: list[Case | None] = []
    waiting: dict[int, Whose] = {}
    opened = [_open(event, book, now) for event in asked.events]
    for at, one in enumerate(opened):
        whose = _whose(one.event, book)
        known = None if whose is None else projection.find(asked.controller, whose, after=asked.after, now=now)
        case = None if known is None and whose is not None else _case(one, book, known)
        if case is None or (known is not None and _in_doubt(case, known, asked.controller, projection, one, now)):
            assert whose is not None
            waiting[at] = whose
        cases.append(case)
    if waiting:
        fresh = await _ask(asked, set(waiting.values()), projection, consents, now, deadline)
        for at, whose in waiting.items():
            cases[at] = _case(opened[at], book, fresh[whose])
    return [case for case in cases if case is not None]


def _open(event: FaceEvent, book: Book, now: int) -> _Open:
    place = book.place(event.purpose, event.device, event.site, event.operation, event.inference, now)
    occurred = event.occurred or now
    egress = is_egress(event, event.storage or place.storage)
    start, end = (occurred, now) if occurred < now else (now, occurred)
    return _Open(event, place, Scope(event.purpose, event.operation, place.site, egress, start, end), occurred)


def _whose(event: FaceEvent, book: Book) -> Whose | None:
    """Return whose consents matter: the person's, the named basis's if no person is given, None if no consent does."""
    if event.basis is not None and event.basis in book.permissions:
        return None
    return event.subject or event.basis


def _case(one: _Open, book: Book, known: Known | None) -> Case:
    event = one.event
    consents = known.bases if known is not None else ()
    if event.basis is None:
        basis = (
            first_covering(consents, one.scope) or book.permission_for(one.scope) or nearest(consents, event.purpose)
        )
        ordinal = None if basis is None else basis.ordinal
    else:
        # A basis of somebody else than the named person stays unknown here: the ruling is then one without a basis,
        # which no pack permits, and which the sequencer refuses besides.
        ordinal = event.basis
        basis = book.permissions.get(ordinal) or _of_ordinal(consents, ordinal)
    return Case(event, one.place, one.scope.egress, one.occurred, ordinal, basis)


def _of_ordinal(bases: Iterable[BasisFacts], ordinal: int) -> BasisFacts | None:
    return next((basis for basis in bases if basis.ordinal == ordinal), None)


def _in_doubt(case: Case, known: Known, controller: str, projection: Projection, one: _Open, now: int) -> bool:
    """Tell whether a consent that would carry the event may exist without being known here."""
    if case.basis is not None and (covers(case.basis, one.scope) or one.event.operation is Operation.IDENTIFY):
        return False
    return projection.doubtful(controller, known, now)


async def _ask(
    asked: Asked, whose: Iterable[Whose], projection: Projection, consents: Consents, now: int, deadline: int
) -> dict[Whose, Known]:
    """Ask consent once for everybody, and remember the answer."""
    subjects = [one for one in whose if isinstance(one, bytes)]
    ordinals = [one for one in whose if isinstance(one, int)]
    found = await consents.lookup(asked.controller, subjects, ordinals, deadline=deadline)
    answers: list[tuple[Whose, Sequence[BasisFacts]]] = list(zip(subjects, found.subjects, strict=True))
    by_ordinal = {basis.ordinal: basis for basis in found.bases}
    answers += [(ordinal, [by_ordinal[ordinal]] if ordinal in by_ordinal else []) for ordinal in ordinals]
    return {
        one: projection.put(asked.controller, one, bases, as_of=found.as_of, after=asked.after, now=now)
        for one, bases in answers
    }
