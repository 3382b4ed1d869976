"""`placet monitor`: follows one log, and alarms when it contradicts what it showed before.

Owns the state file, the evidence files, the loop and the exit status: 0 all is well, 1 it could not be checked, 3 is an
alarm. The checks are `placet.sdk.logtree.monitoring`. Stops at the first alarm, and holds on to what it had seen: the
same alarm comes again until somebody has looked.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from placet.evidence.errors import EvidenceError
from placet.sdk.commands.keys import read_keys
from placet.sdk.commands.replay import replayed
from placet.sdk.config import TokenFile
from placet.sdk.durable import write_durably
from placet.sdk.errors import PlacetError
from placet.sdk.logtree.alarms import Alarm, AlarmRaised
from placet.sdk.logtree.folder import FolderTree
from placet.sdk.logtree.gateway import GatewayTree
from placet.sdk.logtree.monitoring import Monitor, Replayer, Seen
from placet.sdk.logtree.ports import LogTree
from placet.sdk.logtree.statefile import read_lines, write_lines
from placet.tlog.checkpoint import Checkpoint

FORMAT: Final = "placet.monitor/1"
UNCHECKED: Final = 1
ALARM: Final = 3


def monitor(
    log: Annotated[
        str,
        typer.Argument(help="Address of the log (https://gateway/log/CONTROLLER) or a folder.", metavar="URL|DIR"),
    ],
    state: Annotated[
        Path, typer.Option(help="Keep in this file what was seen; each look goes on from it.", metavar="FILE")
    ],
    key: Annotated[
        list[str] | None,
        typer.Option(help="Verifier key of the log, or a file with keys, one a line; may be repeated.", metavar="VKEY"),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.1)] = 60.0,
    max_age: Annotated[
        float, typer.Option(help="Alarm when the newest entry is older than so many seconds; 0: never.", min=0)
    ] = 86_400.0,
    replay: Annotated[bool, typer.Option("--replay", help="Replay the new entries too (kept in FILE.replay).")] = False,
    token_file: Annotated[Path | None, typer.Option(help="File with the bearer token for the gateway.")] = None,
    ca: Annotated[Path | None, typer.Option(help="Authority to trust for https, PEM; default: the system's.")] = None,
    evidence: Annotated[
        Path | None, typer.Option(help="Folder for evidence files; default: that of the state file.")
    ] = None,
) -> None:
    """Follow a log: signature, consistency with everything seen before, age. Exit status 3 is an alarm."""
    if not key:
        raise typer.BadParameter("pin the verifier key of the log; never take it from the log", param_hint="--key")
    err = Console(stderr=True, soft_wrap=True, highlight=False)
    tree: LogTree
    if "://" in log:
        tree = GatewayTree(log, token=TokenFile(token_file) if token_file else None, ca=ca)
    else:
        tree = FolderTree(Path(log))
    age = round(max_age * 1_000_000) if max_age else None
    watching = Monitor(tree, read_keys(key), max_age=age, replay=_replayer(state, err) if replay else None)
    following = _Following(watching, tree, state, evidence or state.parent, err)
    raise typer.Exit(following.look() if once else following.follow(every))


@dataclass
class _Following:
    monitor: Monitor
    tree: LogTree
    state: Path
    evidence: Path
    err: Console
    now: Callable[[], int] = lambda: time.time_ns() // 1_000

    def follow(self, every: float) -> int:
        """Look until there is an alarm; what cannot be reached is tried again."""
        while (status := self.look()) != ALARM:
            time.sleep(every)
        return status

    def look(self) -> int:
        """Look once, and return the exit status."""
        seen = _read(self.state)
        try:
            found = self._looked(seen)
            newest = found or seen
            if newest is not None:
                self.monitor.require_fresh(newest, now=self.now())
        except AlarmRaised as raised:
            return self._raise(raised.alarm)
        return 0 if found else UNCHECKED

    def _looked(self, seen: Seen | None) -> Seen | None:
        """Return what is held now, None if the log could not be read; raises AlarmRaised."""
        try:
            found = self.monitor.look(seen)
        except PlacetError as error:
            self.err.print(f"not checked: {error}", style="yellow", markup=False)
            return None
        write_lines(self.state, [_line(found)])
        self._tell(seen, found)
        return found

    def _raise(self, alarm: Alarm) -> int:
        """Say it and keep the evidence; what cannot be written is printed, the alarm is raised all the same."""
        found = json.dumps(alarm.to_json(log=self.tree.name, noticed=self.now()), ensure_ascii=False, indent=2)
        path = self.evidence / alarm.file_name
        try:
            self.evidence.mkdir(parents=True, exist_ok=True)
            write_durably(path, [f"{found}\n".encode()])
            where = str(path)
        except OSError as error:
            where = f"not written ({path}: {error.strerror}), so here it is\n{found}"
        self.err.print(f"ALARM {alarm.kind}: {alarm.message}. Evidence: {where}", style="red", markup=False)
        return ALARM

    def _tell(self, seen: Seen | None, found: Seen) -> None:
        if seen is not None and seen.note == found.note:
            return
        before = "seen for the first time" if seen is None else f"continues the {seen.checkpoint.size} seen before"
        at = datetime.fromtimestamp(self.now() / 1e6, UTC).isoformat(timespec="seconds")
        typer.echo(f"{at} {found.checkpoint.origin}: {found.checkpoint.size} entries, {before}")


def _replayer(state: Path, err: Console) -> Replayer:
    def replay(tree: LogTree, checkpoint: Checkpoint) -> None:
        done = replayed(tree, checkpoint, state.with_name(f"{state.name}.replay"), err)
        if not done["ok"]:
            raise KeyboardInterrupt

    return replay


def _line(seen: Seen) -> bytes:
    return json.dumps({"format": FORMAT, "checkpoint": seen.note, "t": seen.t}, ensure_ascii=False).encode() + b"\n"


def _read(path: Path) -> Seen | None:
    if not path.exists():
        return None
    try:
        (line,) = read_lines(path)
        found = json.loads(line)
        if found["format"] != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        return Seen(note=str(found["checkpoint"]), t=int(found["t"]))
    except (ValueError, TypeError, LookupError) as error:
        raise EvidenceError("STATE_FILE", str(path), f"it is no state of a monitor: {error}") from error
