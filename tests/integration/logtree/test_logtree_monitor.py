"""`placet monitor` through a real gateway: a log that grows is followed, one that contradicts itself raises the alarm.

The gateway is the production one with real HTTP and tokens; behind it stands a log that each test bends. Negative
controls: the same steps with an honest log raise nothing, and a monitor without memory believes a fork.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.evidence_drafts import consent, decision, event
from fakes.evidence_log import MemoryLog
from fakes.log_files import MemoryTree, write_tree
from integration.gateway.gateway_rig import Served, served, token
from integration.gateway.small_logs import Story

from placet.evidence.admission import admit_event, admit_outcome
from placet.evidence.drafts import OutcomeDraft
from placet.evidence.terms import Verdict
from placet.sdk.commands import run
from placet.sdk.errors import NotFound
from placet.sdk.logtree import monitoring
from placet.sdk.logtree.alarms import AlarmKind, AlarmRaised
from placet.sdk.logtree.monitoring import Monitor, Seen
from placet.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from placet.tlog.encoding import decode_base64
from placet.tlog.hashing import leaf_hash
from placet.tlog.note import format_vkey
from placet.tlog.proof import verify_consistency

ORIGIN = "localhost/log/bank"
SECOND = 1_000_000


def now() -> int:
    return time.time_ns() // 1_000


def grown(log: MemoryLog, events: int, law: str = "cn-2025") -> MemoryLog:
    """Add a consent and so many events, at this moment."""
    log.submit(replace(consent(), law=law), t=now())
    if events:
        drafts = (event(log.size * 1_000 + number)._replace(occurred=log.t) for number in range(events))
        log.submit(*drafts, decision=decision())
    return log


def new_log(events: int = 0, law: str = "cn-2025") -> MemoryLog:
    return grown(MemoryLog(ORIGIN, t=now()), events, law)


def fork_of(log: MemoryLog, events: int) -> MemoryLog:
    """A log with the same first two entries and key, and another story after them."""
    other = MemoryLog(ORIGIN, t=json.loads(log.entries[0])["t"])
    assert other.entries == log.entries[:2]
    return grown(other, events, law="other")


class Place:
    """A folder to monitor from, and the gateway that is looked at."""

    def __init__(self, folder: Path, gateway: Served) -> None:
        self.folder, self.gateway = folder, gateway
        self.url = f"{gateway.url}/log/bank"
        (folder / "token").write_text(token(gateway.issuer))
        self.show(new_log())

    def show(self, log: MemoryLog) -> None:
        """Have the gateway serve this log from now on."""
        self.log = log
        self.gateway.rig.audit.stories["bank"] = Story(log)  # type: ignore[index]
        (self.folder / "vkey").write_text(format_vkey(log.signer.vkey))

    def arguments(self, *more: str, log: str | None = None) -> list[str]:
        folder = self.folder
        known = ["--key", str(folder / "vkey"), "--state", str(folder / "state"), "--token-file", str(folder / "token")]
        return ["monitor", log or self.url, *known, *more]

    def look(self, *more: str, log: str | None = None) -> int:
        return run(self.arguments("--once", *more, log=log))

    def evidence(self) -> Any:
        (path,) = self.folder.glob("alarm-*.json")
        return json.loads(path.read_text())


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("gateway")) as made:
        yield made


@pytest.fixture
def place(gateway: Served, tmp_path: Path) -> Place:
    return Place(tmp_path, gateway)


def test_a_log_that_grows_is_followed(place: Place, capsys: Any) -> None:
    sizes = []
    for events in (0, 3, 300, 0, 700):
        grown(place.log, events)
        assert place.look() == 0
        sizes.append(place.log.size)
        told = capsys.readouterr().out
        assert f"{place.log.size} entries" in told
        if len(sizes) > 1:
            assert f"continues the {sizes[-2]} seen before" in told
    assert place.look() == 0
    assert capsys.readouterr().out == "", "nothing new, nothing said"
    assert list(place.folder.glob("alarm-*")) == []


def test_with_replay_new_entries_are_judged_too(place: Place, capsys: Any) -> None:
    grown(place.log, 300)
    assert place.look("--replay") == 0
    grown(place.log, 3)
    assert place.look("--replay") == 0
    log = place.log
    index = log.decide(decision())
    asked = event(7, purpose="spying")._replace(occurred=log.t)
    forged = log.forge(lambda at: replace(admit_event(asked, at, log.facts, index), verdict=Verdict.ALLOW, reasons=()))
    state = (place.folder / "state").read_bytes()
    assert place.look("--replay") == 3
    assert "ALARM rules" in capsys.readouterr().err
    assert place.evidence()["details"]["index"] == forged[0].i
    assert (place.folder / "state").read_bytes() == state
    for path in place.folder.glob("alarm-*"):
        path.unlink()
    assert place.look() == 0, "negative control: consistent it is"


def convicts(evidence: Any, log: MemoryLog) -> None:
    """Check as a third party would: two checkpoints by one key, and a proof that one does not continue the other."""
    held, answered = (open_checkpoint(evidence[name], log.verifiers) for name in ("held", "answered"))
    assert held.origin == answered.origin
    if held.size == answered.size:
        assert held.root != answered.root
        return
    begins = decode_base64(evidence["details"]["begins"])
    proof = [decode_base64(one) for one in evidence["proof"]]
    verify_consistency(held.size, begins, answered.size, answered.root, proof)
    assert begins != held.root


@pytest.mark.parametrize("before", [0, 3, 254, 300])
@pytest.mark.parametrize("after", [0, 1, 600])
def test_a_fork_raises_the_alarm_with_evidence_that_convicts(
    place: Place, before: int, after: int, capsys: Any
) -> None:
    grown(place.log, before)
    assert place.look() == 0
    first, state = place.log, (place.folder / "state").read_bytes()
    place.show(fork_of(first, before + after))
    for _ in range(2):  # and it stays until somebody has looked
        assert place.look() == 3
        assert "ALARM" in capsys.readouterr().err
    assert (place.folder / "state").read_bytes() == state
    evidence = place.evidence()
    if place.log.size < first.size:
        assert evidence["kind"] == "rollback"
        return
    assert evidence["kind"] == "fork"
    convicts(evidence, first)
    place.show(first)
    assert place.look() == 0, "the true log is still followed"


def test_without_memory_a_fork_is_believed(place: Place) -> None:
    """Negative control: it is the state file that finds it."""
    assert place.look() == 0
    (place.folder / "state").unlink()
    place.show(fork_of(place.log, 9))
    assert place.look() == 0


def test_a_log_that_became_shorter_raises_the_alarm(place: Place) -> None:
    short = place.log.entries.copy()
    grown(place.log, 10)
    assert place.look() == 0
    older = MemoryLog(ORIGIN, t=json.loads(short[0])["t"])
    place.show(older)
    assert place.look() == 3
    evidence = place.evidence()
    assert evidence["kind"] == "rollback"
    sizes = [int(evidence[name].split("\n")[1]) for name in ("held", "answered")]
    assert sizes[0] > sizes[1]


def test_a_checkpoint_by_another_key_raises_the_alarm(place: Place) -> None:
    assert place.look() == 0
    vkey = (place.folder / "vkey").read_text()
    place.show(MemoryLog(ORIGIN, seed=b"\x05" * 32, t=now()))
    (place.folder / "vkey").write_text(vkey)
    assert place.look() == 3
    assert place.evidence()["kind"] == "signature"


def test_an_old_checkpoint_raises_the_alarm_and_is_remembered(place: Place, capsys: Any) -> None:
    place.show(MemoryLog(ORIGIN, t=now() - 3_600 * SECOND))
    assert place.look("--max-age", "7200") == 0
    assert place.look("--max-age", "60") == 3
    assert "60 min old; at most 60 s is allowed" in capsys.readouterr().err
    assert place.evidence()["kind"] == "stale"
    assert place.look("--max-age", "0") == 0


def test_a_checkpoint_of_the_future_raises_the_alarm(place: Place) -> None:
    place.show(MemoryLog(ORIGIN, t=now() + 3_600 * SECOND))
    assert place.look() == 3
    assert place.evidence()["kind"] == "clock"


def test_what_cannot_be_reached_is_no_alarm_until_it_is_old(
    place: Place, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("placet.sdk.logtree.gateway._PAUSE", 0.01)
    assert place.look() == 0
    capsys.readouterr()
    (place.folder / "token").write_text("not.a.token")
    assert place.look() == 1
    assert "TOKEN_INVALID" in capsys.readouterr().err
    (place.folder / "token").write_text(token(place.gateway.issuer, controllers=["retailer"]))
    assert place.look() == 1
    assert "CONTROLLER_FORBIDDEN" in capsys.readouterr().err
    assert place.look(log="http://127.0.0.1:1/log/bank") == 1
    assert "does not answer" in capsys.readouterr().err
    assert list(place.folder.glob("alarm-*")) == []
    time.sleep(0.2)
    assert place.look("--max-age", "0.1", log="http://127.0.0.1:1/log/bank") == 3
    assert place.evidence()["kind"] == "stale"


def test_evidence_that_cannot_be_written_is_printed_and_the_alarm_stays(place: Place, capsys: Any) -> None:
    assert place.look("--max-age", "0") == 0
    (place.folder / "file").write_text("")
    first = place.log
    place.show(fork_of(first, 9))
    assert place.look("--evidence", str(place.folder / "file" / "x")) == 3
    told = capsys.readouterr().err
    convicts(json.loads(told[told.index("{") :]), first)
    assert place.look("--evidence", str(place.folder / "new" / "folder")) == 3
    assert len(list((place.folder / "new" / "folder").iterdir())) == 1


def test_a_folder_is_monitored_as_well(place: Place) -> None:
    tree = place.folder / "tree"
    write_tree(grown(place.log, 300), tree)
    assert place.look(log=str(tree)) == 0
    write_tree(grown(place.log, 5), tree)
    assert place.look("--replay", log=str(tree)) == 0
    (tree / "checkpoint").write_text(fork_of(place.log, 400).checkpoint)
    assert place.look(log=str(tree)) == 3


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["http://log.example/log/bank"], "https"),
        (["ftp://127.0.0.1/x"], "no address of a log"),
        (["none-such"], "no checkpoint"),
    ],
)
def test_wrong_addresses_are_told(place: Place, arguments: list[str], word: str, capsys: Any) -> None:
    assert place.look(log=arguments[0]) == 1
    assert word in capsys.readouterr().err


def test_a_key_is_needed(place: Place) -> None:
    assert run(["monitor", place.url, "--state", str(place.folder / "state")]) == 2


@pytest.mark.parametrize("content", [b"", b"{}\n", b"nonsense", b'{"format":"placet.monitor/2"}\n'])
def test_a_damaged_state_file_is_refused(place: Place, content: bytes, capsys: Any) -> None:
    (place.folder / "state").write_bytes(content)
    assert place.look() == 1
    assert "STATE_FILE" in capsys.readouterr().err


def test_a_state_file_of_another_log_is_refused(place: Place, capsys: Any) -> None:
    assert place.look() == 0
    other = grown(MemoryLog("localhost/log/other", t=now()), 3)
    place.show(other)
    assert place.look() == 1
    assert "what was seen before" in capsys.readouterr().err


def test_it_runs_until_there_is_an_alarm(place: Place) -> None:
    """The process itself, with its loop: it follows, then a fork ends it."""
    command = [sys.executable, "-c", "import sys; from placet.sdk.commands import run; sys.exit(run(sys.argv[1:]))"]
    process = subprocess.Popen(
        [*command, *place.arguments("--every", "0.1")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "seen for the first time" in process.stdout.readline()
    grown(place.log, 3)
    assert "continues" in process.stdout.readline()
    place.show(fork_of(place.log, 50))
    _, err = process.communicate(timeout=30)
    assert process.returncode == 3
    assert "ALARM fork" in err
    convicts(place.evidence(), place.log)


# One look, without HTTP: what can be wrong with the tiles and the newest entry.


def looked(tree: MemoryTree, seen: Seen | None = None) -> Seen:
    return Monitor(tree, tree.log.verifiers, max_age=None).look(seen)


def alarm(tree: MemoryTree, seen: Seen | None = None) -> AlarmKind:
    with pytest.raises(AlarmRaised) as caught:
        looked(tree, seen)
    assert str(caught.value)
    return caught.value.alarm.kind


@pytest.mark.parametrize("path", ["tile/0/000", "tile/1/000.p/2", "tile/entries/002.p/1"])
@pytest.mark.parametrize("how", ["gone", "bent", "short"])
def test_tiles_that_are_not_the_checkpoints_are_told_apart_from_a_fork(path: str, how: str) -> None:
    log = new_log(507)
    assert log.size == 513
    tree = MemoryTree(log)
    seen = Seen(note=MemoryLog(ORIGIN, t=json.loads(log.entries[0])["t"]).checkpoint, t=0)
    assert looked(tree, seen).checkpoint.size == 513, "negative control"
    data = tree.read(path)
    tree.bend[path] = {
        "gone": NotFound("NOT_FOUND", "gone"),
        "bent": data[:-1] + bytes([data[-1] ^ 1]),
        "short": data[:-1],
    }[how]
    assert alarm(tree, seen) is AlarmKind.TREE


def test_a_checkpoint_that_ends_in_no_state_breaks_the_rules() -> None:
    log = new_log()
    log.forge(lambda at: admit_outcome(OutcomeDraft(of=2, result="x"), at), end=False)
    assert alarm(MemoryTree(log)) is AlarmKind.RULES


def test_a_checkpoint_over_rubbish_breaks_the_rules() -> None:
    log = new_log()
    log.entries.append(b"{}")
    log.tree.append(leaf_hash(b"{}"))
    assert alarm(MemoryTree(log)) is AlarmKind.RULES


def test_two_trees_of_one_size_are_a_fork() -> None:
    log = new_log()
    seen = looked(MemoryTree(log))
    tree = MemoryTree(log)
    wrong = Checkpoint(origin=log.origin, size=log.size, root=bytes(32))
    tree.bend["checkpoint"] = sign_checkpoint(wrong, log.signer).encode()
    assert alarm(tree, seen) is AlarmKind.FORK


def test_the_checks_are_what_finds_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: with the comparison switched off, a fork is believed."""
    log = new_log(3)
    seen = looked(MemoryTree(log))
    fork = MemoryTree(fork_of(log, 9))
    assert alarm(fork, seen) is AlarmKind.FORK
    monkeypatch.setattr(monitoring._Look, "compare", lambda *_: None)
    assert looked(fork, seen).checkpoint.size == fork.log.size


@pytest.mark.parametrize(
    ("micros", "words"),
    [(5 * SECOND, "5 s"), (150 * SECOND, "2 min"), (7_200 * SECOND, "2 h"), (200_000 * SECOND, "2 d")],
)
def test_durations_are_told_in_words(micros: int, words: str) -> None:
    assert monitoring._duration(micros) == words
