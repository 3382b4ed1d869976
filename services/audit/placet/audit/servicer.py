"""The gRPC face of the audit service: from wire, use case, to wire.

Reads are made from one snapshot without awaiting in between, so an answer never mixes two checkpoints. Controller,
token and roles were checked by the guard (`placet.kit.grpc`) before anything here runs.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any

from placet.api.audit.v1 import audit_pb2 as pb
from placet.api.audit.v1 import audit_pb2_grpc
from placet.audit import wire
from placet.audit.cosigners import Cosigners
from placet.audit.creating import Controllers
from placet.audit.holding import Holder
from placet.audit.model import Cosigned, Log
from placet.audit.reading import Consistency, Snapshot
from placet.audit.search import SearchIndex
from placet.kit.errors import Invalid
from placet.kit.grpc.caller import deadline

Context = Any


class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """`placet.api.audit.v1.AuditService`."""

    def __init__(
        self,
        controllers: Controllers,
        holder: Holder,
        index: SearchIndex,
        cosigners: Cosigners,
        *,
        now: Callable[[], int],
    ) -> None:
        self._controllers = controllers
        self._holder = holder
        self._index = index
        self._cosigners = cosigners
        self._now = now

    async def CreateController(
        self, request: pb.CreateControllerRequest, context: Context
    ) -> pb.CreateControllerResponse:
        """See audit.proto."""
        log = await self._controllers.create(request.controller, now=self._now())
        checkpoint = wire.checkpoint_to_pb(self._holder.snapshot(log.controller).signed)
        return pb.CreateControllerResponse(details=self._details(log), checkpoint=checkpoint)

    async def CloseController(self, request: pb.CloseControllerRequest, context: Context) -> pb.CloseControllerResponse:
        """See audit.proto."""
        reason = wire.code("reason", request.reason)
        log, result = await self._controllers.close(request.controller, reason, now=self._now(), deadline=deadline())
        snapshot = self._holder.snapshot(log.controller)
        receipt = wire.receipt_to_pb(snapshot.prove(result.index), snapshot.signed)
        return pb.CloseControllerResponse(details=self._details(log), receipt=receipt)

    async def GetController(self, request: pb.GetControllerRequest, context: Context) -> pb.GetControllerResponse:
        """See audit.proto."""
        return pb.GetControllerResponse(details=self._details(self._controllers.get(request.controller)))

    async def GetCheckpoint(self, request: pb.GetCheckpointRequest, context: Context) -> pb.GetCheckpointResponse:
        """See audit.proto."""
        cosigned = await self._cosigned(request.controller)
        snapshot = self._holder.snapshot(request.controller)
        signed = snapshot.published(cosigned, seen=request.seen)
        proof = _consistency(snapshot, request.seen, signed.size)
        return pb.GetCheckpointResponse(checkpoint=wire.checkpoint_to_pb(signed, proof))

    def _details(self, log: Log) -> pb.Controller:
        return wire.controller_to_pb(log, self._controllers.signers(log))

    def _log(self, controller: str) -> Log:
        """Return a log without rebuilding what another replica holds."""
        held = self._holder.holds(controller)
        return self._holder.snapshot(controller).log if held else self._controllers.get(controller)

    async def _cosigned(self, controller: str) -> Cosigned | None:
        return await self._cosigners.newest(self._log(controller))

    async def _covering(self, controller: str, event: int) -> Cosigned | None:
        """Return the newest cosigned checkpoint that covers an event; for one that is there, wait a moment for it."""
        if self._holder.holds(controller) and event >= self._holder.snapshot(controller).size:
            return None
        within = (deadline() - self._now()) / 2e6
        return await self._cosigners.covering(self._log(controller), event + 1, within=within)

    async def GetConsistency(self, request: pb.GetConsistencyRequest, context: Context) -> pb.GetConsistencyResponse:
        """See audit.proto."""
        snapshot = self._holder.snapshot(request.controller)
        proof = snapshot.consistency(request.old_size, request.new_size or snapshot.size)
        return pb.GetConsistencyResponse(
            proof=wire.consistency_to_pb(proof),
            new_size=proof.new_size,
            new_root=proof.new_root,
            checkpoint=wire.checkpoint_to_pb(snapshot.signed),
        )

    async def GetEntry(self, request: pb.GetEntryRequest, context: Context) -> pb.GetEntryResponse:
        """See audit.proto."""
        snapshot = self._holder.snapshot(request.controller)
        return pb.GetEntryResponse(receipt=wire.receipt_to_pb(snapshot.prove(request.index), snapshot.signed))

    async def GetStatus(self, request: pb.GetStatusRequest, context: Context) -> pb.GetStatusResponse:
        """See audit.proto."""
        snapshot = self._holder.snapshot(request.controller)
        proof = _consistency(snapshot, request.seen, snapshot.size)
        state = wire.receipt_to_pb(snapshot.prove(snapshot.size - 1), snapshot.signed, proof)
        return pb.GetStatusResponse(state=state, status=wire.status_to_pb(snapshot.status(request.basis)))

    async def GetBundle(self, request: pb.GetBundleRequest, context: Context) -> pb.GetBundleResponse:
        """See audit.proto."""
        cosigned = await self._covering(request.controller, request.event)
        snapshot = self._holder.snapshot(request.controller).under(cosigned)
        return pb.GetBundleResponse(bundle=snapshot.bundle(request.event))

    async def Search(self, request: pb.SearchRequest, context: Context) -> pb.SearchResponse:
        """See audit.proto."""
        snapshot = self._holder.snapshot(request.controller)
        query, before = wire.query_from_pb(request.filter), wire.cursor_from_pb(request.cursor)
        page = self._index.find(snapshot.log.id, query, limit=wire.page_size(request.page_size), before=before)
        return wire.page_to_pb(page, snapshot.entries_at(page.indexes), snapshot.size)

    async def Export(self, request: pb.ExportRequest, context: Context) -> AsyncIterator[pb.ExportResponse]:
        """See audit.proto."""
        snapshot = self._holder.snapshot(request.controller)
        signed, end = snapshot.signed, request.end or snapshot.size
        if not request.begin <= end <= snapshot.size:
            raise Invalid("end", f"[{request.begin}, {end}) is not within the log's {snapshot.size} entries")
        for begin, entries in snapshot.entries(request.begin, end):
            yield pb.ExportResponse(begin=begin, entries=entries)
        yield pb.ExportResponse(begin=end, checkpoint=wire.checkpoint_to_pb(signed))

    async def GetTile(self, request: pb.GetTileRequest, context: Context) -> pb.GetTileResponse:
        """See audit.proto."""
        cosigned = await self._cosigned(request.controller) if request.path == "checkpoint" else None
        content, immutable = self._holder.snapshot(request.controller).tile(request.path, cosigned)
        kind = "application/octet-stream" if immutable else "text/plain; charset=utf-8"
        return pb.GetTileResponse(content=content, content_type=kind, immutable=immutable)


def _consistency(snapshot: Snapshot, seen: int, size: int) -> Consistency | None:
    """Return the proof from what a caller saw to `size`; none beyond it, and the caller alarms (ledger.md 7)."""
    return snapshot.consistency(seen, size) if 0 < seen <= size else None
