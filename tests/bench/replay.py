"""`python -m tests.bench.replay`: how fast `placet ledger replay` judges a long log again, and what memory it takes.

Makes a log with the production sequencer (`tests.bench.make_log`), exports it, and runs the command in a process of its
own, one core. Two rates: by the clock, and by the processor time that the process used; on a machine where something
else runs, only the second says what the code costs. Start-up of the interpreter is in neither. `--log DIR` replays one
that was made before, `--alone` makes a log whose events each came alone (one state for each).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress

from tests.bench.make_log import make_log

WANTED: Final = 60_000
SCRIPT: Final = """
import json, resource, sys, time
from placet.sdk.commands import run
import placet.sdk.commands.replay, placet.sdk.logtree.replaying
began, used = time.monotonic(), time.process_time()
status = run(sys.argv[1:])
sys.stdout.flush()
spent = {"seconds": time.monotonic() - began, "cpu": time.process_time() - used}
spent["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(spent), file=sys.stderr)
sys.exit(status)
"""


def measure(folder: Path, rounds: int) -> dict[str, Any]:
    """Replay a log that was made below `folder`, so many times; return the best rates and the most memory."""
    runs = [_replay(folder) for _ in range(rounds)]
    size = runs[0]["size"]
    return {
        "entries": size,
        "bases": runs[0]["bases"],
        "mb": round(sum(path.stat().st_size for path in (folder / "tiles").rglob("*") if path.is_file()) / 1e6, 1),
        "entries_per_s": round(size / min(run["seconds"] for run in runs)),
        "entries_per_cpu_s": round(size / min(run["cpu"] for run in runs)),
        "rss_mb": round(max(run["rss_mb"] for run in runs), 1),
    }


def _replay(folder: Path) -> dict[str, Any]:
    arguments = ["ledger", "replay", str(folder / "tiles"), "--key", str(folder / "vkey"), "--json"]
    environ = {**os.environ, "COLUMNS": "80"}
    command = [sys.executable, "-c", SCRIPT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    finding = json.loads(done.stdout)
    assert finding["ok"], finding
    return finding | json.loads(done.stderr.splitlines()[-1])


def made(folder: Path, chosen: argparse.Namespace, console: Console) -> Path:
    """Make the log, unless it is there."""
    if not (folder / "vkey").exists():
        with Progress(console=console, transient=True) as bar:
            task = bar.add_task("making a log", total=chosen.entries)
            began = time.monotonic()
            vkey = make_log(
                folder,
                chosen.entries,
                people=chosen.people,
                alone=chosen.alone,
                progress=lambda done, _: bar.update(task, completed=done),
            )
        (folder / "vkey").write_text(vkey + "\n")
        console.print(f"made a log in {time.monotonic() - began:.0f} s: {folder}")
    return folder


def main() -> int:
    """Make, replay, print; with --strict the exit status says whether the limit is kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.replay")
    parser.add_argument("--entries", type=int, default=300_000, help="length of the log that is made")
    parser.add_argument("--people", type=int, default=3_000, help="how many bases its events name at a time")
    parser.add_argument("--alone", action="store_true", help="each event in a batch of its own")
    parser.add_argument("--rounds", type=int, default=3, help="how often it is replayed; the best counts")
    parser.add_argument("--log", type=Path, help="folder to keep the log in, or where one was kept")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--strict", action="store_true", help=f"exit status 1 below {WANTED:,} entries/s")
    chosen = parser.parse_args()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="placet-replay-") as temporary:
        folder = chosen.log or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        result = measure(made(folder, chosen, console), chosen.rounds)
    print(json.dumps(result, indent=2))
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=2) + "\n")
    return 1 if chosen.strict and result["entries_per_s"] < WANTED else 0


if __name__ == "__main__":
    sys.exit(main())
