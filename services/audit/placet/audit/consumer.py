"""Append requests from the bus: decode, let them wait for the sequencer, reply.

The service that asks is the last token of the subject, `placet.<controller>.append.<service>`: only its own
credentials may publish there (ADR 0004). Malformed bytes are a typed refusal; nothing is appended. Also answers
`placet.<controller>.audit.info`. Without a queue group: only the holder of a log listens, and while a paused one still
seems to, its successor must get every request too, not every other one (ADR 0014).
"""

from collections.abc import Awaitable, Callable
from functools import partial

import msgspec

from placet.audit.errors import ControllerUnknown
from placet.audit.holding import Holder
from placet.audit.logs import Logs
from placet.kit.bus.bus import Bus
from placet.kit.bus.serving import Reply, Request
from placet.kit.errors import PlacetError
from placet.kit.ledger.messages import AppendReply, decode_request, encode_reply

MAX_INFLIGHT = 8_192


class Appends:
    """Subscribes to the append requests of the logs that are held."""

    def __init__(self, bus: Bus, holder: Holder) -> None:
        self._bus = bus
        self._holder = holder

    async def open(self, controller: str) -> Callable[[], Awaitable[None]]:
        """Begin to take a controller's requests; return how to stop."""
        subject = f"placet.{controller}.append.*"
        append = partial(self._append, controller)
        serving = await self._bus.serve_later(subject, append, max_inflight=MAX_INFLIGHT)
        return serving.stop

    def _append(self, controller: str, request: Request, reply: Reply) -> None:
        service = request.subject.rpartition(".")[2]

        def done(outcome: bytes | PlacetError) -> None:
            reply(encode_reply(AppendReply.failed(outcome)) if isinstance(outcome, PlacetError) else outcome)

        try:
            decoded = decode_request(request.payload)
        except PlacetError as error:
            done(error)
            return
        self._holder.submit(controller, service, decoded, done)


class Info:
    """Says what a log is: origin, verifier key, state."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs

    async def open(self, bus: Bus) -> None:
        """Begin to answer."""
        await bus.serve("placet.*.audit.info", self._answer)

    async def _answer(self, request: Request) -> bytes:
        controller = request.subject.split(".")[1]
        log = self._logs.find(controller)
        if log is None:
            raise ControllerUnknown(controller)
        vkey = log.keys[-1].vkey
        said = {"origin": log.origin, "vkey": vkey, "state": log.state.value, "created_at": log.created_at}
        return msgspec.json.encode(said)
