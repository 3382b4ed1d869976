"""Protobuf to model and back, for the audit service: total and checked, so that nothing malformed gets past it.

Raises Invalid naming the field. Owns the search cursor: the index of the last row shown, as decimal text.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from placet.api.audit.v1 import audit_pb2 as pb
from placet.api.common.v1 import evidence_pb2, vocabulary_pb2
from placet.audit.model import Log, LogKey, LogState
from placet.audit.reading import Consistency, Proven, Signed
from placet.audit.search import Page, Query
from placet.evidence.bundle import ProvenStatus
from placet.evidence.reasons import Reason
from placet.kit.errors import Invalid

MAX_TIME: Final = 2**53 - 1
MAX_ID: Final = 64
MAX_PAGE: Final = 500
CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
DEFAULT_PAGE: Final = 50
KINDS: Final = frozenset({"grant", "amend", "withdraw", "decision", "event", "use", "outcome", "record", "state"})
_STATES: Final = {LogState.OPEN: pb.CONTROLLER_STATE_OPEN, LogState.CLOSED: pb.CONTROLLER_STATE_CLOSED}


def controller_to_pb(log: Log, signers: Sequence[LogKey]) -> pb.Controller:
    """Return the public face of a log; `signers` are the keys that sign its newest checkpoint, the older first."""
    return pb.Controller(
        controller=log.controller,
        origin=log.origin,
        verifier_key=log.keys[-1].vkey,
        state=_STATES[log.state],
        created_at=log.created_at,
        signing_keys=[key.vkey for key in signers],
    )


def checkpoint_to_pb(signed: Signed, consistency: Consistency | None = None) -> evidence_pb2.Checkpoint:
    """Return a signed checkpoint, with the proof from what the caller saw if it saw something."""
    message = evidence_pb2.Checkpoint(note=signed.note, tree_size=signed.size)
    if consistency is not None:
        message.consistency.CopyFrom(consistency_to_pb(consistency))
    return message


def consistency_to_pb(proof: Consistency) -> evidence_pb2.ConsistencyProof:
    """Return a consistency proof."""
    return evidence_pb2.ConsistencyProof(old_size=proof.old_size, hashes=proof.hashes)


def receipt_to_pb(proven: Proven, signed: Signed, consistency: Consistency | None = None) -> evidence_pb2.LedgerReceipt:
    """Return an entry with its proof and the checkpoint it is proven against."""
    entry = evidence_pb2.ProvenEntry(index=proven.index, entry=proven.entry, leaf_hash=proven.leaf, proof=proven.proof)
    return evidence_pb2.LedgerReceipt(entry=entry, checkpoint=checkpoint_to_pb(signed, consistency))


def status_to_pb(status: ProvenStatus | None) -> pb.BasisStatus | None:
    """Return a basis's status with its proof, None if there is no such basis."""
    if status is None:
        return None
    return pb.BasisStatus(
        basis=status.ordinal, granted=status.granted, ended=status.ended, history=status.history, proof=status.proof
    )


def query_from_pb(message: pb.Filter) -> Query:
    """Return the query that a filter asks for; raises Invalid naming the field."""
    if message.kind and message.kind not in KINDS:
        raise Invalid("filter.kind", f"{message.kind[:40]!r} is no kind of entry; one of {', '.join(sorted(KINDS))}")
    return Query(
        since=_time("filter.from", getattr(message, "from")),
        until=_time("filter.until", message.until),
        kind=message.kind or None,
        verdict=_verdict(message.verdict),
        reason=_reason(message.reason),
        purpose=_id("filter.purpose", message.purpose),
        site=_id("filter.site", message.site),
        device=_id("filter.device", message.device),
        basis=_basis(message) if message.HasField("basis") else None,
    )


def page_size(asked: int) -> int:
    """Return the number of rows of a page."""
    if asked > MAX_PAGE:
        raise Invalid("page_size", f"a page has at most {MAX_PAGE} rows, not {asked}")
    return asked or DEFAULT_PAGE


def cursor_from_pb(cursor: str) -> int | None:
    """Return the index that a cursor stands for; None for the first page."""
    if not cursor:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 16):
        raise Invalid("cursor", "not a cursor of this service; pass on next_cursor as it came", reason="CURSOR_INVALID")
    return int(cursor)


def _time(field: str, value: int) -> int | None:
    if not 0 <= value <= MAX_TIME:
        raise Invalid(field, "a time is microseconds since 1970 UTC, 0 to 2**53 - 1")
    return value or None


def _id(field: str, value: str) -> str | None:
    if len(value) > MAX_ID:
        raise Invalid(field, f"an id has at most {MAX_ID} characters", reason="FIELD_TOO_LARGE")
    return value or None


def _basis(message: pb.Filter) -> int:
    if message.basis > MAX_TIME:
        raise Invalid("filter.basis", "an ordinal is 0 to 2**53 - 1")
    return message.basis


def _verdict(value: "vocabulary_pb2.Verdict.ValueType") -> str | None:
    if value not in vocabulary_pb2.Verdict.values():
        raise Invalid("filter.verdict", f"{value} is no verdict")
    return {vocabulary_pb2.VERDICT_ALLOW: "allow", vocabulary_pb2.VERDICT_DENY: "deny"}.get(value)


def _reason(value: "vocabulary_pb2.Reason.ValueType") -> Reason | None:
    if value not in vocabulary_pb2.Reason.values():
        raise Invalid("filter.reason", f"{value} is no reason")
    return Reason(vocabulary_pb2.Reason.Name(value).removeprefix("REASON_")) if value else None


def code(field: str, value: str) -> str:
    """Return a code: 1 to 64 of letters, digits and `._:-`; raises Invalid."""
    if not CODE.fullmatch(value):
        raise Invalid(field, "give a code: 1 to 64 of letters, digits and ._:- (never free text)")
    return value


def page_to_pb(page: Page, entries: Mapping[int, bytes], size: int) -> pb.SearchResponse:
    """Return a page of what was found, with the entries themselves."""
    return pb.SearchResponse(
        found=[pb.Found(index=index, entry=entries[index]) for index in page.indexes],
        next_cursor=str(page.indexes[-1]) if page.more else "",
        complete_to=page.complete_to,
        tree_size=size,
    )
