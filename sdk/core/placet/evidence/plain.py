"""Telling quickly that an event draft is well-formed: the sequencer asks this of every event.

Owns a shortcut, never a rule: what is not plain is not refused, it goes through `placet.evidence.drafts.check_draft`,
which names the field. A property holds that everything plain passes there. The checks field by field cost three times
as much.
"""

import re
from typing import Final

from placet.evidence.checks import ID, UUID
from placet.evidence.drafts import MAX_PERMIT_LIFETIME, MAX_PERMIT_USES, EventDraft, PermitAsked
from placet.evidence.terms import MAX_INT, Operation

_OPERATIONS: Final = frozenset(operation.value for operation in Operation)
_KNOWN: Final[set[str]] = set()
_KNOWN_MOST: Final = 10_000


def is_plain(draft: EventDraft) -> bool:
    """Tell whether `check_draft` is sure to accept an event; False means only that it has to be asked."""
    return (
        _matches(UUID, draft.id)
        and _is_id(draft.purpose)
        and _is_id(draft.device)
        and _is_id(draft.site)
        and _is_integer(draft.occurred)
        and _is_integer(draft.seen)
        and (draft.basis is None or _is_integer(draft.basis))
        and draft.frame is None
        and draft.operation in _OPERATIONS
        and (draft.egress is True or (draft.egress is False and draft.operation != Operation.EXPORT))
        and (draft.offline is True or draft.offline is False)
        and (draft.permit is None or _is_permit(draft.permit))
    )


def _is_id(text: object) -> bool:
    """Tell whether this is a coded id; the ids of the registers are few and come again, so they are remembered."""
    if text in _KNOWN:
        return True
    if not _matches(ID, text):
        return False
    if len(_KNOWN) >= _KNOWN_MOST:
        _KNOWN.clear()
    _KNOWN.add(str(text))
    return True


def _matches(pattern: re.Pattern[str], text: object) -> bool:
    return isinstance(text, str) and pattern.fullmatch(text) is not None


def _is_integer(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_INT


def _is_permit(asked: PermitAsked) -> bool:
    uses, lifetime = asked.max_uses, asked.lifetime_us
    if not (_is_integer(uses) and _is_integer(lifetime)):
        return False
    return 1 <= uses <= MAX_PERMIT_USES and 1 <= lifetime <= MAX_PERMIT_LIFETIME
