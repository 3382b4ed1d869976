"""A power cut loses no acknowledged entry: the sequencer on a disk that drops what was not synced (promise P1)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fault.cut_tree import Names
from fault.power import Cut, cut_disk
from integration.audit.rig import Rig, decision, entry_of, event
from sqlalchemy import select

from placet.audit.fsck import fsck
from placet.audit.store import KEY
from placet.tlog.hashing import leaf_hash

pytestmark = pytest.mark.system


def cuts(quick: Path, names: Names, *, every: int, groups: int, synchronous: str = "FULL") -> Iterator[Cut]:
    """Run the sequencer on the disk and return what each cut left."""
    with cut_disk(quick, every=every, names=names) as disk:
        disk.run("fault.append_entries", str(groups), synchronous)
    return disk.all()


def lost(cut: Cut) -> list[str]:
    """Recover as a restart does, check that the log is sound and goes on; return what was acknowledged and is gone."""
    if not (cut.folder / "audit").is_dir():
        return cut.told
    rig = Rig(cut.folder / "audit")
    try:
        rig.now += 10**9
        bodies = rig.bodies()
        with rig.engines.reader.connect() as connection:
            keys = {row.key.hex(): row.idx for row in connection.execute(select(KEY))}
        assert len(keys) == len(set(keys.values())), cut.name
        findings = fsck(rig.engines, rig.log, keys=rig.keys, vkey=rig.log.vkey, progress=lambda *_: None)
        assert findings == [], cut.name
        assert entry_of(rig.send(event(rig.now, None), decisions=[decision()])).i >= len(bodies)
    finally:
        rig.close()
    found = {f"{key} {index} {leaf_hash(bodies[index]).hex()}" for key, index in keys.items()}
    return [line for line in cut.told if line not in found]


LONG = [pytest.mark.long, pytest.mark.timeout(3_600)]


@pytest.mark.parametrize(
    ("names", "every", "groups"),
    [
        pytest.param(Names.JOURNALLED, 53, 40, id="short"),
        pytest.param(Names.JOURNALLED, 11, 150, id="long", marks=LONG),
        pytest.param(Names.STRICT, 11, 150, id="long-strict", marks=LONG),
    ],
)
def test_no_acknowledged_entry_is_lost_by_a_power_cut(quick: Path, names: Names, every: int, groups: int) -> None:
    checked = 0
    for cut in cuts(quick, names, every=every, groups=groups):
        assert lost(cut) == [], cut.name
        checked += 1
    assert checked > 20
    assert len(cut.told) > groups


def test_control_with_synchronous_normal_acknowledged_entries_are_lost(quick: Path) -> None:
    gone = [len(lost(cut)) for cut in cuts(quick, Names.JOURNALLED, every=53, groups=40, synchronous="NORMAL")]
    assert max(gone) > 0
