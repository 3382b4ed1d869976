"""Filings to and from protobuf."""

from datetime import date

from placet.api.permission.v1 import filing_pb2 as pb
from placet.sdk.errors import NotServed
from placet.sdk.ids import coded_id
from placet.sdk.model.filings import (
    Filing,
    FilingDuty,
    FilingFacts,
    FilingForecast,
    FilingStatus,
    PersonRange,
    StockDay,
)
from placet.sdk.wire.words import DUTY_STATE, FILING_KIND


def filing_to_pb(filing: Filing) -> pb.Filing:
    """Return the message of a filing; raises Invalid naming the field."""
    return pb.Filing(
        id=coded_id("filing.id", filing.id),
        kind=FILING_KIND.number("filing.kind", filing.kind),
        since=filing.since.isoformat(),
        filed_on=_text(filing.filed_on),
        authority=filing.authority,
        reference=filing.reference,
        persons=filing.persons,
        document_sha256=filing.document_sha256,
        summary=filing.summary,
    )


def filing_of(filing: pb.Filing) -> Filing:
    """Return a filing."""
    return Filing(
        id=filing.id,
        kind=FILING_KIND.word(filing.kind),
        since=_needed(filing.since),
        filed_on=_day(filing.filed_on),
        authority=filing.authority,
        reference=filing.reference,
        persons=filing.persons,
        document_sha256=filing.document_sha256,
        summary=filing.summary,
    )


def facts_to_pb(facts: FilingFacts) -> pb.FilingFacts:
    """Return the message of a controller's facts."""
    return pb.FilingFacts(
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
        stored_elsewhere_since=_text(facts.stored_elsewhere_since),
        other=facts.other,
    )


def status_of(status: pb.GetFilingStatusResponse) -> FilingStatus:
    """Return a status. Raises NotServed for what this client does not know."""
    return FilingStatus(
        today=_needed(status.today),
        stored=_range(status.stored),
        unlinked=status.unlinked,
        elsewhere=status.elsewhere,
        elsewhere_undeclared=status.elsewhere_undeclared,
        duties=tuple(map(_duty, status.duties)),
        filings=tuple(map(filing_of, status.filings)),
        history=tuple(
            StockDay(day=_needed(one.day), peak=_range(one.peak), close=_range(one.close)) for one in status.history
        ),
        calendar=status.calendar,
        counting=status.counting,
    )


def _duty(duty: pb.FilingDuty) -> FilingDuty:
    return FilingDuty(
        rule=duty.rule,
        kind=FILING_KIND.word(duty.kind),
        state=DUTY_STATE.word(duty.state),
        binding=duty.binding,
        threshold=duty.threshold,
        above=duty.above,
        working_days=duty.working_days,
        reached_on=_day(duty.reached_on),
        since=_day(duty.since),
        deadline=_day(duty.deadline),
        deadline_not_before=_day(duty.deadline_not_before),
        left=duty.left,
        below_since=_day(duty.below_since),
        filing=duty.filing,
        filed_on=_day(duty.filed_on),
        problem=duty.problem,
        problem_message=duty.problem_message,
        source=duty.source,
        confidence=duty.confidence,
        forecast=_forecast(duty.forecast) if duty.HasField("forecast") else None,
    )


def _forecast(forecast: pb.FilingForecast) -> FilingForecast:
    return FilingForecast(
        not_before=_needed(forecast.not_before),
        not_after=_day(forecast.not_after),
        slowest=forecast.slowest / 1_000,
        fastest=forecast.fastest / 1_000,
        method=forecast.method,
    )


def _range(persons: pb.StoredPersons) -> PersonRange:
    return PersonRange(low=persons.low, high=persons.high)


def _text(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _day(text: str) -> date | None:
    return _needed(text) if text else None


def _needed(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotServed("NOT_SERVED", f"the service used {text!r} for a day, which this client cannot read") from None
