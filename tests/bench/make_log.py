"""Makes a long, realistic log with the production sequencer and exports it as a C2SP tree, to be replayed.

Owns nothing of the story (`tests/fakes/varied_story.py`) nor of the log (`tests/integration/audit/rig.py`).
"""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # as pytest does: the fakes are shared with the tests

from fakes.varied_story import Batch, Decide, VariedStory
from integration.audit.rig import Rig

from placet.audit.export import export_tiles
from placet.evidence.entries import parse_entry
from placet.evidence.kinds import Entry
from placet.kit.ledger.messages import AppendReply, submission

Progress = Callable[[int, int], None]


def make_log(
    folder: Path,
    size: int,
    *,
    people: int,
    seed: int = 7,
    alone: bool = False,
    decide: Decide | None = None,
    progress: Progress = lambda *_: None,
) -> str:
    """Write a log of at least `size` entries as a tree below `folder`/tiles and return its verifier key.

    `alone`: everything is asked for on its own, so that every event is followed by its state. `decide`: what the law
    says of an event's facts; without it, one fixed decision or another.
    """
    rig = Rig(folder)
    try:
        story = VariedStory(rig.log.origin, rig.now, seed=seed, people=people, decide=decide)
        length = 0
        while length < size:
            batch = story.batch()
            rig.now = max(rig.now, story.now)
            took: list[Entry | None] = []
            for one in [replace(batch, asked=[asked]) for asked in batch.asked] if alone else [batch]:
                reply = append(rig, one)
                length = max(length, reply.size)
                took += [parse_entry(result.entry) if result.error is None else None for result in reply.results]
            story.took(took)
            progress(length, size)
        export_tiles(rig.sequencer.snapshot(), folder / "tiles", progress=lambda *_: None)
        return rig.log.vkey
    finally:
        rig.close()


def append(rig: Rig, batch: Batch) -> AppendReply:
    """Append one batch of a story; what the rules refuse is refused."""
    decisions = list({id(decided): decided for _, decided in batch.asked if decided is not None}.values())
    place = {id(decided): at for at, decided in enumerate(decisions)}
    asked = [
        submission(draft, key=os.urandom(16), decision=None if decided is None else place[id(decided)])
        for draft, decided in batch.asked
    ]
    return rig.send(*asked, service=batch.service, decisions=decisions)
