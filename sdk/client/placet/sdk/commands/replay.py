"""`placet ledger replay`: a whole log judged again from its C2SP files alone, under a pinned key.

Owns what is printed and the exit status: 0 only if every entry up to the checkpoint is as the rules put it. The replay
is `placet.sdk.logtree.replaying`, what it goes on from `placet.sdk.logtree.keeping`.
"""

import gc
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from placet.evidence.errors import EvidenceError
from placet.sdk.commands.keys import read_keys
from placet.sdk.commands.progress import bar, stoppable
from placet.sdk.errors import PlacetError
from placet.sdk.logtree.folder import FolderTree
from placet.sdk.logtree.keeping import KeptReplay
from placet.sdk.logtree.ports import LogTree
from placet.sdk.logtree.replaying import TreeReplay
from placet.tlog.checkpoint import Checkpoint, open_checkpoint
from placet.tlog.errors import TlogError

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
    keys = read_keys(key)
    finding: dict[str, Any] = {"ok": False, "path": str(folder)}
    err = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        tree = FolderTree(folder)
        checkpoint = open_checkpoint(tree.read("checkpoint").decode("utf-8", "replace"), keys)
        finding |= {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex()}
        finding |= replayed(tree, checkpoint, state, err)
    except (EvidenceError, TlogError, PlacetError) as error:
        finding["error"] = _error_json(error)
    _tell(finding, err, as_json=as_json)
    raise typer.Exit(0 if finding["ok"] else STOPPED if "error" not in finding else 1)


def replayed(tree: LogTree, checkpoint: Checkpoint, state: Path | None, err: Console) -> dict[str, Any]:
    """Replay a tree up to a verified checkpoint and return the finding; raises what is wrong."""
    with bar(err) as moving, stoppable() as stop, _quick():
        task = moving.add_task("replaying", total=checkpoint.size)
        kept = KeptReplay(state, stop=stop, moved=lambda size: moving.update(task, completed=size))
        found = TreeReplay(tree, checkpoint, saved=kept.load())
        first, began = found.replay.size, time.monotonic()
        done = found.run(kept)
        seconds = max(time.monotonic() - began, 1e-6)
        if done and state is not None:
            kept.save(found.replay.saved())
    return {
        "ok": done,
        "replayed_from": first,
        "replayed_to": found.replay.size,
        "bases": found.replay.statuses.size,
        "entries_per_s": round((found.replay.size - first) / seconds),
        "state": None if state is None else str(state),
    }


@contextmanager
def _quick() -> Iterator[None]:
    """Switch the collector of cycles off: a replay makes none, and looking for them costs a tenth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _error_json(error: EvidenceError | TlogError | PlacetError) -> dict[str, Any]:
    explained = error.explain() if isinstance(error, PlacetError) else error.diagnostics()
    found = {"reason": str(error.reason), "field": error.field, "message": str(error), "diagnostics": explained}
    return found | ({"index": error.index} if hasattr(error, "index") else {})


def _tell(finding: dict[str, Any], err: Console, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(finding, ensure_ascii=False, indent=2))
    elif "error" in finding:
        err.print(f"FAILED {finding['path']}: {finding['error']['diagnostics']}", style="red", markup=False)
        err.print(
            "Next step: check that --key is the key you were given and that the files are complete; if so, show them to"
            " an auditor.",
            markup=False,
        )
    elif not finding["ok"]:
        more = f"run it again to go on from {finding['state']}" if finding["state"] else "nothing was kept"
        err.print(f"stopped at entry {finding['replayed_to']} of {finding['size']}: {more}", markup=False)
    else:
        _tell_proven(finding)


def _tell_proven(finding: dict[str, Any]) -> None:
    out = Console(soft_wrap=True, highlight=False)
    out.print(f"OK {finding['path']}: {finding['origin']}, {finding['size']} entries", style="green", markup=False)
    out.print(
        f"- every entry from {finding['replayed_from']} on stands where the rules put it, with the verdict they give"
        f" ({finding['entries_per_s']:,} entries/s; {finding['bases']} bases)\n"
        "- hash chain, every status root, every tile and the root are those of the checkpoint, signed by a pinned key\n"
        "Not shown: that clocks, facts and consents are true, and that nothing was left out before it was submitted.",
        markup=False,
    )
