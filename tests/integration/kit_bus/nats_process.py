"""A real nats-server as a child process: started, killed (SIGKILL), stopped (SIGSTOP) and started again on one port."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

BINARY = shutil.which("nats-server") or str(Path(sys.executable).parent / "nats-server")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Nats:
    """One server on 127.0.0.1; `config` is more of its configuration, as text."""

    def __init__(self, directory: Path, config: str = "") -> None:
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._directory = directory
        self._config = directory / "nats.conf"
        self.configure(config)
        self._process: subprocess.Popen[bytes] | None = None

    def configure(self, config: str) -> None:
        """Write the configuration for the next start."""
        store = json.dumps(str(self._directory / "store"))
        self._config.write_text(
            f'host: "127.0.0.1"\nport: {self.port}\n'
            f"jetstream {{ store_dir: {store}, sync_interval: always }}\n{config}\n"
        )

    def start(self) -> None:
        log = self._directory / "nats.log"
        self._process = subprocess.Popen([BINARY, "-c", str(self._config), "-l", str(log)])
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None:
                raise AssertionError(f"nats-server ended:\n{log.read_text()}")
            time.sleep(0.02)
        raise AssertionError("nats-server does not listen")

    def kill(self) -> None:
        """kill -9, as a crash would be."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """SIGSTOP: the sockets stay open and nothing is read."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        # A stop signal works a moment later, thread by thread.
        threads = Path(f"/proc/{self._process.pid}/task")
        while any((one / "stat").read_text().rpartition(")")[2].split()[0] != "T" for one in threads.iterdir()):
            time.sleep(0.005)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(how)
            self._process.wait(10)
        self._process = None
