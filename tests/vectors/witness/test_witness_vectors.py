"""What a witness writes down is what it writes today, and is read as its files say."""

import json
from pathlib import Path

import pytest
from vectors.witness import regenerate

from placet.sdk.witness.conflicts import parse_conflict
from placet.tlog.checkpoint import open_checkpoint
from placet.tlog.note import Verifier

HERE = Path(__file__).parent
PINNED = [Verifier(regenerate.LOG.vkey)]
PROVEN = {
    "conflict-of-one-size.json": True,
    "conflict-of-two-sizes.json": True,
    "conflict-unproven.json": False,
}


def test_the_committed_files_are_fresh() -> None:
    made = regenerate.vectors()
    assert sorted(made) == sorted(path.name for path in HERE.glob("*.json"))
    for name, text in made.items():
        assert (HERE / name).read_text("utf-8") == text, f"{name}: a permanent format changed, undo the change"


@pytest.mark.parametrize(("name", "proven"), PROVEN.items())
def test_a_conflict_reads_as_it_says(name: str, proven: bool) -> None:
    text = (HERE / name).read_text("utf-8")
    found = parse_conflict(text, list(PINNED))
    assert found.proven is proven is json.loads(text)["proven"]


def test_an_invalid_entry_is_named_under_a_signed_checkpoint() -> None:
    said = json.loads((HERE / "invalid.json").read_text("utf-8"))
    assert list(said) == ["format", "checkpoint", "index", "entry", "reason", "message"]
    assert open_checkpoint(said["checkpoint"], PINNED).size == 7
