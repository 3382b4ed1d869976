"""Authorize: from face events to answers that are in the ledger before they are given.

Owns: hops 2 to 6 of architecture.md section 3 for one request of 1 to 512 events: bases, rulings, one append, answers.
Never: decides. Verdict and reasons are read from the ledger's entry; what was ruled here only travels along as the
entry's decision. Without an answer of the ledger there is no answer (no ledger, no permit: fail closed).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from placet.evidence.drafts import DecisionDraft, EventDraft, PermitAsked
from placet.evidence.terms import BasisOrdinal, Micros
from placet.evidence.terms import Operation as EntryOperation
from placet.kit.errors import PlacetError
from placet.kit.ledger.messages import Submission, submission
from placet.kit.ledger.receipts import Appended, Receipt
from placet.permission.handlers import keys, permits
from placet.permission.handlers.bases import Case, choose
from placet.permission.handlers.rulings import Ruling, Rulings
from placet.permission.model.events import (
    DEFAULT_PERMIT_LIFETIME,
    Answer,
    Asked,
    EntryView,
    FaceEvent,
    Wanted,
    digest,
)
from placet.permission.model.projection import Projection
from placet.permission.model.vocabulary import SECOND, Verdict
from placet.permission.ports import Articles, Books, Consents, Ledger, PermitKeys, Pins


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """Everything that Authorize works with."""

    books: Books
    consents: Consents
    projection: Projection
    rulings: Rulings
    ledger: Ledger
    articles: Articles
    permit_keys: PermitKeys
    pins: Pins
    issuer: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers to a request, in its order, and what proves them."""

    answers: list[Answer]
    appended: Appended
    # As in the request: where its consistency proof begins.
    seen: int


_read_entry: Callable[[bytes], EntryView] = msgspec.json.Decoder(EntryView).decode
_OPERATIONS = {operation.value: operation for operation in EntryOperation}


async def authorize(asked: Asked, desk: Desk, *, now: int, deadline: int) -> Answered:
    """Submit every event of a request to the controller's log and return what the log said.

    `now` and `deadline` in unix microseconds. Safe to repeat with the same event ids. Raises Unavailable when the
    ledger, or a lookup that is needed, does not answer by `deadline`; IdempotencyConflict naming the event's id.
    """
    controller = asked.controller
    book = await desk.books.open(controller, after=asked.after, now=now)
    cases = await choose(asked, book, projection=desk.projection, consents=desk.consents, now=now, deadline=deadline)
    desk.rulings.begin(now)
    rulings = [desk.rulings.ruling(case.place, case.basis, case.event, now) for case in cases]
    if any(wants_permit(case.event, asked) for case in cases):
        await keys.pin(controller, desk, deadline=deadline)
    submissions, decisions = _submissions(cases, rulings, asked)
    appended = await desk.ledger.append(controller, submissions, decisions, seen=asked.seen, deadline=deadline)
    desk.projection.grown(controller, appended.size)
    receipts = _receipts(appended, asked.events)
    entries = [_read_entry(receipt.entry) for receipt in receipts]
    await _learn(controller, receipts, entries, rulings, desk.articles)
    standing = await permits.standing(
        controller, receipts, entries, consents=desk.consents, books=desk.books, now=now, deadline=deadline
    )
    minter = permits.Minter(desk.permit_keys, asked, standing, issuer=desk.issuer, size=appended.size, now=now)
    return Answered(await _answers(cases, receipts, entries, asked, desk, minter), appended, asked.seen)


def wants_permit(event: FaceEvent, asked: Asked) -> bool:
    """Tell whether an allow of this event shall come with a permit."""
    return asked.permits if event.wanted is Wanted.DEFAULT else event.wanted is Wanted.YES


def _submissions(
    cases: Sequence[Case], rulings: Sequence[Ruling], asked: Asked
) -> tuple[list[Submission], list[DecisionDraft]]:
    """Return the submissions of a request, and each distinct decision once."""
    positions: dict[int, int] = {}
    decisions: list[DecisionDraft] = []
    submissions = []
    for case, ruling in zip(cases, rulings, strict=True):
        draft = ruling.draft
        position = positions.setdefault(id(draft), len(decisions))
        if position == len(decisions):
            decisions.append(draft)
        submissions.append(
            submission(
                _draft(case, asked),
                key=bytes.fromhex(case.event.id.replace("-", "")),
                digest=digest(case.event),
                decision=position,
            )
        )
    return submissions, decisions


def _draft(case: Case, asked: Asked) -> EventDraft:
    event, place = case.event, case.place
    permit = None
    if wants_permit(event, asked):
        lifetime = min(event.lifetime or DEFAULT_PERMIT_LIFETIME, place.permit_lifetime)
        permit = PermitAsked(max_uses=event.max_uses or 1, lifetime_us=lifetime * SECOND)
    return EventDraft(
        id=event.id,
        frame=event.frame,
        basis=None if case.ordinal is None else BasisOrdinal(case.ordinal),
        purpose=event.purpose,
        operation=_OPERATIONS[event.operation],
        device=event.device,
        site=place.site,
        egress=case.egress,
        occurred=Micros(case.occurred),
        offline=event.offline,
        seen=asked.seen,
        permit=permit,
    )


def _receipts(appended: Appended, events: Sequence[FaceEvent]) -> list[Receipt]:
    """Return the receipts, or raise the first refusal with the event that it is about."""
    for at, outcome in enumerate(appended.outcomes):
        if isinstance(outcome, PlacetError):
            path = f"events[{at}]" if len(events) > 1 else "event"
            outcome.field = f"{path}.id" if outcome.reason == "IDEMPOTENCY_CONFLICT" else outcome.field or path
            outcome.metadata.setdefault("id", events[at].id)
            raise outcome
    return appended.outcomes  # type: ignore[return-value]


async def _learn(
    controller: str,
    receipts: Sequence[Receipt],
    entries: Sequence[EntryView],
    rulings: Sequence[Ruling],
    articles: Articles,
) -> None:
    """Keep the articles of decisions met for the first time, so that a repeated event can be answered with them."""
    new = {
        entry.decision: ruling.decided
        for receipt, entry, ruling in zip(receipts, entries, rulings, strict=True)
        if not receipt.repeated and articles.known(controller, entry.decision) is None
    }
    if new:
        await articles.remember(controller, new)


async def _answers(
    cases: Sequence[Case],
    receipts: Sequence[Receipt],
    entries: Sequence[EntryView],
    asked: Asked,
    desk: Desk,
    minter: permits.Minter,
) -> list[Answer]:
    answers = []
    for case, receipt, entry in zip(cases, receipts, entries, strict=True):
        decided = desk.articles.known(asked.controller, entry.decision)
        if decided is None:
            decided = await desk.articles.recall(asked.controller, entry.decision)
        allowed = entry.verdict is Verdict.ALLOW
        permit = ""
        if allowed and entry.permit is not None and wants_permit(case.event, asked):
            permit = minter.mint(case, receipt, entry, decided)
        answers.append(
            Answer(
                entry.verdict,
                entry.reasons,
                decided.permitted_by,
                decided.forbidden_by,
                receipt.index,
                receipt.entry,
                entry.decision,
                permit,
                receipt.repeated,
                "" if allowed else case.place.alternative,
                entry.basis,
            )
        )
    return answers
