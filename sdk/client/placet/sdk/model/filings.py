"""The filing with the authority (R8): what is due, what was filed, what a filing says of the controller.

Days are `datetime.date` in Asia/Shanghai, None: not known or not yet. Names are for people, never in the ledger.
"""

from dataclasses import dataclass
from datetime import date

from placet.sdk.vocabulary import DutyState, FilingKind


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRange:
    """A number of persons, known to lie within low and high; the filing states `high`."""

    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """One filing: the day the threshold was reached, the change was made or the use ended, and when it was filed."""

    id: str
    kind: FilingKind
    since: date
    filed_on: date | None = None
    authority: str = ""
    reference: str = ""
    persons: int = 0
    document_sha256: bytes = b""
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingFacts:
    """What a filing says of the controller besides its registers (Order 19 Art 15)."""

    name: str = ""
    credit_code: str = ""
    address: str = ""
    legal_representative: str = ""
    contact: str = ""
    method: str = ""
    protection: str = ""
    rules: str = ""
    rules_sha256: bytes = b""
    procedures: str = ""
    procedures_sha256: bytes = b""
    stored_elsewhere: int = 0
    stored_elsewhere_since: date | None = None
    other: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingForecast:
    """When a threshold may be reached: not before one day; not after another, or (None) much later or never.

    Growth in persons a day, at the slowest and the fastest; `method` says how it was estimated.
    """

    not_before: date
    not_after: date | None
    slowest: float
    fastest: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingDuty:
    """One duty to file under one rule; one that is not `binding` is a draft's, shown for comparison.

    `deadline` is None if nothing is due, or if the working days of a year are not known: `problem` and
    `problem_message` then say why, and it is not before `deadline_not_before`.
    """

    rule: str
    kind: FilingKind
    state: DutyState
    binding: bool
    threshold: int
    above: bool
    working_days: int
    reached_on: date | None
    since: date | None
    deadline: date | None
    deadline_not_before: date | None
    left: int
    below_since: date | None
    filing: str
    filed_on: date | None
    problem: str
    problem_message: str
    source: str
    confidence: str
    forecast: FilingForecast | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StockDay:
    """A day on which the stored number changed: the most at any moment of it, and the end of it."""

    day: date
    peak: PersonRange
    close: PersonRange


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingStatus:
    """How many persons are stored, what is due, what was filed. Not a ledger entry: a report of the mesh."""

    today: date
    stored: PersonRange
    unlinked: int
    elsewhere: int
    elsewhere_undeclared: bool
    duties: tuple[FilingDuty, ...]
    filings: tuple[Filing, ...]
    history: tuple[StockDay, ...]
    calendar: str
    counting: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingDocument:
    """A filing's contents as one HTML page, and the codes of what is missing in it."""

    html: str
    missing: tuple[str, ...]
