"""What the bench of a mesh prints for people, and the limits of issue 3 that its figures are judged by."""

from typing import Any

from rich.console import Console
from rich.table import Table

from placet.local.bench.limits import Limit, print_limits

# At 64 in flight, as a share of the echo's rate; alone, as a multiple of its p50.
UNARY, SDK, ALONE = 0.45, 1.2, 4.5
# Events a second in messages of so many.
BATCHES = {"128": 40_000, "512": 50_000}
POSTGRES_BATCHES = {"512": 20_000}
# Milliseconds, at half of the highest rate; megabytes after 1,000,000 events.
P99_AT_HALF, RSS = 25, 400


def show(console: Console, result: dict[str, Any]) -> None:
    """Print the figures and whether each limit is kept."""
    console.print(_rates(result))
    console.print(_batches(result))
    half, stored = result["half"], ", ".join(f"{name} on {kind}" for name, kind in result["database"].items())
    took = f"p50 {half['p50_ms']:.1f} ms, p99 {half['p99_ms']:.1f} ms, at most {half['max_ms']:.1f} ms"
    lines = (
        f"at {half['per_s']:,.0f} unary calls a second, half of the highest rate, from when each was due: {took}",
        f"audit after {result['events']:,} events: {result['audit_rss_mb']:.0f} MB resident",
        f"databases: {stored}; load average of the machine {result['load_average']:.1f} before\n",
    )
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
    print_limits(console, limits(result))


def _rates(result: dict[str, Any]) -> Table:
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
    return table


def _batches(result: dict[str, Any]) -> Table:
    table = Table("events a message", "events per second")
    for size, one in result["batch"].items():
        table.add_row(size, f"{one['events_per_s']:,.0f}")
    return table


def limits(result: dict[str, Any]) -> list[Limit]:
    """Return the limits that hold for this run: those of the echo's ratios are for SQLite (issue 3, item 11)."""
    rss = Limit(what="resident memory of audit", found=result["audit_rss_mb"], bound=RSS, unit="MB")
    if result["database"]["audit"] != "sqlite":
        return [*_of_batches(result, POSTGRES_BATCHES), rss]
    echo, unary, sdk = result["echo"], result["unary"], result["sdk"]
    echoed, alone = echo["64"]["rps"], unary["1"]["p50_ms"] / echo["1"]["p50_ms"]
    half = result["half"]["p99_ms"]
    return [
        _share("unary at 64 in flight", unary["64"]["rps"] / echoed, UNARY),
        _share("through the SDK at 64 in flight", sdk["64"]["rps"] / echoed, SDK),
        Limit(what="alone, p50", found=alone, bound=ALONE, unit="x echo", digits=1),
        *_of_batches(result, BATCHES),
        Limit(what="p99 at half of the highest unary rate", found=half, bound=P99_AT_HALF, unit="ms", digits=1),
        rss,
    ]


def _share(what: str, found: float, bound: float) -> Limit:
    return Limit(what=what, found=found, bound=bound, unit="x echo", at_least=True, digits=2)


def _of_batches(result: dict[str, Any], bounds: dict[str, int]) -> list[Limit]:
    return [
        Limit(
            what=f"batches of {size}",
            found=result["batch"][size]["events_per_s"],
            bound=bound,
            unit="events/s",
            at_least=True,
        )
        for size, bound in bounds.items()
    ]
