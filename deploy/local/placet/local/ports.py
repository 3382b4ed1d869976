"""Free ports on 127.0.0.1, chosen before anything starts so that every process can be told of the others.

Owns the choice. Takes them from below the range the kernel uses for outgoing connections (32768 up), so that a service
finds its port free when it is started again. Never: reserves one; whoever loses the race says so when it starts.
"""

import random
import socket
from collections.abc import Iterable
from typing import Final

from placet.local.errors import PortTaken

_FIRST: Final = 15_000
_LAST: Final = 32_000
HOST: Final = "127.0.0.1"


def assign(names: Iterable[str], base: int | None = None) -> dict[str, int]:
    """Return a port for each name: `base`, `base` + 1, ..., or free ones. Raises PortTaken for a base that is not."""
    chosen: dict[str, int] = {}
    for offset, name in enumerate(names):
        if base is None:
            chosen[name] = _free(set(chosen.values()))
        elif is_free(base + offset):
            chosen[name] = base + offset
        else:
            raise PortTaken(name, base + offset)
    return chosen


def is_free(port: int) -> bool:
    """Whether nobody listens on that port of 127.0.0.1 now."""
    with socket.socket() as probe:
        # As servers bind: connections that are still closing do not count, listeners do.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free(taken: set[int]) -> int:
    for _ in range(1_000):
        port = random.randint(_FIRST, _LAST)  # noqa: S311 (no secret)
        if port not in taken and is_free(port):
            return port
    raise PortTaken("a service", _FIRST)
