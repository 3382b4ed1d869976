"""A stub of the services on a real grpc.aio server, over a `LittleLog`: answers with valid proofs, or lies as told.

`lie(name, response)` may change every answer before it is sent; `fail(name, request)` may return a status to abort
with. Run as a program it serves on a free port (printed, with the verifier key) until its input closes: for measuring
the SDK in a process of its own.
"""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio
from integration.sdk.little_log import LittleLog

from placet.api.audit.v1 import audit_pb2, audit_pb2_grpc
from placet.api.common.v1 import vocabulary_pb2
from placet.api.permission.v1 import permission_pb2, permission_pb2_grpc
from placet.evidence.kinds import Event, EventPermit
from placet.evidence.reasons import ORDER
from placet.sdk.wire.words import OPERATION, REASON

PERMIT = "e30." + "x" * 900 + ".sig"
Lie = Callable[[str, Any], Any]


class LittleMesh(permission_pb2_grpc.PermissionServiceServicer, audit_pb2_grpc.AuditServiceServicer):
    """The answers of permission and audit."""

    def __init__(self, log: LittleLog | None = None) -> None:
        self.log = log or LittleLog()
        self.calls: list[tuple[str, int]] = []
        self.metadata: list[dict[str, str]] = []
        self.requests: list[Any] = []
        self.outcomes: list[tuple[int, str]] = []
        self.known: dict[str, int] = {}
        self.deny: dict[str, tuple[str, ...]] = {}
        """Reasons for which events of a purpose are denied."""
        self.lie: Lie = lambda _, response: response
        self.fail: Callable[[str, Any], Any] = lambda *_: None
        self.wait: Callable[[str, Any], Any] = lambda *_: None
        self.audit_log: LittleLog | None = None
        # Size of the newest checkpoint that witnesses cosigned, if there are any.
        self.cosigned: int | None = None
        """What audit answers from, if another history than permission's."""

    async def start(self) -> str:
        self.server = grpc.aio.server()
        permission_pb2_grpc.add_PermissionServiceServicer_to_server(self, self.server)
        audit_pb2_grpc.add_AuditServiceServicer_to_server(self, self.server)
        self.extend(self.server)
        port = self.server.add_insecure_port("127.0.0.1:0")
        await self.server.start()
        return f"127.0.0.1:{port}"

    def extend(self, server: grpc.aio.Server) -> None:
        """Add further services."""

    async def stop(self) -> None:
        await self.server.stop(None)

    async def answer(self, name: str, request: Any, context: Any, count: int, make: Callable[[], Any]) -> Any:
        self.calls.append((name, count))
        self.metadata.append(dict(context.invocation_metadata() or ()))
        self.requests.append(request)
        failure = self.fail(name, request)
        if failure is not None:
            await context.abort_with_status(failure)
        response = make()
        waiting = self.wait(name, request)
        if waiting is not None:
            await waiting
        return self.lie(name, response)

    async def Authorize(self, request: Any, context: Any) -> Any:
        def make() -> Any:
            answers = self.decide([request.event], request.seen, permits=True)
            index = answers[0].index
            checkpoint = self.log.checkpoint(request.seen)
            proof = self.log.inclusion(index)
            return permission_pb2.AuthorizeResponse(answer=answers[0], proof=proof, checkpoint=checkpoint)

        return await self.answer("Authorize", request, context, 1, make)

    async def AuthorizeBatch(self, request: Any, context: Any) -> Any:
        return await self.answer("AuthorizeBatch", request, context, len(request.events), lambda: self.batch(request))

    async def AuthorizeStream(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            yield await self.answer(
                "AuthorizeStream", request, context, len(request.events), lambda request=request: self.batch(request)
            )

    def batch(self, request: Any) -> Any:
        answers = self.decide(request.events, request.seen, permits=False)
        runs = self.log.runs(answer.index for answer in answers)
        return permission_pb2.AuthorizeBatchResponse(
            answers=answers, proofs=runs, checkpoint=self.log.checkpoint(request.seen)
        )

    def decide(self, events: Any, seen: int, *, permits: bool) -> list[Any]:
        answers, before = [], self.log.size
        for event in events:
            repeated = event.id in self.known
            index = self.known[event.id] if repeated else self._event(event, seen)
            answers.append(self._answer(event, index, repeated=repeated))
        if self.log.size > before:
            self.log.state()
        return answers

    def _event(self, event: Any, seen: int) -> int:
        wish, reasons = event.permit, self.deny.get(event.purpose, ())
        wanted = wish.wanted == permission_pb2.PermitWish.WANTED_YES and not reasons
        permit = (
            EventPermit(max_uses=wish.max_uses, not_after=self.log.t + 1 + (wish.lifetime or 60) * 1_000_000)
            if wanted
            else None
        )
        operation = OPERATION.word(event.operation)
        index = self.log.append(
            Event,
            id=event.id,
            frame=event.frame or None,
            basis=event.basis if event.HasField("basis") else 0,
            purpose=event.purpose,
            operation=operation,
            device=event.device,
            site=event.site or "site-1",
            egress=event.egress or event.storage == vocabulary_pb2.STORAGE_VAULT or operation == "export",
            occurred=event.occurred or self.log.t,
            offline=event.offline,
            seen=seen,
            decision=1,
            verdict="deny" if reasons else "allow",
            reasons=tuple(sorted(reasons, key=ORDER.__getitem__)),
            permit=permit,
        )
        self.known[event.id] = index
        return index

    def _answer(self, event: Any, index: int, *, repeated: bool) -> Any:
        reasons = self.deny.get(event.purpose, ())
        wanted = event.permit.wanted == permission_pb2.PermitWish.WANTED_YES and not reasons
        return permission_pb2.Answer(
            verdict=vocabulary_pb2.VERDICT_DENY if reasons else vocabulary_pb2.VERDICT_ALLOW,
            reasons=[REASON.numbers[reason] for reason in reasons],
            permitted_by=["cn-2025/art-5"],
            index=index,
            entry=self.log.entries[index],
            decision=1,
            permit=PERMIT if wanted else "",
            repeated=repeated,
            alternative="counter" if reasons else "",
            basis=0,
        )

    async def Check(self, request: Any, context: Any) -> Any:
        reasons = self.deny.get(request.event.purpose, ())
        response = permission_pb2.CheckResponse(
            verdict=vocabulary_pb2.VERDICT_DENY if reasons else vocabulary_pb2.VERDICT_ALLOW,
            reasons=[REASON.numbers[reason] for reason in reasons],
            alternative="counter" if reasons else "",
        )
        return await self.answer("Check", request, context, 1, lambda: response)

    async def RecordOutcome(self, request: Any, context: Any) -> Any:
        self.outcomes.append((request.of, request.result))
        return await self.answer("RecordOutcome", request, context, 1, permission_pb2.RecordOutcomeResponse)

    async def GetConsistency(self, request: Any, context: Any) -> Any:
        log = self.audit_log or self.log

        def make() -> Any:
            size = request.new_size or log.size
            return audit_pb2.GetConsistencyResponse(
                proof={"old_size": request.old_size, "hashes": log.consistency(request.old_size, size)},
                new_size=size,
                new_root=log.root(size),
                checkpoint=log.checkpoint(),
            )

        return await self.answer("GetConsistency", request, context, 1, make)

    async def GetCheckpoint(self, request: Any, context: Any) -> Any:
        log = self.audit_log or self.log
        return await self.answer(
            "GetCheckpoint",
            request,
            context,
            1,
            lambda: audit_pb2.GetCheckpointResponse(checkpoint=log.checkpoint(request.seen, self._size(request.seen))),
        )

    def _size(self, seen: int) -> int | None:
        """As audit does: the cosigned checkpoint, unless its reader has seen more."""
        return self.cosigned if self.cosigned is not None and seen <= self.cosigned else None


def new_uuid() -> str:
    return str(uuid.uuid4())


async def serve() -> None:
    mesh = LittleMesh()
    mesh.log.grant()
    mesh.log.state()
    print(await mesh.start(), mesh.log.vkey, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await mesh.stop()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve())
