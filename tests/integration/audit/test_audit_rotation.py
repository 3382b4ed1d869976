"""A log's key is replaced by another: evidence from before and after verifies under its key and under no other, the
old key introduces the new one, and nobody but the log can name a key.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from integration.audit.rig import SECOND, Rig, entry_of, record

from placet.audit import group, signing
from placet.audit.clock import LogClock
from placet.audit.errors import Corrupt
from placet.audit.fsck import Finding, fsck
from placet.audit.sequencer import Sequencer
from placet.audit.store import SqlJournal
from placet.evidence.errors import VerifyError
from placet.evidence.replay import Replay
from placet.evidence.rotation import Rotation, rotation_of
from placet.evidence.verify import verify_bundle
from placet.kit.db.engine import open_engines
from placet.kit.errors import PlacetError
from placet.sdk.commands import run
from placet.tlog.checkpoint import open_checkpoint
from placet.tlog.hashing import leaf_hash
from placet.tlog.note import Signer, Verifier, format_vkey, split_note
from placet.tlog.proof import verify_inclusion

STRANGER = format_vkey(Signer.from_seed("test/log/bank", bytes(32)).vkey)


def pinned(*vkeys: str) -> list[Verifier]:
    return [Verifier.parse(vkey) for vkey in vkeys]


def holds(bundle: bytes, *vkeys: str) -> bool:
    try:
        return verify_bundle(bundle, pinned(*vkeys)).verdict == "allow"
    except VerifyError as error:
        if getattr(error.__cause__, "reason", None) != "UNVERIFIED":
            raise
        return False


def signed_by(rig: Rig, *vkeys: str) -> list[bool]:
    note = rig.sequencer.snapshot().checkpoint
    ids = [signature.key_id for signature in split_note(note)[1]]
    return [Verifier.parse(vkey).vkey.key_id in ids for vkey in vkeys]


def check(rig: Rig, vkey: str | None = None) -> list[Finding]:
    log = rig.logs.find("bank")
    assert log is not None
    return fsck(rig.engines, log, keys=rig.keys, vkey=vkey, progress=lambda *_: None)


def bundle_of(rig: Rig) -> bytes:
    index = rig.event(rig.grant()).results[0].index
    return rig.sequencer.snapshot().bundle(index)


def replay(rig: Rig) -> Sequence[Rotation]:
    replayed, found = Replay(rig.log.origin), []
    for body in rig.bodies():
        rotation = rotation_of(replayed.feed(body), rig.log.origin)
        found += [] if rotation is None else [rotation]
    assert replayed.complete
    return found


def test_bundles_from_before_and_after_verify_under_their_key_only(rig: Rig) -> None:
    before = bundle_of(rig)
    old, new = rig.log.vkey, rig.rotate().vkey
    rig.now += SECOND
    after = bundle_of(rig)
    assert old != new
    assert [holds(before, old), holds(before, new), holds(before, STRANGER)] == [True, False, False]
    assert [holds(after, old), holds(after, new), holds(after, STRANGER)] == [False, True, False]
    assert holds(before, old, new)
    assert holds(after, new, old)
    # An old event, proven anew after the rotation: the new key's word.
    again = rig.sequencer.snapshot().bundle(_event_of(rig, before))
    assert [holds(again, old), holds(again, new)] == [False, True]


def _event_of(rig: Rig, bundle: bytes) -> int:
    return verify_bundle(bundle, pinned(rig.log.vkey)).index


def test_during_the_overlap_both_keys_sign_and_then_the_new_one_alone(rig: Rig) -> None:
    old, key = rig.log.vkey, rig.rotate(overlap=10 * SECOND)
    assert key.until == rig.now + 10 * SECOND
    assert signed_by(rig, old, key.vkey) == [True, True]
    rig.now += 10 * SECOND
    during = bundle_of(rig)
    assert [holds(during, old), holds(during, key.vkey)] == [True, True]
    rig.now += 1
    rig.event(None)
    assert signed_by(rig, old, key.vkey) == [False, True]


def test_the_old_key_introduces_the_new_one_even_without_overlap(rig: Rig) -> None:
    old, key = rig.log.vkey, rig.rotate(overlap=0)
    assert key.since is not None
    snapshot = rig.sequencer.snapshot()
    opened = open_checkpoint(snapshot.checkpoint, pinned(old))
    proven = snapshot.prove(key.since)
    verify_inclusion(leaf_hash(proven.entry), proven.index, opened.size, list(proven.proof), opened.root)
    said = rotation_of(proven.entry, rig.log.origin)
    assert said == Rotation(index=key.since, replaces=old, vkey=key.vkey, until=key.until)  # type: ignore[arg-type]
    assert signed_by(rig, old, key.vkey) == [True, True]


def test_a_restart_and_another_replica_sign_the_same_note(rig: Rig) -> None:
    rig.rotate(overlap=10 * SECOND)
    rig.event(None)
    notes = [rig.sequencer.snapshot().checkpoint]
    rig.restart()
    notes.append(rig.sequencer.snapshot().checkpoint)
    rig.now += 60 * SECOND  # the wall clock does not decide: the log's own time does
    engines = open_engines(f"sqlite:///{rig.folder / 'audit.db'}")
    clock = LogClock(lambda: rig.now, lambda: rig.now)
    reader = Sequencer(rig.log, SqlJournal(engines, rig.log, -1), engines, rig.keys, clock)
    notes.append(reader.snapshot().checkpoint)
    engines.dispose()
    assert len(set(notes)) == 1
    assert len(split_note(notes[0])[1]) == 2


def test_three_keys_in_turn_are_replayed_and_checked(rig: Rig) -> None:
    keys = [rig.log.vkey]
    for _ in range(2):
        rig.event(None)
        keys.append(rig.rotate().vkey)
        rig.now += SECOND
    rig.event(None)
    assert [(one.replaces, one.vkey) for one in replay(rig)] == [(keys[0], keys[1]), (keys[1], keys[2])]
    assert signed_by(rig, *keys) == [False, False, True]
    assert [check(rig, vkey) for vkey in keys] == [[], [], []]
    assert [finding.part for finding in check(rig, STRANGER)] == ["key"]


def test_a_key_that_signs_no_more_need_not_be_there(rig: Rig) -> None:
    rig.rotate()
    rig.now += SECOND
    rig.event(None)
    (rig.folder / "keys" / "log-bank.key").unlink()
    rig.restart()
    rig.event(None)
    assert check(rig) == []


def test_a_strangers_key_in_the_place_of_the_logs_never_signs(rig: Rig) -> None:
    path = rig.folder / "keys" / "log-bank.key"
    path.write_bytes(bytes(32))
    rig.restart()
    with pytest.raises(Corrupt, match="not the one that its log names"):
        rig.sequencer.snapshot()
    assert [finding.part for finding in check(rig)] == ["key"]


def test_a_key_that_is_not_there_is_not_put_in_force(rig: Rig) -> None:
    size = rig.sequencer.recover().size
    asked = rig.logs.ask_key(rig.log, STRANGER, 0)
    with pytest.raises(Corrupt, match="missing"):
        rig.sequencer.rotate(asked)
    rig.keys.create("bank", rig.log.origin, asked.number)
    with pytest.raises(Corrupt, match="not the one that its log names"):
        rig.sequencer.rotate(asked)
    rig.event(None)
    assert rig.sequencer.recover().size == size + 3
    assert replay(rig) == []
    # Whoever asked for the wrong one asks again.
    assert rig.rotate().number == asked.number
    rig.event(None)
    assert check(rig) == []


def test_a_rotation_that_fails_half_way_leaves_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = rig.keys.create("bank", rig.log.origin, 2)
    asked = rig.logs.ask_key(rig.log, format_vkey(signer.vkey), 0)
    with monkeypatch.context() as broken:
        broken.setattr(SqlJournal, "rotate", lambda *_: (_ for _ in ()).throw(OSError("disk")))
        with pytest.raises(OSError, match="disk"):
            rig.sequencer.rotate(asked)
    rig.event(None)
    assert replay(rig) == []
    assert signed_by(rig, rig.log.vkey, asked.vkey) == [True, False]
    rig.sequencer.rotate(asked)
    with pytest.raises(Corrupt, match="in force already"):
        rig.sequencer.rotate(asked)
    rig.event(None)
    assert check(rig) == []


@pytest.mark.parametrize("service", ["permission", "vault", "consent", "gateway"])
def test_no_service_can_name_a_key_of_the_log(rig: Rig, service: str) -> None:
    size = rig.sequencer.recover().size
    forged = record("key.rotated", replaces=rig.log.vkey, until=0, use="log", vkey=STRANGER)
    with pytest.raises(PlacetError) as caught:
        entry_of(rig.send(forged, service=service))
    assert caught.value.reason == "BUS_FORBIDDEN"
    assert rig.sequencer.recover().size == size


def test_without_that_rule_a_service_could(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: taken for any other record, the forged key would stand in the log for verifiers to trust."""
    monkeypatch.setattr(group, "is_rotation", lambda _: False)
    forged = record("key.rotated", replaces=rig.log.vkey, until=0, use="log", vkey=STRANGER)
    entry_of(rig.send(forged, service="permission"))
    assert [one.vkey for one in replay(rig)] == [STRANGER]
    assert "key" in [finding.part for finding in check(rig)], "fsck still finds that no such key is stored"


def test_without_comparing_keys_a_strangers_would_sign(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control of the signer's check: the file's key signs whatever the log names."""
    monkeypatch.setattr(signing, "format_vkey", lambda _: rig.log.vkey)
    (rig.folder / "keys" / "log-bank.key").write_bytes(bytes(32))
    rig.restart()
    assert signed_by(rig, rig.log.vkey, STRANGER) == [False, True]


def test_placet_verify_takes_several_keys(rig: Rig, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "bundles"
    folder.mkdir()
    (folder / "before.json").write_bytes(bundle_of(rig))
    old, new = rig.log.vkey, rig.rotate().vkey
    rig.now += SECOND
    (folder / "after.json").write_bytes(bundle_of(rig))
    cases = (((old, new), []), ((old,), ["after"]), ((new,), ["before"]), ((STRANGER,), ["after", "before"]))
    for keys, failed in cases:
        options = [option for key in keys for option in ("--key", key)]
        assert run(["verify", str(folder), *options, "--json"]) == bool(failed)
        wrong = sorted(Path(one["path"]).stem for one in json.loads(capsys.readouterr().out) if not one["ok"])
        assert wrong == failed


def test_permit_keys_are_still_announced(rig: Rig) -> None:
    sent = record("key.rotated", alg="EdDSA", kid="k", public="x", use="permit")
    assert entry_of(rig.send(sent, service="permission")).type == "key.rotated"
    assert replay(rig) == []


@pytest.mark.parametrize(
    "statement",
    ["UPDATE log_key SET vkey = 'x'", "UPDATE log_key SET until = until + 1", "DELETE FROM log_key"],
)
def test_a_key_row_that_was_changed_is_found(rig: Rig, statement: str) -> None:
    rig.rotate()
    rig.event(None)
    assert check(rig) == []
    with rig.engines.writer.begin() as connection:
        connection.exec_driver_sql(statement)
    assert "key" in [finding.part for finding in check(rig)]
