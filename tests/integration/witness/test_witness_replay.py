"""`--replay`: the second key signs what replays as valid, and nothing else; real HTTP, real files, real rules."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from fakes.evidence_drafts import HOUR, consent, decision, event, permit
from fakes.evidence_log import T0, MemoryLog
from fakes.log_files import resource

from placet.evidence.admission import admit_event
from placet.evidence.drafts import UseDraft, WithdrawDraft
from placet.evidence.entries import encode_entry, parse_entry
from placet.evidence.terms import SECOND, EndedBy, Verdict
from placet.sdk.errors import NotFound
from placet.sdk.logtree.gateway import GatewayTree
from placet.sdk.logtree.replaying import TreeReplay
from placet.sdk.witness.conflicts import Conflicts
from placet.sdk.witness.keyfile import create_key
from placet.sdk.witness.replaying import KEPT, Replayer, ReplayingWitness
from placet.sdk.witness.store import Store
from placet.sdk.witness.witness import Witness
from placet.tlog.addcheckpoint import AddCheckpoint, cosignatures_of, format_request, origin_hash
from placet.tlog.cosignature import CosignatureVerifier
from placet.tlog.encoding import decode_base64
from placet.tlog.tiles import EntryBundle, encode_entries
from placet.tlog.witness import LogKeys

TOKEN = "the-token"


class TileServer:
    """Serves a log's C2SP tree over HTTP, as its gateway does; `lie` changes one resource, `liar` is another log."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.asked: list[str] = []
        self.lie: dict[str, bytes] = {}
        self.liar: MemoryLog | None = None
        self.redirect = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/log/bank"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.removeprefix("/log/bank/")
        self.asked.append(path)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            request.send_error(401)
        elif self.redirect:
            request.send_response(302)
            request.send_header("Location", self.redirect)
            request.end_headers()
        else:
            try:
                data = self.lie.get(path) or resource(self.liar or self.log, path)
            except NotFound:
                request.send_error(404)
                return
            request.send_response(200)
            request.send_header("Content-Length", str(len(data)))
            request.end_headers()
            request.wfile.write(data)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Rig:
    """A replaying witness over one log, on a clock that tests move."""

    def __init__(self, folder: Path, log: MemoryLog) -> None:
        self.folder = folder
        self.log = log
        self.now = T0 // SECOND
        self.tiles = TileServer(log)
        self.token = folder / "token"
        self.token.write_text(TOKEN + "\n")
        self.first = create_key(folder / "key", "w")
        self.second = create_key(folder / "replay", "w/replay")
        Store.create(folder / "state", "w")
        self.keys = [CosignatureVerifier(self.first.vkey), CosignatureVerifier(self.second.vkey)]
        self.held = 0
        self.replays: ReplayingWitness | None = None
        self.start()

    def stop(self) -> None:
        if self.replays is not None:
            self.replays.stop()

    def start(self) -> None:
        """Start as after a restart: all that stays is on disk."""
        self.stop()
        tree = GatewayTree(self.tiles.url, token=lambda: self.token.read_text().strip(), sleep=lambda _: None)
        replayers = {self.log.origin: Replayer(self.log.origin, tree, self.folder / "log", retry_s=0.02)}
        self.replays = ReplayingWitness(replayers, self.second, clock=lambda: self.now, wait_s=10.0)
        store = Store(self.folder / "state", "w")
        conflicts = Conflicts(self.folder / "conflicts")
        keys = LogKeys(self.log.verifiers)
        self.witness = Witness(store, keys, self.first, conflicts, clock=lambda: self.now, replays=self.replays)

    def offer(self, patience: float = 10.0) -> set[str]:
        """Offer the log's checkpoint; return the names of the keys that signed."""
        assert self.replays is not None
        self.replays._wait_s = patience
        note = self.log.checkpoint
        proof = self.log.consistency(self.held)
        answer = self.witness.add_checkpoint(format_request(AddCheckpoint.of(self.held, proof, note)))
        assert answer.status == 200, answer
        self.held = self.log.size
        return {vkey.name for vkey in cosignatures_of(note, answer.body, self.keys)}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    log = MemoryLog()
    log.submit(consent(not_before=T0, not_after=T0 + HOUR))
    made = Rig(tmp_path, log)
    yield made
    made.stop()
    made.tiles.close()


BOTH = {"w", "w/replay"}


def events(log: MemoryLog, count: int, **changes: Any) -> list[Any]:
    return [log.submit(event(log.size, **changes), decision=decision())[0] for _ in range(count)]


def test_a_valid_log_is_signed_for_by_both_keys(rig: Rig) -> None:
    assert rig.offer() == BOTH
    first = events(rig.log, 1, permit=permit(max_uses=2))[0]
    events(rig.log, 150)
    assert rig.offer() == BOTH
    # A use of an event that is long behind: its bundle is read again, and proven.
    rig.log.submit(UseDraft(event=first.i, service="vault"))
    events(rig.log, 120)
    assert rig.offer() == BOTH
    rig.log.submit(WithdrawDraft(basis=0, by=EndedBy.DATA_SUBJECT, reason="no_longer_wanted"))
    assert events(rig.log, 1)[0].verdict == Verdict.DENY
    assert rig.offer() == BOTH
    assert rig.log.size > 512


def test_after_a_restart_it_goes_on_where_it_was(rig: Rig) -> None:
    events(rig.log, 300)
    assert rig.offer() == BOTH
    rig.tiles.asked.clear()
    rig.start()
    events(rig.log, 1)
    assert rig.offer() == BOTH
    bundles = [path for path in rig.tiles.asked if path.startswith("tile/entries")]
    assert {path.partition(".p")[0] for path in bundles} == {EntryBundle(index=rig.log.size // 256).path}


def test_what_was_kept_and_is_damaged_is_begun_anew(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    events(rig.log, 300)
    assert rig.offer() == BOTH
    rig.stop()
    kept = rig.folder / "log" / KEPT
    kept.write_bytes(kept.read_bytes()[:-100])
    rig.tiles.asked.clear()
    rig.start()
    events(rig.log, 1)
    assert rig.offer() == BOTH
    assert EntryBundle(index=0).path in rig.tiles.asked
    assert any("replayed before is of no use" in record.message for record in caplog.records)


def test_the_same_checkpoint_again_is_signed_again(rig: Rig) -> None:
    assert rig.offer() == BOTH
    assert rig.offer() == BOTH


@pytest.fixture
def invalid(rig: Rig) -> tuple[Rig, int]:
    """A log that allows what the rules deny: the basis is for other sites."""
    rig.offer()
    index = rig.log.decide(decision())
    asked = event(9, site="elsewhere")
    allowed = rig.log.forge(
        lambda at: replace(admit_event(asked, at, rig.log.facts, index), verdict=Verdict.ALLOW, reasons=())
    )
    return rig, allowed[0].i


def test_an_invalid_entry_is_never_signed_for(invalid: tuple[Rig, int], caplog: pytest.LogCaptureFixture) -> None:
    """The first key still says what it says: the log only grew. The second says nothing, now and for ever."""
    rig, index = invalid
    with caplog.at_level(logging.ERROR):
        assert rig.offer() == {"w"}
    alarms = [record for record in caplog.records if getattr(record, "alarm", False)]
    assert [record.index for record in alarms] == [index]  # type: ignore[attr-defined]
    said = json.loads((rig.folder / "log" / f"invalid-{index}.json").read_text())
    assert (said["format"], said["index"], said["reason"]) == ("placet.invalid/1", index, "NOT_BY_THE_RULES")
    assert decode_base64(said["entry"]) == rig.log.entries[index]
    assert said["checkpoint"] == rig.log.checkpoint
    events(rig.log, 3)
    assert rig.offer() == {"w"}
    rig.start()
    assert rig.offer() == {"w"}


def test_a_false_status_root_is_never_signed_for(rig: Rig) -> None:
    rig.log.forge(end=False)
    rig.log.end_batch(status_root="A" * 43)
    assert rig.offer() == {"w"}
    assert json.loads(next((rig.folder / "log").glob("invalid-*")).read_text())["reason"] == "STATUS_ROOT"


def test_a_checkpoint_that_does_not_end_in_a_state_is_never_signed_for(rig: Rig) -> None:
    rig.log.decide(decision())
    assert rig.offer() == {"w"}
    assert json.loads(next((rig.folder / "log").glob("invalid-*")).read_text())["reason"] == "INCOMPLETE"


def test_without_replay_the_same_log_is_signed_for(invalid: tuple[Rig, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a replay that believes everything signs for the forged entry."""
    rig, _ = invalid
    monkeypatch.setattr("placet.evidence.replay.readmit", lambda *_: None)
    assert rig.offer() == BOTH


@pytest.mark.parametrize(("ahead", "signed"), [(299, True), (301, False), (-299, True), (-301, False)])
def test_a_time_too_far_from_the_witness_is_not_signed_for(
    ahead: int, signed: bool, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.now -= ahead
    with caplog.at_level(logging.ERROR):
        assert rig.offer() == (BOTH if signed else {"w"})
    # A log that runs ahead of the time is alarming; one that has been idle, or a witness that was away, is not.
    assert any(getattr(record, "alarm", False) for record in caplog.records) is (ahead == 301)
    rig.now = T0 // SECOND
    events(rig.log, 1)
    assert rig.offer() == BOTH


def test_other_entries_than_the_checkpoints_say_nothing_of_the_log(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever serves the tiles lies: nothing is signed, nobody is blamed, and it is asked again."""
    events(rig.log, 300)
    path = EntryBundle(index=0).path
    forged = replace(parse_entry(rig.log.entries[3]), t=T0 + 1)  # type: ignore[type-var]
    rig.tiles.lie = {path: encode_entries([*rig.log.entries[:3], encode_entry(forged), *rig.log.entries[4:256]])}
    assert rig.offer(patience=0.5) == {"w"}
    rig.tiles.lie = {path: b"\xff\xff"}
    assert rig.offer(patience=0.5) == {"w"}
    assert any("could not be replayed" in record.message for record in caplog.records)
    assert not list((rig.folder / "log").glob("invalid-*"))
    rig.tiles.lie = {}
    assert rig.offer() == BOTH


@pytest.fixture
def slandered(rig: Rig) -> Rig:
    """A sound log, whose server shows a whole other one with an entry that the rules deny, its own tiles included."""
    rig.tiles.liar = MemoryLog()
    rig.tiles.liar.submit(consent(not_before=T0, not_after=T0 + HOUR))
    index = rig.tiles.liar.decide(decision())
    facts = rig.tiles.liar.facts
    rig.tiles.liar.forge(
        lambda at: replace(admit_event(event(9, site="elsewhere"), at, facts, index), verdict=Verdict.ALLOW, reasons=())
    )
    events(rig.log, 1)
    assert rig.log.size == rig.tiles.liar.size
    return rig


def test_a_log_is_not_blamed_for_entries_that_it_has_not_signed(
    slandered: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    assert slandered.offer(patience=0.5) == {"w"}
    assert not list((slandered.folder / "log").glob("invalid-*"))
    assert any("other entries than the checkpoint's were answered" in record.message for record in caplog.records)
    slandered.tiles.liar = None
    assert slandered.offer() == BOTH


def test_without_proving_the_entry_the_log_would_be_blamed(slandered: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.setattr(TreeReplay, "signed_entry", lambda self, index: self._current[1][index % 256])
    assert slandered.offer(patience=0.5) == {"w"}
    assert list((slandered.folder / "log").glob("invalid-*"))


def test_a_bundle_that_changes_afterwards_is_noticed(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """The verified part of a partial bundle comes again with the rest, and must be what it was."""
    assert rig.offer() == BOTH
    events(rig.log, 1)
    path = EntryBundle(index=0, width=rig.log.size).path
    forged = encode_entry(replace(parse_entry(rig.log.entries[1]), t=T0 + 1))  # type: ignore[type-var]
    rig.tiles.lie = {path: encode_entries([rig.log.entries[0], forged, *rig.log.entries[2:]])}
    assert rig.offer(patience=0.5) == {"w"}
    assert any("replayed before have changed" in record.message for record in caplog.records)
    assert not list((rig.folder / "log").glob("invalid-*"))


def test_entries_that_cannot_be_had_delay_the_second_key_only(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.token.write_text("expired")
    assert rig.offer(patience=0.5) == {"w"}
    assert any("answered 401" in record.message for record in caplog.records)
    rig.token.write_text(TOKEN)
    assert rig.offer() == BOTH


def test_the_token_is_not_taken_elsewhere(rig: Rig, tmp_path: Path) -> None:
    elsewhere = TileServer(rig.log)
    rig.tiles.redirect = f"{elsewhere.url}/tile/entries/000.p/{rig.log.size}"
    assert rig.offer(patience=0.5) == {"w"}
    assert elsewhere.asked == []
    elsewhere.close()


def test_the_second_signature_is_served_too(rig: Rig) -> None:
    rig.offer()
    note = rig.witness.checkpoint(origin_hash(rig.log.origin))
    assert note is not None
    assert [line.split()[1] for line in note.partition("\n\n")[2].splitlines()] == [rig.log.origin, "w", "w/replay"]
