"""What becomes of one delivered message: handled and acknowledged, redelivered later, or put among the dead letters.

Owns acknowledging only after the handler returned, that is after its commit, and waiting for the server's word
(`ack_sync`: promises.md). What only waits for something (Unavailable, Exhausted, a lost compare-and-swap) is
redelivered for ever with growing delay; any other failure is redelivered TRIES times and then published to
`placet.dead.<durable>.<controller>.<service>.<kind>`. A message is never dropped.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from placet.kit.bus.jetstream import DEAD_STREAM, JetStream
from placet.kit.bus.messages import Message, decode_message
from placet.kit.errors import Kind, PlacetError
from placet.kit.failpoints import Write

Handle: TypeAlias = Callable[[Message], Awaitable[None]]

TRIES: Final = 8
DELAYS_S: Final = (0.1, 0.5, 2.0, 10.0, 30.0)
_WAITING: Final = (Kind.UNAVAILABLE, Kind.EXHAUSTED, Kind.CONFLICT)
_ACK_TIMEOUT_US: Final = 5_000_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it came: where to acknowledge it, how often it was delivered, its place in the stream."""

    subject: str
    ack: str
    data: bytes
    delivered: int
    sequence: int

    @classmethod
    def of(cls, subject: str, ack: str, data: bytes) -> "Delivery":
        """Read `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>...`, or the longer form with domain and account."""
        tokens = ack.split(".")
        at = 4 if len(tokens) == 9 else 6
        return cls(subject, ack, data, int(tokens[at]), int(tokens[at + 1]))

    @property
    def controller(self) -> str:
        """Return the controller in the subject."""
        return self.subject.split(".")[2]


class Deliverer:
    """Hands deliveries of one consumer to its handler."""

    def __init__(self, stream: JetStream, durable: str, handle: Handle) -> None:
        self._stream = stream
        self._bus = stream.bus
        self._durable = durable
        self._handle = handle
        self._faults: dict[int, int] = {}  # failures that are the message's own, by stream sequence
        handled = self._bus.metrics.counter("placet.bus.messages", "Messages handled, by outcome")
        self._done, self._again, self._dead = (handled.bind(outcome=o) for o in ("done", "again", "dead"))

    async def deliver(self, delivery: Delivery) -> None:
        """Handle one delivery; never raises."""
        try:
            await self._handle(decode_message(delivery.data, delivery.subject))
        except PlacetError as error:
            await self._not_handled(delivery, repr(error), fault=error.kind not in _WAITING)
        except Exception as error:  # noqa: BLE001 - a bug in a handler must not stop the consumer
            _log.exception("a message could not be handled", extra={"subject": delivery.subject})
            await self._not_handled(delivery, type(error).__name__, fault=True)
        else:
            self._faults.pop(delivery.sequence, None)
            self._done.value += 1
            await self._acknowledge(delivery)

    async def _not_handled(self, delivery: Delivery, why: str, *, fault: bool) -> None:
        faults = self._faults.get(delivery.sequence, 0) + fault
        if fault:
            self._faults[delivery.sequence] = faults
        if faults >= TRIES and await self._bury(delivery, why):
            return
        self._again.value += 1
        delay = DELAYS_S[min(delivery.delivered, len(DELAYS_S)) - 1]
        _log.warning(
            "a message will be redelivered", extra={"subject": delivery.subject, "error": why, "delay_s": delay}
        )
        try:
            with Write.MESSAGE_NAK:
                self._bus.publish(delivery.ack, b"-NAK " + msgspec.json.encode({"delay": int(delay * 1e9)}))
        except PlacetError:
            _log.info("not connected: the message comes again by itself")

    async def _bury(self, delivery: Delivery, why: str) -> bool:
        subject = f"placet.dead.{self._durable}.{delivery.subject.removeprefix('placet.msg.')}"
        try:
            with Write.MESSAGE_BURY:
                await self._stream.publish(
                    subject,
                    delivery.data,
                    message_id=f"{self._durable}.{delivery.sequence}",
                    deadline=self._bus.clock() + _ACK_TIMEOUT_US,
                    stream=DEAD_STREAM,
                )
        except PlacetError as error:
            _log.warning("no dead letters now; the message will be redelivered", extra={"error": repr(error)})
            return False
        _log.error("a message went to the dead letters", extra={"subject": subject, "error": why})
        self._faults.pop(delivery.sequence, None)
        self._dead.value += 1
        await self._acknowledge(delivery)
        return True

    async def _acknowledge(self, delivery: Delivery) -> None:
        try:
            with Write.MESSAGE_ACK:
                await self._bus.request(delivery.ack, b"+ACK", self._bus.clock() + _ACK_TIMEOUT_US)
        except PlacetError as error:
            # It comes again, and the inbox knows it.
            _log.info("a message was handled but not acknowledged", extra={"error": repr(error)})
