"""Writing a file whole or not at all, so that it survives a crash and a power cut. Owns nothing else."""

import os
from collections.abc import Iterable
from pathlib import Path
from threading import get_ident


def write_durably(path: Path, parts: Iterable[bytes]) -> None:
    """Replace a file by these parts end to end; durable once it returns.

    Raises OSError, in which case the file is as it was.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}-{get_ident()}.part")
    try:
        with part.open("wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
