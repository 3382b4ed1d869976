"""What the filing cannot know or does not accept, each in one sentence with the next step.

Owns: CalendarUnknown and the errors of its two data files. Never: imports gRPC.
"""

from collections.abc import Iterable

from placet.kit.errors import Invalid, Precondition

__all__ = ["CalendarUnknown", "DataInvalid", "Invalid"]


class CalendarUnknown(Precondition):
    """The State Council's holidays of a year are not known, so no working day of it can be counted."""

    def __init__(self, year: int, known: Iterable[int]) -> None:
        years = sorted(known)
        span = f"{years[0]} to {years[-1]}" if years else "no year"
        super().__init__(
            "CALENDAR_UNKNOWN",
            f"The working days of {year} are not known (known: {span}). The State Council announces a year's holidays "
            f"in the November before: update the library `chinesecalendar`, or put the announcement's dates into the "
            f"file that PLACET_FILING_CALENDAR names.",
            metadata={"year": str(year), "known": span},
        )
        self.year = year


class DataInvalid(Invalid):
    """A data file of the filing is not what it must be; the service does not start with it."""

    def __init__(self, file: str, where: str, why: str) -> None:
        super().__init__(f"{file}:{where}", f"{file}: {where} {why}. Correct the file and start again.")
