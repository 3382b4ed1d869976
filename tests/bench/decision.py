"""`python -m tests.bench.decision`: what one decision costs, with the memo off and on, and by the reference.

Contexts are varied, 2,000 of each kind in every round: random ones (every field at random; nearly always denied, by a
dozen articles at once) and near ones (the lawful base with three fields changed at random; what a service meets). One
process, one core, processor time, so that what else runs here distorts little; each figure is the median of the rounds,
the best of them beside it. Also measured: how long every shipped pack takes to load.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from placet.permission.policy.context import DOMAINS, FIELDS, Context, lawful
from placet.permission.policy.engine import Engine
from placet.permission.policy.pack import DEFAULT_PACK, SHIPPED, load_shipped

WANTED_US: Final = 3.0
JUDGED: Final = ("decision, memo off", "decision, memo on, met before")
ROUND: Final = 2_000


def contexts(kind: str, count: int, dice: random.Random) -> list[Context]:
    """Return so many contexts of a kind."""
    if kind == "random":
        return [
            Context(**{name: dice.choice(domain) for name, domain in zip(FIELDS, DOMAINS, strict=True)})
            for _ in range(count)
        ]
    return [
        lawful(**{FIELDS[place]: dice.choice(DOMAINS[place]) for place in dice.sample(range(len(FIELDS)), 3)})
        for _ in range(count)
    ]


def cost(decide: Callable[[Context], Any], asked: Sequence[Context], rounds: int) -> tuple[float, float]:
    """Return the median and the best of so many rounds, in microseconds a context; one round before warms up."""
    for context in asked:
        decide(context)
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        for context in asked:
            decide(context)
        spent.append((time.process_time() - began) / len(asked) * 1e6)
    return median(spent), min(spent)


def measure(pack_ids: Sequence[str], rounds: int) -> dict[str, Any]:
    """Return the figures: microseconds as (median, best)."""
    packs = [load_shipped(name) for name in pack_ids]
    at = max(pack.begin for pack in packs) + 1
    bare, remembering, forgetful = Engine(packs, memo=0), Engine(packs), Engine(packs, memo=1)
    found: dict[str, Any] = {"packs": list(pack_ids), "policies": sum(len(pack.rules) for pack in packs), "us": {}}
    for kind in ("random", "near"):
        asked = contexts(kind, ROUND, random.Random(7))
        found["us"][kind] = {
            "decision, memo off": cost(lambda context: bare.decide(context, at), asked, rounds),
            "of it the compiled form": cost(packs[0].evaluator.evaluate, asked, rounds),
            "decision, memo on, never met": cost(lambda context: forgetful.decide(context, at), asked, rounds),
            "decision, memo on, met before": cost(lambda context: remembering.decide(context, at), asked, rounds),
            "cedarpy": cost(packs[0].reference.evaluate, asked[: ROUND // 4], 1),
        }
    return found


def loading() -> dict[str, float]:
    """Return how many milliseconds each shipped pack takes to load."""
    spent = {}
    for folder in sorted(SHIPPED.iterdir()):
        if folder.is_dir():
            began = time.process_time()
            load_shipped(folder.name)
            spent[folder.name] = round((time.process_time() - began) * 1e3, 1)
    return spent


def show(console: Console, found: dict[str, Any]) -> None:
    """Print the figures for people."""
    table = Table("contexts", "what", "median us", "best us")
    for kind, figures in found["us"].items():
        for what, (middle, best) in figures.items():
            table.add_row(kind, what, f"{middle:.2f}", f"{best:.2f}")
    console.print(f"{', '.join(found['packs'])}: {found['policies']} policies", highlight=False)
    console.print(table)
    total = sum(found["load_ms"].values())
    console.print(f"loading: {found['load_ms']} ms, {total:.0f} ms in all", highlight=False)


def main() -> int:
    """Measure, print; with --strict the exit status says whether a decision keeps to the limit."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.decision")
    parser.add_argument("--pack", action="append", help=f"packs in force (default: {DEFAULT_PACK}); may be repeated")
    parser.add_argument("--rounds", type=int, default=20, help=f"rounds of {ROUND:,} contexts of each kind")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--strict", action="store_true", help=f"exit status 1 above {WANTED_US} us")
    chosen = parser.parse_args()
    found = measure(chosen.pack or [DEFAULT_PACK], chosen.rounds) | {"load_ms": loading()}
    show(Console(), found)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n")
    kept = all(figures[what][0] <= WANTED_US for figures in found["us"].values() for what in JUDGED)
    return 1 if chosen.strict and not kept else 0


if __name__ == "__main__":
    sys.exit(main())
