"""The log of the fakes as a C2SP tree: written as files, or read straight from memory, with a note of what was read."""

from pathlib import Path

from fakes.evidence_log import MemoryLog

from placet.sdk.errors import NotFound
from placet.tlog.tiles import EntryBundle, bundles_for, encode_entries, encode_tile, parse_tile_path, tiles_for


def write_tree(log: MemoryLog, folder: Path) -> Path:
    """Write the whole tree of a log as files, as an export does; return the folder."""
    paths = [one.path for one in (*tiles_for(0, log.size), *bundles_for(0, log.size))]
    for path in (*paths, "checkpoint"):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(resource(log, path))
    return folder


def resource(log: MemoryLog, path: str) -> bytes:
    """Return one resource of a log's tree; raises NotFound beyond it."""
    if path == "checkpoint":
        return log.checkpoint.encode()
    asked = parse_tile_path(path)
    level = 0 if isinstance(asked, EntryBundle) else asked.level
    begin = asked.index * 256
    if begin + asked.width > log.size >> (8 * level):
        raise NotFound("NOT_FOUND", f"the log has no {path}")
    if isinstance(asked, EntryBundle):
        return encode_entries(log.entries[begin : begin + asked.width])
    return encode_tile(asked, log.tree)


class MemoryTree:
    """A log's tree in memory (`LogTree`); `bend` replaces single resources, `reads` says what was asked for."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.bend: dict[str, bytes | Exception] = {}
        self.reads: list[str] = []

    @property
    def name(self) -> str:
        return "memory"

    def read(self, path: str) -> bytes:
        self.reads.append(path)
        bent = self.bend.get(path)
        if isinstance(bent, Exception):
            raise bent
        return resource(self.log, path) if bent is None else bent
