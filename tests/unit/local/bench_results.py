"""Results of the benches as they might be, and what docs/performance.md says that they hold."""

import re
from collections.abc import Iterator
from typing import Any

from architecture.workspace import ROOT

PAGE = (ROOT / "docs" / "performance.md").read_text("utf-8")


def documented(heading: str) -> set[str]:
    """Return the keys that the page names in the first column of the table under a heading."""
    _, _, section = PAGE.partition(f"### {heading}\n")
    cells = re.findall(r"^\| (`[^|]+) \|", section.partition("\n#")[0], flags=re.M)
    return {key for cell in cells for key in re.findall(r"`([^`]+)`", cell)}


def keys(result: Any, way: str = "") -> Iterator[str]:
    """Yield the key of every figure, with `N` for an item of a list, and for calls in flight or events a message."""
    if not isinstance(result, dict | list):
        yield way
        return
    for name, value in result.items() if isinstance(result, dict) else enumerate(result):
        yield from keys(value, f"{way}.{'N' if str(name).isdigit() else name}".lstrip("."))


def mesh(audit: str = "sqlite") -> dict[str, Any]:
    """Return a result whose figures all stand exactly at their bounds; the bench itself is held to the same keys."""
    one = {"rps": 1_000.0, "p50_ms": 1.0, "p99_ms": 2.0, "max_ms": 3.0}
    callers = ("1", "16", "64")
    batches = {"16": 1.0, "128": 40_000.0, "512": 50_000.0 if audit == "sqlite" else 20_000.0}
    return {
        "database": dict.fromkeys(("audit", "consent", "permission", "vault", "search"), audit),
        "load_average": 0.1,
        "echo": dict.fromkeys(callers, one),
        "unary": {count: one | {"rps": 450.0, "p50_ms": 4.5} for count in callers},
        "sdk": {count: one | {"rps": 1_200.0} for count in callers},
        "half": {"per_s": 225.0, "p50_ms": 5.0, "p99_ms": 25.0, "max_ms": 30.0},
        "batch": {size: {"events_per_s": figure} for size, figure in batches.items()},
        "events": 1_000_000,
        "audit_rss_mb": 400.0,
    }


def grown() -> dict[str, Any]:
    """Return a result of --grow whose figures all stand exactly at their bounds."""
    first = {"p50_ms": 5.0, "max_ms": 9.0, "cpu_ms": 4.0, "again_p50_ms": 0.5, "kb": 400.0}
    cost = {
        "entries": 10_000_000,
        "us_per_event": 40.0,
        "cpu_us_per_event": 39.0,
        "reference_entries": 100_000,
        "reference_cpu_us_per_event": 30.0,
        "ratio": 1.3,
    }
    return {
        "to": 10_000_000,
        "entries": 10_000_300,
        "people": 10_000,
        "load_average": 0.1,
        "grown_per_s": 25_000.0,
        "database_mb": 7_000.0,
        "rss_mb": 200.0,
        "costs": [cost],
        "first_proof": {"disk": first, "process": first},
    }
