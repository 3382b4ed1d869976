"""What the demo leaves behind and how it checks it with every service stopped: bundles, the log as files, a tampered
copy.

Owns the layout of `var/demo` (bundles, log, vkey, summary.json). Reads only files; nothing here talks to a service.
"""

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.progress import Progress

from placet.audit.commands.stored import snapshot, stored
from placet.audit.export import export_tiles
from placet.audit.fsck import Finding, fsck
from placet.evidence.errors import EvidenceError
from placet.evidence.verify import Verifier
from placet.kit.errors import PlacetError
from placet.local.demo.story import Story
from placet.tlog.errors import TlogError
from placet.tlog.note import Verifier as KeyVerifier

BAR: Final = "   checking"


@dataclass
class Tally:
    """What stands in a log: its events by verdict and reason."""

    events: int = 0
    allowed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def count(self, entry: dict[str, Any]) -> None:
        """Count an entry if it is an event; one with two reasons counts under both."""
        if entry["kind"] == "event":
            self.events += 1
            self.allowed += entry["verdict"] == "allow"
            self.reasons.update(entry["reasons"])


def leave_log(data: Path, controller: str, folder: Path) -> Tally:
    """Write a stopped log as a C2SP tree of files; return what stands in it."""
    tally = Tally()
    with stored(data, controller) as found:
        taken = snapshot(found, found.logs[0])
        export_tiles(taken, folder / "log", progress=lambda *_: None)
        for _, entries in taken.entries(0, taken.size):
            for entry in entries:
                tally.count(json.loads(entry))
        (folder / "vkey").write_text(found.logs[0].vkey + "\n")
    return tally


def verify_bundles(story: Story, folder: Path, controller: str) -> None:
    """Verify every bundle of a controller against its pinned key, offline."""
    vkey = (folder / "vkey").read_text().strip()
    verifier = Verifier([KeyVerifier.parse(vkey)])
    paths = sorted((folder / "bundles").glob("*.json"))
    wrong = []
    with Progress(console=story.console, transient=True) as bar:
        for path in bar.track(paths, description=BAR):
            try:
                verifier.bundle(path.read_bytes())
            except (EvidenceError, TlogError) as error:
                wrong.append(f"{path.name}: {error}")
    story.expect(f"{controller}: all {len(paths)} bundles verify offline under the pinned key", not wrong, wrong[:3])


def check_stored(story: Story, data: Path, controllers: Iterable[str]) -> None:
    """Derive every hash, verdict, status root and link of the stored logs again."""
    for controller in controllers:
        found = _fsck(data, controller)
        story.expect(f"{controller}: placet ledger fsck finds nothing wrong", not found, found[:3])


def tamper(story: Story, data: Path, controller: str, event: int) -> bool:
    """Change one byte of a stored entry in a copy of the database; return whether fsck names it."""
    copy = data.parent / "tampered"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(data / "audit", copy / "audit")
    with sqlite3.connect(copy / "audit" / "audit.db") as database:
        database.execute("DROP TRIGGER entry_refuses_update")
        select = "SELECT body FROM entry JOIN log ON log.id = entry.log WHERE controller = ? AND idx = ?"
        (body,) = database.execute(select, (controller, event)).fetchone()
        changed = bytearray(body)
        changed[body.index(b'"deny"') + 1] ^= 1
        update = "UPDATE entry SET body = ? WHERE idx = ? AND log = (SELECT id FROM log WHERE controller = ?)"
        database.execute(update, (bytes(changed), event, controller))
    database.close()
    found = _fsck(copy, controller)
    named = bool(found) and found[0].part == "entry" and found[0].index == event
    story.expect(
        f"one byte of entry {event} changed in a copy: fsck names it ({found[0] if found else 'nothing'})", named, found
    )
    shutil.rmtree(copy)
    return named


def _fsck(data: Path, controller: str) -> Sequence[Finding]:
    try:
        with stored(data, controller) as found:
            return fsck(found.engines, found.logs[0], keys=found.keys, vkey=None, progress=lambda *_: None)
    except PlacetError as error:
        return [Finding(part="database", index=None, message=error.message)]


def summary(folder: Path, tallies: dict[str, Tally], seconds: float, tampered: bool) -> dict[str, Any]:
    """Write summary.json and return it."""
    reasons: Counter[str] = Counter()
    for tally in tallies.values():
        reasons.update(tally.reasons)
    events = sum(tally.events for tally in tallies.values())
    allowed = sum(tally.allowed for tally in tallies.values())
    said = {
        "events": events,
        "allowed": allowed,
        "denied": events - allowed,
        "reasons": dict(sorted(reasons.items())),
        "controllers": sorted(tallies),
        "seconds": round(seconds, 1),
        "tamper_detected": tampered,
    }
    (folder / "summary.json").write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n")
    return said
