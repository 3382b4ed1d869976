"""One service's connection to NATS: ask, answer, publish; every failure typed and within the deadline.

Owns connecting (once within a bound, afterwards again for ever in the background) and turning what NATS only reports
to an error callback, such as a permission violation, into errors of the calls concerned, a counter and a log line.
Never sends later what could not be sent now, and never retries: the caller has the idempotency key. Deadlines are
absolute, in unix microseconds. See ADR 0004 and promises.md.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from nats.errors import Error as NatsError

from placet.kit.bus import frames
from placet.kit.bus.asking import Asking, Done
from placet.kit.bus.connection import RECONNECT_WAIT_S, Connection, Deliver
from placet.kit.bus.errors import BusDown, BusForbidden, BusLost, BusRefused
from placet.kit.bus.serving import MAX_INFLIGHT, Handler, LaterHandler, Serving, ServingLater
from placet.kit.errors import PlacetError, Unavailable
from placet.kit.telemetry.metrics import Metrics

# Older servers lack consumers with several filter subjects.
OLDEST_SERVER: Final = (2, 10)
PING_S: Final = 5
CLOSE_S: Final = 2
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """How a service proves to NATS who it is: a file with its nkey seed, or a `.creds` file with JWT and seed."""

    seed_file: Path | None = None
    creds_file: Path | None = None


class Bus:
    """NATS as this service sees it. `async with` connects and closes."""

    def __init__(
        self,
        url: str | Sequence[str],
        *,
        name: str,
        clock: Callable[[], int],
        random: Callable[[int], bytes],
        credentials: Credentials | None = None,
        tls: ssl.SSLContext | None = None,
        metrics: Metrics | None = None,
        connect_within: float = 10.0,
    ) -> None:
        """`name` is the service's, its inboxes are below `_INBOX_<name>`; `clock` gives unix microseconds."""
        self.name = frames.token(name, "name")
        self.clock = clock
        self.random = random
        self.metrics = metrics or Metrics()
        self._urls = [url] if isinstance(url, str) else list(url)
        self._credentials = credentials or Credentials()
        self._tls = tls
        self._within = connect_within
        self._inbox = f"_INBOX_{name}.{random(8).hex()}"
        self._connection = Connection(lost=self._on_lost, violated=self._on_violation)
        self._asking = Asking(self._connection, self.inbox("r"), clock, self.metrics)
        self._servings: set[Serving] = set()
        self._forbidden: set[tuple[str, str]] = set()  # (verb, subject in lower case)
        self._reported: str | None = None
        self._on_connected: list[Callable[[], None]] = []
        self._refused: asyncio.Future[None] | None = None
        self._violations = self.metrics.counter("placet.bus.violations", "Uses of a subject that NATS forbids us")
        self._breaks = self.metrics.counter("placet.bus.disconnects", "Times the connection to NATS was lost").bind()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def connected(self) -> bool:
        """Whether there is a connection at this moment."""
        return self._connection.is_connected

    @property
    def max_payload(self) -> int:
        """Return how many bytes one message may have."""
        return self._connection.max_payload

    async def connect(self) -> None:
        """Connect; afterwards a lost connection is made again for ever.

        Raises BusDown if that takes longer than `connect_within` seconds, BusRefused if the credentials are refused,
        Unavailable if the server is older than what we need.
        """
        self._refused = asyncio.get_running_loop().create_future()
        connecting = asyncio.ensure_future(self._connect())
        try:
            done, _ = await asyncio.wait(
                (connecting, self._refused), timeout=self._within, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                raise BusDown(f"NATS at {self._where()} did not answer in {self._within:g} s")
            for one in done:
                await one
            self._require_version()
        except BaseException:
            connecting.cancel()
            await self.close()
            raise
        finally:
            self._refused = None

    async def _connect(self) -> None:
        given = self._credentials
        await self._connection.connect(
            self._urls,
            name=f"placet-{self.name}",
            error_cb=self._on_error,
            reconnected_cb=self._on_reconnected,
            allow_reconnect=True,
            connect_timeout=2,
            reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type]  # a float works, and 1 s is long
            max_reconnect_attempts=-1,
            ping_interval=PING_S,
            pending_size=0,
            tls=self._tls,
            nkeys_seed=str(given.seed_file) if given.seed_file else None,
            user_credentials=given.creds_file,
        )
        self._asking.listen()
        await self.require_allowed(self.inbox("r.*"))

    def _require_version(self) -> None:
        version = self._connection.connected_server_version
        if (version.major, version.minor) < OLDEST_SERVER:
            oldest = ".".join(map(str, OLDEST_SERVER))
            raise Unavailable("DEPENDENCY_UNAVAILABLE", f"NATS {version} is too old: install {oldest} or later")

    async def close(self) -> None:
        """Answer what is being served, fail what waits, disconnect; may be called again."""
        for serving in tuple(self._servings):
            await serving.stop()
        self._asking.fail_all(lambda: BusDown("this service is stopping"))
        with suppress(NatsError, OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._connection.close()
        self._connection.abort()

    async def request(
        self, subject: str, payload: bytes, deadline: int, *, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Send a request and return its answer.

        Raises NoResponders, BusDown, DeadlinePassed (nothing was done), AnswerLate, BusLost (outcome unknown),
        BusForbidden, PayloadTooLarge, or whatever error the other side answered with.
        """
        return await self._asking.request(subject, payload, deadline, headers)

    def ask(self, subject: str, payload: bytes, deadline: int, done: Done) -> None:
        """Send a request whose outcome goes to `done`, a plain function: what `request` does, without a task.

        Raises what `request` raises, and never calls `done`, when the request cannot be sent.
        """
        self._asking.ask(subject, payload, deadline, None, done)

    def publish(self, subject: str, payload: bytes, *, reply: str = "") -> None:
        """Send a message that nobody need answer; answers, if any, go to `reply`. Raises BusDown, PayloadTooLarge."""
        self._asking.send(subject, reply.encode(), payload, None)

    async def serve(
        self, subject: str, handler: Handler, *, queue: str = "", max_inflight: int = MAX_INFLIGHT
    ) -> Serving:
        """Answer requests on a subject, `max_inflight` at a time; beyond that the answer is TooManyAtOnce.

        With `queue`, each request goes to one of the members of that group. Without a connection, serving begins when
        there is one. Raises BusForbidden if our credentials do not allow the subject.
        """
        return await self._serving(
            Serving(self._connection, subject, queue, handler, max_inflight=max_inflight, random=self.random), subject
        )

    async def serve_later(
        self, subject: str, handler: LaterHandler, *, queue: str = "", max_inflight: int = MAX_INFLIGHT
    ) -> Serving:
        """Answer requests as `serve` does, by a plain function that calls the reply it is given, now or later."""
        return await self._serving(
            ServingLater(self._connection, subject, queue, handler, max_inflight=max_inflight, random=self.random),
            subject,
        )

    async def _serving(self, serving: Serving, subject: str) -> Serving:
        self._servings.add(serving)
        serving.on_stop(lambda: self._servings.discard(serving))
        try:
            await self.require_allowed(subject)
        except PlacetError:
            await serving.stop()
            raise
        return serving

    def inbox(self, name: str) -> str:
        """Return a subject below this connection's own inbox prefix."""
        return f"{self._inbox}.{name}"

    def listen(self, subject: str, deliver: Deliver) -> int:
        """Have messages handed to a plain function, which must not block; returns what `unlisten` takes."""
        return self._connection.listen(frames.subject_bytes(subject).decode(), "", deliver)

    def unlisten(self, number: int) -> None:
        """End a `listen`."""
        self._connection.unlisten(number)

    def on_connected(self, call: Callable[[], None]) -> None:
        """Have a function called whenever a lost connection was made again."""
        self._on_connected.append(call)

    async def require_allowed(self, subject: str) -> None:
        """Raise BusForbidden if NATS refused our subscription to that subject."""
        if self.connected:
            with suppress(NatsError, OSError, BusDown):
                await self._connection.flush(timeout=2)  # what NATS has to say about it has arrived by then
        if ("subscription", subject.lower()) in self._forbidden:
            raise BusForbidden(subject, "subscribe to")

    def _on_violation(self, verb: str, subject: str) -> None:
        self._violations.add(verb=verb)
        if (verb, subject) not in self._forbidden:
            self._forbidden.add((verb, subject))
            _log.error("NATS forbids us a subject; correct the permissions", extra={"verb": verb, "subject": subject})
        if verb == "publish":
            self._asking.forbid(subject)

    def _on_lost(self) -> None:
        if self.connected:
            self._breaks.value += 1
        self._asking.fail_all(BusLost)

    async def _on_reconnected(self) -> None:
        self._reported = None
        self._forbidden.clear()
        _log.info("connected to NATS again")
        for call in self._on_connected:
            call()

    async def _on_error(self, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"
        if text != self._reported:
            self._reported = text
            _log.warning("trouble with NATS", extra={"error": text})
        refused = self._refused
        if refused is not None and not refused.done() and "authorization" in text.lower():
            refused.set_exception(BusRefused(self._where()))

    def _where(self) -> str:
        return ", ".join(url.rpartition("@")[2] for url in self._urls)
