"""A durable pull consumer: hands each message to a handler until it succeeds, whatever restarts in between.

Owns asking for messages: a new request when the last is used up, has ended or seems lost, and at once after a
reconnect; the consumer is made again if somebody deleted it. Messages of one controller are handled one after the
other, those of different controllers side by side. A redelivered message comes later than its successors: a handler
must be idempotent (`Inbox.once`) and compare `Message.index`. What becomes of each message: `delivery`.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any, Final, Self

import msgspec

from placet.kit.bus import frames
from placet.kit.bus.delivery import Deliverer, Delivery, Handle
from placet.kit.bus.jetstream import JetStream
from placet.kit.bus.messages import STREAM
from placet.kit.errors import PlacetError

BATCH: Final = 64
# What was delivered to a process that died comes to the next one after this.
ACK_WAIT_S: Final = 10
EXPIRES_S: Final = 30
HEARTBEAT_S: Final = 2
# A request after which neither a message nor a heartbeat came for so long is lost.
SILENCE_S: Final = 3 * HEARTBEAT_S
RETRY_S: Final = 0.5
_NANOS: Final = 1_000_000_000
_HEARTBEAT: Final = "100"
_USED_UP: Final = ("404", "408")
_log = logging.getLogger(__name__)


def consumer_config(filters: Sequence[str]) -> dict[str, Any]:
    """Return what a service's durable consumer must be like, for whoever makes it in advance."""
    return {
        "filter_subjects": list(filters),
        "deliver_policy": "all",
        "replay_policy": "instant",
        "ack_wait": ACK_WAIT_S * _NANOS,
        "max_deliver": -1,
        "max_ack_pending": 4 * BATCH,
    }


class Consumer:
    """One service's consumer. `async with` starts and stops it."""

    def __init__(self, stream: JetStream, durable: str, filters: Sequence[str], handle: Handle) -> None:
        """`filters` are subjects as `filter_subject` makes them; all replicas of a service share one `durable`."""
        self._stream = stream
        self._bus = stream.bus
        self._durable = frames.token(durable, "durable")
        self._filters = list(filters)
        self._inbox = self._bus.inbox(f"c.{durable}")
        self._deliverer = Deliverer(stream, durable, handle)
        self._lanes: dict[str, deque[Delivery]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._left = 0  # messages that the current request may still bring
        self._heard = asyncio.Event()
        self._missing = False  # the server does not know our consumer
        self._listening: int | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Begin; raises Unavailable or NotFound if there is no stream, BusForbidden if we may not consume."""
        await self._ensure()
        self._listening = self._bus.listen(self._inbox, self._on_frame)
        await self._bus.require_allowed(self._inbox)
        self._bus.on_connected(self._end_request)
        self._spawn(self._pull())

    async def stop(self) -> None:
        """Take no more messages; what is being handled is cancelled and will be redelivered."""
        if self._listening is not None:
            self._bus.unlisten(self._listening)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ensure(self) -> None:
        await self._stream.ensure_consumer(self._durable, consumer_config(self._filters))

    async def _pull(self) -> None:
        said = ""
        while True:
            try:
                if self._missing:
                    await self._ensure()
                    self._missing = False
                self._request()
                said = ""
                await self._until_used_up()
            except PlacetError as error:
                if repr(error) != said:
                    said = repr(error)
                    _log.warning("cannot consume messages; trying again", extra={"error": said})
                await asyncio.sleep(RETRY_S)

    def _request(self) -> None:
        wanted = {"batch": BATCH, "expires": EXPIRES_S * _NANOS, "idle_heartbeat": HEARTBEAT_S * _NANOS}
        self._left = BATCH
        self._bus.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{self._durable}", msgspec.json.encode(wanted), reply=self._inbox
        )

    async def _until_used_up(self) -> None:
        while self._left > 0:
            self._heard.clear()
            try:
                async with asyncio.timeout(SILENCE_S):
                    await self._heard.wait()
            except TimeoutError:
                return

    def _end_request(self) -> None:
        self._left = 0
        self._heard.set()

    def _on_frame(self, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        status = frames.status(headers) if headers else ""
        if not status:
            self._left -= 1
            self._enqueue(Delivery.of(subject.decode(), reply.decode(), data))
        elif status != _HEARTBEAT:
            self._missing = status not in _USED_UP
            self._left = 0
        self._heard.set()

    def _enqueue(self, delivery: Delivery) -> None:
        lane = self._lanes.get(delivery.controller)
        if lane is None:
            lane = self._lanes[delivery.controller] = deque()
            self._spawn(self._drain(delivery.controller, lane))
        lane.append(delivery)

    async def _drain(self, controller: str, lane: deque[Delivery]) -> None:
        try:
            while lane:
                await self._deliverer.deliver(lane.popleft())
        finally:
            del self._lanes[controller]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
