"""Witness processes for tests, and a log whose operator may keep two histories."""

import contextlib
import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from placet.sdk.witness.config import CONFIG, KEY, STATE
from placet.sdk.witness.keyfile import create_key
from placet.sdk.witness.store import Store
from placet.tlog.addcheckpoint import AddCheckpoint, format_request, origin_hash
from placet.tlog.checkpoint import Checkpoint, sign_checkpoint
from placet.tlog.cosignature import CosignatureVerifier
from placet.tlog.hashing import leaf_hash
from placet.tlog.note import Signer, Verifier, format_vkey, open_note
from placet.tlog.proof import consistency_proof
from placet.tlog.tree import LevelTree, subtree_root

ORIGIN = "log.example/bank"
LOG = Signer.from_seed(ORIGIN, bytes(range(32)))
HERE = Path(__file__).parent


class History:
    """A log's entries by their names, all signed by the one key; `fork` is another history that begins alike."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.names = list(names)
        self.tree = LevelTree.from_leaves(b"".join(leaf_hash(name.encode()) for name in names))

    @classmethod
    def of(cls, size: int) -> "History":
        return cls([f"{index}" for index in range(size)])

    def fork(self, at: int) -> "History":
        return History([*self.names[:at], *(f"forged {index}" for index in range(at, len(self.names)))])

    def note(self, size: int) -> str:
        root = subtree_root(0, size, self.tree)
        return sign_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=root), LOG)

    def request(self, old: int, size: int) -> bytes:
        return format_request(AddCheckpoint.of(old, consistency_proof(old, size, self.tree), self.note(size)))


@dataclass
class Running:
    """A witness that serves: what it answers, and what it ever cosigned."""

    folder: Path
    port: int
    verifier: CosignatureVerifier
    pid: int = 0
    cosigned: list[str] = field(default_factory=list)

    def post(self, body: bytes, path: str = "/add-checkpoint", **headers: str) -> tuple[int, str, str]:
        """Return status, content type and body of the answer."""
        return self.ask("POST", path, body, headers)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type", ""), answer.read().decode()
        finally:
            connection.close()

    def cosign(self, history: History, old: int, size: int) -> int:
        """Ask for a cosignature; remember the checkpoint if one came back, and return the status (0: no answer)."""
        try:
            status, _, body = self.post(history.request(old, size))
        except (OSError, http.client.HTTPException):
            return 0
        if status == 200:
            note = history.note(size)
            open_note(note + body, [self.verifier])
            self.cosigned.append(note)
        return status

    def checkpoint(self, origin: str = ORIGIN) -> str | None:
        status, _, body = self.ask("GET", f"/{origin_hash(origin)}/checkpoint")
        return body if status == 200 else None

    def conflicts(self) -> list[Path]:
        return sorted((self.folder / "conflicts").glob("*.json"))

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        gone(self.pid)


def new_folder(folder: Path, *, name: str = "witness.example/w1", vkeys: Sequence[str] = (), more: str = "") -> str:
    """Make a witness's folder for the logs of these keys; return the witness's verifier key."""
    folder.mkdir(parents=True)
    signer = create_key(folder / KEY, name)
    Store.create(folder / STATE, format_vkey(signer.vkey))
    keys = json.dumps(list(vkeys) or [format_vkey(LOG.vkey)])
    (folder / CONFIG).write_text(f'listen = "127.0.0.1:0"\n[[log]]\nvkeys = {keys}\n{more}')
    return format_vkey(signer.vkey)


def gone(pid: int, within: float = 10.0) -> None:
    """Wait until a process has ended."""
    deadline = time.monotonic() + within
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, f"{pid} does not end"
        time.sleep(0.005)


class Zygote:
    """Starts witness processes quickly (zygote.py)."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "zygote.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._line() == "ready"
        self._pids: list[int] = []

    def start(self, folder: Path, vkey: str, *, variant: str = "", port: int = 0) -> Running:
        (folder / "port").unlink(missing_ok=True)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"folder": str(folder), "variant": variant, "port": port}) + "\n")
        self._process.stdin.flush()
        pid = int(self._line())
        self._pids.append(pid)
        deadline = time.monotonic() + 20
        while not (folder / "port").exists():
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return Running(folder, int((folder / "port").read_text()), CosignatureVerifier.parse(vkey), pid)

    def stop(self) -> None:
        for pid in self._pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


class Program:
    """`placet witness run` on a folder, as a regulator runs it; its log is the file `log` there."""

    def __init__(self, folder: Path, vkey: str, *options: str) -> None:
        self.folder = folder
        self.vkey = vkey
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Running:
        """Start it and wait until it serves."""
        with (self.folder / "log").open("ab") as log:
            before = log.tell()
            command = [str(Path(sys.executable).with_name("placet")), "witness", "run", str(self.folder)]
            self._process = subprocess.Popen([*command, *self._options], stderr=log)
        port = serving(self.folder, before)["port"]
        return Running(self.folder, port, CosignatureVerifier.parse(self.vkey), self._process.pid)

    def send(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """kill -9."""
        self.send(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(15)

    def stop(self) -> None:
        """Stop it in order, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
            assert self._process.wait(15) == 0


@contextlib.contextmanager
def program(folder: Path, vkey: str, *options: str) -> Iterator[Running]:
    """Run a witness until the end of the block."""
    made = Program(folder, vkey, *options)
    try:
        yield made.start()
    finally:
        made.stop()


def serving(folder: Path, begin: int = 0, within: float = 30.0) -> dict[str, Any]:
    """Wait for the log line that says where the witness serves."""
    deadline = time.monotonic() + within
    while True:
        for line in said(folder, begin):
            if line["message"] == "serving":
                return line
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.02)


def said(folder: Path, begin: int = 0) -> list[dict[str, Any]]:
    """Return the lines of a witness's log."""
    text = (folder / "log").read_bytes()[begin:].decode()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{") and line.endswith("}")]


def one_history(notes: Sequence[str], histories: Sequence[History]) -> bool:
    """Tell whether all these checkpoints are of one history: naively, by the entries."""
    by_note = {
        history.note(size): history.names[:size] for history in histories for size in range(1, len(history.names) + 1)
    }
    lists = sorted((by_note[note] for note in notes), key=len)
    return all(newer[: len(older)] == older for older, newer in itertools.pairwise(lists))


PINNED = [Verifier(LOG.vkey)]
