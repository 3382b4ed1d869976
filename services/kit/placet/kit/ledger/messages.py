"""What travels between a service and the sequencer: an append request and its reply, as msgpack arrays.

Owns the wire form of both (ADR 0004), and turning foreign bytes into them: hostile bytes are a typed error that names
the field, never a crash. The service that asks is not in the request: it is the last token of the NATS subject, which
only that service's credentials may publish to.
Never decides anything: the sequencer does. Shapes follow ledger.md section 7.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from placet.evidence import drafts
from placet.evidence.terms import MAX_INT
from placet.kit.bus.failure import Failure
from placet.kit.errors import Invalid, PlacetError

Draft: TypeAlias = (
    drafts.GrantDraft
    | drafts.AmendDraft
    | drafts.WithdrawDraft
    | drafts.EventDraft
    | drafts.UseDraft
    | drafts.OutcomeDraft
    | drafts.RecordDraft
)

MAX_SUBMISSIONS: Final = 512
MAX_KEY: Final = 64

# A decision is not among them: it stands in a request's `decisions` and has no key of its own.
KINDS: Final[Mapping[str, type]] = {
    "grant": drafts.GrantDraft,
    "amend": drafts.AmendDraft,
    "withdraw": drafts.WithdrawDraft,
    "event": drafts.EventDraft,
    "use": drafts.UseDraft,
    "outcome": drafts.OutcomeDraft,
    "record": drafts.RecordDraft,
}
_KIND_OF: Final = {draft: kind for kind, draft in KINDS.items()}

Position: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_INT)]
Micros: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_INT)]
Key: TypeAlias = Annotated[bytes, Meta(min_length=1, max_length=MAX_KEY)]
Hash: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]
Slot: TypeAlias = Annotated[int, Meta(ge=0, lt=MAX_SUBMISSIONS)]

T = TypeVar("T")


class Submission(Struct, array_like=True, frozen=True, gc=False):
    """One entry that a service asks for.

    `key` is the idempotency key (1 to 64 bytes) and `digest` (32 bytes) covers what the caller asked for: the same key
    with another digest is refused. `body` is the encoded draft. `decision` is a place in the request's `decisions`.
    """

    key: Key
    digest: Hash
    kind: str
    body: Raw
    decision: Slot | None = None

    def draft(self) -> Draft:
        """Decode the body as the draft of its kind; raises Invalid naming the field."""
        return decode_draft(self.kind, self.body)


class AppendRequest(Struct, array_like=True, frozen=True):
    """Submissions to one controller's log, in order. `deadline` is in unix microseconds; past it nothing is appended.

    `decisions` are encoded `DecisionDraft`s (`decode_decision`): equal ones come as equal bytes, and are read once.
    `seen` are the distinct tree sizes (not 0) that callers know and want consistency proofs from.
    """

    deadline: Micros
    seen: Annotated[list[Position], Meta(max_length=MAX_SUBMISSIONS)]
    decisions: Annotated[list[Raw], Meta(max_length=MAX_SUBMISSIONS)]
    submissions: Annotated[list[Submission], Meta(min_length=1, max_length=MAX_SUBMISSIONS)]


class Result(Struct, array_like=True, frozen=True, gc=False):
    """What became of one submission: where its entry stands, or why there is none.

    `repeated`: the key was known; this is the entry it stands for. With `error` the other fields mean nothing.
    """

    index: Position = 0
    leaf: bytes = b""
    entry: bytes = b""
    error: Failure | None = None
    repeated: bool = False


class Range(Struct, array_like=True, frozen=True, gc=False):
    """The range proof of one maximal run [begin, end) of the reply's indexes (ledger.md section 1)."""

    begin: Position
    end: Position
    left: tuple[Hash, ...]
    right: tuple[Hash, ...]


class Consistency(Struct, array_like=True, frozen=True, gc=False):
    """The proof that the tree of `seen` leaves begins the reply's tree."""

    seen: Position
    hashes: tuple[Hash, ...]


class AppendReply(Struct, array_like=True, frozen=True):
    """One result per submission, and what proves them all under one checkpoint.

    With `error` nothing was appended and everything else is empty. A `seen` beyond `size` has no consistency proof.
    """

    results: list[Result]
    ranges: list[Range]
    checkpoint: str
    size: Position
    consistency: list[Consistency]
    error: Failure | None = None

    @classmethod
    def failed(cls, error: PlacetError) -> "AppendReply":
        """Return the reply that says nothing was appended, and why."""
        return cls([], [], "", 0, [], Failure.of(error))


_ENCODER: Final = msgspec.msgpack.Encoder()
_REQUEST: Final = msgspec.msgpack.Decoder(AppendRequest)
_DECISION: Final = msgspec.msgpack.Decoder(drafts.DecisionDraft)
_REPLY: Final = msgspec.msgpack.Decoder(AppendReply)
_DRAFTS: Final[Mapping[str, "msgspec.msgpack.Decoder[Draft]"]] = {
    kind: msgspec.msgpack.Decoder(draft) for kind, draft in KINDS.items()
}


def submission(draft: Draft, *, key: bytes, digest: bytes | None = None, decision: int | None = None) -> Submission:
    """Return the submission of a draft. Without `digest` it is the SHA-256 of kind and body.

    Give a digest where the draft holds what the caller did not ask for: `seen`, a deadline, facts derived here.
    """
    kind = _KIND_OF[type(draft)]
    body = _ENCODER.encode(draft)
    if digest is None:
        digest = sha256(kind.encode() + b"\x00" + body).digest()
    return Submission(key, digest, kind, Raw(body), decision)


def encode_decision(draft: drafts.DecisionDraft) -> bytes:
    """Return a decision as it stands in a request (`Raw` of it)."""
    return _ENCODER.encode(draft)


def encode_request(request: AppendRequest) -> bytes:
    """Return the request as bytes."""
    return _ENCODER.encode(request)


def decode_request(data: bytes) -> AppendRequest:
    """Read a request; bodies stay encoded. Raises Invalid naming the field that is malformed."""
    request = _decode(_REQUEST, data, "request")
    decisions = len(request.decisions)
    for number, one in enumerate(request.submissions):
        if one.decision is not None and one.decision >= decisions:
            raise Invalid(
                f"request.submissions[{number}].decision",
                f"names decision {one.decision}, but the request has {decisions}; send it along",
                reason="REQUEST_MALFORMED",
            )
    return request


def decode_decision(raw: bytes | Raw) -> drafts.DecisionDraft:
    """Read one decision of a request; raises Invalid naming the field that is malformed."""
    return _decode(_DECISION, raw, "decision")


def encode_reply(reply: AppendReply) -> bytes:
    """Return the reply as bytes."""
    return _ENCODER.encode(reply)


def decode_reply(data: bytes) -> AppendReply:
    """Read a reply; raises Invalid naming the field that is malformed."""
    return _decode(_REPLY, data, "reply")


def decode_draft(kind: str, body: bytes | Raw) -> Draft:
    """Read the draft of that kind; raises Invalid if there is no such kind or the body is not one."""
    decoder = _DRAFTS.get(kind)
    if decoder is None:
        raise Invalid("submission.kind", f"no entry of kind {kind[:32]!r} can be asked for", reason="REQUEST_MALFORMED")
    try:
        return _decode(decoder, body, f"submission.{kind}")
    except Invalid as error:
        error.field = _by_name(error.field, kind)
        raise


def _by_name(field: str | None, kind: str) -> str | None:
    """Return `submission.event.basis` for `submission.event[2]`: events travel as arrays, people read names."""
    names = getattr(KINDS[kind], "_fields", ())
    start, bracket, rest = (field or "").partition("[")
    place, _, deeper = rest.partition("]")
    if not (bracket and place.isdecimal() and int(place) < len(names)):
        return field
    return f"{start}.{names[int(place)]}{deeper}"


def _decode(decoder: "msgspec.msgpack.Decoder[T]", data: bytes | Raw, what: str) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        text = str(error)
        at = text.partition(" - at `$")[2].rstrip("`")
        message = f"is not a well-formed {what}: {text}; nothing was appended"
        raise Invalid(f"{what}{at}", message, reason="REQUEST_MALFORMED") from None
