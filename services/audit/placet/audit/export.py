"""Writing a log as the C2SP tlog-tiles tree of files: what any third-party reader of such logs can verify.

Files are written before the checkpoint that commits them, each whole or not at all; what never changes is not written
again, so an export continues where the last one stopped. See ledger.md section 3.
"""

from collections.abc import Callable
from pathlib import Path

from placet.audit.reading import Snapshot
from placet.tlog.tiles import bundles_for, tiles_for


def export_tiles(snapshot: Snapshot, folder: Path, *, progress: Callable[[int, int], None]) -> int:
    """Write the tree of a snapshot below `folder` and return the number of files written."""
    paths = [tile.path for tile in tiles_for(0, snapshot.size)]
    paths.extend(bundle.path for bundle in bundles_for(0, snapshot.size))
    written = 0
    for done, path in enumerate(paths, 1):
        target = folder / path
        if not target.exists():
            content, _ = snapshot.tile(path)
            _write(target, content)
            written += 1
        progress(done, len(paths))
    content, _ = snapshot.tile("checkpoint")
    _write(folder / "checkpoint", content)
    return written + 1


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    part.write_bytes(content)
    part.replace(target)
