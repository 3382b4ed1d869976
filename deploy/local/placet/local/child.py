"""One process of the mesh: started, waited for, paused, killed, stopped, started again.

Owns the process and its log file. Each child is alone in its process group, in the starter's session: Ctrl-C at the
terminal reaches only the starter, which stops the children in order. Never: starts a child again by itself.
Start and restart from a thread that lives as long as the mesh: the kernel ends children with the thread that made them.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from placet.local.errors import DidNotStart
from placet.local.placement import keeping_to

_POLL_S: Final = 0.02
STOP_S: Final = 20.0


class Child:
    """A process; `command` is argv, `environment` is all of its environment, `processors` those it keeps to, if any."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        processors: frozenset[int] = frozenset(),
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._environment = dict(environment)
        self._processors = processors
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process id of the present or last run."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def status(self) -> int | None:
        """Return the exit status of the last run: None while it runs, negative for a signal."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start the process; its output is added to its log."""
        if self.running:
            raise RuntimeError(f"{self.name} runs already")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log, keeping_to(self._processors):
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    def send(self, number: int) -> None:
        """Send a signal to its process group; nothing happens if it has ended."""
        if self.running:
            os.killpg(self.pid, number)

    async def until(self, ready: Path, *, within: float) -> None:
        """Wait until a file is there. Raises DidNotStart if the process ends before, or takes too long."""
        deadline = time.monotonic() + within
        while not ready.exists():  # noqa: ASYNC240 (local, and looked at rarely)
            if not self.running:
                raise DidNotStart(self.name, f"ended with status {self.status} while starting", self.log)
            if time.monotonic() > deadline:
                raise DidNotStart(self.name, f"did not start within {within:g} s", self.log)
            await asyncio.sleep(_POLL_S)

    async def ended(self, *, within: float) -> bool:
        """Wait for the end; returns whether it came in time."""
        deadline = time.monotonic() + within
        while self.running:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_POLL_S)
        return True

    async def stop(self, *, grace: float = STOP_S) -> bool:
        """Stop with SIGTERM, and with SIGKILL after `grace` seconds; returns whether SIGTERM was enough."""
        self.send(signal.SIGTERM)
        self.send(signal.SIGCONT)  # a paused process would not hear of it
        if await self.ended(within=grace):
            return True
        await self.kill()
        return False

    async def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal that ends the process and wait until it has."""
        self.send(number)
        if number != signal.SIGKILL:
            self.send(signal.SIGCONT)
        if not await self.ended(within=STOP_S):
            raise DidNotStart(self.name, f"did not end on signal {number}", self.log)


def leashed(command: Sequence[str]) -> list[str]:
    """Return a command that becomes `command` and ends with us; for programs that cannot see to that themselves."""
    return [sys.executable, "-I", "-S", str(Path(__file__).with_name("leash.py")), str(os.getpid()), *command]
