"""Evidence as files: proof bundles, withdrawal receipts and fraud proofs, read strictly and written in one way.

Owns the JSON of `placet.bundle/1`, `placet.receipt/1` and `placet.fraud/1` (ledger.md section 5): exactly the known
keys, standard base64 with padding, no key twice. Believes nothing in them: that is `placet.evidence.verify`. How one is
put together is `placet.evidence.building`. Permanent: `docs/adr/0003-bundle-format.md`.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn, TypeAlias

from placet.evidence.checks import Check, each, integer, json_object, members, optional, text
from placet.evidence.entries import MAX_ENTRY_BYTES
from placet.evidence.errors import BundleError, EvidenceError, FieldError
from placet.evidence.terms import BasisOrdinal, LeafIndex, value
from placet.tlog.encoding import decode_base64, encode_base64
from placet.tlog.errors import EncodingError
from placet.tlog.hashing import HASH_SIZE

BUNDLE: Final = "placet.bundle/1"
RECEIPT: Final = "placet.receipt/1"
FRAUD: Final = "placet.fraud/1"
MAX_TEXT_BYTES: Final = 16 * 1024 * 1024
MAX_PROOF: Final = 128


@value
class ProvenEntry:
    """An entry and its inclusion proof against the checkpoint beside it, the leaf's sibling first."""

    index: LeafIndex
    entry: bytes
    proof: tuple[bytes, ...]


@value
class ProvenStatus:
    """The status of a basis and its inclusion proof against the status root of the state entry beside it."""

    ordinal: BasisOrdinal
    granted: LeafIndex
    ended: LeafIndex | None
    history: bytes
    proof: tuple[bytes, ...]


@value
class ProvenBasis:
    """All that happened to a basis below the checkpoint's size, in log order."""

    grant: ProvenEntry
    amends: tuple[ProvenEntry, ...]
    withdraw: ProvenEntry | None
    approvals: tuple[ProvenEntry, ...]
    status: ProvenStatus


@value
class Bundle:
    """The self-contained evidence for one event."""

    checkpoint: str
    """The signed note, verbatim."""
    event: ProvenEntry
    decision: ProvenEntry
    bases: tuple[ProvenBasis, ...]
    """The event's own basis, if it names one, then those that it needs."""
    uses: tuple[ProvenEntry, ...]
    state: ProvenEntry


@value
class Receipt:
    """What `Withdraw` returns: the withdraw is in the log."""

    checkpoint: str
    withdraw: ProvenEntry


@value
class Fraud:
    """A receipt, and what the same log signed later: that the basis ended elsewhere, or not at all."""

    receipt: Receipt
    checkpoint: str
    consistency: tuple[bytes, ...]
    state: ProvenEntry
    status: ProvenStatus | None


Evidence: TypeAlias = Bundle | Receipt | Fraud


def parse_evidence(source: str | bytes) -> Evidence:
    """Return the bundle, receipt or fraud proof of a JSON text; raises BundleError naming the field."""
    obj = _load(source)
    try:
        return _evidence_of(json_object("evidence", obj))
    except EvidenceError as error:
        raise BundleError(error.reason, error.field, error.message) from error


def parse_bundle(source: str | bytes) -> Bundle:
    """Return the bundle of a JSON text; raises BundleError naming the field."""
    found = parse_evidence(source)
    return found if isinstance(found, Bundle) else _refuse_format(BUNDLE)


def parse_receipt(source: str | bytes) -> Receipt:
    """Return the receipt of a JSON text; raises BundleError naming the field."""
    found = parse_evidence(source)
    return found if isinstance(found, Receipt) else _refuse_format(RECEIPT)


def parse_fraud(source: str | bytes) -> Fraud:
    """Return the fraud proof of a JSON text; raises BundleError naming the field."""
    found = parse_evidence(source)
    return found if isinstance(found, Fraud) else _refuse_format(FRAUD)


def format_evidence(evidence: Evidence) -> str:
    """Return the JSON text of a bundle, receipt or fraud proof, keys in the order of ledger.md, without spaces."""
    return json.dumps(_evidence_json(evidence), ensure_ascii=False, separators=(",", ":"))


def _load(source: str | bytes) -> object:
    if len(source) > MAX_TEXT_BYTES:
        raise BundleError("SIZE", "evidence", f"evidence has at most {MAX_TEXT_BYTES} bytes")
    try:
        written = source if isinstance(source, str) else source.decode()
        return json.loads(written, object_pairs_hook=_unique, parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError) as error:
        raise BundleError("JSON", "evidence", f"no JSON in UTF-8 with each key once: {error}") from error


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    obj = dict(pairs)
    if len(obj) != len(pairs):
        raise ValueError("an object has the same key twice")
    return obj


def _no_float(number: str) -> object:
    raise ValueError(f"{number} is not an integer")


def _refuse_format(wanted: str) -> NoReturn:
    raise BundleError("FORMAT", "format", f"must be {wanted}")


def _evidence_of(obj: dict[str, Any]) -> Evidence:
    known: Mapping[str, Callable[[str, object], Evidence]] = {BUNDLE: _bundle, RECEIPT: _receipt, FRAUD: _fraud}
    made = known.get(text("format", obj.get("format")))
    if made is None:
        raise FieldError("format", f"must be one of {', '.join(known)}")
    return made("", obj)


def _base64(field: str, data: object) -> bytes:
    try:
        return decode_base64(text(field, data), field=field)
    except EncodingError as error:
        raise FieldError(field, "must be standard base64 with padding, and nothing else") from error


def _hash(field: str, data: object) -> bytes:
    found = _base64(field, data)
    if len(found) != HASH_SIZE:
        raise FieldError(field, f"must be a hash of {HASH_SIZE} bytes")
    return found


def _entry_bytes(field: str, data: object) -> bytes:
    found = _base64(field, data)
    if len(found) > MAX_ENTRY_BYTES:
        raise FieldError(field, f"must be an entry of at most {MAX_ENTRY_BYTES} bytes")
    return found


_hashes = each(_hash, MAX_PROOF)


def _proof(field: str, data: object) -> tuple[bytes, ...]:
    """Return the hashes of a proof: most of a bundle, so read without naming each; one that is wrong is named."""
    if isinstance(data, list) and len(data) <= MAX_PROOF and set(map(type, data)) <= {str}:
        try:
            found = tuple(map(decode_base64, data))
        except EncodingError:
            return _hashes(field, data)
        if set(map(len, found)) <= {HASH_SIZE}:
            return found
    return _hashes(field, data)


def _entry(field: str, obj: object) -> ProvenEntry:
    return ProvenEntry(**members(field, obj, {"index": integer, "entry": _entry_bytes, "proof": _proof}))


def _status(field: str, obj: object) -> ProvenStatus:
    checks: Mapping[str, Check[Any]] = {
        "ordinal": integer,
        "granted": integer,
        "ended": optional(integer),
        "history": _hash,
        "proof": _proof,
    }
    return ProvenStatus(**members(field, obj, checks))


def _basis(field: str, obj: object) -> ProvenBasis:
    checks: Mapping[str, Check[Any]] = {
        "grant": _entry,
        "amends": each(_entry),
        "withdraw": optional(_entry),
        "approvals": each(_entry),
        "status": _status,
    }
    return ProvenBasis(**members(field, obj, checks))


def _tagged(field: str, obj: object, checks: Mapping[str, Check[Any]], format_: str) -> dict[str, Any]:
    found = members(field, obj, {"format": text, **checks})
    if found.pop("format") != format_:
        raise FieldError(f"{field}.format", f"must be {format_}")
    return found


def _bundle(field: str, obj: object) -> Bundle:
    checks: Mapping[str, Check[Any]] = {
        "checkpoint": text,
        "event": _entry,
        "decision": _entry,
        "bases": each(_basis),
        "uses": each(_entry),
        "state": _entry,
    }
    return Bundle(**_tagged(field, {"uses": [], **json_object(field, obj)}, checks, BUNDLE))


def _receipt(field: str, obj: object) -> Receipt:
    return Receipt(**_tagged(field, obj, {"checkpoint": text, "withdraw": _entry}, RECEIPT))


def _fraud(field: str, obj: object) -> Fraud:
    checks: Mapping[str, Check[Any]] = {
        "receipt": _receipt,
        "checkpoint": text,
        "consistency": _proof,
        "state": _entry,
        "status": optional(_status),
    }
    return Fraud(**_tagged(field, obj, checks, FRAUD))


_FORMATS: Final[Mapping[type, str]] = {Bundle: BUNDLE, Receipt: RECEIPT, Fraud: FRAUD}
_NAMES: Final[Mapping[type, tuple[str, ...]]] = {
    kind: tuple(kind.__dataclass_fields__) for kind in (Bundle, Receipt, Fraud, ProvenBasis, ProvenEntry, ProvenStatus)
}


def _evidence_json(item: object) -> Any:
    if isinstance(item, bytes):
        return encode_base64(item)
    if isinstance(item, tuple):
        return [_evidence_json(one) for one in item]
    names = _NAMES.get(type(item))
    if names is None:
        return item
    tag = {"format": _FORMATS[type(item)]} if type(item) in _FORMATS else {}
    return {**tag, **{name: _evidence_json(getattr(item, name)) for name in names}}
