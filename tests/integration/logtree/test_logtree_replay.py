"""A whole log replayed from its C2SP tree: honest ones pass, every change of every file is found and named.

Negative controls: the untouched tree passes, and each lie that only the rules can tell is told in a tree whose hashes
and signature are right.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.evidence_drafts import consent, decision, event, permit
from fakes.evidence_log import MemoryLog
from fakes.log_files import MemoryTree, write_tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property.evidence.test_replay_quick_way import story

from placet.evidence.admission import admit_event
from placet.evidence.canonical import b64url
from placet.evidence.drafts import UseDraft
from placet.evidence.entries import parse_entry
from placet.evidence.errors import EvidenceError, ReplayError
from placet.evidence.reasons import Reason
from placet.evidence.replay import Saved
from placet.evidence.resuming import dump, load
from placet.evidence.terms import Verdict
from placet.sdk.errors import NotFound, PlacetError
from placet.sdk.logtree import replaying
from placet.sdk.logtree.folder import FolderTree
from placet.sdk.logtree.replaying import TreeReplay
from placet.tlog.checkpoint import open_checkpoint
from placet.tlog.errors import TlogError
from placet.tlog.hashing import leaf_hash
from placet.tlog.tiles import bundles_for, decode_entries, encode_entries

WRONG = (EvidenceError, TlogError, PlacetError)


class Looking:
    """A watch that saves after so many times of being asked, and may stop there."""

    def __init__(self, due: int | None = None, stop: bool = False) -> None:
        self.left, self.stop = due, stop
        self.saved: list[list[bytes]] = []
        self.sizes: list[int] = []

    def moved(self, size: int) -> None:
        self.sizes.append(size)

    def due(self) -> bool:
        if self.left is None:
            return False
        self.left -= 1
        return self.left < 0

    def save(self, saved: Saved) -> bool:
        self.saved.append(list(dump(saved)))
        self.left = None
        return not self.stop


def replayed(tree: Any, log: MemoryLog, *, saved: Saved | None = None, watch: Looking | None = None) -> TreeReplay:
    """Replay a tree up to the checkpoint that it has, verified under the key of the log."""
    checkpoint = open_checkpoint(tree.read("checkpoint").decode("utf-8", "replace"), log.verifiers)
    found = TreeReplay(tree, checkpoint, saved=saved)
    watch = watch or Looking()
    assert found.run(watch) is not watch.stop
    return found


def everything(found: TreeReplay) -> list[bytes]:
    return list(dump(found.replay.saved()))


def whole(log: MemoryLog) -> list[bytes]:
    """What a replay from the first entry on knows in the end."""
    return everything(replayed(MemoryTree(log), log))


@pytest.fixture(scope="module")
def log() -> MemoryLog:
    """A log of more than two bundles."""
    return story(70, 11)


@pytest.fixture(scope="module")
def tree(log: MemoryLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(log, tmp_path_factory.mktemp("tree"))


def test_an_honest_tree_passes(log: MemoryLog, tree: Path) -> None:
    watch = Looking()
    found = replayed(FolderTree(tree), log, watch=watch)
    assert log.size > 600
    assert found.replay.root() == log.tree.root()
    assert found.replay.statuses.root() == log.statuses.root()
    assert watch.sizes[-1] == log.size


FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(max_examples=3_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def change_is_found(log: MemoryLog, tree: Path, more: Any) -> None:
    """P7: a byte changed, a file cut, emptied or taken away, two files exchanged."""
    files = sorted(str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file())
    path = more.draw(st.sampled_from(files))
    data = (tree / path).read_bytes()
    bent = MemoryTree(log)
    change = more.draw(st.sampled_from(["flip", "cut", "longer", "gone", "other"]))
    if change == "flip":
        at = more.draw(st.integers(0, len(data) - 1))
        bent.bend[path] = data[:at] + bytes([data[at] ^ (1 << more.draw(st.integers(0, 7)))]) + data[at + 1 :]
    elif change == "cut":
        bent.bend[path] = data[: more.draw(st.integers(0, len(data) - 1))]
    elif change == "longer":
        bent.bend[path] = data + more.draw(st.binary(min_size=1, max_size=40))
    elif change == "gone":
        bent.bend[path] = NotFound("NOT_FOUND", f"no {path}")
    else:
        other = (tree / more.draw(st.sampled_from(files))).read_bytes()
        if other == data:
            return
        bent.bend[path] = other
    with pytest.raises(WRONG):
        replayed(bent, log)


@FEW
@given(more=st.data())
def test_every_change_of_every_file_is_found(log: MemoryLog, tree: Path, more: Any) -> None:
    change_is_found(log, tree, more)


@pytest.mark.long
@pytest.mark.timeout(1_800)
@MANY
@given(more=st.data())
def test_every_change_of_every_file_is_found_campaign(log: MemoryLog, tree: Path, more: Any) -> None:
    change_is_found(log, tree, more)


def changed_entry(log: MemoryLog, index: int, data: bytes) -> MemoryTree:
    """The tree with one entry replaced in its bundle, and everything else as it was."""
    bundle = bundles_for(0, log.size)[index // 256]
    entries = log.entries[bundle.index * 256 : bundle.index * 256 + bundle.width]
    entries[index % 256] = data
    bent = MemoryTree(log)
    bent.bend[bundle.path] = encode_entries(entries)
    return bent


@pytest.mark.parametrize("index", [0, 1, 2, 100, 254, 255, 256, 257, 511, 512, -2, -1])
def test_a_changed_entry_is_named(log: MemoryLog, index: int) -> None:
    index %= log.size
    data = log.entries[index]
    at = data.rindex(b'"t":') + 4
    for changed in (data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], data + b" ", b"{}"):
        with pytest.raises(ReplayError) as caught:
            replayed(changed_entry(log, index, changed), log)
        assert caught.value.index == index


def test_entries_in_another_order_are_named(log: MemoryLog) -> None:
    bundle = bundles_for(0, log.size)[1]
    entries = log.entries[256:512]
    entries[10], entries[11] = entries[11], entries[10]
    bent = MemoryTree(log)
    bent.bend[bundle.path] = encode_entries(entries)
    with pytest.raises(ReplayError) as caught:
        replayed(bent, log)
    assert caught.value.index == 266


def lie_in_an_event(log: MemoryLog) -> int:
    """An event denied by the rules and allowed by the operator, in a tree whose hashes are right."""
    index = log.decide(decision())
    asked = event(number=9, basis=0, purpose="spying")
    made = log.forge(
        lambda at: replace(admit_event(asked, at, log.facts, index), verdict=Verdict.ALLOW, reasons=()), end=True
    )
    return int(made[0].i)


def denied_for_nothing(log: MemoryLog) -> int:
    index = log.decide(decision())
    lie = {"verdict": Verdict.DENY, "reasons": (Reason.BASIS_WITHDRAWN,)}
    made = log.forge(lambda at: replace(admit_event(event(number=9), at, log.facts, index), **lie))
    return int(made[0].i)


def false_status_root(log: MemoryLog) -> int:
    return int(log.end_batch(status_root=b64url(bytes(32))).i)


def wrong_count(log: MemoryLog) -> int:
    return int(log.end_batch(bases=log.statuses.size + 1).i)


LIES: list[Callable[[MemoryLog], int]] = [lie_in_an_event, denied_for_nothing, false_status_root, wrong_count]


@pytest.mark.parametrize("lie", LIES, ids=lambda one: one.__name__)
def test_what_only_the_rules_can_tell_is_named(lie: Callable[[MemoryLog], int]) -> None:
    log = MemoryLog()
    log.submit(consent(), consent())
    replayed(MemoryTree(log), log)  # negative control
    index = lie(log)
    for _ in range(3):
        log.submit(event(number=log.size), decision=decision())
    with pytest.raises(ReplayError) as caught:
        replayed(MemoryTree(log), log)
    assert caught.value.index == index


def test_a_checkpoint_that_ends_in_no_state_is_refused() -> None:
    log = MemoryLog()
    log.submit(consent())
    log.forge(lambda at: replace(parse_entry(log.entries[2]), i=at.i, prev=at.prev, t=at.t, basis=1), end=False)  # type: ignore[type-var]
    with pytest.raises(ReplayError) as caught:
        replayed(MemoryTree(log), log)
    assert caught.value.reason == "INCOMPLETE"


def test_older_events_are_read_again_and_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Uses that name events of long ago, with room for one bundle: the replay knows the same in the end."""
    log = MemoryLog()
    log.submit(consent())
    drafts = [event(number, permit=permit(3)) for number in range(1, 400)]
    events = [entry.i for entry in log.submit(*drafts, decision=decision()) if entry.kind == "event"]
    for _ in range(2):
        log.submit(*(UseDraft(event=index, service="vault") for index in events))
    expected = everything(replayed(MemoryTree(log), log))
    monkeypatch.setattr(replaying, "KEPT_BUNDLES", 1)
    tree = MemoryTree(log)
    assert everything(replayed(tree, log)) == expected
    assert tree.reads.count("tile/entries/000") > 1

    class Twice(MemoryTree):
        """Shows another entry when a bundle is read for the second time."""

        def read(self, path: str) -> bytes:
            data = super().read(path)
            if path == "tile/entries/000" and self.reads.count(path) > 1:
                entries = decode_entries(data)
                entries[5] = entries[5].replace(b'"max_uses":3', b'"max_uses":9')
                return encode_entries(entries)
            return data

    with pytest.raises(ReplayError) as caught:
        replayed(Twice(log), log)
    assert caught.value.field == "tile/0/000"

    class TwiceWithItsTile(Twice):
        """And the tile that goes with it."""

        def read(self, path: str) -> bytes:
            if path == "tile/0/000" and self.reads.count("tile/entries/000") > 1:
                return b"".join(leaf_hash(entry) for entry in decode_entries(Twice.read(self, "tile/entries/000")))
            return super().read(path)

    with pytest.raises(TlogError, match="inclusion proof refused"):
        replayed(TwiceWithItsTile(log), log)


def test_what_is_kept_does_not_grow_with_the_events() -> None:
    log = MemoryLog()
    log.submit(consent())
    log.submit(event(1, permit=permit()), decision=decision())
    few = everything(replayed(MemoryTree(log), log))
    for batch in range(20):
        log.submit(
            *(event(number, permit=permit()) for number in range(batch * 50, batch * 50 + 50)), decision=decision()
        )
    found = replayed(MemoryTree(log), log)
    assert len(everything(found)) == len(few)
    assert found.replay.facts._event == {}


# Going on from what was saved.


def saved_at(log: MemoryLog, due: int) -> Saved:
    watch = Looking(due, stop=True)
    replayed(MemoryTree(log), log, watch=watch)
    return load(watch.saved[0])


@pytest.mark.parametrize("due", [0, 1, 2])
def test_a_replay_goes_on_where_it_stopped_and_knows_the_same(log: MemoryLog, due: int) -> None:
    saved = saved_at(log, due)
    assert 0 < saved.size < log.size
    watch = Looking()
    assert everything(replayed(MemoryTree(log), log, saved=saved, watch=watch)) == whole(log)
    assert len(watch.sizes) == len(bundles_for(0, log.size)) - saved.size // 256


def test_saving_in_between_changes_nothing(log: MemoryLog) -> None:
    watch = Looking(1)
    assert everything(replayed(MemoryTree(log), log, watch=watch)) == whole(log)
    assert len(watch.saved) == 1


def test_a_log_that_has_grown_is_replayed_from_there() -> None:
    log = story(30, 4)
    saved = load(whole(log))
    assert everything(replayed(MemoryTree(log), log, saved=load(whole(log)))) == whole(log)
    for number in range(300):
        log.submit(event(number, basis=0), decision=decision())
    index = lie_in_an_event(log)
    with pytest.raises(ReplayError) as caught:
        replayed(MemoryTree(log), log, saved=saved)
    assert caught.value.index == index


def another_story() -> MemoryLog:
    return story(70, 12)


def shorter() -> MemoryLog:
    return story(20, 11)


@pytest.mark.parametrize(("other", "reason"), [(another_story, "ROOT"), (shorter, "ROLLBACK")])
def test_a_state_is_not_used_with_another_tree(log: MemoryLog, other: Callable[[], MemoryLog], reason: str) -> None:
    saved = saved_at(log, 2)
    changed = other()
    with pytest.raises(ReplayError) as caught:
        replayed(MemoryTree(changed), changed, saved=saved)
    assert caught.value.reason == reason


def test_nor_with_another_log(log: MemoryLog) -> None:
    other = MemoryLog("log.example/other")
    with pytest.raises(ReplayError) as caught:
        replayed(MemoryTree(other), other, saved=saved_at(log, 1))
    assert caught.value.reason == "ORIGIN"


def test_entries_that_were_replayed_before_may_not_change(log: MemoryLog) -> None:
    saved = saved_at(log, 2)
    index = saved.size - 2
    changed = log.entries[index].replace(b'"v":1', b'"v":2')
    with pytest.raises(ReplayError) as caught:
        replayed(changed_entry(log, index, changed), log, saved=saved)
    assert caught.value.reason in ("ROOT", "STATUS_ROOT")


@pytest.mark.parametrize("lie", ["revived", "prev", "t"])
def test_a_state_that_was_tampered_with_is_not_used(log: MemoryLog, lie: str) -> None:
    """Whoever can write the file can write its digest too; the statuses are compared with the log."""
    saved = saved_at(log, 2)
    if lie == "revived":
        ended = next(basis for basis in saved.facts.bases.values() if basis.ended is not None)
        saved.facts.bases[ended.ordinal] = replace(ended, ended=None)
    else:
        saved = replace(saved, **{lie: b64url(bytes(32)) if lie == "prev" else saved.t + 1})
    with pytest.raises(ReplayError) as caught:
        replayed(MemoryTree(log), log, saved=saved)
    assert caught.value.reason == "STATUS_ROOT"


def test_a_partial_tile_that_is_gone_is_read_from_the_full_one(log: MemoryLog) -> None:
    """C2SP: a server may drop partial tiles once the full one exists."""
    grown = story(70, 11)
    while grown.size % 256 or grown.size == log.size:
        grown.forge(lambda at: replace(parse_entry(log.entries[0]), i=at.i, prev=at.prev, t=at.t), end=False)  # type: ignore[type-var]
    old = MemoryTree(log)
    checkpoint = old.read("checkpoint")
    tree = MemoryTree(grown)
    tree.bend["checkpoint"] = checkpoint
    for path in {path for path in (one.path for one in bundles_for(0, log.size)) if ".p/" in path}:
        tree.bend[path] = NotFound("NOT_FOUND", "dropped")
    last = log.size // 256
    tree.bend[f"tile/0/{last:03d}.p/{log.size % 256}"] = NotFound("NOT_FOUND", "dropped")
    assert replayed(tree, log).replay.root() == log.tree.root()
