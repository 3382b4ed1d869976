"""Growing a log from size to size, measuring at each, and going on where an earlier run was stopped.

Owns the folder: `log` grows, `reference` is a copy of it at the first size, `figures.json` holds what was measured so
far. Memory stays bounded: requests come a few ahead, nothing of a reply is kept.
"""

import json
import shutil
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.progress import Progress

from placet.local.bench.grow.asking import consents, made_elsewhere
from placet.local.bench.grow.costs import Cost, Effort, compare
from placet.local.bench.grow.log import GrowingLog
from placet.local.errors import LocalError

SIZES: Final = (100_000, 1_000_000, 10_000_000)


class OtherLog(LocalError):
    """The folder holds a log that was begun otherwise."""


class Growth:
    """One folder's log and what was measured of it."""

    def __init__(self, folder: Path, to: int, effort: Effort, *, people: int, first: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "log"
        self._reference = folder / "reference"
        self._figures = folder / "figures.json"
        self._people = people
        self._effort = effort
        self._sizes = sizes(first, to)
        self.state: dict[str, Any] = {"people": people, "first": first, "grown_entries": 0, "grown_s": 0.0, "costs": {}}
        if self._figures.exists():
            self._resume(json.loads(self._figures.read_text()))

    def _resume(self, state: dict[str, Any]) -> None:
        if (state["people"], state["first"]) != (self.state["people"], self.state["first"]):
            begun = f"{state['people']:,} consents and a reference of {state['first']:,} entries"
            raise OtherLog(f"{self._figures.parent} has a log of {begun}: choose another folder, or the same numbers")
        self.state = state

    def run(self, bar: Progress) -> None:
        """Grow to each size in turn and measure there; what was done before is not done again."""
        for size in self._sizes:
            if str(size) not in self.state["costs"]:
                self._grow(size, bar)
                self._keep_reference()
                self._measure(size, bar)

    def costs(self) -> list[Cost]:
        """Return what was measured, by size."""
        return [Cost(**self.state["costs"][str(size)]) for size in self._sizes]

    def _grow(self, size: int, bar: Progress) -> None:
        task = bar.add_task(f"growing to {size:,} entries", total=size)
        with GrowingLog(self.log) as log:
            begun, entries = time.perf_counter(), log.size
            for asked in consents(self._people - log.bases):
                log.append(asked)
            with closing(made_elsewhere(log.size, self._people)) as requests:
                while log.size < size:
                    log.append(next(requests))
                    bar.update(task, completed=log.size)
            self.state["grown_entries"] += log.size - entries
            self.state["grown_s"] += time.perf_counter() - begun
        bar.remove_task(task)

    def _keep_reference(self) -> None:
        if not self._reference.exists():
            part = self._reference.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            shutil.copytree(self.log, part)
            part.rename(self._reference)

    def _measure(self, size: int, bar: Progress) -> None:
        task = bar.add_task(f"measuring at {size:,} entries", total=None)
        cost = compare(self.log, self._reference, self._people, self._effort)
        self.state["costs"][str(size)] = asdict(cost)
        self._figures.write_text(json.dumps(self.state, indent=2) + "\n")
        bar.remove_task(task)


def sizes(first: int, to: int) -> list[int]:
    """Return where to measure: at `first`, at each of `SIZES` between, and at `to`."""
    return sorted({first, *(size for size in SIZES if first < size < to), to})
