"""What a filing holds (Order 19 Art 15), put together from the facts, the registers and the count.

Owns: which items the law names, what of them is known, and what is missing, by code. Never: makes anything up: what is
not stated stands as missing. Words and layout: `page`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from placet.permission.filing.duties import Duty
from placet.permission.filing.rules import Rules
from placet.permission.filing.series import Stock
from placet.permission.model.filings import Filing, FilingFacts, FilingKind
from placet.permission.model.registers import Attestation, Purpose

NO_FACTS: Final = FilingFacts(
    name="",
    credit_code="",
    address="",
    legal_representative="",
    contact="",
    method="",
    protection="",
    rules="",
    rules_sha256=b"",
    procedures="",
    procedures_sha256=b"",
    stored_elsewhere=0,
    stored_elsewhere_since="",
    other=(),
)
_NEEDED: Final = (
    "name",
    "credit_code",
    "address",
    "legal_representative",
    "contact",
    "method",
    "rules",
    "rules_sha256",
    "procedures",
    "procedures_sha256",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """Everything that stands on the page. `now` is in microseconds since 1970 UTC, `today` its day in Asia/Shanghai."""

    controllers: tuple[str, ...]
    kind: FilingKind
    facts: FilingFacts
    purposes: tuple[Purpose, ...]
    attestation: Attestation | None
    stock: Stock
    duty: Duty
    filings: tuple[Filing, ...]
    rules: Rules
    calendar: str
    today: date
    now: int

    @property
    def measures_attested(self) -> bool:
        """Tell whether the attestation of protection measures stands."""
        return self.attestation is not None and self.attestation.protection_valid_until > self.now

    def assessed(self, purpose: Purpose) -> bool:
        """Tell whether a purpose has an impact assessment that stands."""
        return bool(purpose.assessment_sha256) and purpose.assessment_valid_until > self.now

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the codes of what the law asks for and the page cannot say."""
        gaps = [f"facts.{name}" for name in _NEEDED if not getattr(self.facts, name)]
        if not self.purposes:
            gaps.append("purposes")
        gaps += [f"assessment.{purpose.id}" for purpose in self.purposes if not self.assessed(purpose)]
        gaps += [f"necessity.{purpose.id}" for purpose in self.purposes if not purpose.necessity]
        gaps += [f"retention.{purpose.id}" for purpose in self.purposes if not purpose.retention_days]
        if not self.measures_attested:
            gaps.append("protection")
        if elsewhere_undeclared(self.facts, self.purposes):
            gaps.append("facts.stored_elsewhere")
        return tuple(gaps)


def elsewhere_undeclared(facts: FilingFacts, purposes: Sequence[Purpose]) -> bool:
    """Tell whether a purpose keeps faces in devices, where Placet cannot count them, and nobody declared how many."""
    kept = any(purpose.storage == "device" for purpose in purposes)
    return kept and not facts.stored_elsewhere_since
