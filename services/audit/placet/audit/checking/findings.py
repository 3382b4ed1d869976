"""What a check found: in which part, at which index, in words; never more of one part than a person reads."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MOST: Final = 20
"""Findings kept of one part; the first is what matters, and a damaged file could give millions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong.

    `part` is the table (entry, tile and its level, basis, basis_change, event_use, idempotency, decision, witnessed,
    cosignature, search), or head, key, checkpoint, storage. `index` is that of the entry; of a tile and a basis its
    number; of what was cosigned the size; None where there is none.
    """

    part: str
    index: int | None
    message: str

    def __str__(self) -> str:
        at = "" if self.index is None else f" {self.index}"
        return f"{self.part}{at}: {self.message}"


class Findings:
    """Everything that was found, in order; the wrong entry first, since other rows may only seem wrong by it."""

    def __init__(self) -> None:
        self._found: list[Finding] = []
        self._of_part: Counter[str] = Counter()

    def add(self, part: str, index: object, message: str) -> None:
        """Take note of a finding; of what is beyond `MOST` in its part only the number is kept."""
        self._of_part[part] += 1
        if self._of_part[part] <= MOST:
            self._found.append(Finding(part=part, index=index if isinstance(index, int) else None, message=message))

    def __iter__(self) -> Iterator[Finding]:
        yield from sorted(self._found, key=lambda finding: finding.part != "entry")
        for part, count in self._of_part.items():
            if count > MOST:
                yield Finding(part=part, index=None, message=f"and {count - MOST} more")

    def __len__(self) -> int:
        return len(self._found)
