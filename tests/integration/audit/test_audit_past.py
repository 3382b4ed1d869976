"""Evidence under an earlier checkpoint: byte for byte what would have been made when it was the newest."""

import pytest
from integration.audit.rig import SECOND, Rig

from placet.audit import store
from placet.audit.errors import Corrupt, NotInLog
from placet.audit.model import Cosigned
from placet.audit.reading import Snapshot
from placet.evidence.drafts import AmendDraft
from placet.evidence.entries import parse_entry
from placet.evidence.errors import EvidenceError
from placet.evidence.verify import Verifier as EvidenceVerifier
from placet.kit.ledger.messages import submission
from placet.tlog.cosignature import CosignatureSigner, CosignatureVerifier
from placet.tlog.note import Verifier, add_signatures

WITNESS = CosignatureSigner.from_seed("witness.example/w1", bytes(range(32)))


def cosigned(snapshot: Snapshot) -> Cosigned:
    """The checkpoint of now, cosigned."""
    note = add_signatures(snapshot.checkpoint, [WITNESS.cosign(snapshot.checkpoint, timestamp=1_780_000_000).line()])
    return Cosigned(note=note, size=snapshot.size, root=snapshot.root_at(snapshot.size))


def amend(rig: Rig, basis: int) -> None:
    asked = AmendDraft(basis=basis, purposes=None, operations=("verify",), sites=None, egress=None, not_after=None)
    rig.send(submission(asked, key=rig.now.to_bytes(16, "big")), service="consent")


def live(rig: Rig) -> tuple[list[tuple[Cosigned, dict[int, bytes]]], list[int]]:
    """A log with everything that changes a status; returns its moments, each with all bundles made then."""
    events: list[int] = []
    moments = []

    def moment() -> None:
        now = rig.sequencer.snapshot()
        under = now.under(cosigned(now))
        moments.append((cosigned(now), {index: under.bundle(index) for index in events}))
        rig.now += SECOND

    moment()
    bases = [rig.grant() for _ in range(5)]
    for step in range(4):
        events += [rig.event(basis).results[0].index for basis in bases]
        moment()
        amend(rig, bases[step])
        moment()
        rig.withdraw(bases[step])
        bases.append(rig.grant())
        moment()
    return moments, events


def test_what_was_provable_then_is_provable_now_in_the_same_bytes(rig: Rig) -> None:
    moments, events = live(rig)
    verifier = EvidenceVerifier([Verifier.parse(rig.log.vkey), CosignatureVerifier(WITNESS.vkey)])
    for restarted in (False, True):
        if restarted:
            rig.restart()
        now = rig.sequencer.snapshot()
        for at, bundles in moments:
            past = now.under(at)
            assert (past.size, past.checkpoint) == (at.size, at.note)
            assert {index: past.bundle(index) for index in bundles} == bundles
            for bundle in bundles.values():
                report = verifier.bundle(bundle)
                assert report.size == at.size
            for index in set(events) - set(bundles):
                with pytest.raises(NotInLog):
                    past.bundle(index)
    assert sum(len(bundles) for _, bundles in moments) > 100


def test_without_putting_the_status_tree_back_the_bundle_does_not_verify(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: today's status tree under yesterday's checkpoint is noticed, here and by the verifier."""
    basis, other = rig.grant(), rig.grant()
    index = rig.event(basis).results[0].index
    at = cosigned(rig.sequencer.snapshot())
    rig.withdraw(other)
    monkeypatch.setattr("placet.audit.reading.leaves_before", lambda *_: {})
    with pytest.raises(Corrupt, match="do not give the status root"):
        rig.sequencer.snapshot().under(at)
    monkeypatch.setattr("placet.audit.reading.b64url", lambda root: rig_root(rig, at))
    with pytest.raises(EvidenceError):
        EvidenceVerifier([Verifier.parse(rig.log.vkey)]).bundle(rig.sequencer.snapshot().under(at).bundle(index))


def rig_root(rig: Rig, at: Cosigned) -> str:
    return parse_entry(rig.bodies()[at.size - 1]).status_root  # type: ignore[union-attr]


def test_readers_get_the_cosigned_checkpoint_unless_they_saw_more(rig: Rig) -> None:
    early = cosigned(rig.sequencer.snapshot())
    rig.event(None)
    now = rig.sequencer.snapshot()
    assert now.published(None).size == now.size
    assert now.published(early) == now.published(early, seen=early.size)
    assert (now.published(early).note, now.published(early).size) == (early.note, early.size)
    assert now.published(early, seen=early.size + 1) == now.signed
    assert now.tile("checkpoint", early)[0].decode() == early.note
    assert now.tile("checkpoint")[0].decode() == now.checkpoint
    beyond = Cosigned(note="", size=now.size + 1, root=bytes(32))
    assert now.published(beyond) == now.signed


def test_when_too_much_has_changed_the_newest_checkpoint_is_used(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("placet.audit.reading.CHANGED", 2)
    bases = [rig.grant() for _ in range(4)]
    at = cosigned(rig.sequencer.snapshot())
    for count, basis in enumerate(bases[:3], 1):
        rig.withdraw(basis)
        now = rig.sequencer.snapshot()
        assert now.under(at).size == (at.size if count <= 2 else now.size)


def test_what_changed_is_found_by_its_place_in_the_log(rig: Rig) -> None:
    """By an index, not by going through all bases."""
    with rig.engines.reader.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {store._CHANGED}", (1, 5, 9)).all()
    assert any("basis_change_by_index" in str(row) for row in plan), plan
