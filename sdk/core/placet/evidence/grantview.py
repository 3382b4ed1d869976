"""Reads the bytes of an ordinary grant quickly, and exactly as strictly as `parse_entry`: imports grant by the million.

One anchored pattern, as in `placet.evidence.entryview`; the lists, which are few and come again, go once through the
checks that `parse_entry` uses. A property test holds the two against each other. Never looks at what a grant means.
"""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from placet.evidence.checks import Check, ascending, integer, one_of, scope, text
from placet.evidence.entries import MAX_ENTRY_BYTES
from placet.evidence.entryview import CODE, HASH, INT
from placet.evidence.errors import FieldError
from placet.evidence.kinds import Grant
from placet.evidence.terms import Form, Operation

_BOOL = r"(true|false)"
_INTS = r"\[([0-9,]*)\]"
_IDS = r'\[((?:"[A-Za-z0-9._:/*-]+",?)*)\]'
_GRANT: Final = re.compile(
    rf'\{{"approvals":{_INTS},"authority":(?:{CODE}|null),"basis":{INT},"egress":{_BOOL},'
    rf'"form":"({"|".join(Form)})","i":{INT},"imported":{_BOOL},"kind":"grant","law":{CODE},'
    rf'"max_events":(?:{INT}|null),"needs":{_INTS},"not_after":(?:{INT}|null),"not_before":{INT},'
    rf'"notice":(?:{HASH}|null),"operations":{_IDS},"prev":{HASH},"purposes":{_IDS},"record":{HASH},'
    rf'"sites":{_IDS},"subject":(?:"([A-Za-z0-9_-]{{21}}[AQgw])"|null),"t":{INT},"v":1\}}'
).fullmatch
_FORMS: Final = {form.value: form for form in Form}


def quick_grant(data: bytes) -> Grant | None:
    """Return the grant of an entry's bytes if it is an ordinary one; None means that `parse_entry` has to be asked."""
    match = _GRANT(data.decode("latin-1"))
    if match is None or len(data) > MAX_ENTRY_BYTES:
        return None
    (
        approvals,
        authority,
        basis,
        egress,
        form,
        index,
        imported,
        law,
        max_events,
        needs,
        not_after,
        not_before,
        notice,
        operations,
        prev,
        purposes,
        record,
        sites,
        subject,
        at,
    ) = match.groups()
    lists = _positions(approvals), _positions(needs), _operations(operations), _ids(purposes), _ids(sites)
    if None in lists:
        return None
    return Grant(
        i=int(index),  # type: ignore[arg-type]
        prev=prev,
        t=int(at),  # type: ignore[arg-type]
        basis=int(basis),  # type: ignore[arg-type]
        form=_FORMS[form],
        subject=subject,
        purposes=lists[3],  # type: ignore[arg-type]
        operations=lists[2],  # type: ignore[arg-type]
        sites=lists[4],  # type: ignore[arg-type]
        egress=egress == "true",
        not_before=int(not_before),  # type: ignore[arg-type]
        not_after=None if not_after is None else int(not_after),  # type: ignore[arg-type]
        needs=lists[1],  # type: ignore[arg-type]
        max_events=None if max_events is None else int(max_events),
        approvals=lists[0],  # type: ignore[arg-type]
        record=record,
        notice=notice,
        law=law,
        authority=authority,
        imported=imported == "true",
    )


def _listing(check: Check[tuple[Any, ...]]) -> Callable[[str], tuple[Any, ...] | None]:
    """Return the reader of the inside of a list, which remembers what it has read; None: not canonical, or refused."""

    @lru_cache(maxsize=4_096)
    def read(inside: str) -> tuple[Any, ...] | None:
        try:
            return check("list", json.loads(f"[{inside}]"))
        except (ValueError, FieldError):
            return None

    return read


_positions = _listing(ascending(integer))
_ids = _listing(scope(text))
_operations = _listing(scope(one_of(Operation)))
