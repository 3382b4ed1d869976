"""What the bench prints for people, with the limits of the current issue beside each figure."""

from typing import Any

from rich.console import Console
from rich.table import Table

# At 64 in flight, as a share of the echo's rate; alone, as a multiple of its p50; events a second; megabytes.
UNARY, SDK, ALONE, BATCH_128, RSS = 0.35, 0.6, 5.0, 15_000, 400


def show(console: Console, result: dict[str, Any]) -> None:
    """Print the figures and whether each limit is kept."""
    table = Table("in flight", "what", "per second", "p50 ms", "p99 ms", "rate / echo", "p50 / echo")
    for callers, echo in result["echo"].items():
        for what in ("echo", "unary", "sdk"):
            one = result[what][callers]
            rate, p50 = one["rps"] / echo["rps"], one["p50_ms"] / echo["p50_ms"]
            figures = (
                f"{one['rps']:,.0f}",
                f"{one['p50_ms']:.2f}",
                f"{one['p99_ms']:.2f}",
                f"{rate:.2f}",
                f"{p50:.1f}",
            )
            table.add_row(callers, what, *figures)
    console.print(table)
    batches = Table("events a message", "events per second")
    for size, one in result["batch"].items():
        batches.add_row(size, f"{one['events_per_s']:,.0f}")
    console.print(batches)
    console.print(
        f"audit after {result['events']:,} events: {result['audit_rss_mb']:.0f} MB resident\n", highlight=False
    )
    for what, found, limit, kept in limits(result):
        mark = "[green]ok[/green]" if kept else "[red]NO[/red]"
        console.print(f" {mark} {what}: {found} (limit {limit})", highlight=False)


def limits(result: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """Return each limit: what, the figure, the limit, whether it is kept."""
    echo = result["echo"]
    unary = result["unary"]["64"]["rps"] / echo["64"]["rps"]
    sdk = result["sdk"]["64"]["rps"] / echo["64"]["rps"]
    alone = result["unary"]["1"]["p50_ms"] / echo["1"]["p50_ms"]
    batch = result["batch"]["128"]["events_per_s"]
    rss = result["audit_rss_mb"]
    return [
        ("unary at 64 in flight", f"{unary:.2f} x echo", f">= {UNARY} x", unary >= UNARY),
        ("through the SDK at 64 in flight", f"{sdk:.2f} x echo", f">= {SDK} x", sdk >= SDK),
        ("alone, p50", f"{alone:.1f} x echo", f"<= {ALONE} x", alone <= ALONE),
        ("batches of 128", f"{batch:,.0f} events/s", f">= {BATCH_128:,}", batch >= BATCH_128),
        ("resident memory of audit", f"{rss:.0f} MB", f"< {RSS} MB after 1,000,000 events", rss < RSS),
    ]
