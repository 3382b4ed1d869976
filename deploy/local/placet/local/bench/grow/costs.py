"""What an event costs the sequencer in a long log, beside what it costs in the same log when it was short.

The two take turns, a few groups each, so that a slow spell of the machine falls on both. Processor time of this
process (in it what the system does for its reads and writes), mean over the groups of a turn: so checkpoints of
SQLite's WAL and windows of the tree, which come every few groups, are in it.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from placet.local.bench.grow.asking import GROUP, Asked, events
from placet.local.bench.grow.log import GrowingLog, Spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured at each size: `turns` of `groups` groups in each log; and `proofs` by new processes."""

    turns: int = 9
    groups: int = 24
    proofs: int = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Microseconds an event at `entries` and, in the same minutes, in the log as it was at `reference_entries`.

    Medians over the turns; `ratio` is the median of the turns' ratios of processor time.
    """

    entries: int
    us_per_event: float
    cpu_us_per_event: float
    reference_entries: int
    reference_cpu_us_per_event: float
    ratio: float


def compare(grown: Path, reference: Path, people: int, effort: Effort) -> Cost:
    """Append to the log in `grown`, and to a copy of the one in `reference`, in turn."""
    with tempfile.TemporaryDirectory(dir=reference.parent, prefix="turns-") as copy:
        shutil.copytree(reference, copy, dirs_exist_ok=True)
        os.sync()  # or the first checkpoint of the copy's WAL would write all of it
        with GrowingLog(grown) as long, GrowingLog(Path(copy)) as short:
            entries, reference_entries = long.size, short.size
            for log in (long, short):
                log.measure(_requests(log, people, -(-people // GROUP) + 2))  # every consent is in memory
            spent = [
                _turn(long, short, people, effort.groups, long_first=number % 2 == 0) for number in range(effort.turns)
            ]
    each = effort.groups * GROUP / 1e6
    return Cost(
        entries=entries,
        us_per_event=round(median(one.clock for one, _ in spent) / each, 2),
        cpu_us_per_event=round(median(one.cpu for one, _ in spent) / each, 2),
        reference_entries=reference_entries,
        reference_cpu_us_per_event=round(median(other.cpu for _, other in spent) / each, 2),
        ratio=round(median(one.cpu / other.cpu for one, other in spent), 3),
    )


def _turn(long: GrowingLog, short: GrowingLog, people: int, groups: int, *, long_first: bool) -> tuple[Spent, Spent]:
    asked = {log: _requests(log, people, groups) for log in (long, short)}
    order = (long, short) if long_first else (short, long)
    spent = {log: log.measure(asked[log]) for log in order}
    return spent[long], spent[short]


def _requests(log: GrowingLog, people: int, groups: int) -> list[Asked]:
    first = log.size
    return [events(first + number * GROUP, people) for number in range(groups)]
