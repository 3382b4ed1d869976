"""One client's connection to the mesh: calls with a total deadline and retries, and the trust its answers must earn.

Owns the retry rule (only UNAVAILABLE, and RESOURCE_EXHAUSTED with a delay; the same request, so the same idempotency
key), `seen` and `after`, and fetching a consistency proof that is missing. Clock and randomness come in at the
constructor. Never returns an answer whose checkpoint is not tied to the one held.
"""

import asyncio
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import grpc.aio
from google.protobuf.message import Message

from placet.api.audit.v1 import audit_pb2
from placet.api.common.v1 import evidence_pb2
from placet.evidence.entries import Entry
from placet.sdk.config import Config, Targets, Tls, TokenSource
from placet.sdk.errors import ConfigError, Exhausted, PlacetError, ProofError, Unreachable
from placet.sdk.ids import uuid7
from placet.sdk.proofs import check_entry
from placet.sdk.sharing import Sharing
from placet.sdk.transport.channels import Channels
from placet.sdk.transport.methods import GET_CONSISTENCY, Method
from placet.sdk.transport.status import error_of
from placet.sdk.trust import Gap, Tree, Trust

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)
_BASE: Final = 0.05
_CAP: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where time and randomness come from; tests hand in their own. `wall` is in unix nanoseconds."""

    wall: Callable[[], int] = time.time_ns
    monotonic: Callable[[], float] = time.monotonic
    entropy: Callable[[int], bytes] = os.urandom
    jitter: Callable[[], float] = random.random


class Link:
    """Calls to the services of a mesh, with a token, a deadline and retries."""

    def __init__(self, targets: Targets, tls: Tls | None, token: TokenSource, timeout: float, sources: Sources) -> None:
        self.sources = sources
        self.timeout = timeout
        self.channels = Channels(targets, tls, clock=sources.monotonic)
        self._token = token
        self._fixed = _metadata(token) if isinstance(token, str) else None

    def deadline(self, timeout: float | None = None) -> float:
        """Return the end of a call that begins now, monotonic seconds."""
        return self.sources.monotonic() + (self.timeout if timeout is None else timeout)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return the metadata of a call: the bearer token, fresh if a callable gives it."""
        return self._fixed or _metadata(self._token if isinstance(self._token, str) else self._token())

    async def attempt(self, method: Method[Q, A], request: Q, deadline: float) -> A:
        """Call once. Raises the typed error of what went wrong."""
        left = deadline - self.sources.monotonic()
        if left <= 0:
            raise Unreachable("DEADLINE_PASSED", f"{method.service} did not answer within the deadline")
        try:
            answer: A = await self.channels.unary(method)(request, timeout=left, metadata=self.metadata())
        except grpc.aio.AioRpcError as failure:
            raise error_of(failure) from failure
        return answer

    def pause(self, error: PlacetError, attempt: int, deadline: float) -> float | None:
        """Return the seconds to wait before the same request goes again, None if it must not or time is up."""
        left = deadline - self.sources.monotonic()
        if isinstance(error, Exhausted) and error.retry_after is not None:
            delay = error.retry_after * (1 + 0.2 * self.sources.jitter())
        elif isinstance(error, Unreachable) and error.reason != "DEADLINE_PASSED":
            delay = min(_CAP, _BASE * 2**attempt) * (0.5 + self.sources.jitter())
            delay = max(delay, error.retry_after or 0.0)
        else:
            return None
        return delay if delay < left else None

    async def call(self, method: Method[Q, A], request: Q, deadline: float) -> A:
        """Call, again as long as that may help, within the deadline. The request must be safe to repeat."""
        attempt = 0
        while True:
            try:
                return await self.attempt(method, request, deadline)
            except PlacetError as error:
                delay = self.pause(error, attempt, deadline)
                if delay is None:
                    raise
            attempt += 1
            await asyncio.sleep(delay)

    async def close(self) -> None:
        """Close the channels; calls in flight are cancelled."""
        await self.channels.close()


class Session(Link):
    """The link of one controller's client, with what it holds for certain about its log."""

    def __init__(self, config: Config, sources: Sources) -> None:
        super().__init__(config.targets, config.tls, config.token, config.timeout, sources)
        self.config = config
        self.controller = config.controller
        store = config.checkpoints
        kept = store.read() if store is not None and config.checkpoint is None else config.checkpoint
        first, *more = config.verifiers()
        self.trust = Trust(first, kept, more)
        self._sharing = None if store is None else Sharing(store, self.trust, self._tie, sources.monotonic)
        self.after = 0
        """Index of the last grant, amend or withdraw answered to this client: it reads its own writes."""
        self.alternatives: dict[tuple[str, str], str] = {}
        """What the registers last read offer instead of the face: ("device" or "purpose", id) -> alternative."""

    def new_id(self) -> str:
        """Return a fresh UUIDv7."""
        sources = self.sources
        return uuid7(sources.wall() // 1_000_000, sources.entropy(10))

    async def ask(
        self, method: Method[Q, A], request: Q, deadline: float, told: Callable[[int], None] | None = None
    ) -> tuple[A, Tree]:
        """Call like `call`, saying with each attempt which tree is held; returns the one said by the last attempt.

        `told` is called with its size before each attempt.
        """
        attempt = 0
        while True:
            anchor = self.trust.head
            if method.seen:
                request.seen = anchor.size  # type: ignore[attr-defined]
            if told is not None:
                told(anchor.size)
            try:
                return await self.attempt(method, request, deadline), anchor
            except PlacetError as error:
                delay = self.pause(error, attempt, deadline)
                if delay is None:
                    raise
            attempt += 1
            await asyncio.sleep(delay)

    async def tie(
        self,
        tree: Tree,
        deadline: float,
        *,
        anchor: Tree | None = None,
        checkpoint: evidence_pb2.Checkpoint | None = None,
        beginnings: Mapping[int, bytes] = {},
    ) -> None:
        """Return once the tree is proven to be on one line with everything held before.

        `anchor` is what the request said was seen (None: it said nothing), `checkpoint` the answer's. Raises ProofError
        for a fork, Unreachable when a proof that is missing cannot be had in time: then the answer is not to be used.
        """
        proof = list(checkpoint.consistency.hashes) if anchor is not None and checkpoint is not None else None
        await self._tie(tree, deadline, anchor or self.trust.head, proof, beginnings)
        if self._sharing is not None and self._sharing.due():
            await self._sharing.exchange(deadline)

    async def _tie(
        self,
        tree: Tree,
        deadline: float,
        anchor: Tree,
        proof: list[bytes] | None = None,
        beginnings: Mapping[int, bytes] = {},
    ) -> None:
        gap = self.trust.tie(tree, anchor, proof, beginnings)
        while gap is not None:
            gap = self.trust.bridge(gap, await self.consistency(gap, deadline), beginnings)

    async def prove(
        self, receipt: evidence_pb2.LedgerReceipt, deadline: float, *, anchor: Tree | None = None
    ) -> tuple[Entry, Tree]:
        """Return the entry of a receipt and its tree, once entry and checkpoint are proven."""
        checkpoint, proven = receipt.checkpoint, receipt.entry
        tree = self.trust.open(checkpoint.note, checkpoint.tree_size)
        entry = check_entry(proven.index, proven.entry, proven.leaf_hash, proven.proof, tree)
        await self.tie(tree, deadline, anchor=anchor, checkpoint=checkpoint)
        return entry, tree

    async def believe(
        self, checkpoint: evidence_pb2.Checkpoint, deadline: float, *, anchor: Tree | None = None
    ) -> Tree:
        """Return the tree of an answer's checkpoint once it is signed and tied to everything held before."""
        tree = self.trust.open(checkpoint.note, checkpoint.tree_size)
        await self.tie(tree, deadline, anchor=anchor, checkpoint=checkpoint)
        return tree

    def wrote(self, index: int) -> None:
        """Note that a grant, amend or withdraw at that index was answered to this client."""
        self.after = max(self.after, index)

    async def keep_receipt(self, index: int, receipt: str) -> None:
        """Keep a withdrawal's receipt, if there is a store; raises ConfigError if it cannot be kept."""
        store = self.config.receipts
        if store is None:
            return
        try:
            await asyncio.to_thread(store.keep, self.trust.origin, index, receipt)
        except ConfigError as error:
            message = f"the withdrawal at entry {index} is in force and proven; only its receipt was not kept: "
            raise ConfigError(error.reason, f"{message}{error.message}. Repeat the call", field="receipts") from error

    async def close(self) -> None:
        """Keep the newest checkpoint, if there is a store, and close the channels; calls in flight are cancelled."""
        try:
            if self._sharing is not None and not self._sharing.alarmed:
                await self._sharing.exchange(self.deadline(min(self.timeout, 2.0)))
        finally:
            await super().close()

    async def consistency(self, gap: Gap, deadline: float) -> list[bytes]:
        """Return the consistency proof that is missing, unverified; raises ProofError if audit refuses to give one."""
        request = audit_pb2.GetConsistencyRequest(
            controller=self.controller, old_size=gap.old.size, new_size=gap.new.size
        )
        try:
            answer = await self.call(GET_CONSISTENCY, request, deadline)
        except (Unreachable, Exhausted) as error:
            error.add_note("The answer itself arrived, but could not be proven to continue what was seen before.")
            raise
        except PlacetError as error:
            raise ProofError(
                "PROOF_INVALID",
                f"audit gives no proof that {gap.old.size} entries are the beginning of {gap.new.size}: {error}",
                held=gap.old.note,
                answered=gap.new.note,
            ) from error
        return list(answer.proof.hashes)


def _metadata(token: str) -> tuple[tuple[str, str], ...]:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError("CONFIG_INVALID", "the token is empty or has characters that no token has", field="token")
    return (("authorization", f"Bearer {token}"),)
