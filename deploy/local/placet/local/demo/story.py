"""Telling the story and keeping count: what happened, whether it was what had to happen.

Owns the printed lines and the list of broken expectations; the demo succeeds only if that list stays empty. Never
decides what should happen: the scenes say so.
"""

from collections.abc import Awaitable, Sequence

from rich.console import Console

from placet.sdk import Decision, PlacetError


class Story:
    """One telling."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.broken: list[str] = []
        self._checks = 0

    @property
    def checks(self) -> int:
        """How many expectations were checked."""
        return self._checks

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self.console.print(f"\n[bold]{title}[/bold]")

    def tell(self, line: str) -> None:
        """Say something that needs no check."""
        self.console.print(f"   {line}", highlight=False)

    def expect(self, what: str, holds: bool, found: object = "") -> None:
        """Say what had to be so; remember it if it was not."""
        self._checks += 1
        mark = "[green]ok[/green]" if holds else "[red]NO[/red]"
        self.console.print(f" {mark} {what}", highlight=False)
        if not holds:
            self.broken.append(what)
            self.console.print(f"    found instead: {found!r}", style="red", markup=False)

    def allowed(self, what: str, decision: Decision) -> None:
        """Expect an allow."""
        where = f"entry {decision.index}, permitted by {', '.join(decision.permitted_by)}"
        self.expect(f"{what}: ALLOWED ({where})", decision.allowed, decision)

    def denied(self, what: str, decision: Decision, reasons: Sequence[str], article: str | None = None) -> None:
        """Expect a denial with at least these reasons, and by an article if one is named."""
        found = [reason.value for reason in decision.reasons]
        right = not decision.allowed and set(reasons) <= set(found)
        if article is not None:
            right = right and any(one.startswith(article) for one in decision.forbidden_by)
        because = ", ".join(found) + (
            f"; forbidden by {', '.join(decision.forbidden_by)}" if decision.forbidden_by else ""
        )
        self.expect(f"{what}: DENIED, and that is entry {decision.index} ({because})", right, decision)

    async def refused(self, what: str, call: Awaitable[object], reason: str) -> PlacetError | None:
        """Expect a typed refusal with this reason."""
        try:
            found: object = await call
        except PlacetError as error:
            self.expect(f"{what}: REFUSED ({error.reason}: {error.message})", error.reason == reason, error.reason)
            return error
        self.expect(f"{what}: REFUSED", False, found)
        return None
