"""Forks witness processes on demand, so that each starts in milliseconds; they can be told to die at a named step.

Run as a program: reads a JSON object a line ({"folder", "variant", "port"}), forks a witness that serves that folder
and writes its port to the file `port`. A witness sends itself SIGKILL at the step that the file `die` names:

- `decided`: the decision is made, nothing is written
- `written`: the row is written, the transaction still open
- `kept`: the transaction is committed, nothing was sent
- `half`: half of the answer was sent
- `sent`: the whole answer was sent

The variant `answers-first` is a witness that sends its answer before it keeps anything: the negative control.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from placet.sdk.witness import logs, server
from placet.sdk.witness.config import CONFLICTS, KEY, STATE, read_config
from placet.sdk.witness.conflicts import Conflicts
from placet.sdk.witness.keyfile import load_key
from placet.sdk.witness.store import Kept, Store
from placet.sdk.witness.witness import Answer, Witness
from placet.tlog.note import format_vkey
from placet.tlog.witness import Cosign, Held, LogKeys, decide


def die_at(step: str) -> None:
    die = Path("die")
    if die.exists() and die.read_text() == step:
        os.kill(os.getpid(), signal.SIGKILL)


class DyingKept:
    """The rows of a transaction, with the steps around writing one."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self.held, self.add = kept.held, kept.add

    def put(self, held: Held, lines: str) -> None:
        die_at("decided")
        self._kept.put(held, lines)


class DyingStore(Store):
    """The production store, with the steps around its commit."""

    @contextmanager
    def transaction(self) -> Iterator[Kept]:
        with super().transaction() as kept:
            yield DyingKept(kept)
            die_at("written")
        die_at("kept")


class AnswersFirst(Witness):
    """Decides rightly, and keeps what it decided only after the answer has gone."""

    later: Held | None = None

    def add_checkpoint(self, body: bytes) -> Answer:
        with self._keeper.transaction() as kept:
            decision = decide(body, self._logs, kept.held)
        if not isinstance(decision, Cosign):
            return self._refuse(decision)
        self.later = decision.held
        return Answer(status=200, body=self._signer.cosign(decision.held.note, timestamp=self._clock()).line())

    def keep_later(self) -> None:
        if self.later is not None:
            with self._keeper.transaction() as kept:
                kept.put(self.later, "")
            self.later = None


class DyingHandler(server._Handler):
    """The production handler, with the steps around sending."""

    def _send(self, answer: Answer) -> None:
        if Path("die").exists() and Path("die").read_text() == "half":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n" + answer.body.encode()[:40])
            self.wfile.flush()
            die_at("half")
        super()._send(answer)
        self.wfile.flush()
        die_at("sent")
        if isinstance(self.server.witness, AnswersFirst):
            self.server.witness.keep_later()


def serve(said: dict[str, Any]) -> None:
    os.chdir(said["folder"])
    config = read_config(Path())
    signer = load_key(Path(KEY))
    store = DyingStore(Path(STATE), format_vkey(signer.vkey))
    kind = AnswersFirst if said["variant"] == "answers-first" else Witness
    keys = LogKeys(key for log in config.logs for key in log.keys)
    witness = kind(store, keys, signer, Conflicts(Path(CONFLICTS)), clock=lambda: int(time.time()))
    server._Handler = DyingHandler  # type: ignore[misc]
    logs.configure()
    with server.WitnessServer(("127.0.0.1", said["port"]), witness) as serving:
        Path("port.part").write_text(str(serving.port))
        Path("port.part").replace("port")
        serving.serve_forever()


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os.close(0)
            serve(json.loads(line))
            os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
