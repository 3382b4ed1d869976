"""Reading the ledger: checkpoints, entries, bundles, search, export. All proven, but search results: they are an index.

An export is proven message by message: within one, each entry names its predecessor's hash; its last one is proven by
inclusion. Needs a token with the role auditor, dpo or regulator (checkpoints: any role).
"""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc.aio

from placet.api.audit.v1 import audit_pb2 as pb
from placet.api.permission.v1 import permission_pb2 as permission
from placet.evidence.canonical import b64url
from placet.evidence.errors import EvidenceError
from placet.evidence.kinds import Decision as DecisionEntry
from placet.evidence.verify import Verifier
from placet.sdk.aio.base import Area
from placet.sdk.aio.proving import prove_any
from placet.sdk.errors import Forbidden, Invalid, ProofError
from placet.sdk.model.explaining import Explanation
from placet.sdk.model.faces import Decision
from placet.sdk.model.ledger import ControllerDetails, Filter, LedgerEntry, LogCheckpoint, Page, ProofBundle, Receipt
from placet.sdk.proofs import refuse
from placet.sdk.transport import methods
from placet.sdk.transport.status import error_of
from placet.sdk.trust import Tree
from placet.sdk.vocabulary import LeafIndex
from placet.sdk.wire.explaining import explanation_of
from placet.sdk.wire.ledger import controller_of, filter_to_pb
from placet.tlog.errors import TlogError
from placet.tlog.hashing import leaf_hash
from placet.tlog.proof import verify_consistency

MAX_PAGE = 500


class Ledger(Area):
    """The controller's log, as its auditors read it."""

    async def checkpoint(self, *, timeout: float | None = None) -> LogCheckpoint:
        """Return the newest checkpoint, proven to be on one line with everything this client has seen.

        Where witnesses are configured it is the newest that a quorum cosigned, unless this client has seen a newer one.
        """
        deadline = self._session.deadline(timeout)
        request = pb.GetCheckpointRequest(controller=self.controller)
        answer, anchor = await self._session.ask(methods.GET_CHECKPOINT, request, deadline)
        return self._checkpoint(await self._session.believe(answer.checkpoint, deadline, anchor=anchor))

    async def consistency(self, note: str, *, timeout: float | None = None) -> LogCheckpoint:
        """Prove that an older checkpoint (a signed note) is the beginning of the newest, which is returned.

        Raises ProofError (LOG_FORKED) with both checkpoints and the proof if it is not.
        """
        deadline = self._session.deadline(timeout)
        old = self._session.trust.open(note)
        newest = await self._at_least(old.size, deadline)
        if old.size > newest.size:
            raise ProofError(
                "LOG_FORKED",
                f"the log had {old.size} entries and now claims {newest.size}",
                held=note,
                answered=newest.note,
            )
        request = pb.GetConsistencyRequest(controller=self.controller, old_size=old.size, new_size=newest.size)
        answer = await self._session.call(methods.GET_CONSISTENCY, request, deadline)
        hashes = list(answer.proof.hashes)
        try:
            verify_consistency(old.size, old.root, newest.size, newest.root, hashes)
        except TlogError as error:
            message = f"the checkpoint of {old.size} entries is not the beginning of that of {newest.size}: {error}"
            raise ProofError("LOG_FORKED", message, held=note, answered=newest.note, proof=hashes) from error
        return newest

    async def entry(self, index: int, *, timeout: float | None = None) -> Receipt:
        """Return one entry with its proof."""
        deadline = self._session.deadline(timeout)
        request = pb.GetEntryRequest(controller=self.controller, index=index)
        answer = await self._session.call(methods.GET_ENTRY, request, deadline)
        return await prove_any(self._session, answer.receipt, index, deadline)

    async def explain(self, decision: Decision | int, *, timeout: float | None = None) -> Explanation:
        """Return what the articles of a decision say, of an answer or at that ledger index: `print(found.text())`.

        Any role that may authorize or read will do; the facts are there for a token that may read entries. Raises
        Invalid for the index of another entry, e.g. the event's own.
        """
        index = decision.decision if isinstance(decision, Decision) else decision
        deadline = self._session.deadline(timeout)
        request = permission.ExplainDecisionRequest(controller=self.controller, decision=index)
        answer = await self._session.call(methods.EXPLAIN_DECISION, request, deadline)
        try:
            entry = (await self.entry(index, timeout=timeout)).content()
        except Forbidden:
            entry = None
        if not answer.articles and entry is not None and not isinstance(entry, DecisionEntry):
            message = f"entry {index} is no decision; give an answer, or the index in its `decision`"
            raise Invalid("FIELD_INVALID", message, field="decision")
        return explanation_of(answer, entry.context if isinstance(entry, DecisionEntry) else None)

    async def bundle(self, event: int, *, timeout: float | None = None) -> ProofBundle:
        """Return the self-contained evidence for the event at that index, verified as `placet verify` would."""
        deadline = self._session.deadline(timeout)
        request = pb.GetBundleRequest(controller=self.controller, event=event)
        answer = await self._session.call(methods.GET_BUNDLE, request, deadline)
        try:
            report = Verifier(self._session.config.verifiers()).bundle(answer.bundle)
        except (EvidenceError, TlogError) as error:
            raise ProofError("PROOF_INVALID", f"the bundle of event {event} does not verify: {error}") from error
        tree = self._session.trust.open(json.loads(answer.bundle)["checkpoint"])
        await self._session.tie(tree, deadline)
        if report.index != event or report.verdict is None:
            refuse(f"the bundle is of event {report.index}, not {event}", tree)
        return ProofBundle(
            index=report.index,
            verdict=report.verdict,
            reasons=report.reasons,
            basis=report.basis,
            json=answer.bundle,
            proven=report.said,
            unproven=report.unsaid,
        )

    async def search_page(
        self,
        wanted: Filter | None = None,
        *,
        cursor: str | None = None,
        page_size: int = 50,
        timeout: float | None = None,
    ) -> Page:
        """Return one page of entries that match, newest first; not proven, prove what matters with `entry`."""
        if not 1 <= page_size <= MAX_PAGE:
            raise Invalid("FIELD_INVALID", f"a page has 1 to {MAX_PAGE} entries", field="page_size")
        request = pb.SearchRequest(
            controller=self.controller,
            filter=filter_to_pb(wanted or Filter()),
            page_size=page_size,
            cursor=cursor or "",
        )
        answer = await self._session.call(methods.SEARCH, request, self._session.deadline(timeout))
        return Page(
            found=tuple(LedgerEntry(index=LeafIndex(one.index), entry=one.entry) for one in answer.found),
            next_cursor=answer.next_cursor or None,
            complete_to=answer.complete_to,
            tree_size=answer.tree_size,
        )

    async def search(
        self, wanted: Filter | None = None, *, page_size: int = 50, timeout: float | None = None
    ) -> AsyncIterator[LedgerEntry]:
        """Yield every entry that matches, newest first, page by page; `timeout` is for each page."""
        cursor: str | None = None
        while True:
            page = await self.search_page(wanted, cursor=cursor, page_size=page_size, timeout=timeout)
            for one in page.found:
                yield one
            cursor = page.next_cursor
            if cursor is None:
                return

    async def export(
        self, begin: int = 0, end: int | None = None, *, timeout: float | None = None
    ) -> AsyncIterator[LedgerEntry]:
        """Yield the entries [begin, end) in order (end None: to the newest checkpoint), each proven before it is given.

        `timeout` is for each proof; the stream itself may take as long as its reader.
        """
        if end is None:
            end = (await self.checkpoint(timeout=timeout)).size
        request = pb.ExportRequest(controller=self.controller, begin=begin, end=end)
        call = self._session.channels.server_stream(methods.EXPORT)(request, metadata=self._session.metadata())
        at = begin
        try:
            async for message in call:
                if message.HasField("checkpoint"):
                    await self._session.believe(message.checkpoint, self._session.deadline(timeout))
                if not message.entries:
                    continue
                if message.begin != at or at + len(message.entries) > end:
                    raise ProofError("PROOF_INVALID", f"the export goes on at {message.begin}, not at {at}")
                await self._prove_run(at, message.entries, timeout)
                for entry in message.entries:
                    yield LedgerEntry(index=LeafIndex(at), entry=entry)
                    at += 1
        except grpc.aio.AioRpcError as failure:
            raise error_of(failure) from failure
        finally:
            call.cancel()
        if at != end:
            raise ProofError("PROOF_INVALID", f"the export ends at {at}, not at {end}")

    async def get_controller(self, *, timeout: float | None = None) -> ControllerDetails:
        """Return what audit says of this controller's log; raises ProofError if no pinned key signs it now."""
        request = pb.GetControllerRequest(controller=self.controller)
        answer = await self._session.call(methods.GET_CONTROLLER, request, self._session.deadline(timeout))
        details = controller_of(answer.details)
        config = self._session.config
        pinned = {vkey.strip() for vkey in (config.log_vkey, *config.more_log_vkeys)}
        if pinned.isdisjoint(details.signing_keys):
            named = ", ".join(details.signing_keys)
            raise ProofError("PROOF_INVALID", f"audit names other keys than the pinned ones: {named}")
        return details

    async def tile(self, path: str, *, timeout: float | None = None) -> bytes:
        """Return one resource of the log's C2SP tree by its path, unproven: its readers verify tiles themselves."""
        request = pb.GetTileRequest(controller=self.controller, path=path)
        answer = await self._session.call(methods.GET_TILE, request, self._session.deadline(timeout))
        return answer.content

    async def _at_least(self, size: int, deadline: float) -> LogCheckpoint:
        """Return a checkpoint of at least so many entries, or the newest if the log claims to have fewer."""
        request = pb.GetCheckpointRequest(controller=self.controller, seen=size)
        answer = await self._session.call(methods.GET_CHECKPOINT, request, deadline)
        tree = self._session.trust.open(answer.checkpoint.note, answer.checkpoint.tree_size)
        await self._session.tie(tree, deadline)
        return self._checkpoint(tree)

    async def _prove_run(self, begin: int, entries: Sequence[bytes], timeout: float | None) -> None:
        last = begin + len(entries) - 1
        proven = await self.entry(last, timeout=timeout)
        if proven.entry != entries[-1]:
            raise ProofError("PROOF_INVALID", f"the exported entry {last} is not the proven one")
        for at in range(len(entries) - 1, 0, -1):
            if _prev(entries[at]) != b64url(leaf_hash(entries[at - 1])):
                raise ProofError("PROOF_INVALID", f"the exported entry {begin + at - 1} breaks the hash chain")

    def _checkpoint(self, tree: Tree) -> LogCheckpoint:
        return LogCheckpoint(origin=self._session.trust.origin, size=tree.size, root=tree.root, note=tree.note)


def _prev(entry: bytes) -> Any:
    """Return the predecessor's hash in an entry that is proven, so that its JSON is canonical."""
    return json.loads(entry).get("prev")
