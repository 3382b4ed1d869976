"""What the bench asks of a mesh: an event on its own, through the bare stub or the SDK, or many in a message."""

from collections import deque
from typing import Any, Final

import grpc.aio

from placet.api.common.v1 import vocabulary_pb2 as words
from placet.api.permission.v1 import permission_pb2 as pb
from placet.api.permission.v1 import permission_pb2_grpc
from placet.local.bench.furnish import Events
from placet.sdk import AsyncClient

TIMEOUT_S: Final = 20
AUTHORIZE_BATCH: Final = "/placet.api.permission.v1.PermissionService/AuthorizeBatch"


class NotAllowed(Exception):
    """An event was answered otherwise than the bench expects: a rate with such answers says nothing."""


class Calls:
    """Calls to one controller's mesh; `events` counts what they appended."""

    def __init__(
        self, controller: str, token: str, client: AsyncClient, channel: grpc.aio.Channel, made: Events
    ) -> None:
        self.events = 0
        self._controller = controller
        self._client = client
        # The generated stubs of grpc.aio and of grpc share their types.
        self._stub: Any = permission_pb2_grpc.PermissionServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {token}"),)
        # Takes messages as they are sent, so that they can be made before anything is measured.
        self._send_batch: Any = channel.unary_unary(
            AUTHORIZE_BATCH, response_deserializer=pb.AuthorizeBatchResponse.FromString
        )
        self._ready: dict[int, deque[bytes]] = {}
        self._made = made

    async def unary(self) -> None:
        """Authorize one event over the bare stub."""
        request = pb.AuthorizeRequest(controller=self._controller, event=self._made.message())
        answer = await self._stub.Authorize(request, metadata=self._metadata, timeout=TIMEOUT_S)
        if not answer.answer.permit:
            raise NotAllowed(str(answer))
        self.events += 1

    async def sdk(self) -> None:
        """Authorize one event through the SDK, which verifies the answer."""
        decision = await self._client.authorize(**self._made.arguments())
        if not decision.permit:
            raise NotAllowed(str(decision))
        self.events += 1

    def make_ready(self, size: int, count: int) -> None:
        """Make `count` messages of `size` events ahead of `batch`: the load's own making is not what is measured."""
        self._ready[size] = deque(self._message(size) for _ in range(count))

    def _message(self, size: int) -> bytes:
        events = [self._made.message() for _ in range(size)]
        return pb.AuthorizeBatchRequest(controller=self._controller, events=events).SerializeToString()

    async def batch(self, size: int) -> None:
        """Authorize `size` events in one message, one that was made ahead while there are any."""
        ready = self._ready.get(size)
        message = ready.popleft() if ready else self._message(size)
        answer = await self._send_batch(message, metadata=self._metadata, timeout=TIMEOUT_S)
        allowed = [one.verdict for one in answer.answers].count(words.VERDICT_ALLOW)
        if allowed != size:
            raise NotAllowed(f"{allowed} of {size} events were allowed")
        self.events += size
