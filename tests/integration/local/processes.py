"""What runs, as the kernel tells it."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path


def state(pid: int) -> str | None:
    """Return the state letter of a process, None if there is none (a zombie is none)."""
    fields = _stat(pid)
    return None if fields is None or fields[0] in "ZX" else fields[0]


def of_session(session: int) -> list[int]:
    """Return the processes of a session that run or are stopped."""
    stats = {int(path.name): _stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}
    return [pid for pid, fields in stats.items() if fields and fields[0] not in "ZX" and int(fields[3]) == session]


def gone(pids: Iterable[int]) -> bool:
    """Tell whether none of these processes is left."""
    return all(state(pid) is None for pid in pids)


def soon(true: Callable[[], bool], within: float = 10.0) -> bool:
    """Wait until something is true; returns whether it became so in time."""
    deadline = time.monotonic() + within
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _stat(pid: int) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
