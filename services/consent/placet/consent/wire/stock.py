"""The count of stored persons inside the mesh: bytes of protobuf to the model and back.

Owns: the mapping of vault's stock.proto, as asked, and of consent's count.proto, as answered.
Never: trusts the request's controller: it must be the one of the subject the request came in on.
"""

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from placet.api.consent.v1 import count_pb2 as pb
from placet.api.vault.v1 import stock_pb2
from placet.consent.errors import Invalid, Unavailable
from placet.consent.model.vocabulary import BasisOrdinal, Controller, Instant
from placet.consent.policy.stock import Range, Stock, StockChange


def request(data: bytes, controller: str) -> Controller:
    """Return whose stock is asked for. Raises Invalid for no CountRequest, or another controller than the subject's."""
    try:
        asked = pb.CountRequest.FromString(data)
    except DecodeError:
        raise Invalid("request", "The request is no CountRequest.", reason="REQUEST_MALFORMED") from None
    if asked.controller != controller:
        raise Invalid(
            "controller", f"controller is {asked.controller!r}, but the request came in on another's subject."
        )
    return Controller(controller)


def answer(stock: Stock) -> bytes:
    """Return the answer as bytes."""
    days = [pb.DayCount(day=one.day.isoformat(), peak=_range(one.peak), close=_range(one.close)) for one in stock.days]
    return pb.CountResponse(stored=_range(stock.stored), days=days, unlinked=stock.unlinked).SerializeToString()


def changes_request(controller: str, after: int, limit: int) -> bytes:
    """Return the question to the vault as bytes."""
    return stock_pb2.StockRequest(controller=controller, after=after, limit=limit).SerializeToString()


def changes(data: bytes) -> tuple[Sequence[StockChange], int]:
    """Return the vault's changes and the number of the latest. Raises Unavailable for bytes that are no answer."""
    try:
        told = stock_pb2.StockResponse.FromString(data)
    except DecodeError:
        raise Unavailable("DEPENDENCY_UNAVAILABLE", "The vault's answer was not understood.") from None
    found = [
        StockChange(number=one.number, basis=BasisOrdinal(one.basis), stored=one.stored, at=Instant(one.at))
        for one in told.changes
    ]
    return found, told.last


def _range(found: Range) -> pb.PersonRange:
    return pb.PersonRange(low=found.low, high=found.high)
