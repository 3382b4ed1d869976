"""Audit's protobuf to views and back; raises Corrupt when audit answers with what cannot be an answer.

Also turns a bundle into the detail of its event: one answer of audit, so one checkpoint. Checks no proof: the gateway
has no pinned key, and its word would not be evidence.
"""

from typing import Any

from placet.api.audit.v1 import audit_pb2 as pb
from placet.api.common.v1 import vocabulary_pb2
from placet.evidence.bundle import ProvenBasis, ProvenEntry, parse_bundle
from placet.evidence.canonical import decode
from placet.evidence.errors import EvidenceError
from placet.evidence.terms import Verdict
from placet.gateway import views
from placet.gateway.model import Query
from placet.kit.errors import Corrupt
from placet.tlog.checkpoint import Checkpoint, parse_checkpoint
from placet.tlog.encoding import encode_base64
from placet.tlog.errors import TlogError
from placet.tlog.note import split_note

_VERDICTS = {
    None: vocabulary_pb2.VERDICT_UNSPECIFIED,
    Verdict.ALLOW: vocabulary_pb2.VERDICT_ALLOW,
    Verdict.DENY: vocabulary_pb2.VERDICT_DENY,
}


def filter_to_pb(query: Query) -> pb.Filter:
    """Return the filter that a query asks for."""
    message = pb.Filter(
        until=query.until or 0,
        kind=query.kind or "",
        purpose=query.purpose or "",
        site=query.site or "",
        device=query.device or "",
        basis=query.basis,
        verdict=_VERDICTS[query.verdict],
        reason=vocabulary_pb2.Reason.Value(f"REASON_{query.reason or 'UNSPECIFIED'}"),
    )
    setattr(message, "from", query.since or 0)
    return message


def page_from_pb(message: pb.SearchResponse) -> views.Page:
    """Return a page of what was found."""
    return views.Page(
        items=[views.Found(index=found.index, entry=entry_of(found.entry)) for found in message.found],
        next_cursor=message.next_cursor or None,
        complete_to=message.complete_to,
        tree_size=message.tree_size,
    )


def entry_from_pb(message: pb.GetEntryResponse) -> views.EntryView:
    """Return an entry with its proof."""
    proven, checkpoint = message.receipt.entry, message.receipt.checkpoint
    return views.EntryView(
        index=proven.index,
        entry=entry_of(proven.entry),
        bytes=encode_base64(proven.entry),
        leaf_hash=encode_base64(proven.leaf_hash),
        proof=[encode_base64(one) for one in proven.proof],
        checkpoint=checkpoint.note,
        tree_size=checkpoint.tree_size,
    )


def checkpoint_from_pb(message: pb.GetCheckpointResponse) -> views.CheckpointView:
    """Return a checkpoint with what its note says."""
    note = message.checkpoint.note
    said = _checkpoint(note)
    return views.CheckpointView(checkpoint=note, origin=said.origin, tree_size=said.size, root=encode_base64(said.root))


def consistency_from_pb(message: pb.GetConsistencyResponse) -> views.ConsistencyView:
    """Return a consistency proof."""
    return views.ConsistencyView(
        old=message.proof.old_size,
        new=message.new_size,
        root=encode_base64(message.new_root),
        proof=[encode_base64(one) for one in message.proof.hashes],
        checkpoint=message.checkpoint.note,
        tree_size=message.checkpoint.tree_size,
    )


def detail_of(bundle: bytes, *, where: str) -> views.EventDetail:
    """Return what a bundle says of its event; `where` is the bundle's own address."""
    try:
        parsed = parse_bundle(bundle)
    except EvidenceError as error:
        raise _corrupt("a bundle") from error
    entry, ruling = entry_of(parsed.event.entry), _ruling(parsed.decision)
    return views.EventDetail(
        index=parsed.event.index,
        verdict=entry["verdict"],
        reasons=entry["reasons"],
        articles=ruling.articles,
        entry=entry,
        decision=ruling,
        bases=[_basis(basis) for basis in parsed.bases],
        uses=[_found(use) for use in parsed.uses],
        tree_size=_checkpoint(parsed.checkpoint).size,
        bundle=where,
    )


def entry_of(data: bytes) -> dict[str, Any]:
    """Return an entry as JSON; raises Corrupt unless it is canonical."""
    try:
        entry = decode(data)
    except EvidenceError as error:
        raise _corrupt("an entry") from error
    if not isinstance(entry, dict):
        raise _corrupt("an entry")
    return entry


def _ruling(decision: ProvenEntry) -> views.Ruling:
    entry = entry_of(decision.entry)
    return views.Ruling(
        index=decision.index,
        verdict=entry["verdict"],
        articles=views.Articles(permit=entry["permit"], forbid=entry["forbid"]),
        errors=entry["errors"],
        policies=entry["policies"],
        context=entry["context"],
    )


def _basis(basis: ProvenBasis) -> views.BasisView:
    grant = entry_of(basis.grant.entry)
    return views.BasisView(
        ordinal=basis.status.ordinal,
        form=grant["form"],
        granted=basis.status.granted,
        ended=basis.status.ended,
        grant=grant,
        amends=[_found(amend) for amend in basis.amends],
        withdraw=_found(basis.withdraw) if basis.withdraw else None,
    )


def _found(proven: ProvenEntry) -> views.Found:
    return views.Found(index=proven.index, entry=entry_of(proven.entry))


def _checkpoint(note: str) -> Checkpoint:
    try:
        return parse_checkpoint(split_note(note)[0])
    except TlogError as error:
        raise _corrupt("a checkpoint") from error


def _corrupt(what: str) -> Corrupt:
    return Corrupt("STORAGE_CORRUPT", f"audit answered with {what} that is none; run placet ledger fsck")
