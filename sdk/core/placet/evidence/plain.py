"""The quick way of plain events: the usual shape, in which nearly every event of a log comes.

Owns shortcuts, never a rule. `is_plain` tells quickly that a draft is well-formed; what is not plain is not refused, it
goes through `placet.evidence.drafts.check_draft`, which names the field. `admit_plain` judges by the very
`placet.evidence.admission.against_event` and writes the entry's bytes without making the entry. Properties hold that
everything plain passes every check, and that the bytes are those of the long way. Together they cost a third of it.
"""

from collections.abc import Mapping
from typing import Final

from placet.evidence.admission import against_event
from placet.evidence.checks import ID, UUID
from placet.evidence.drafts import MAX_PERMIT_LIFETIME, MAX_PERMIT_USES, EventDraft, PermitAsked
from placet.evidence.terms import MAX_INT, VERSION, LeafIndex, Micros, Operation
from placet.evidence.view import View

_OPERATIONS: Final[Mapping[str, str]] = {operation: operation.value for operation in Operation}
_EXPORT: Final = Operation.EXPORT
_is_uuid: Final = UUID.fullmatch
_KNOWN: Final[set[str]] = set()
_KNOWN_MOST: Final = 10_000


def is_plain(draft: EventDraft) -> bool:
    """Tell whether `check_draft` is sure to accept an event; False means only that it has to be asked."""
    ident, frame, basis, purpose, operation, device, site, egress, occurred, offline, seen, permit = draft
    return (
        frame is None
        and isinstance(ident, str)
        and _is_uuid(ident) is not None
        and (purpose in _KNOWN or _is_id(purpose))
        and (device in _KNOWN or _is_id(device))
        and (site in _KNOWN or _is_id(site))
        and operation in _OPERATIONS
        and type(occurred) is int
        and 0 <= occurred <= MAX_INT
        and type(seen) is int
        and 0 <= seen <= MAX_INT
        and (basis is None or (type(basis) is int and 0 <= basis <= MAX_INT))
        and (egress is True or (egress is False and operation != _EXPORT))
        and (offline is True or offline is False)
        and (permit is None or _is_permit(permit))
    )


def admit_plain(
    draft: EventDraft, i: LeafIndex, t: Micros, prev: str, view: View, decision: LeafIndex
) -> tuple[bytes, bool]:
    """Return the bytes of a plain event's entry, and whether it is allowed: what `admit_event` and `encode_entry` give.

    `draft` must be plain. Raises MissingFact as `admit_event` does.
    """
    ident, _, ordinal, purpose, operation, device, site, egress, occurred, offline, seen, asked = draft
    basis = None if ordinal is None else view.basis(ordinal)
    reasons = against_event(draft, i, t, basis, view, view.decision(decision))
    permit, said = "null", ""
    if reasons:
        said = '"' + '","'.join(reasons) + '"'
    elif asked is not None:
        permit = f'{{"max_uses":{asked.max_uses},"not_after":{t + asked.lifetime_us}}}'
    # Plain ids and a UUID need no escapes: ledger.md section 4.
    text = (
        f'{{"basis":{"null" if basis is None else ordinal},"decision":{decision},"device":"{device}",'
        f'"egress":{"true" if egress else "false"},"frame":null,"i":{i},"id":"{ident}","kind":"event",'
        f'"occurred":{occurred},"offline":{"true" if offline else "false"},'
        f'"operation":"{_OPERATIONS[operation]}","permit":{permit},"prev":"{prev}","purpose":"{purpose}",'
        f'"reasons":[{said}],"seen":{seen},"site":"{site}","t":{t},"v":{VERSION},'
        f'"verdict":"{"deny" if reasons else "allow"}"}}'
    )
    return text.encode("ascii"), not reasons


def _is_id(text: object) -> bool:
    """Tell whether this is a coded id; the ids of the registers are few and come again, so they are remembered."""
    if text in _KNOWN:
        return True
    if not isinstance(text, str) or ID.fullmatch(text) is None:
        return False
    if len(_KNOWN) >= _KNOWN_MOST:
        _KNOWN.clear()
    _KNOWN.add(text)
    return True


def _is_integer(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_INT


def _is_permit(asked: PermitAsked) -> bool:
    uses, lifetime = asked.max_uses, asked.lifetime_us
    if not (_is_integer(uses) and _is_integer(lifetime)):
        return False
    return 1 <= uses <= MAX_PERMIT_USES and 1 <= lifetime <= MAX_PERMIT_LIFETIME
