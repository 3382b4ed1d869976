"""`placet ledger replay`: a whole log judged again from its C2SP files alone, under a pinned key.

Owns the progress bar, the state file that a later replay goes on from, stopping on Ctrl-C, and the exit status: 0 only
if every entry up to the checkpoint is as the rules put it. The replay is `placet.sdk.logtree.replaying`.
"""

import gc
import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from placet.evidence.errors import EvidenceError
from placet.evidence.replay import Saved
from placet.evidence.resuming import dump, load
from placet.sdk.commands.keys import read_keys
from placet.sdk.errors import PlacetError
from placet.sdk.logtree.folder import FolderTree
from placet.sdk.logtree.replaying import TreeReplay
from placet.sdk.logtree.statefile import read_lines, write_lines
from placet.tlog.checkpoint import Checkpoint, open_checkpoint
from placet.tlog.errors import TlogError

SAVE_EVERY: Final = 30.0
"""Seconds between two writings of the state file, at least; and at least twenty times what the last one took."""
STOPPED: Final = 130


def replay(
    folder: Annotated[
        Path, typer.Argument(help="The log's C2SP tree: what `placet ledger export --tiles` wrote.", metavar="DIR")
    ],
    key: Annotated[
        list[str] | None,
        typer.Option(help="Verifier key of the log, or a file with keys, one a line; may be repeated.", metavar="VKEY"),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(help="Keep in this file what was replayed, and go on from there next time.", metavar="FILE"),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="The same, with the file DIR.replay beside DIR.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the finding as JSON.")] = False,
) -> None:
    """Replay a whole log: every verdict, every status root, chain, tiles, root and signature, from the files alone."""
    if not key:
        raise typer.BadParameter("pin the verifier key of the log; never take it from its files", param_hint="--key")
    if resume and state is None:
        state = folder.with_name(f"{folder.resolve().name}.replay")
    finding: dict[str, Any] = {"ok": False, "path": str(folder)}
    err = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        tree = FolderTree(folder)
        checkpoint = open_checkpoint(tree.read("checkpoint").decode("utf-8", "replace"), read_keys(key))
        finding |= {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex()}
        finding |= _replayed(tree, checkpoint, state, err)
    except (EvidenceError, TlogError, PlacetError) as error:
        finding["error"] = _error_json(error)
    _tell(finding, err, as_json=as_json)
    raise typer.Exit(0 if finding["ok"] else STOPPED if "error" not in finding else 1)


def _replayed(tree: FolderTree, checkpoint: Checkpoint, state: Path | None, err: Console) -> dict[str, Any]:
    """Replay and return the finding; raises what is wrong."""
    saved = load(read_lines(state)) if state is not None and state.exists() else None
    found = TreeReplay(tree, checkpoint, saved=saved)
    first, began = found.replay.size, time.monotonic()
    with _bar(err) as bar, _quick(), _Watch(bar, checkpoint.size, first, state) as watch:
        done = found.run(watch)
        if done and state is not None:
            watch.write(found.replay.saved())
    seconds = max(time.monotonic() - began, 1e-6)
    replayed = found.replay.size - first
    return {
        "ok": done,
        "replayed_from": first,
        "replayed_to": found.replay.size,
        "bases": found.replay.statuses.size,
        "entries_per_s": round(replayed / seconds),
        "state": None if state is None else str(state),
    }


class _Watch:
    """Moves the bar, writes the state file now and then, and stops at the first Ctrl-C."""

    def __init__(self, bar: Progress, size: int, first: int, state: Path | None) -> None:
        self._bar = bar
        self._task = bar.add_task("replaying", total=size, completed=first)
        self._state = state
        self._wait = SAVE_EVERY
        self._last = time.monotonic()
        self._stop = False

    def __enter__(self) -> "_Watch":
        self._before = signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _interrupted(self, *_: object) -> None:
        if self._stop:
            raise KeyboardInterrupt
        self._stop = True

    def moved(self, size: int) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=size)

    def due(self) -> bool:
        """Tell whether to save or to stop."""
        return self._stop or (self._state is not None and time.monotonic() - self._last > self._wait)

    def save(self, saved: Saved) -> bool:
        """Write the state file, if there is one; go on unless stopped."""
        if self._state is not None:
            self.write(saved)
        return not self._stop

    def write(self, saved: Saved) -> None:
        """Write the state file."""
        assert self._state is not None
        began = time.monotonic()
        write_lines(self._state, dump(saved))
        self._last = time.monotonic()
        self._wait = max(SAVE_EVERY, 20 * (self._last - began))


@contextmanager
def _quick() -> Iterator[None]:
    """Switch the collector of cycles off: a replay makes none, and looking for them costs a tenth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)


def _error_json(error: EvidenceError | TlogError | PlacetError) -> dict[str, Any]:
    explained = error.explain() if isinstance(error, PlacetError) else error.diagnostics()
    found = {"reason": str(error.reason), "field": error.field, "message": str(error), "diagnostics": explained}
    return found | ({"index": error.index} if hasattr(error, "index") else {})


def _tell(finding: dict[str, Any], err: Console, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(finding, ensure_ascii=False, indent=2))
        return
    error = finding.get("error")
    if error is not None:
        err.print(f"FAILED {finding['path']}: {error['diagnostics']}", style="red", markup=False)
        err.print(
            "Next step: check that --key is the key you were given and that the files are complete; if so, show them to"
            " an auditor.",
            markup=False,
        )
        return
    out = Console(soft_wrap=True, highlight=False)
    if not finding["ok"]:
        more = f"run it again to go on from {finding['state']}" if finding["state"] else "nothing was kept"
        err.print(f"stopped at entry {finding['replayed_to']} of {finding['size']}: {more}", markup=False)
        return
    out.print(f"OK {finding['path']}: {finding['origin']}, {finding['size']} entries", style="green", markup=False)
    rate = f"{finding['entries_per_s']:,} entries/s"
    out.print(
        f"- every entry from {finding['replayed_from']} on stands where the rules put it, with the verdict they give"
        f" ({rate}; {finding['bases']} bases)\n"
        "- hash chain, every status root, every tile and the root are those of the checkpoint, signed by a pinned key\n"
        "Not shown: that clocks, facts and consents are true, and that nothing was left out before it was submitted.",
        markup=False,
    )
