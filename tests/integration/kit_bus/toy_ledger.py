"""A small real responder for appends: a real tree and real proofs by placet.tlog, idempotent by key; no rules.

Not a fake of the audit service: it exists to test the client with answers that can be verified.
"""

import asyncio
from collections.abc import Iterable

from placet.kit.bus.bus import Bus
from placet.kit.bus.failure import Failure
from placet.kit.bus.serving import Request, Serving
from placet.kit.errors import PlacetError, Unavailable
from placet.kit.ledger.messages import (
    AppendReply,
    AppendRequest,
    Consistency,
    Range,
    Result,
    decode_request,
    encode_reply,
)
from placet.kit.ledger.receipts import maximal_runs
from placet.tlog.hashing import leaf_hash
from placet.tlog.proof import consistency_proof, range_proof
from placet.tlog.tree import LevelTree


class ToyLedger:
    """One log per controller, in memory."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.trees: dict[str, LevelTree] = {}
        self.entries: dict[str, list[bytes]] = {}
        self.keys: dict[tuple[str, bytes], int] = {}
        self.requests: list[AppendRequest] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.refuse: dict[bytes, PlacetError] = {}  # by key: the submission's own error
        self.poison: set[bytes] = set()  # by key: the whole request is refused
        self.filler = 2  # entries that stand before each group, as decisions and others' entries do
        self.serving: Serving | None = None

    async def serve(self) -> "ToyLedger":
        self.serving = await self._bus.serve("placet.*.append.*", self._answer, queue="audit")
        return self

    async def _answer(self, request: Request) -> bytes:
        await self.gate.wait()
        asked = decode_request(request.payload)
        self.requests.append(asked)
        if asked.deadline <= self._bus.clock():
            return encode_reply(AppendReply.failed(Unavailable("DEADLINE_PASSED", "nothing was appended")))
        if any(one.key in self.poison for one in asked.submissions):
            raise ValueError("poison")
        return encode_reply(self._append(request.subject.split(".")[1], asked))

    def _append(self, controller: str, asked: AppendRequest) -> AppendReply:
        tree = self.trees.setdefault(controller, LevelTree())
        entries = self.entries.setdefault(controller, [])
        self._push(controller, (b"filler %d" % n for n in range(self.filler)))
        results = []
        for one in asked.submissions:
            error = self.refuse.get(one.key)
            if error is not None:
                results.append(Result(error=Failure.of(error)))
                continue
            index = self.keys.get((controller, one.key))
            repeated = index is not None
            if index is None:
                decision = b"" if one.decision is None else bytes(asked.decisions[one.decision])
                index = self._push(controller, [bytes(one.body) + decision])
                self.keys[controller, one.key] = index
            results.append(Result(index, leaf_hash(entries[index]), entries[index], None, repeated))
        size = tree.size
        indexes = sorted({one.index for one in results if one.error is None})
        ranges = []
        for begin, end in maximal_runs(indexes):
            proof = range_proof(begin, end, size, tree)
            ranges.append(Range(begin, end, proof.left, proof.right))
        consistency = [
            Consistency(seen, tuple(consistency_proof(seen, size, tree))) for seen in asked.seen if seen <= size
        ]
        return AppendReply(results, ranges, f"{controller}\n{size}\n{tree.root().hex()}\n", size, consistency)

    def _push(self, controller: str, entries: Iterable[bytes]) -> int:
        tree = self.trees[controller]
        for entry in entries:
            self.entries[controller].append(entry)
            tree.append(leaf_hash(entry))
        return tree.size - 1
