"""Bundles of everything that can happen, from the production sequencer's log: verified offline, by us and by others."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from integration.audit.bundle_story import Story
from integration.audit.rig import Rig
from tlog_scales import cli
from vectors.evidence import independent
from vectors.tlog.independent import check_tlog_proof

from placet.audit.export import export_tiles
from placet.evidence.building import build_receipt
from placet.evidence.bundle import format_evidence, parse_bundle
from placet.evidence.inclusions import inclusions
from placet.evidence.reasons import Reason as R
from placet.evidence.terms import LeafIndex
from placet.evidence.verify import Report, Verifier
from placet.evidence.words import Language, Saying
from placet.kit.errors import Invalid, NotFound
from placet.sdk.commands import run
from placet.tlog.note import Verifier as NoteVerifier
from placet.tlog.tlogproof import format_tlog_proof

# What each bundle must say beside checkpoint, event and decision; and its amends, withdraws, approvals, uses.
EVENTS: dict[str, tuple[tuple[R, ...], list[Saying], tuple[int, int, int, int]]] = {
    "plain": ((), [Saying.BASIS_STOOD, Saying.BASIS_ENDED_LATER, Saying.PERMIT, Saying.USE], (0, 1, 0, 4)),
    "amended": ((), [Saying.BASIS_STOOD, Saying.BASIS_AMENDED, Saying.BASIS_ENDED_LATER], (3, 1, 0, 0)),
    "out_of_scope": ((R.PURPOSE_NOT_COVERED,), [Saying.BASIS_DID_NOT_STAND, Saying.BASIS_AMENDED], (3, 1, 0, 0)),
    "guarded": ((), [Saying.BASIS_STOOD, Saying.GUARDIAN_STOOD, Saying.USE], (0, 1, 0, 1)),
    "unguarded": ((R.GUARDIAN_WITHDRAWN,), [Saying.GUARDIAN_DID_NOT_STAND, Saying.GUARDIAN_STOOD], (0, 1, 0, 0)),
    "legal": ((), [Saying.BASIS_STOOD, Saying.APPROVED, Saying.PERMIT], (0, 0, 2, 0)),
    "break_glass": ((), [Saying.BASIS_STOOD, Saying.BREAK_GLASS], (0, 0, 1, 0)),
    "missing": ((R.BASIS_MISSING,), [Saying.DENIED, Saying.NO_BASIS], (0, 0, 0, 0)),
    "unknown": ((R.BASIS_UNKNOWN,), [Saying.DENIED, Saying.NO_BASIS], (0, 0, 0, 0)),
    "forbidden": ((R.POLICY,), [Saying.DENIED, Saying.BASIS_STOOD, Saying.BASIS_ENDED_LATER], (0, 1, 0, 0)),
    "withdrawn": ((R.BASIS_WITHDRAWN,), [Saying.DENIED, Saying.BASIS_DID_NOT_STAND], (0, 1, 0, 0)),
}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A log in which everything has happened."""
    rig = Rig(tmp_path_factory.mktemp("story"))
    yield Story(rig).tell()
    rig.close()


def verified(story: Story, name: str) -> Report:
    return Verifier([NoteVerifier.parse(story.rig.log.vkey)]).bundle(story.bundle(name))


def sayings(report: Report) -> list[Saying]:
    return [statement.saying for statement in report.proven]


def test_the_story_has_an_event_for_each_case(story: Story) -> None:
    assert set(story.events) == set(EVENTS)


@pytest.mark.parametrize("name", EVENTS)
def test_a_bundle_proves_its_event_and_says_on_what_it_rests(story: Story, name: str) -> None:
    reasons, said, _ = EVENTS[name]
    report = verified(story, name)
    assert (report.index, report.reasons) == (story.events[name], reasons)
    assert report.verdict == ("deny" if reasons else "allow")
    assert report.size == story.rig.sequencer.snapshot().size
    assert set(said) <= set(sayings(report)), sayings(report)
    assert all(report.says(language) and report.does_not_say(language) for language in Language)


@pytest.mark.parametrize("name", EVENTS)
def test_a_bundle_holds_all_that_belongs_to_its_event(story: Story, name: str) -> None:
    bundle: dict[str, Any] = json.loads(story.bundle(name))
    bases = bundle["bases"]
    found = (
        sum(len(basis["amends"]) for basis in bases),
        sum(basis["withdraw"] is not None for basis in bases),
        sum(len(basis["approvals"]) for basis in bases),
        len(bundle["uses"]),
    )
    assert found == EVENTS[name][2]


@pytest.mark.parametrize("name", EVENTS)
def test_a_verifier_written_from_the_design_agrees(story: Story, name: str) -> None:
    event = independent.check_bundle(json.loads(story.bundle(name)), story.rig.log.vkey)
    assert event["i"] == story.events[name]


def test_what_came_later_is_in_the_bundle_and_does_not_change_the_verdict(story: Story) -> None:
    """The basis of `plain` was withdrawn afterwards, and a use after that was denied for it."""
    report = verified(story, "plain")
    uses = [one.facts for one in report.proven if one.saying == Saying.USE]
    assert [use["verdict"] for use in uses] == ["allow", "allow", "deny", "deny"]
    assert uses[2]["reasons"] == (R.PERMIT_EXHAUSTED,)
    assert uses[3]["reasons"] == (R.BASIS_WITHDRAWN, R.PERMIT_EXHAUSTED)
    ended = next(one.facts["ended"] for one in report.proven if one.saying == Saying.BASIS_ENDED_LATER)
    assert ended == story.withdrawals["plain"]


def test_of_two_guardians_only_the_one_who_withdrew_is_said_to_be_inactive(story: Story) -> None:
    report = verified(story, "unguarded")
    inactive = [one.facts["ordinal"] for one in report.proven if one.saying == Saying.GUARDIAN_DID_NOT_STAND]
    active = [one.facts["ordinal"] for one in report.proven if one.saying == Saying.GUARDIAN_STOOD]
    assert (inactive, active) == (story.guardians[:1], story.guardians[1:])


def test_an_older_bundle_stays_true_when_the_log_goes_on(rig: Rig) -> None:
    """Taken before the withdrawal it says less, and is as valid: its checkpoint is of another moment."""
    basis = rig.grant()
    index = rig.event(basis).results[0].index
    before = rig.sequencer.snapshot().bundle(index)
    rig.withdraw(basis)
    after = rig.sequencer.snapshot().bundle(index)
    verifier = Verifier([NoteVerifier.parse(rig.log.vkey)])
    said = [[statement.saying for statement in verifier.bundle(one).proven] for one in (before, after)]
    assert [Saying.BASIS_ENDED_LATER in one for one in said] == [False, True]


@pytest.mark.parametrize("name", ["plain", "guardian", "narrowed"])
def test_a_withdrawal_of_that_log_has_a_receipt_that_verifies(story: Story, name: str) -> None:
    index = story.withdrawals[name]
    receipt = format_evidence(build_receipt(story.rig.sequencer.snapshot(), LeafIndex(index)))
    assert Verifier([NoteVerifier.parse(story.rig.log.vkey)]).receipt(receipt).index == index
    independent.check_receipt(json.loads(receipt), story.rig.log.vkey)


def test_other_peoples_software_writes_the_same_tlog_proofs(story: Story, tmp_path: Path, capsys: Any) -> None:
    """From the exported log alone, `tlog-scales` makes the very bytes that a bundle's inclusions are exported as."""
    export_tiles(story.rig.sequencer.snapshot(), tmp_path, progress=lambda *_: None)
    ours = {
        one.proof.index: format_tlog_proof(one.proof)
        for name in EVENTS
        for one in inclusions(parse_bundle(story.bundle(name)))
    }
    assert len(ours) > 30
    for index, text in ours.items():
        asked = cli.build_parser().parse_args(["gen-proof", str(tmp_path), str(index)])
        asked.func(asked)
        assert capsys.readouterr().out == text


@pytest.mark.parametrize("name", EVENTS)
def test_each_exported_inclusion_is_verified_by_the_specification(story: Story, name: str, tmp_path: Path) -> None:
    vkey, bundle = story.rig.log.vkey, tmp_path / "bundle.json"
    bundle.write_bytes(story.bundle(name))
    assert run(["prove", str(bundle), "-o", str(tmp_path / "proofs"), "--key", vkey]) == 0
    for path in (tmp_path / "proofs").glob("*.tlog-proof"):
        index, size = check_tlog_proof(path.read_text(), path.with_suffix(".json").read_bytes(), vkey)
        assert path.stem.endswith(f"-{index}")
        assert size == story.rig.sequencer.snapshot().size
    parts = sum(EVENTS[name][2]) + len(json.loads(bundle.read_text())["bases"])
    assert len(list((tmp_path / "proofs").glob("*.tlog-proof"))) == parts + len(("event", "decision", "state"))


def test_the_bundle_of_what_is_no_event_is_refused(story: Story) -> None:
    snapshot = story.rig.sequencer.snapshot()
    with pytest.raises(Invalid, match="is a withdraw"):
        snapshot.bundle(story.withdrawals["plain"])
    with pytest.raises(NotFound):
        snapshot.bundle(snapshot.size)
