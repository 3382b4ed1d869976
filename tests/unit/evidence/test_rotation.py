"""How a log's rotated key is announced and read; what is malformed is refused by name."""

from typing import Any

import pytest
from fakes.evidence_log import MemoryLog

from placet.evidence.drafts import RecordDraft
from placet.evidence.errors import EntryError
from placet.evidence.kinds import Record
from placet.evidence.rotation import Rotation, rotation_draft, rotation_of
from placet.evidence.terms import LeafIndex, Micros
from placet.tlog.note import Signer, format_vkey

LOG = MemoryLog()
OLD = format_vkey(LOG.signer.vkey)
NEW = format_vkey(Signer.from_seed(LOG.origin, b"n" * 32).vkey)
OTHER = format_vkey(Signer.from_seed("another/log", b"n" * 32).vkey)


def test_what_is_written_is_read() -> None:
    (entry,) = LOG.submit(rotation_draft(replaces=OLD, vkey=NEW, until=Micros(7)))
    assert isinstance(entry, Record)
    said = Rotation(index=entry.i, replaces=OLD, vkey=NEW, until=Micros(7))
    assert rotation_of(entry, LOG.origin) == said
    assert rotation_of(LOG.entry(entry.i), LOG.origin) == said


@pytest.mark.parametrize(
    "draft", [RecordDraft(type="key.rotated", data={"use": "permit"}), RecordDraft(type="a.b", data={})]
)
def test_other_records_are_none(draft: RecordDraft) -> None:
    (entry,) = LOG.submit(draft)
    assert isinstance(entry, Record)
    assert rotation_of(entry, LOG.origin) is None
    assert rotation_of(LOG.entry(LeafIndex(0)), LOG.origin) is None
    assert rotation_of(LOG.end_batch(), LOG.origin) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"vkey": "nonsense"}, "record.data.vkey"),
        ({"vkey": OTHER}, "record.data.vkey"),
        ({"replaces": OTHER}, "record.data.replaces"),
        ({"replaces": None}, "record.data.replaces"),
        ({"until": "soon"}, "record.data"),
        ({"until": True}, "record.data"),
        ({"more": 1}, "record.data"),
    ],
)
def test_what_is_malformed_is_refused(change: dict[str, Any], field: str) -> None:
    data = {"replaces": OLD, "until": 0, "use": "log", "vkey": NEW} | change
    (entry,) = LOG.submit(RecordDraft(type="key.rotated", data=data))
    assert isinstance(entry, Record)
    with pytest.raises(EntryError) as caught:
        rotation_of(entry, LOG.origin)
    assert caught.value.field == field
