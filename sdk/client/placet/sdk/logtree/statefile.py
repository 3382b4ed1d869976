"""Small files that must survive a crash whole or not at all: lines, and the SHA-256 over them as the last line.

Owns atomic writing (another file, synced, moved into place, the folder synced) and the check when read. Never decides
what the lines mean.
"""

import os
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from placet.evidence.errors import EvidenceError


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Replace a file by these lines (each with its newline) and their digest; durable once it returns.

    Raises OSError, in which case the file is as it was.
    """
    part = path.with_name(f"{path.name}.part")
    digest = sha256()
    with part.open("wb") as file:
        for line in lines:
            digest.update(line)
            file.write(line)
        file.write(digest.hexdigest().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    _sync_folder(path.parent)


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file; at the end raises EvidenceError if they are not those that were written.

    Use nothing of it before the end.
    """
    digest, held = sha256(), b""
    with path.open("rb") as file:
        for line in file:
            if held:
                digest.update(held)
                yield held
            held = line
    if held != digest.hexdigest().encode() + b"\n":
        raise EvidenceError("STATE_FILE", str(path), "it is cut short or was changed; remove it and begin anew")


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
