"""Limits of speed: a figure, a bound, and whether it is kept. They are judged here, never in a timed test."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One figure and its bound; `at_least` says on which side of it the figure has to be. The bound itself is kept."""

    what: str
    found: float
    bound: float
    unit: str
    at_least: bool = False
    digits: int = 0

    @property
    def kept(self) -> bool:
        """Whether the figure is on the right side; one that was not measured (NaN) is not."""
        return self.found >= self.bound if self.at_least else self.found <= self.bound

    def in_words(self) -> str:
        """Return the figure and its bound as people read them."""
        found, sign = f"{self.found:,.{self.digits}f}", ">=" if self.at_least else "<="
        return f"{self.what}: {found} {self.unit} (limit {sign} {self.bound:,g} {self.unit})"


def print_limits(console: Console, limits: Sequence[Limit]) -> None:
    """Print each limit and whether it is kept."""
    for limit in limits:
        mark = "[green]ok[/green]" if limit.kept else "[red]NO[/red]"
        console.print(f" {mark} {limit.in_words()}", highlight=False, soft_wrap=True)


def all_kept(limits: Sequence[Limit]) -> bool:
    """Tell whether every limit is kept."""
    return all(limit.kept for limit in limits)
