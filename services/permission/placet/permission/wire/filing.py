"""Filings, their facts and status from and to protobuf, and the count as consent answers it.

Owns: the mapping of every field; bounds are the model's. Never: fills in a day or a kind; bytes that are no count raise
StockUnavailable: no duty is stated on a guess.
"""

from datetime import date
from typing import TypeVar

from google.protobuf.message import DecodeError

from placet.api.consent.v1 import count_pb2
from placet.api.permission.v1 import filing_pb2 as pb
from placet.permission.errors import StockUnavailable, missing
from placet.permission.filing.duties import Duty, DutyState
from placet.permission.filing.forecast import METHOD, Forecast
from placet.permission.filing.series import Persons, Stock, StockDay
from placet.permission.handlers.filing import Status
from placet.permission.model.filings import Filing, FilingFacts, FilingKind
from placet.permission.wire.words import number_of, word

KINDS: dict[int, FilingKind] = {
    number: FilingKind(name.removeprefix("FILING_KIND_").lower()) for name, number in pb.FilingKind.items() if number
}
STATES: dict[int, DutyState] = {
    number: DutyState(name.removeprefix("FILING_STATE_").lower()) for name, number in pb.FilingState.items() if number
}
_R = TypeVar("_R", bound=count_pb2.PersonRange)


def filing_from_pb(request: pb.RecordFilingRequest) -> Filing:
    """Return the filing of a request. Raises Invalid naming `filing.<field>`."""
    if not request.HasField("filing"):
        raise missing("filing", "the filing")
    filing = request.filing
    return Filing(
        id=filing.id,
        kind=word(KINDS, filing.kind, "filing.kind"),
        since=filing.since,
        filed_on=filing.filed_on,
        authority=filing.authority,
        reference=filing.reference,
        persons=filing.persons,
        document_sha256=filing.document_sha256,
        summary=filing.summary,
    )


def filing_to_pb(filing: Filing) -> pb.Filing:
    """Return a filing as it travels."""
    return pb.Filing(
        id=filing.id,
        kind=number_of(KINDS, filing.kind),  # type: ignore[arg-type]
        since=filing.since,
        filed_on=filing.filed_on,
        authority=filing.authority,
        reference=filing.reference,
        persons=filing.persons,
        document_sha256=filing.document_sha256,
        summary=filing.summary,
    )


def facts_from_pb(request: pb.PutFilingFactsRequest) -> FilingFacts:
    """Return the facts of a request. Raises Invalid naming `facts.<field>`."""
    if not request.HasField("facts"):
        raise missing("facts", "the facts")
    facts = request.facts
    return FilingFacts(
        name=facts.name,
        credit_code=facts.credit_code,
        address=facts.address,
        legal_representative=facts.legal_representative,
        contact=facts.contact,
        method=facts.method,
        protection=facts.protection,
        rules=facts.rules,
        rules_sha256=facts.rules_sha256,
        procedures=facts.procedures,
        procedures_sha256=facts.procedures_sha256,
        stored_elsewhere=facts.stored_elsewhere,
        stored_elsewhere_since=facts.stored_elsewhere_since,
        other=tuple(facts.other),
    )


def kind_from_pb(request: pb.ExportFilingRequest) -> FilingKind:
    """Return the kind of filing to export. Raises Invalid."""
    return word(KINDS, request.kind, "kind")


def status_to_pb(status: Status, *, history: bool) -> pb.GetFilingStatusResponse:
    """Return a status as it travels, with the days if they are wanted."""
    return pb.GetFilingStatusResponse(
        today=status.today.isoformat(),
        stored=_persons(status.stock.stored),
        unlinked=status.stock.unlinked,
        elsewhere=status.elsewhere,
        duties=[_duty(one) for one in status.duties],
        filings=[filing_to_pb(one) for one in status.filings],
        history=[_day(one) for one in status.stock.days] if history else [],
        calendar=status.calendar,
        counting=status.counting,
        elsewhere_undeclared=status.elsewhere_undeclared,
    )


def count_to_bytes(controller: str) -> bytes:
    """Return the question for a count as it travels."""
    return count_pb2.CountRequest(controller=controller).SerializeToString()


def stock_from_bytes(data: bytes) -> Stock:
    """Return the count that consent answered. Raises StockUnavailable if it is none."""
    try:
        answer = count_pb2.CountResponse.FromString(data)
        days = tuple(
            StockDay(day=date.fromisoformat(one.day), peak=_range(one.peak), close=_range(one.close))
            for one in answer.days
        )
        return Stock(stored=_range(answer.stored), days=days, unlinked=answer.unlinked)
    except (DecodeError, ValueError) as error:
        raise StockUnavailable(f"its answer is malformed: {error}") from None


def _range(told: count_pb2.PersonRange) -> Persons:
    return Persons(low=told.low, high=told.high)


def _persons(persons: Persons) -> pb.StoredPersons:
    return pb.StoredPersons(low=persons.low, high=persons.high)


def _day(day: StockDay) -> pb.StockDay:
    return pb.StockDay(day=day.day.isoformat(), peak=_persons(day.peak), close=_persons(day.close))


def _duty(duty: Duty) -> pb.FilingDuty:
    return pb.FilingDuty(
        rule=duty.rule.id,
        kind=number_of(KINDS, duty.kind),  # type: ignore[arg-type]
        state=number_of(STATES, duty.state),  # type: ignore[arg-type]
        binding=duty.rule.binding,
        threshold=duty.rule.threshold,
        above=duty.rule.above,
        reached_on=_text(duty.reached_on),
        since=_text(duty.since),
        working_days=duty.rule.working_days,
        deadline=_text(duty.deadline),
        deadline_not_before=_text(duty.not_before),
        left=duty.left,
        below_since=_text(duty.below_since),
        filing="" if duty.filing is None else duty.filing.id,
        filed_on="" if duty.filing is None else duty.filing.filed_on,
        problem="" if duty.problem is None else duty.problem.reason,
        problem_message="" if duty.problem is None else duty.problem.message,
        source=duty.rule.source["en"],
        confidence=duty.rule.confidence,
        forecast=None if duty.forecast is None else _forecast(duty.forecast),
    )


def _forecast(forecast: Forecast) -> pb.FilingForecast:
    return pb.FilingForecast(
        not_before=forecast.not_before.isoformat(),
        not_after=_text(forecast.not_after),
        slowest=round(forecast.slowest * 1_000),
        fastest=round(forecast.fastest * 1_000),
        method=METHOD,
    )


def _text(day: date | None) -> str:
    return "" if day is None else day.isoformat()
