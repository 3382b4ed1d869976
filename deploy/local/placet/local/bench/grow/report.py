"""What `placet bench --grow` prints for people, and the limits of issue 3 that its figures are judged by."""

from typing import Any, Final

from rich.console import Console
from rich.table import Table

from placet.local.bench.limits import Limit, print_limits

# The cost of an event in the long log, as a multiple of that in the short one; milliseconds of the first proof of a
# process, its disk left out (`cold.py`).
RATIO: Final = 1.3
FIRST_PROOF: Final = 5.0
_PLACES: Final = {"process": "its pages in the system's cache", "disk": "none of the file in the system's cache"}


def show(console: Console, result: dict[str, Any]) -> None:
    """Print the figures and whether each limit is kept."""
    console.print(_costs(result))
    for kind, place in _PLACES.items():
        one = result["first_proof"][kind]
        took = f"p50 {one['p50_ms']:.2f} ms ({one['cpu_ms']:.2f} of processor), at most {one['max_ms']:.2f} ms"
        _say(console, f"first proof of a process, {place}: {took}, {one['kb']:,.0f} KB read")
        _say(console, f"  and its next one: p50 {one['again_p50_ms']:.2f} ms")
    _say(
        console,
        f"grown at {result['grown_per_s']:,.0f}/s to {result['entries']:,}, under {result['people']:,} consents",
    )
    _say(console, f"{result['database_mb']:,.0f} MB on disk, {result['rss_mb']:.0f} MB of memory at most")
    _say(console, f"load average of the machine: {result['load_average']:.1f}\n")
    print_limits(console, limits(result))


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, soft_wrap=True)


def _costs(result: dict[str, Any]) -> Table:
    table = Table("entries", "us", "of processor", "in the short log", "its entries", "ratio")
    for cost in result["costs"]:
        table.add_row(
            f"{cost['entries']:,}",
            f"{cost['us_per_event']:.1f}",
            f"{cost['cpu_us_per_event']:.1f}",
            f"{cost['reference_cpu_us_per_event']:.1f}",
            f"{cost['reference_entries']:,}",
            f"{cost['ratio']:.2f}",
        )
    return table


def limits(result: dict[str, Any]) -> list[Limit]:
    """Return the limits (issue 3, item 11): they are meant for 10,000,000 entries against 100,000."""
    longest = result["costs"][-1]
    against = f"{longest['entries']:,} entries, against {longest['reference_entries']:,}"
    first = result["first_proof"]["process"]["p50_ms"]
    return [
        Limit(what=f"cost of an event at {against}", found=longest["ratio"], bound=RATIO, unit="x", digits=2),
        Limit(what="first proof of a new process", found=first, bound=FIRST_PROOF, unit="ms", digits=2),
    ]
