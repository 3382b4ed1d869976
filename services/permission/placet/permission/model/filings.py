"""Filings with the authority, and what a filing says of the controller: items of the registers, one entry a change.

Owns: their fields and invariants. Days are YYYY-MM-DD in Asia/Shanghai. Never: a name in the ledger: an entry holds the
id and a salted commitment, like every register entry. Source: law.md section 1 (R8; Order 19 Art 15).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from placet.evidence.canonical import unb64url
from placet.permission.errors import Invalid, missing
from placet.permission.model.fields import check_bytes, check_code, check_int, check_text, check_words
from placet.permission.model.vocabulary import MAX_INT

MAX_LINE = 200
MAX_TEXT = 4_000
MAX_OTHER = 50
FACTS_ID = "filing_facts"


class FilingKind(StrEnum):
    """What a filing is about."""

    INITIAL = "initial"
    CHANGE = "change"
    CANCELLATION = "cancellation"


@dataclass(frozen=True, kw_only=True, slots=True)
class Filing:
    """One filing: since when it was due, and once it is made, when. Recorded again, it replaces what it said."""

    id: str
    kind: FilingKind
    since: str
    filed_on: str
    authority: str
    reference: str
    persons: int
    document_sha256: bytes
    summary: str

    def __post_init__(self) -> None:
        # Invariant: a coded id, a day since when; what only a filing that was made can have needs the day it was made.
        check_code("filing.id", self.id)
        check_day("filing.since", self.since)
        check_day("filing.filed_on", self.filed_on, optional=True)
        check_text("filing.authority", self.authority, MAX_LINE)
        check_text("filing.reference", self.reference, MAX_LINE)
        check_int("filing.persons", self.persons, MAX_INT)
        check_bytes("filing.document_sha256", self.document_sha256, 32, optional=True)
        check_text("filing.summary", self.summary, MAX_TEXT)
        if self.reference and not self.filed_on:
            raise missing("filing.filed_on", "the day it was filed: it has a reference")


@dataclass(frozen=True, kw_only=True, slots=True)
class FilingFacts:
    """What a filing says of the controller that stands in no other register; empty: not stated."""

    name: str
    credit_code: str
    address: str
    legal_representative: str
    contact: str
    method: str
    protection: str
    rules: str
    rules_sha256: bytes
    procedures: str
    procedures_sha256: bytes
    stored_elsewhere: int
    stored_elsewhere_since: str
    other: tuple[str, ...]

    @property
    def id(self) -> str:
        """Return its id: a controller has one."""
        return FACTS_ID

    def __post_init__(self) -> None:
        # Invariant: bounded texts, hashes of 32 bytes or none; whoever is stored elsewhere is so since a day.
        for name in ("name", "credit_code", "address", "legal_representative", "contact", "rules", "procedures"):
            check_text(f"facts.{name}", getattr(self, name), MAX_LINE)
        for name in ("method", "protection"):
            check_text(f"facts.{name}", getattr(self, name), MAX_TEXT)
        for name in ("rules_sha256", "procedures_sha256"):
            check_bytes(f"facts.{name}", getattr(self, name), 32, optional=True)
        check_int("facts.stored_elsewhere", self.stored_elsewhere, MAX_INT)
        check_day("facts.stored_elsewhere_since", self.stored_elsewhere_since, optional=not self.stored_elsewhere)
        check_words("facts.other", self.other, needed=False)
        if len(self.other) > MAX_OTHER:
            raise Invalid("facts.other", f"facts.other has {len(self.other)} titles; give at most {MAX_OTHER}.")
        for title in self.other:
            check_text("facts.other", title, MAX_LINE)


def check_day(field: str, value: str, *, optional: bool = False) -> str:
    """Return a day unchanged: YYYY-MM-DD, or "" if optional."""
    if not value:
        if optional:
            return value
        raise missing(field, "a day as YYYY-MM-DD")
    try:
        if date.fromisoformat(value).isoformat() == value:
            return value
    except ValueError:
        pass
    raise Invalid(field, f"{field} is {value!r}; give a day as YYYY-MM-DD.")


# How the record's JSON becomes fields again, where they are no texts or numbers.
FROM_JSON: Mapping[str, Callable[[Any], Any]] = {
    "kind": FilingKind,
    "document_sha256": unb64url,
    "rules_sha256": unb64url,
    "procedures_sha256": unb64url,
    "other": tuple,
}
