"""A power cut of a witness's own machine: it never cosigns two histories, for what it let out is on its disk (P1)."""

from pathlib import Path

import pytest
from fault.cosign_heads import history, offer, witness
from fault.cut_tree import Names
from fault.power import Cut, cut_disk

from placet.sdk.errors import ConfigError

pytestmark = pytest.mark.system
EVERY, COUNT = 11, 60


def cuts(quick: Path, *, names: Names = Names.JOURNALLED, synchronous: str = "FULL") -> list[Cut]:
    """Run the witness on the disk and return what each cut left."""
    with cut_disk(quick, every=EVERY, names=names) as disk:
        disk.run("fault.cosign_heads", str(COUNT), synchronous)
    return [*disk.all()]


def twice(cut: Cut) -> list[int]:
    """Start the witness on what is left and offer it forks; return the sizes for which it cosigned a second head.

    A witness whose state is gone does not start: it has to take a new key.
    """
    if not cut.told:
        return []
    newest = int(cut.told[-1])
    honest = history(COUNT)
    fork = honest.fork(newest - 1)
    try:
        again = witness(cut.folder / "witness")
    except ConfigError:
        return []
    sizes = (newest, newest + 1)
    return [size for size in sizes for old in range(newest) if offer(again, fork, old, size).status == 200]


@pytest.mark.parametrize("names", [*Names], ids=lambda names: names.value)
def test_no_second_head_is_cosigned_after_a_power_cut(quick: Path, names: Names) -> None:
    checked = 0
    for cut in cuts(quick, names=names):
        assert twice(cut) == [], cut.name
        checked += bool(cut.told)
        if cut.told:
            goes_on(cut)
    assert checked > 20


def goes_on(cut: Cut) -> None:
    """Whatever was let out is held, and the honest log is cosigned further."""
    newest = int(cut.told[-1])
    again = witness(cut.folder / "witness")
    answer = offer(again, history(COUNT), newest, newest + 1)
    ahead = answer.status == 409 and int(answer.body) == newest + 1  # kept, and the answer was still on its way
    assert answer.status == 200 or ahead, cut.name


def test_control_with_synchronous_normal_two_histories_are_cosigned(quick: Path) -> None:
    assert any(twice(cut) for cut in cuts(quick, synchronous="NORMAL"))
