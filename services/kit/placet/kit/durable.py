"""Names that outlive a power cut: directories that are made, and files that were put in place.

Owns syncing a directory after its names changed: POSIX promises nothing about a name until then, and a service whose
directory vanishes with its database has lost everything it acknowledged. What stands in files is theirs to sync.
"""

import os
from pathlib import Path


def make_directory(path: Path, mode: int = 0o777) -> None:
    """Have a directory, durably; `mode` is for those that are made, the missing ones above it too."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=mode, exist_ok=True)
        sync_directory(one.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable: those created, renamed or removed before."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
