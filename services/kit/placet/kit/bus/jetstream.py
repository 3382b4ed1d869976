"""The stream in which messages wait for their consumers: making it, checking it, publishing, asking its API.

Owns the stream PLACET (subjects `placet.msg.>`) and the stream of dead letters PLACET_DEAD (`placet.dead.>`): file
storage, limits retention, discard new. Whether a stream keeps what it acknowledges is the server's setting
`sync_interval: always` (promises.md); the database is the record, and the outbox can send every message again.
Speaks JetStream's JSON API over `Bus.request`, so that every failure is typed like any other.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from placet.kit.bus.bus import Bus
from placet.kit.bus.errors import BusForbidden, NoResponders
from placet.kit.bus.messages import STREAM, SUBJECTS
from placet.kit.errors import Exhausted, Kind, NotFound, PlacetError, Precondition, Unavailable

DEAD_STREAM: Final = "PLACET_DEAD"
DEAD_SUBJECTS: Final = "placet.dead.>"
DUPLICATE_WINDOW_S: Final = 3_600
_API: Final = "$JS.API."
_NANOS: Final = 1_000_000_000
_MESSAGE_ID: Final = "Nats-Msg-Id"
_EXPECTED: Final = "Nats-Expected-Stream"
_TIMEOUT_US: Final = 5_000_000

# err_code values of the JetStream API.
_NO_STREAM: Final = 10059
_NO_CONSUMER: Final = 10014


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Where a message stands in the stream; `duplicate`: it stood there already under this message id."""

    seq: int
    duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamConfig:
    """What a stream must be like. `max_age_s` and `max_bytes`: 0 keeps everything."""

    name: str = STREAM
    subjects: str = SUBJECTS
    replicas: int = 1
    duplicate_window_s: int = DUPLICATE_WINDOW_S
    max_age_s: int = 0
    max_bytes: int = 0

    def wanted(self) -> dict[str, Any]:
        """Return the configuration as the API takes it."""
        return {
            "name": self.name,
            "subjects": [self.subjects],
            "storage": "file",
            "retention": "limits",
            "discard": "new",
            "num_replicas": self.replicas,
            "duplicate_window": self.duplicate_window_s * _NANOS,
            "max_age": self.max_age_s * _NANOS,
            "max_bytes": self.max_bytes or -1,
            "max_msgs": -1,
            "deny_delete": True,
            "deny_purge": True,
        }


# What must be as wanted for messages to be kept; the rest is the operator's business.
_ESSENTIAL: Final = ("subjects", "storage", "retention", "discard")

DEAD_LETTERS: Final = StreamConfig(name=DEAD_STREAM, subjects=DEAD_SUBJECTS)


class JetStream:
    """Publishing to the stream, and its API, for one service."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus

    async def ensure_stream(self, config: StreamConfig | None = None) -> None:
        """Have the stream: make it if it is missing and we may, else check that it keeps what it is given.

        A service whose credentials allow neither looking nor making takes the stream as given: publishing will tell.
        Raises Precondition if it exists and would lose messages, BusForbidden or Unavailable if it is missing.
        """
        config = config or StreamConfig()
        try:
            found = await self.api(f"STREAM.INFO.{config.name}", {})
        except BusForbidden:
            return
        except NotFound:
            found = await self.api(f"STREAM.CREATE.{config.name}", config.wanted())
        wanted = config.wanted()
        for name in _ESSENTIAL:
            if found["config"].get(name) != wanted[name]:
                raise Precondition(
                    "STATE_INVALID",
                    f"stream {config.name} has {name} = {found['config'].get(name)}, which can lose messages; "
                    f"set it to {wanted[name]}",
                )

    async def ensure_consumer(self, durable: str, config: dict[str, Any], *, stream: str = STREAM) -> None:
        """Have a durable pull consumer, made or brought up to date; without permission to do so it must be as wanted.

        Raises NotFound (stream missing), Unavailable, or BusForbidden when it is missing or differs and we may not
        change it: with other filters, messages would be missed silently.
        """
        full = {"durable_name": durable, "name": durable, "ack_policy": "explicit", **config}
        try:
            found = (await self.api(f"CONSUMER.INFO.{stream}.{durable}", {}))["config"]
        except (NotFound, BusForbidden):
            found = {}
        if any(_comparable(found.get(name)) != _comparable(wanted) for name, wanted in full.items()):
            await self.api(f"CONSUMER.CREATE.{stream}.{durable}", {"stream_name": stream, "config": full})

    async def publish(
        self, subject: str, payload: bytes, *, message_id: str, deadline: int, stream: str = STREAM
    ) -> Stored:
        """Publish and wait until the stream has stored it; the same message id is stored once (duplicate window).

        Raises Unavailable (not stored, or unknown: repeat with the same id), Exhausted (stream full), BusForbidden.
        """
        headers = {_MESSAGE_ID: message_id, _EXPECTED: stream}
        try:
            answer = await self.bus.request(subject, payload, deadline, headers=headers)
        except NoResponders:
            raise _no_stream(stream) from None
        stored = _checked(answer, stream)
        return Stored(seq=stored["seq"], duplicate=bool(stored.get("duplicate")))

    async def api(self, call: str, request: dict[str, Any], *, timeout_us: int = _TIMEOUT_US) -> dict[str, Any]:
        """Call the JetStream API and return its answer; raises NotFound, BusForbidden, Unavailable, ..."""
        payload = msgspec.json.encode(request) if request else b""
        try:
            answer = await self.bus.request(f"{_API}{call}", payload, self.bus.clock() + timeout_us)
        except NoResponders:
            raise Unavailable("BUS_UNAVAILABLE", "JetStream is not there; enable it in NATS") from None
        return _checked(answer, call)


def _comparable(value: Any) -> Any:
    """Return a setting without the order of its parts: filters in another order are the same filters."""
    return sorted(value) if isinstance(value, (list, tuple)) else value


def _checked(answer: bytes, what: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(answer, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise Unavailable("BUS_UNAVAILABLE", f"JetStream's answer to {what} is not JSON") from None
    if "error" not in found:
        return found
    raise _of_api(found["error"], what)


def _of_api(error: dict[str, Any], what: str) -> PlacetError:
    code, number = error.get("code"), error.get("err_code")
    text = f"JetStream refused {what}: {error.get('description')} ({number})"
    if number in (_NO_STREAM, _NO_CONSUMER):
        return NotFound(text)
    if code == 503:
        # Also a full stream: "discard new" refuses rather than forgets.
        full = "maximum" in str(error.get("description"))
        return Exhausted("QUEUE_FULL", text, retry_after=1.0) if full else Unavailable("BUS_UNAVAILABLE", text)
    return PlacetError(Kind.PRECONDITION, "STATE_INVALID", text)


def _no_stream(stream: str) -> Unavailable:
    return Unavailable("BUS_UNAVAILABLE", f"no stream {stream} takes this subject; nothing was stored: create it")
