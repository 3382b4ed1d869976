"""Files that only their owner reads, whole whenever they are there."""

import os
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write a file with mode 0600; a reader sees the old or the new one, never a part."""
    private_dir(path.parent)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    unfinished.replace(path)


def private_dir(path: Path) -> Path:
    """Make a directory, if it is not there, that only its owner may enter; returns it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
