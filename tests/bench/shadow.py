"""`python -m tests.bench.shadow`: how fast `placet policy shadow` decides a long log again, and what memory it takes.

Makes a log with the production sequencer (`tests.bench.make_log`), decided under the default pack, exports it, and runs
the command in a process of its own, one core, over the files and over the audit database. Two rates, as in
`tests.bench.replay`: by the clock and by processor time. Loading the packs and starting the interpreter are in neither.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress

from tests.bench.make_log import make_log

# After make_log, which puts the fakes on the path.
from fakes.lawful_facts import deciding  # isort: skip

from placet.permission.policy.pack import DEFAULT_PACK, load_shipped

WANTED: Final = 100_000
SCRIPT: Final = """
import json, resource, sys, time
from placet.permission.commands import shadow as command
plain = command._run
def timed(*arguments):
    used = time.process_time()
    try:
        return plain(*arguments)
    finally:
        spent["cpu"] = time.process_time() - used
spent = {}
command._run = timed
from placet.sdk.commands import run
status = run(sys.argv[1:])
sys.stdout.flush()
spent["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(spent), file=sys.stderr)
sys.exit(status)
"""


def measure(log: Path, pack: str, rounds: int) -> dict[str, Any]:
    """Return the best rates and the most memory of so many runs."""
    runs = [_shadow(log, pack) for _ in range(rounds)]
    events = runs[0]["events"]
    return {
        "entries": runs[0]["entries"],
        "events": events,
        "decisions": runs[0]["decisions"],
        "changes": runs[0]["changes"],
        "events_per_s": round(events / min(run["seconds"] for run in runs)),
        "events_per_cpu_s": round(events / min(run["cpu"] for run in runs)),
        "rss_mb": round(max(run["rss_mb"] for run in runs), 1),
    }


def _shadow(log: Path, pack: str) -> dict[str, Any]:
    command = [sys.executable, "-c", SCRIPT, "policy", "shadow", pack, "--log", str(log), "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    report: dict[str, Any] = json.loads(done.stdout)
    spent: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return report | spent


def made(folder: Path, chosen: argparse.Namespace, console: Console) -> Path:
    """Make the log, unless it is there."""
    if not (folder / "tiles" / "checkpoint").exists():
        with Progress(console=console, transient=True) as bar:
            task = bar.add_task("making a log", total=chosen.entries)
            began = time.monotonic()
            make_log(
                folder,
                chosen.entries,
                people=chosen.people,
                alone=chosen.alone,
                decide=deciding(load_shipped(), changed=chosen.changed),
                progress=lambda done, _: bar.update(task, completed=done),
            )
        console.print(f"made a log in {time.monotonic() - began:.0f} s: {folder}")
    return folder


def main() -> int:
    """Make, decide again, print; with --strict the exit status says whether the limit is kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.shadow")
    parser.add_argument("--entries", type=int, default=300_000, help="length of the log that is made")
    parser.add_argument("--people", type=int, default=3_000, help="how many bases its events name at a time")
    parser.add_argument("--alone", action="store_true", help="each event in a batch of its own")
    parser.add_argument("--changed", type=float, default=0.05, help="share of events whose facts are unlike the usual")
    parser.add_argument("--pack", default=DEFAULT_PACK, help="pack to decide by: an id or a folder")
    parser.add_argument("--rounds", type=int, default=3, help="how often it runs; the best counts")
    parser.add_argument("--log", type=Path, help="folder to keep the log in, or where one was kept")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--strict", action="store_true", help=f"exit status 1 below {WANTED:,} events/s")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="placet-shadow-") as temporary:
        folder = chosen.log or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        made(folder, chosen, Console(stderr=True))
        found = {
            "files": measure(folder / "tiles", chosen.pack, chosen.rounds),
            "database": measure(folder, chosen.pack, chosen.rounds),
        }
    print(json.dumps(found, indent=2))
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n")
    kept = all(one["events_per_s"] >= WANTED for one in found.values())
    return 1 if chosen.strict and not kept else 0


if __name__ == "__main__":
    sys.exit(main())
