"""`AuditService` over small logs in memory: the production guard, wire and search index before them; only the journal
is missing. Remembers who called what, and can be told to fail.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from integration.gateway.small_logs import Story
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from placet.api.audit.v1 import audit_pb2 as pb
from placet.api.audit.v1 import audit_pb2_grpc
from placet.audit import wire
from placet.audit.reading import Consistency, Proven, Signed
from placet.audit.search import SearchIndex
from placet.audit.search_tables import SearchTable
from placet.evidence.building import build_bundle
from placet.evidence.bundle import format_evidence
from placet.evidence.errors import EvidenceError
from placet.evidence.terms import LeafIndex
from placet.kit.errors import Invalid, NotFound
from placet.kit.grpc.caller import caller
from placet.tlog.hashing import leaf_hash
from placet.tlog.proof import consistency_proof, inclusion_proof
from placet.tlog.tiles import EntryBundle, encode_entries, encode_tile, parse_tile_path
from placet.tlog.tree import subtree_root


class AuditStub(audit_pb2_grpc.AuditServiceServicer):
    """One log a controller."""

    def __init__(self, stories: Mapping[str, Story]) -> None:
        engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
        SearchTable.metadata.create_all(engine)
        self.index = SearchIndex(engine)
        self.stories = stories
        self.calls: list[tuple[str, str, str]] = []
        self.fail: Exception | None = None
        self.sleep = 0.0
        self.forged: bytes | None = None
        for number, story in enumerate(stories.values()):
            self.index.feed(number, 0, story.log.entries)

    async def _log(self, request: Any) -> Any:
        self.calls.append((type(request).__name__, request.controller, caller().actor))
        await asyncio.sleep(self.sleep)
        if self.fail is not None:
            raise self.fail
        if request.controller not in self.stories:
            raise NotFound("there is no such controller", reason="CONTROLLER_UNKNOWN", field="controller")
        return self.stories[request.controller].log

    async def Search(self, request: pb.SearchRequest, context: Any) -> pb.SearchResponse:
        log = await self._log(request)
        query, before = wire.query_from_pb(request.filter), wire.cursor_from_pb(request.cursor)
        number = list(self.stories).index(request.controller)
        page = self.index.find(number, query, limit=wire.page_size(request.page_size), before=before)
        return wire.page_to_pb(page, dict(enumerate(log.entries)), log.size)

    async def GetEntry(self, request: pb.GetEntryRequest, context: Any) -> pb.GetEntryResponse:
        log = await self._log(request)
        _require(log, "index", request.index)
        entry = self.forged or log.entries[request.index]
        proof = inclusion_proof(request.index, log.size, log.tree)
        proven = Proven(request.index, entry, leaf_hash(entry), proof)
        return pb.GetEntryResponse(receipt=wire.receipt_to_pb(proven, Signed(log.checkpoint, log.size)))

    async def GetBundle(self, request: pb.GetBundleRequest, context: Any) -> pb.GetBundleResponse:
        log = await self._log(request)
        _require(log, "event", request.event)
        try:
            bundle = format_evidence(build_bundle(log, LeafIndex(request.event))).encode()
        except EvidenceError as error:
            raise Invalid("event", error.message) from None
        return pb.GetBundleResponse(bundle=self.forged or bundle)

    async def GetCheckpoint(self, request: pb.GetCheckpointRequest, context: Any) -> pb.GetCheckpointResponse:
        log = await self._log(request)
        return pb.GetCheckpointResponse(checkpoint=wire.checkpoint_to_pb(Signed(log.checkpoint, log.size)))

    async def GetConsistency(self, request: pb.GetConsistencyRequest, context: Any) -> pb.GetConsistencyResponse:
        log = await self._log(request)
        old, new = request.old_size, request.new_size or log.size
        if new > log.size:
            raise Invalid("new_size", f"the log has {log.size} entries, fewer than {new}")
        if old > new:
            raise Invalid("old_size", f"{old} is beyond the tree of {new} entries")
        root = subtree_root(0, new, log.tree)
        proof = Consistency(old, new, root, consistency_proof(old, new, log.tree))
        return pb.GetConsistencyResponse(
            proof=wire.consistency_to_pb(proof),
            new_size=new,
            new_root=root,
            checkpoint=wire.checkpoint_to_pb(Signed(log.checkpoint, log.size)),
        )

    async def GetTile(self, request: pb.GetTileRequest, context: Any) -> pb.GetTileResponse:
        log = await self._log(request)
        if request.path == "checkpoint":
            return pb.GetTileResponse(content=log.checkpoint.encode(), immutable=False)
        asked = parse_tile_path(request.path)
        level = 0 if isinstance(asked, EntryBundle) else asked.level
        if asked.index * 256 + asked.width > log.size >> (8 * level):
            raise NotFound("the log is not that large", field="path: hash")  # as audit names it
        if isinstance(asked, EntryBundle):
            begin = asked.index * 256
            return pb.GetTileResponse(content=encode_entries(log.entries[begin : begin + asked.width]), immutable=True)
        return pb.GetTileResponse(content=encode_tile(asked, log.tree), immutable=True)


def _require(log: Any, field: str, index: int) -> None:
    if index >= log.size:
        raise NotFound(f"{field} {index} is not in the log; it has {log.size} entries", field=field)
