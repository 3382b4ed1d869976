"""How a log says that its key was replaced: the `key.rotated` record with `use` `log`, written and read.

Owns the form of its `data`: {`replaces`, `until`, `use`, `vkey`}. It says: every checkpoint above this entry is signed
by `vkey`, and those whose state entry has t <= `until` by `replaces` too. Never decides whom to trust: an entry counts
only when it is proven under a checkpoint that the replaced key, already pinned, has signed. See ledger.md sections 2
and 4, and docs/adr/0015-log-keys.md.
"""

from dataclasses import dataclass
from typing import Final

from placet.evidence.drafts import RecordDraft
from placet.evidence.entries import parse_entry
from placet.evidence.errors import EntryError
from placet.evidence.kinds import Entry, Record
from placet.evidence.terms import LeafIndex, Micros
from placet.tlog.errors import TlogError
from placet.tlog.note import parse_vkey

KEY_ROTATED: Final = "key.rotated"
LOG_USE: Final = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """One key of a log replaced by the next; `index` is the entry's, keys are verifier keys in their text form."""

    index: LeafIndex
    replaces: str
    vkey: str
    until: Micros


def rotation_draft(*, replaces: str, vkey: str, until: Micros) -> RecordDraft:
    """Return the record that announces the new key of a log."""
    return RecordDraft(type=KEY_ROTATED, data={"replaces": replaces, "until": until, "use": LOG_USE, "vkey": vkey})


def is_rotation(record: Record | RecordDraft) -> bool:
    """Tell whether a record speaks of the log's own key (permit keys are announced by the same type)."""
    return record.type == KEY_ROTATED and record.data.get("use") == LOG_USE


def rotation_of(entry: Entry | bytes, origin: str) -> Rotation | None:
    """Return the rotation that an entry of the log `origin` announces; None if it is another entry.

    Raises EntryError if it is malformed, or one of its keys does not carry the log's name.
    """
    found = parse_entry(entry) if isinstance(entry, bytes) else entry
    if not isinstance(found, Record) or not is_rotation(found):
        return None
    data = found.data
    if set(data) != {"replaces", "until", "use", "vkey"} or type(data["until"]) is not int:
        raise EntryError("FIELD", "record.data", "a rotation of the log's key has replaces, until, use and vkey")
    for name in ("replaces", "vkey"):
        _require_named(data[name], origin, f"record.data.{name}")
    return Rotation(index=found.i, replaces=data["replaces"], vkey=data["vkey"], until=Micros(data["until"]))


def _require_named(vkey: object, origin: str, field: str) -> None:
    try:
        name = parse_vkey(str(vkey)).name
    except TlogError as error:
        raise EntryError("FIELD", field, str(error)) from error
    if name != origin:
        raise EntryError("FIELD", field, f"the key of {origin} carries its name, not {name}")
