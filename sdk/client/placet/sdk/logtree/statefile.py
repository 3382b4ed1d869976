"""Small files that must survive a crash whole or not at all: lines, and the SHA-256 over them as the last line.

Owns the digest and its check when read; the writing is `placet.sdk.durable`. Never decides what the lines mean.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from placet.evidence.errors import EvidenceError
from placet.sdk.durable import write_durably


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Replace a file by these lines (each with its newline) and their digest; durable once it returns.

    Raises OSError, in which case the file is as it was.
    """
    write_durably(path, _with_digest(lines))


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
    if held != _last_line(digest.hexdigest()):
        raise EvidenceError("STATE_FILE", str(path), "it is cut short or was changed; remove it and begin anew")


def _with_digest(lines: Iterable[bytes]) -> Iterator[bytes]:
    digest = sha256()
    for line in lines:
        digest.update(line)
        yield line
    yield _last_line(digest.hexdigest())


def _last_line(digest: str) -> bytes:
    return digest.encode() + b"\n"
