"""The connection to NATS: nats-py without its queues, so that nothing is slow and nothing is sent late.

Owns three changes to `nats.aio.client.Client`. (1) What is published is written to the socket at once or refused:
never kept for a later connection, where it would arrive after its sender gave up (measured: promises.md). (2) What
arrives is handed to a plain function in the reading task, without a queue and a task per subscription. (3) An error
from the server is told apart: a permission violation is reported with its subject, anything else reconnects, for
ever. Uses private parts of nats-py 2.16; tests/integration/kit_bus would notice if they changed.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from placet.kit.bus.errors import BusDown

# subject, reply subject, payload, raw headers: called in the reading task, must not block or raise.
Deliver: TypeAlias = Callable[[bytes, bytes, bytes, bytes | None], None]

# More than this unsent means that the broker does not read any more.
MAX_UNSENT: Final = 16 * 1024 * 1024
RECONNECT_WAIT_S: Final = 0.2

_VIOLATION = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)"')
_log = logging.getLogger(__name__)


class Connection(Client):
    """One connection; `lost` is called when it breaks, `violated(verb, subject in lower case)` when NATS forbids."""

    def __init__(self, *, lost: Callable[[], None], violated: Callable[[str, str], None]) -> None:
        super().__init__()
        self._lost = lost
        self._violated = violated
        self._delivers: dict[int, Deliver] = {}
        # Invariant: what is here is sent in this turn of the loop, or never.
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0

    def send(self, frame: bytes) -> None:
        """Send a frame at the end of this turn of the loop, together with what else is sent in it.

        Raises BusDown, with nothing sent, if there is no connection or the broker reads nothing. What is not on the
        socket when the connection breaks is dropped.
        """
        if self._status != Client.CONNECTED or (writer := self._writer()).is_closing():
            raise BusDown
        if self._unsent_bytes + writer.get_write_buffer_size() > MAX_UNSENT:
            raise BusDown("NATS does not read what it is sent")
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._write)
        self._unsent.append(frame)
        self._unsent_bytes += len(frame)

    def _write(self) -> None:
        # One write for all: a system call for each frame would cost more than all the rest of a request.
        frames, self._unsent = self._unsent, []
        self._unsent_bytes = 0
        if frames and self._status == Client.CONNECTED and not (writer := self._writer()).is_closing():
            writer.write(b"".join(frames))

    def abort(self) -> None:
        """Cut the socket, whatever is still unsent."""
        if self._transport:
            self._writer().abort()

    def _writer(self) -> asyncio.WriteTransport:
        # Changes with every connection and with the step to TLS.
        writer: asyncio.WriteTransport = self._transport._io_writer.transport  # type: ignore[union-attr]  # noqa: SLF001
        return writer

    def listen(self, subject: str, queue: str, deliver: Deliver) -> int:
        """Subscribe now, or as soon as there is a connection; returns the subscription's number."""
        self._sid += 1
        self._subs[self._sid] = Subscription(self, self._sid, subject, queue=queue)
        self._delivers[self._sid] = deliver
        self._send_if_connected(f"SUB {subject} {queue} {self._sid}\r\n".encode())
        return self._sid

    def unlisten(self, sid: int) -> None:
        """End a subscription; what is on its way is dropped."""
        self._delivers.pop(sid, None)
        if self._subs.pop(sid, None) is not None:
            self._send_if_connected(f"UNSUB {sid}\r\n".encode())

    def _send_if_connected(self, command: bytes) -> None:
        # Without a connection there is nothing to do: nats-py subscribes anew to all of _subs when it has one.
        # At once, because a PING of nats-py may follow, which is to be answered after it; and however much is unsent.
        if self._status == Client.CONNECTED:
            self._unsent.append(command)
            self._write()

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        deliver = self._delivers.get(sid)
        if deliver is not None:
            deliver(subject, reply, data, headers)

    async def _process_err(self, err_msg: str) -> None:
        violation = _VIOLATION.search(err_msg)
        if violation is not None:
            self._violated(violation[1], violation[2])
            return
        await self._process_op_err(NatsError(f"nats: {err_msg}"))

    async def _process_op_err(self, e: Exception) -> None:
        # First of all: whoever waits for an answer learns at once that none will come.
        self._unsent, self._unsent_bytes = [], 0
        self._lost()
        # nats-py would close it gently, and wait for ever for a peer that reads nothing.
        self.abort()
        await super()._process_op_err(e)

    async def _attempt_reconnect(self) -> None:
        while not self.is_closed:
            try:
                await super()._attempt_reconnect()
            except Exception as error:  # noqa: BLE001 - nats-py gives up on what it does not expect
                await self._error_cb(error)
                await asyncio.sleep(RECONNECT_WAIT_S)
            else:
                return

    async def _process_connect_init(self) -> None:
        # A failed attempt may have left its tasks behind; two of them must not read one socket.
        for task in (self._reading_task, self._ping_interval_task, self._flusher_task):
            if task is not None and not task.done():
                task.cancel()
        await super()._process_connect_init()

    async def _send_command(self, cmd: bytes, priority: bool = False) -> None:
        self._send_if_connected(cmd)

    async def _flush_pending(self, force_flush: bool = False) -> Any:
        # Invariant: nats-py's buffer of pending commands is always empty, so nothing can be sent late.
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done
