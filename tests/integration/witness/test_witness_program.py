"""`placet witness run` as a process: status codes, the checkpoint it serves, conflicts on disk, alarms, limits."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.witness.witness_rig import LOG, PINNED, History, Running, new_folder, program, said
from typer.testing import CliRunner

from placet.sdk.commands import run
from placet.sdk.commands.witness import app
from placet.sdk.witness.conflicts import format_conflict, parse_conflict
from placet.sdk.witness.server import MAX_CONNECTIONS
from placet.tlog.addcheckpoint import MAX_REQUEST_BYTES, origin_hash
from placet.tlog.errors import TlogError
from placet.tlog.note import Signer, format_vkey, open_note, sign_note

HONEST = History.of(40)
FORGED = HONEST.fork(5)
PERFECT = HONEST.fork(20)


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("program") / "w"
    vkey = new_folder(folder)
    with program(folder, vkey) as running:
        yield running


def test_the_whole_conversation(witness: Running) -> None:
    assert witness.ask("GET", f"/{origin_hash(LOG.vkey.name)}/checkpoint")[0] == 404
    assert witness.cosign(HONEST, 0, 13) == 200
    assert witness.post(HONEST.request(0, 14)) == (409, "text/x.tlog.size", "13\n")
    assert witness.cosign(HONEST, 13, 14) == 200
    note = witness.checkpoint()
    assert note is not None
    opened = open_note(note, [*PINNED, witness.verifier])
    assert [vkey.name for vkey, _ in opened.verified] == ["log.example/bank", "witness.example/w1"]
    assert note.startswith(HONEST.note(14))
    assert witness.post(HONEST.request(13, 14)) == (409, "text/x.tlog.size", "14\n")
    assert witness.cosign(HONEST, 14, 14) == 200
    note_text = HONEST.note(14).partition("\n\n")[0] + "\n"
    other = Signer.from_seed("log.example/other", bytes(32))
    for body, status in (
        (b"nonsense", 400),
        (HONEST.request(14, 14).replace(b"old 14", b"old 15"), 400),
        (b"old 14\n\n" + sign_note(note_text, [other]).encode(), 403),
        (b"old 14\n\n" + sign_note(note_text.replace("bank", "shop"), [other]).encode(), 404),
        (HONEST.request(14, 30).replace(b"old 14\n", b"old 14\n" + b"A" * 43 + b"=\n"), 422),
    ):
        answered = witness.post(body)
        assert (answered[0], answered[1]) == (status, "text/plain; charset=utf-8"), answered


def test_a_fork_is_refused_kept_and_raised_as_an_alarm(witness: Running) -> None:
    """Both kinds: another root of the same size (409 without a size), and a larger tree (422)."""
    witness.cosign(HONEST, 14, 14)
    before = witness.checkpoint()
    for fork, size, status in ((FORGED, 14, 409), (FORGED, 30, 422)):
        answered = witness.post(fork.request(14, size))
        assert answered[0] == status
        assert answered[1] != "text/x.tlog.size"
        assert witness.checkpoint() == before
        files = [path for path in witness.conflicts() if fork.note(size) in json.loads(path.read_text())["offered"]]
        assert [path.name.partition("-")[0] for path in files] == ["proven"]
        found = parse_conflict(files[0].read_text(), list(PINNED))
        assert (found.held.checkpoint.size, found.offered.checkpoint.size, found.proven) == (14, size, True)
        alarms = [line for line in said(witness.folder) if line.get("alarm") and line["file"] == str(files[0])]
        assert [(line["level"], line["held_size"], line["offered_size"]) for line in alarms] == [("error", 14, size)]
        told = CliRunner().invoke(app, ["check", str(files[0]), "--key", format_vkey(LOG.vkey)])
        assert (told.exit_code, told.output.partition(":")[0]) == (0, "CONVICTED")


def test_what_proves_nothing_convicts_nobody(witness: Running, tmp_path: Path) -> None:
    """A stranger who sends an honest checkpoint with a wrong proof is refused; the file says that it proves nothing."""
    witness.cosign(HONEST, 14, 14)
    body = HONEST.request(14, 33).split(b"\n\n", 1)[1]
    assert witness.post(b"old 14\n" + b"A" * 43 + b"=\n\n" + body)[0] == 422
    files = [path for path in witness.conflicts() if path.name.startswith("unproven-")]
    told = CliRunner().invoke(app, ["check", str(files[-1]), "--key", format_vkey(LOG.vkey)])
    assert (told.exit_code, told.output.partition(":")[0]) == (1, "NOT PROVEN")
    changed = tmp_path / "changed.json"
    changed.write_text(files[-1].read_text().replace('"proven": false', '"proven": true'))
    assert run(["witness", "check", str(changed), "--key", format_vkey(LOG.vkey)]) == 1


def test_a_conflict_that_was_tampered_with_is_refused(witness: Running) -> None:
    witness.cosign(HONEST, 14, 14)
    witness.post(FORGED.request(14, 14))
    text = next(path for path in witness.conflicts() if path.name.startswith("proven-")).read_text()
    for wrong in (
        "{",
        "[]",
        text.replace('"noticed"', '"seen"'),
        text.replace("conflict/1", "conflict/2"),
        text.replace("\\n14\\n", "\\n15\\n", 1),
        json.dumps(json.loads(text) | {"proof": 7}),
        json.dumps(json.loads(text) | {"proof": ["*"]}),
        json.dumps(json.loads(text) | {"held": None}),
    ):
        with pytest.raises(TlogError):
            parse_conflict(wrong, list(PINNED))
    found = parse_conflict(text, list(PINNED))
    assert parse_conflict(format_conflict(found, now=1), list(PINNED)) == found


def test_what_is_no_call_is_refused(witness: Running) -> None:
    assert witness.ask("GET", "/add-checkpoint")[0] == 405
    assert witness.ask("POST", "/", b"")[0] == 404
    for path in ("/", "/x/checkpoint", f"/{'0' * 64}/checkpoint", f"/{origin_hash(LOG.vkey.name)}/other", "/a/b/c"):
        assert witness.ask("GET", path)[0] == 404, path
    assert witness.ask("PUT", "/add-checkpoint", b"")[0] == 501
    assert witness.post(b"x" * (MAX_REQUEST_BYTES + 1))[0] == 413
    assert witness.ask("POST", "/add-checkpoint", None, {"Transfer-Encoding": "chunked"})[0] == 411


def test_a_connection_is_kept(witness: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", witness.port, timeout=10)
    for _ in range(3):
        connection.request("POST", "/add-checkpoint", b"nonsense")
        answer = connection.getresponse()
        assert (answer.status, answer.read()[:8]) == (400, b"REQUEST:")
        assert answer.headers.get("Connection") is None
    connection.close()


def test_no_more_connections_than_it_can_bear(witness: Running) -> None:
    idle = [socket.create_connection(("127.0.0.1", witness.port)) for _ in range(MAX_CONNECTIONS + 8)]
    try:
        assert any(not one.recv(1) for one in idle[MAX_CONNECTIONS:])
    finally:
        for one in idle:
            one.close()
    end = time.monotonic() + 15
    while not answers(witness):  # the places are free again once it has noticed
        assert time.monotonic() < end


def answers(witness: Running) -> bool:
    try:
        return witness.post(b"nonsense")[0] == 400
    except (OSError, http.client.HTTPException):
        return False


def test_restarted_it_goes_on_where_it_was(tmp_path: Path) -> None:
    vkey = new_folder(tmp_path / "w")
    with program(tmp_path / "w", vkey) as first:
        assert first.cosign(HONEST, 0, 20) == 200
        note = first.checkpoint()
    with program(tmp_path / "w", vkey) as second:
        assert second.checkpoint() == note
        assert second.cosign(FORGED, 0, 20) == 409
        assert second.cosign(FORGED, 20, 30) == 422
        assert second.cosign(HONEST, 20, 30) == 200


def test_unproven_conflicts_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody can send wrong proofs; they must not fill the disk. What convicts is always kept."""
    monkeypatch.setattr("placet.sdk.witness.conflicts.MAX_UNPROVEN", 2)
    from placet.sdk.witness.conflicts import Conflicts
    from placet.tlog.checkpoint import open_checkpoint
    from placet.tlog.witness import Conflict, Held

    def held(history: History, size: int) -> Held:
        return Held(checkpoint=open_checkpoint(history.note(size), PINNED), note=history.note(size))

    kept = Conflicts(tmp_path / "conflicts")
    wrong = [Conflict(held=held(HONEST, 14), offered=held(HONEST, size), proof=()) for size in (20, 21, 22)]
    assert [kept.keep(one, now=1) is not None for one in [*wrong, wrong[0]]] == [True, True, False, True]
    convicting = Conflict(held=held(HONEST, 14), offered=held(FORGED, 14), proof=())
    assert kept.keep(convicting, now=1) is not None
    assert len(list((tmp_path / "conflicts").iterdir())) == 3
