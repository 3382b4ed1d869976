"""A replica that does not hold the log reads it while another appends: what it proves is of one moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from integration.audit.rig import Rig, decision, event
from sqlalchemy import Engine
from sqlalchemy import event as listening

from placet.audit.sequencer import Sequencer
from placet.evidence.verify import verify_bundle
from placet.tlog.note import Verifier


@contextmanager
def meanwhile(rig: Rig, basis: int) -> Iterator[None]:
    """Before each of the first statements that are read with, complete a tile and withdraw a basis."""
    acting, left = False, 3

    def act(*_: Any) -> None:
        nonlocal acting, left
        if acting or not left:
            return
        acting, left = True, left - 1
        rig.send(*(event(rig.now, None) for _ in range(300)), decisions=[decision()])
        rig.withdraw(basis + left)
        acting = False

    listening.listen(Engine, "before_cursor_execute", act)
    try:
        yield
        assert left < 3, "nothing was appended meanwhile"
    finally:
        listening.remove(Engine, "before_cursor_execute", act)


def beside(rig: Rig) -> Sequencer:
    """Return what another replica reads the log with."""
    holding = rig.sequencer
    rig.forget()
    reading, rig.sequencer = rig.sequencer, holding
    return reading


def test_a_log_that_grows_is_read_as_of_one_moment(rig: Rig) -> None:
    basis, *_ = [rig.grant() for _ in range(3)]
    allowed = rig.event(basis)
    before = rig.check(rig.event(None))
    reading = beside(rig)
    with meanwhile(rig, basis):
        snapshot = reading.snapshot()
    after = beside(rig).snapshot()
    assert before.size <= snapshot.size < after.size - 256, "a moment before the last of what came meanwhile"
    assert snapshot.root_at(before.size) == before.root
    assert after.root_at(snapshot.size) == snapshot.root_at(snapshot.size)
    # The status tree is of the same moment: the bundle's verification compares it with the entries.
    assert (
        verify_bundle(snapshot.bundle(allowed.results[0].index), [Verifier.parse(rig.log.vkey)]).size == snapshot.size
    )
