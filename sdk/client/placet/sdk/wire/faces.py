"""Face events to protobuf, answers from protobuf: the hot half of the wire.

Owns the check of what a caller asks (so that one bad event never spoils a batch it was merged into), the message, and
the record of what was asked that the entry is compared with. Never fills in what the service should: an event that is
repeated must be the same message.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from placet.api.common.v1 import evidence_pb2
from placet.api.permission.v1 import permission_pb2 as pb
from placet.evidence.entryview import EventView
from placet.evidence.terms import MAX_INT
from placet.sdk.errors import Invalid
from placet.sdk.ids import CODED_ID, coded_id, micros, uuid_text
from placet.sdk.model.faces import Checked, Customer, Decision, PermitWish
from placet.sdk.proofs import EventAsked, refuse
from placet.sdk.subject import MAX_CUSTOMER_BYTES, SubjectReferences
from placet.sdk.trust import Tree
from placet.sdk.vocabulary import Operation, Verdict
from placet.sdk.wire.words import AUDIENCE, INFERENCE, NATIONAL_CHANNEL, OPERATION, REASON, STORAGE, VERDICT
from placet.tlog.proof import RangeProof

MAX_PERMIT_USES: Final = 1_000
MAX_PERMIT_LIFETIME: Final = 86_400
_is_code = CODED_ID.fullmatch
_NO_PERMIT: Final = pb.PermitWish(wanted=pb.PermitWish.WANTED_NO)
_ALLOW, _DENY = Verdict.ALLOW, Verdict.DENY
_VAULT: Final = STORAGE.numbers["vault"]
_EXPORT: Final = OPERATION.numbers["export"]
_wishes: dict[PermitWish, pb.PermitWish] = {}


class Asked(EventAsked):
    """One event on its way: its message besides what its entry is compared with."""

    __slots__ = ("message",)

    message: pb.FaceEvent


class Desk:
    """Makes messages of events: knows the reference keys and how to make ids and times."""

    __slots__ = ("_new_id", "_references", "_wall")

    def __init__(
        self, references: SubjectReferences | None, new_id: Callable[[], str], wall: Callable[[], int]
    ) -> None:
        self._references = references
        self._new_id = new_id
        self._wall = wall

    def ask(
        self,
        customer: Customer | None,
        purpose: str,
        device: str,
        operation: Operation,
        site: str | None,
        basis: int | None,
        inference: str | None,
        storage: str | None,
        egress: bool,
        disclosure: bool,
        sale_or_profit: bool,
        scraped_source: bool,
        national_channel: str | None,
        occurred: datetime | int | None,
        offline: bool,
        frame: str | UUID | None,
        event_id: str | UUID | None,
        permit: PermitWish | None,
    ) -> Asked:
        """Return the message of an event and what its entry must say; raises Invalid naming the argument.

        Without an id of the caller's the event gets a fresh one and, unless told, this moment by the caller's clock.
        With one, `occurred` None is left to the service, so that repeating the call repeats the same request.
        """
        asked = Asked()
        asked.named = event_id is not None
        asked.id = uuid_text("event_id", event_id) if event_id is not None else self._new_id()
        if occurred is not None:
            asked.occurred = micros("occurred", occurred)
        else:
            asked.occurred = 0 if event_id is not None else self._wall() // 1_000
        if not (_is_code(purpose) and _is_code(device)):
            coded_id("purpose", purpose)
            coded_id("device", device)
        asked.purpose, asked.device = purpose, device
        asked.site = coded_id("site", site) if site else ""
        number = OPERATION.number("operation", operation)
        asked.operation = operation
        stored: Any = STORAGE.number("storage", storage) if storage else 0
        asked.egress = egress or number == _EXPORT or stored == _VAULT
        asked.offline = offline
        asked.frame = uuid_text("frame", frame) if frame is not None else None
        asked.basis = basis
        wish = _NO_PERMIT if permit is None else _wishes.get(permit) or _wish(permit)
        asked.max_uses, asked.lifetime = (wish.max_uses, wish.lifetime) if permit is not None else (0, 0)
        asked.seen = ()
        message = asked.message = pb.FaceEvent(
            id=asked.id,
            purpose=purpose,
            device=device,
            operation=number,
            occurred=asked.occurred,
            permit=wish,
        )
        if customer is not None:
            message.subject = self.subject(customer)
        if basis is not None:
            if not 0 <= basis <= MAX_INT:
                raise Invalid("FIELD_INVALID", "basis is the ordinal of a basis, 0 or more", field="basis")
            message.basis = basis
        if site:
            message.site = site
        if asked.frame:
            message.frame = asked.frame
        if stored:
            message.storage = stored
        if inference:
            message.inference = INFERENCE.number("inference", inference)
        if national_channel:
            message.national_channel = NATIONAL_CHANNEL.number("national_channel", national_channel)
        if egress or disclosure or sale_or_profit or scraped_source or offline:
            message.egress, message.disclosure, message.offline = egress, disclosure, offline
            message.sale_or_profit, message.scraped_source = sale_or_profit, scraped_source
        return asked

    def subject(self, customer: Customer) -> bytes:
        """Return the subject reference of a customer id, or a reference as it is."""
        if isinstance(customer, bytes):
            return subject_bytes(customer)
        return self._keys().reference(customer)

    def subjects(self, customer: Customer) -> tuple[bytes, ...]:
        """Return the references under every key: whom this customer may be known as."""
        return (subject_bytes(customer),) if isinstance(customer, bytes) else self._keys().references(customer)

    def _keys(self) -> SubjectReferences:
        if self._references is None:
            raise Invalid(
                "CONFIG_INVALID", "customers are named by reference keys; configure `references`", field="customer"
            )
        return self._references


def subject_bytes(reference: bytes) -> bytes:
    """Return a subject reference unchanged; raises Invalid if it is empty or longer than 64 bytes."""
    if not 1 <= len(reference) <= 64:
        raise Invalid(
            "FIELD_INVALID",
            f"a subject reference has 1 to 64 bytes; a customer id is text of at most {MAX_CUSTOMER_BYTES} bytes",
            field="customer",
        )
    return reference


def _wish(permit: PermitWish) -> pb.PermitWish:
    if not 1 <= permit.max_uses <= MAX_PERMIT_USES:
        raise Invalid(
            "FIELD_INVALID", f"a permit has 1 to {MAX_PERMIT_USES} uses, not {permit.max_uses}", field="permit.max_uses"
        )
    if not 0 <= permit.lifetime <= MAX_PERMIT_LIFETIME:
        raise Invalid("FIELD_INVALID", f"a permit lasts at most {MAX_PERMIT_LIFETIME} seconds", field="permit.lifetime")
    wish = pb.PermitWish(
        wanted=pb.PermitWish.WANTED_YES,
        audience=AUDIENCE.number("permit.audience", permit.audience),
        max_uses=permit.max_uses,
        lifetime=permit.lifetime,
    )
    if len(_wishes) < 1_024:
        _wishes[permit] = wish
    return wish


def decision_of(asked: EventAsked, view: EventView, answer: pb.Answer, tree: Tree) -> Decision:
    """Return the decision of a verified entry; raises ProofError where the answer around it says otherwise."""
    allowed = view.allowed
    permit = answer.permit or None
    if VERDICT.words.get(answer.verdict) is not (_ALLOW if allowed else _DENY):
        refuse(f"the answer and the entry of event {asked.id} differ in the verdict", tree, {"entry": answer.entry})
    if permit is not None and view.max_uses is None:
        refuse(f"a permit came with event {asked.id}, which grants none", tree, {"entry": answer.entry})
    return Decision(
        id=asked.id,
        verdict=_ALLOW if allowed else _DENY,
        reasons=view.reasons,
        index=view.i,
        at=view.t,
        basis=view.basis,
        decision=view.decision,
        permitted_by=tuple(answer.permitted_by),
        forbidden_by=tuple(answer.forbidden_by),
        alternative=answer.alternative or None,
        permit=permit,
        permit_until=view.not_after,
        repeated=answer.repeated,
        entry=answer.entry,
        checkpoint=tree.note,
    )


def checked_of(answer: pb.CheckResponse) -> Checked:
    """Return what a Check said."""
    return Checked(
        verdict=VERDICT.word(answer.verdict),
        reasons=tuple(REASON.word(number) for number in answer.reasons),
        permitted_by=tuple(answer.permitted_by),
        forbidden_by=tuple(answer.forbidden_by),
        alternative=answer.alternative or None,
    )


def runs_of(proofs: Iterable[evidence_pb2.RangeProof]) -> list[RangeProof]:
    """Return the range proofs of a batch answer."""
    return [RangeProof(begin=one.begin, end=one.end, left=tuple(one.left), right=tuple(one.right)) for one in proofs]
