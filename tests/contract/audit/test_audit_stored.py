"""A log read from what is stored, by whoever does not hold it: the same as from its holder's memory, whatever the
holder appends meanwhile, and never signed when it cannot be right.
"""

import pytest
from integration.audit.full_log import fill
from integration.audit.rig import Rig, grant_draft
from sqlalchemy import Engine, update

from placet.audit import nodes, stored
from placet.audit.errors import Corrupt
from placet.audit.reading import Snapshot
from placet.audit.store import LOG
from placet.audit.stored import stored_snapshot
from placet.evidence.drafts import AmendDraft
from placet.evidence.terms import BasisOrdinal
from placet.evidence.verify import Verifier
from placet.kit.ledger.messages import submission
from placet.tlog.note import Verifier as NoteVerifier


def read(rig: Rig) -> Snapshot:
    return stored_snapshot(rig.log, rig.engines, rig.keys)


def everything(snapshot: Snapshot) -> list[object]:
    """Return what a snapshot answers: entries and proofs, statuses, consistency, tiles, and all bundles."""
    size = snapshot.size
    found: list[object] = [snapshot.checkpoint, snapshot.root_at(size // 2)]
    found += [snapshot.prove(index) for index in range(size)]
    found += [snapshot.status(ordinal) for ordinal in range(6)]
    found += [snapshot.consistency(old, size) for old in (1, 255, 256, 257, size - 1)]
    found += [snapshot.tile(path) for path in ("tile/0/000", f"tile/0/001.p/{size - 256}", "tile/entries/000")]
    return found


def amend(rig: Rig, basis: int) -> None:
    draft = AmendDraft(basis=BasisOrdinal(basis), operations=("verify",))  # type: ignore[arg-type]
    rig.send(submission(draft, key=b"amend"), service="consent")


def grow_on(rig: Rig, basis: int) -> None:
    """Change an old basis twice, and grant another."""
    amend(rig, basis)
    rig.withdraw(basis)
    rig.send(submission(grant_draft(rig.now), key=b"grant"), service="consent")


def test_it_answers_what_the_holder_answers(rig: Rig) -> None:
    fill(rig)
    assert rig.sequencer.recover().size > 256
    assert everything(read(rig)) == everything(rig.sequencer.snapshot())


def test_a_log_of_two_entries_is_read(rig: Rig) -> None:
    assert read(rig).checkpoint == rig.sequencer.snapshot().checkpoint


def test_what_is_appended_meanwhile_does_not_matter(rig: Rig) -> None:
    basis = rig.grant()
    event = rig.event(basis).results[0].index
    snapshot = read(rig)
    grow_on(rig, basis)
    report = Verifier([NoteVerifier.parse(rig.log.vkey)]).verify(snapshot.bundle(event))  # raises unless it holds
    assert report.size == snapshot.size
    assert snapshot.status(basis + 1) is None


def test_that_would_be_seen_if_it_did(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: with the bases as they are now instead of as they were."""
    basis = rig.grant()
    event = rig.event(basis).results[0].index
    snapshot = read(rig)
    grow_on(rig, basis)
    monkeypatch.setattr(stored, "leaves_before", lambda *_: {})
    with pytest.raises(Corrupt, match="status root"):
        snapshot.bundle(event)


@pytest.mark.parametrize("column", ["prev", "status_root"])
def test_a_head_that_the_rows_do_not_give_is_not_proven(rig: Rig, column: str) -> None:
    basis = rig.grant()
    assert read(rig).status(basis) is not None
    with rig.engines.writer.begin() as connection:
        connection.execute(update(LOG).values({column: bytes(32)}))
    with pytest.raises(Corrupt):
        read(rig).status(basis)


def test_a_key_that_came_into_force_with_the_last_entry_signs(rig: Rig) -> None:
    before = rig.log
    rig.rotate(overlap=0)
    assert stored_snapshot(before, rig.engines, rig.keys).checkpoint == rig.sequencer.snapshot().checkpoint


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_roots_of_tiles_are_read_without_the_tiles(rig: Rig) -> None:
    """In a long log each of up to 255 rows is another read of the disk; the index has their roots side by side."""

    def plan(engine: Engine) -> str:
        with engine.connect() as connection:
            asked = f"EXPLAIN QUERY PLAN {nodes._ROOTS}"
            return str(connection.exec_driver_sql(asked, (rig.log.id, 0, 0, 255)).all())

    assert "COVERING INDEX tile_roots" in plan(rig.engines.reader)
    with rig.engines.writer.begin() as connection:  # negative control
        connection.exec_driver_sql("DROP INDEX tile_roots")
    assert "COVERING" not in plan(rig.engines.writer)
