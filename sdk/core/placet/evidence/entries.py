"""The bytes of an entry: written once by the sequencer, stored and hashed as they are, read strictly.

Owns the tables that say which fields each kind has and what each may hold (ledger.md section 4). Reads whatever that
section allows and nothing else; the stricter bounds on what a service may ask for are `placet.evidence.drafts`. The
classes are `placet.evidence.kinds`, re-exported here. Permanent: `docs/adr/0002-entry-format.md`.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Final

from placet.evidence.canonical import decode, encode
from placet.evidence.checks import (
    Check,
    ascending,
    boolean,
    byte_string,
    each,
    integer,
    json_object,
    members,
    one_of,
    optional,
    scope,
    sha256_text,
    text,
    uuid,
)
from placet.evidence.errors import EntryError, EvidenceError, FieldError
from placet.evidence.kinds import (
    NO_PREV,
    Amend,
    Decision,
    Entry,
    Event,
    EventPermit,
    Grant,
    Outcome,
    Placed,
    PolicyRef,
    Record,
    State,
    Use,
    Withdraw,
)
from placet.evidence.reasons import ORDER, Reason
from placet.evidence.terms import VERSION, EndedBy, Form, Kind, Operation, Verdict

__all__ = (
    "MAX_ENTRY_BYTES",
    "NO_PREV",
    "Amend",
    "Decision",
    "Entry",
    "Event",
    "EventPermit",
    "Grant",
    "Outcome",
    "Placed",
    "PolicyRef",
    "Record",
    "State",
    "Use",
    "Withdraw",
    "encode_entry",
    "parse_entry",
    "require_egress",
    "to_json",
)

MAX_ENTRY_BYTES: Final = 65_535
_kind: Final = one_of(Kind)
_reason_codes: Final = each(one_of(Reason))


def encode_entry(entry: Entry) -> bytes:
    """Return the bytes of an entry; raises EntryError if it has no canonical form or exceeds 65,535 bytes."""
    try:
        data = encode(to_json(entry))
    except EvidenceError as error:
        raise EntryError(error.reason, f"{entry.kind}.{error.field}", error.message) from error
    _require_size(data)
    return data


def parse_entry(data: bytes) -> Entry:
    """Return the entry of its bytes.

    Raises EntryError, naming the field, unless they are canonical, of a known version and kind, with exactly the fields
    of that kind, each of its type.
    """
    _require_size(data)
    try:
        return _entry_of(json_object("entry", decode(data)))
    except EvidenceError as error:
        raise EntryError(error.reason, error.field, error.message) from error


def to_json(item: object) -> Any:
    """Return the JSON value of an entry, of a draft, or of a part of one."""
    if is_dataclass(item) and not isinstance(item, type):
        return {name: to_json(getattr(item, name)) for name in _names(type(item))}
    if isinstance(item, tuple):
        return [to_json(one) for one in item]
    return item


def require_egress(operation: str, egress: bool) -> None:
    """Raise FieldError for an event that exports without egress: exporting *is* egress."""
    if operation == Operation.EXPORT and not egress:
        raise FieldError("egress", "must be true when the operation is export")


def require_vault_egress(context: Mapping[str, Any]) -> None:
    """Raise FieldError for a context that stores in the vault without egress: storing there leaves the device."""
    if context.get("storage") == "vault" and context.get("egress") is False:
        raise FieldError("context.egress", "must be true when the storage is vault")


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _require_size(data: bytes) -> None:
    if len(data) > MAX_ENTRY_BYTES:
        raise EntryError("ENTRY_SIZE", "entry", f"an entry has at most {MAX_ENTRY_BYTES} bytes, not {len(data)}")


def _entry_of(obj: dict[str, Any]) -> Entry:
    if type(obj.get("v")) is not int or obj["v"] != VERSION:
        raise FieldError("v", f"this reader knows version {VERSION} only")
    kind = _kind("kind", obj.get("kind"))
    made, checks = _KINDS[kind]
    entry = made(**members("", obj, checks))
    if isinstance(entry, Event):
        require_egress(entry.operation, entry.egress)
    return entry


def _context(field: str, value: object) -> dict[str, Any]:
    """Return the facts of a decision: free but for what ledger.md section 4 says of `minor` and of egress."""
    found = json_object(field, value)
    if "minor" in found:
        ascending(text)(f"{field}.minor", found["minor"])
    require_vault_egress(found)
    return found


def _reasons(field: str, value: object) -> tuple[Reason, ...]:
    found = _reason_codes(field, value)
    for before, after in pairwise(found):
        if ORDER[before] >= ORDER[after]:
            raise FieldError(field, "reasons stand in the order of the rules, each once")
    return found


def _policy(field: str, value: object) -> PolicyRef:
    return PolicyRef(**members(field, value, {"hash": sha256_text, "id": text}))


def _policies(field: str, value: object) -> tuple[PolicyRef, ...]:
    found = each(_policy)(field, value)
    ascending(text)(f"{field}.id", tuple(policy.id for policy in found))
    return found


def _event_permit(field: str, value: object) -> EventPermit:
    return EventPermit(**members(field, value, {"max_uses": integer, "not_after": integer}))


def _covers(field: str, value: object) -> tuple[int, ...]:
    found = each(integer)(field, value)
    if len(found) != 2:
        raise FieldError(field, "must be the first and the last index that it covers")
    return found


_PLACED: Final[Mapping[str, Check[Any]]] = {
    "v": integer,
    "i": integer,
    "prev": sha256_text,
    "t": integer,
    "kind": _kind,
}
_VERDICT: Final[Mapping[str, Check[Any]]] = {"verdict": one_of(Verdict), "reasons": _reasons}

_KINDS: Final[Mapping[Kind, tuple[type[Entry], Mapping[str, Check[Any]]]]] = {
    Kind.GRANT: (
        Grant,
        {
            **_PLACED,
            "basis": integer,
            "form": one_of(Form),
            "subject": optional(byte_string(16)),
            "purposes": scope(text),
            "operations": scope(one_of(Operation)),
            "sites": scope(text),
            "egress": boolean,
            "not_before": integer,
            "not_after": optional(integer),
            "needs": ascending(integer),
            "max_events": optional(integer),
            "approvals": ascending(integer),
            "record": sha256_text,
            "notice": optional(sha256_text),
            "law": text,
            "authority": optional(text),
            "imported": boolean,
        },
    ),
    Kind.AMEND: (
        Amend,
        {
            **_PLACED,
            "basis": integer,
            "purposes": optional(scope(text)),
            "operations": optional(scope(one_of(Operation))),
            "sites": optional(scope(text)),
            "egress": optional(boolean),
            "not_after": optional(integer),
        },
    ),
    Kind.WITHDRAW: (Withdraw, {**_PLACED, "basis": integer, "by": one_of(EndedBy), "reason": text}),
    Kind.DECISION: (
        Decision,
        {
            **_PLACED,
            "policies": _policies,
            "context": _context,
            "verdict": one_of(Verdict),
            "permit": ascending(text),
            "forbid": ascending(text),
            "errors": ascending(text),
        },
    ),
    Kind.EVENT: (
        Event,
        {
            **_PLACED,
            **_VERDICT,
            "id": uuid,
            "frame": optional(uuid),
            "basis": optional(integer),
            "purpose": text,
            "operation": one_of(Operation),
            "device": text,
            "site": text,
            "egress": boolean,
            "occurred": integer,
            "offline": boolean,
            "seen": integer,
            "decision": integer,
            "permit": optional(_event_permit),
        },
    ),
    Kind.USE: (Use, {**_PLACED, **_VERDICT, "event": optional(integer), "n": integer, "service": text}),
    Kind.OUTCOME: (Outcome, {**_PLACED, "of": integer, "result": text}),
    Kind.RECORD: (Record, {**_PLACED, "type": text, "data": json_object}),
    Kind.STATE: (
        State,
        {
            **_PLACED,
            "prev_state": optional(integer),
            "covers": _covers,
            "bases": integer,
            "status_root": sha256_text,
            "rules": text,
        },
    ),
}
