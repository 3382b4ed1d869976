"""`placet bench --grow` from beginning to end: grow, measure on the way, prove from a cold start, sum up."""

import os
import resource
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from placet.local.bench.grow.cold import first_proofs
from placet.local.bench.grow.costs import Effort
from placet.local.bench.grow.growing import Growth
from placet.local.bench.grow.log import GrowingLog


def grown(
    folder: Path, to: int, *, people: int, reference: int, console: Console, effort: Effort | None = None
) -> dict[str, Any]:
    """Grow the log in `folder` to `to` entries, going on where it stands, and return what was measured as JSON."""
    effort = effort or Effort()
    growth = Growth(folder, to, effort, people=people, first=reference)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        growth.run(bar)
        with GrowingLog(growth.log) as log:
            entries = log.size
        bar.add_task("proving entries in new processes", total=None)
        proofs = first_proofs(growth.log, entries, effort.proofs)
    state = growth.state
    return {
        "to": to,
        "entries": entries,
        "people": people,
        "load_average": round(os.getloadavg()[0], 2),
        "grown_per_s": round(state["grown_entries"] / state["grown_s"], 1),
        "database_mb": round((growth.log / "audit.db").stat().st_size / 1e6, 1),
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "costs": [asdict(cost) for cost in growth.costs()],
        "first_proof": {kind: asdict(one) for kind, one in proofs.items()},
    }
