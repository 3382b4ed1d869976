"""Protobuf to model and back: total, and nothing else.

Owns: the checks that need only the request's own fields, each error naming its field by its path in the request.
Never: decides, logs or keeps a request. Messages: placet/api/vault/v1/vault.proto.
"""

import re
from uuid import UUID

from google.protobuf.message import DecodeError

from placet.api.common.v1 import evidence_pb2
from placet.api.vault.v1 import stock_pb2, vault_pb2
from placet.evidence.terms import BasisOrdinal, Micros
from placet.kit.errors import Invalid
from placet.vault.errors import TemplateInvalid
from placet.vault.model import Compared, Enrolled, Holdings, Receipt, Stock, UseCommand, reason_code
from placet.vault.template import Holding, Template, TemplateFacts, read_template

MAX_PERMIT_CHARS = 8_192
MAX_SAFE = 2**53 - 1
MAX_CHANGES = 10_000
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def enrol_from_pb(request: vault_pb2.EnrolRequest, deadline: int, certificate: str | None = None) -> UseCommand:
    """Return the command of an EnrolRequest; `deadline` is unix microseconds. Raises Invalid naming the field."""
    return UseCommand(
        controller=request.controller,
        id=_uuid(request.id, "id"),
        permit=_permit(request.permit),
        template=_template(request.template, "template", present=request.HasField("template")),
        seen=_position(request.seen, "seen"),
        deadline=Micros(deadline),
        certificate=certificate,
    )


def match_from_pb(request: vault_pb2.MatchRequest, deadline: int, certificate: str | None = None) -> UseCommand:
    """Return the command of a MatchRequest; `deadline` is unix microseconds. Raises Invalid naming the field."""
    return UseCommand(
        controller=request.controller,
        id=_uuid(request.id, "id"),
        permit=_permit(request.permit),
        template=_template(request.probe, "probe", present=request.HasField("probe")),
        seen=_position(request.seen, "seen"),
        deadline=Micros(deadline),
        certificate=certificate,
    )


def destroy_from_pb(request: vault_pb2.DestroyRequest) -> tuple[str, BasisOrdinal, str]:
    """Return controller, basis and reason. Raises Invalid naming the field."""
    return request.controller, basis_from_pb(request.basis), reason_code(request.reason)


def holding_from_pb(request: vault_pb2.GetHoldingRequest) -> tuple[str, BasisOrdinal]:
    """Return controller and basis. Raises Invalid naming the field."""
    return request.controller, basis_from_pb(request.basis)


def basis_from_pb(basis: int) -> BasisOrdinal:
    """Return a basis ordinal. Raises Invalid beyond 2^53-1."""
    return BasisOrdinal(_position(basis, "basis"))


def enrolled_to_pb(enrolled: Enrolled) -> vault_pb2.EnrolResponse:
    """Return the answer of Enrol."""
    return vault_pb2.EnrolResponse(
        template_id=str(enrolled.template_id), basis=enrolled.basis, receipt=receipt_to_pb(enrolled.receipt)
    )


def compared_to_pb(compared: Compared) -> vault_pb2.MatchResponse:
    """Return the answer of Match."""
    return vault_pb2.MatchResponse(match=compared.match, score=compared.score, receipt=receipt_to_pb(compared.receipt))


def destroyed_to_pb(receipts: tuple[Receipt, ...]) -> vault_pb2.DestroyResponse:
    """Return the answer of Destroy: one receipt a template."""
    return vault_pb2.DestroyResponse(destroyed=len(receipts), receipts=[receipt_to_pb(one) for one in receipts])


def holdings_to_pb(holdings: Holdings) -> vault_pb2.GetHoldingResponse:
    """Return the answer of GetHolding."""
    return vault_pb2.GetHoldingResponse(
        holdings=[_holding_to_pb(one) for one in holdings.holdings], destroyed=holdings.destroyed
    )


def receipt_to_pb(receipt: Receipt) -> evidence_pb2.LedgerReceipt:
    """Return an entry with its proof and the checkpoint it is proven against."""
    consistency = None
    if receipt.consistency is not None:
        old_size, hashes = receipt.consistency
        consistency = evidence_pb2.ConsistencyProof(old_size=old_size, hashes=hashes)
    return evidence_pb2.LedgerReceipt(
        entry=evidence_pb2.ProvenEntry(
            index=receipt.index, entry=receipt.entry, leaf_hash=receipt.leaf_hash, proof=receipt.proof
        ),
        checkpoint=evidence_pb2.Checkpoint(note=receipt.note, tree_size=receipt.tree_size, consistency=consistency),
    )


def stock_request(data: bytes, controller: str) -> tuple[int, int]:
    """Return after which number, and how many changes are wanted. Raises Invalid, also for another's controller."""
    try:
        asked = stock_pb2.StockRequest.FromString(data)
    except DecodeError:
        raise Invalid("request", "is no StockRequest", reason="REQUEST_MALFORMED") from None
    if asked.controller != controller:
        raise Invalid("controller", f"is {asked.controller!r}, but the request came in on another's subject")
    if not 1 <= asked.limit <= MAX_CHANGES:
        raise Invalid("limit", f"must be 1 to {MAX_CHANGES}")
    return _position(asked.after, "after"), asked.limit


def stock_answer(stock: Stock) -> bytes:
    """Return the answer as bytes."""
    changes = [
        stock_pb2.StockChange(number=one.number, basis=one.basis, stored=one.stored, at=one.at) for one in stock.changes
    ]
    return stock_pb2.StockResponse(changes=changes, last=stock.last).SerializeToString()


def _holding_to_pb(holding: Holding) -> vault_pb2.Holding:
    return vault_pb2.Holding(
        template_id=str(holding.template_id),
        model_id=holding.facts.model_id,
        dimension=holding.facts.dimension,
        quality=holding.facts.quality,
        enrolled_at=holding.enrolled_at,
    )


def _template(message: vault_pb2.Template, field: str, *, present: bool) -> Template:
    if not present:
        raise Invalid(field, f"the request must have a {field}", reason="FIELD_MISSING")
    try:
        facts = TemplateFacts(
            model_id=message.model_id,
            model_sha256=message.model_sha256,
            dimension=message.dimension,
            quality=message.quality,
            captured_at=Micros(message.captured_at),
        )
        return read_template(message.vector, facts)
    except TemplateInvalid as error:
        raise TemplateInvalid(f"{field}.{error.field}", f"{field}.{error.field} {error.message}") from None


def _uuid(text: str, field: str) -> UUID:
    if not text:
        raise Invalid(field, f"the request must have an {field}: a UUID", reason="FIELD_MISSING")
    if not _UUID.fullmatch(text):
        raise Invalid(field, f"{field} must be a UUID such as 0197f2e4-7a1c-7000-8000-000000000000")
    return UUID(text)


def _permit(text: str) -> str:
    if not text:
        raise Invalid("permit", "the request must have a permit: ask Authorize for one", reason="FIELD_MISSING")
    if len(text) > MAX_PERMIT_CHARS:
        raise Invalid("permit", f"a permit has at most {MAX_PERMIT_CHARS} characters", reason="FIELD_TOO_LARGE")
    return text


def _position(value: int, field: str) -> int:
    if value > MAX_SAFE:
        raise Invalid(field, f"{field} must be at most 2^53-1")
    return value
