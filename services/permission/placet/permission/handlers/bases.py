"""Which basis an event relies on: hop 2 of architecture.md section 3.

Owns: the order of choice. What the caller names; else a consent that covers the event, the newest first; else a legal
permission that covers it; else the consent that a denial should name; else nothing. One lookup for all persons of a
request that are not known well enough. Never: judges; goes on without an answer that it needs (fail closed).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from placet.permission.handlers.rulings import is_egress
from placet.permission.model.basis import BasisFacts, Scope, covers, first_covering, nearest
from placet.permission.model.book import Book, Place
from placet.permission.model.events import Asked, FaceEvent
from placet.permission.model.projection import Projection, Whose
from placet.permission.model.vocabulary import Operation
from placet.permission.ports import Consents

_NOTHING: tuple[BasisFacts, ...] = ()


class Case(NamedTuple):
    """An event with what was found out about it: `ordinal` goes to the log, `basis` is None if nothing is known."""

    event: FaceEvent
    place: Place
    egress: bool
    occurred: int
    ordinal: int | None
    basis: BasisFacts | None


async def choose(
    asked: Asked, book: Book, *, projection: Projection, consents: Consents, now: int, deadline: int
) -> list[Case]:
    """Return every event of a request with the basis it relies on, in order.

    Raises Unavailable when consent has to be asked and does not answer.
    """
    cases: list[Case] = []
    waiting: dict[int, Whose] = {}
    for at, event in enumerate(asked.events):
        whose = _whose(event, book)
        if whose is None:
            cases.append(_case(event, book, _NOTHING, now))
            continue
        known = projection.find(asked.controller, whose, after=asked.after, now=now)
        case = _case(event, book, known.bases if known is not None else _NOTHING, now)
        cases.append(case)
        if known is None or (projection.doubtful(asked.controller, known, now) and not _settled(case, now)):
            waiting[at] = whose
    if waiting:
        fresh = await _ask(asked, set(waiting.values()), projection, consents, now, deadline)
        for at, whose in waiting.items():
            cases[at] = _case(asked.events[at], book, fresh[whose], now)
    return cases


def _whose(event: FaceEvent, book: Book) -> Whose | None:
    """Return whose consents matter: the person's, the named basis's if no person is given, None if no consent does."""
    if event.basis is not None and event.basis in book.permissions:
        return None
    return event.subject or event.basis


def _case(event: FaceEvent, book: Book, consents: Sequence[BasisFacts], now: int) -> Case:
    place = book.place(event.purpose, event.device, event.site, event.operation, event.inference, now)
    scope = _scope(event, place, now)
    ordinal = event.basis
    basis: BasisFacts | None
    if ordinal is None:
        basis = first_covering(consents, scope) or book.permission_for(scope) or nearest(consents, event.purpose)
        ordinal = None if basis is None else basis.ordinal
    else:
        # A basis of somebody else than the named person stays unknown here: the ruling is then one without a basis,
        # which no pack permits, and which the sequencer refuses besides.
        basis = book.permissions.get(ordinal) or _of_ordinal(consents, ordinal)
    return Case(event, place, scope.egress, event.occurred or now, ordinal, basis)


def _scope(event: FaceEvent, place: Place, now: int) -> Scope:
    occurred = event.occurred or now
    start, end = (occurred, now) if occurred < now else (now, occurred)
    egress = is_egress(event, event.storage or place.storage)
    return Scope(event.purpose, event.operation, place.site, egress, start, end)


def _of_ordinal(bases: Iterable[BasisFacts], ordinal: int) -> BasisFacts | None:
    return next((basis for basis in bases if basis.ordinal == ordinal), None)


def _settled(case: Case, now: int) -> bool:
    """Tell whether no consent that may have been granted since could carry the event better."""
    basis = case.basis
    if basis is None:
        return False
    return case.event.operation is Operation.IDENTIFY or covers(basis, _scope(case.event, case.place, now))


async def _ask(
    asked: Asked, whose: Iterable[Whose], projection: Projection, consents: Consents, now: int, deadline: int
) -> dict[Whose, Sequence[BasisFacts]]:
    """Ask consent once for everybody, and remember the answer."""
    subjects = [one for one in whose if isinstance(one, bytes)]
    ordinals = [one for one in whose if isinstance(one, int)]
    found = await consents.lookup(asked.controller, subjects, ordinals, deadline=deadline)
    by_ordinal = {basis.ordinal: basis for basis in found.bases}
    answers: list[tuple[Whose, Sequence[BasisFacts]]] = list(zip(subjects, found.subjects, strict=True))
    answers += [(ordinal, [by_ordinal[ordinal]] if ordinal in by_ordinal else []) for ordinal in ordinals]
    return {
        one: projection.put(asked.controller, one, bases, as_of=found.as_of, after=asked.after, now=now).bases
        for one, bases in answers
    }
