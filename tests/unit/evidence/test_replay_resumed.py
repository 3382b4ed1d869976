"""A replay written down and read again goes on as if it had never stopped; what was not written so is refused."""

import json
from dataclasses import replace
from functools import cache

import pytest
from fakes.evidence_drafts import HASH, consent, decision, event, guardianship, legal_permission, permit
from fakes.evidence_log import DPO, LEGAL, ORIGIN, MemoryLog
from fakes.evidence_scenes import EVENTS, USES, withdrawal
from property.evidence.test_replay_quick_way import known, story

from placet.evidence import replay as replaying
from placet.evidence.admission import admit_event, admit_use
from placet.evidence.drafts import AmendDraft, UseDraft
from placet.evidence.errors import EvidenceError, ReplayError
from placet.evidence.replay import Replay
from placet.evidence.resuming import dump, load
from placet.evidence.terms import Verdict
from placet.evidence.usecounts import UseCounts
from placet.tlog.errors import RangeError
from placet.tlog.tilerows import TileRows


def events_of(log):
    """Where a resumed replay looks older events up: in the log itself."""
    from placet.evidence.entryview import event_facts

    return lambda index: event_facts(log.entries[index]) if index < log.size else None


def fed(log, end, **how):
    replay = Replay(log.origin, read_event=events_of(log), **how)
    replay.feed_all(log.entries[replay.size : end])
    return replay


def states(log):
    """The sizes at which a replay of this log can be saved."""
    return [n + 1 for n, data in enumerate(log.entries) if json.loads(data)["kind"] == "state"]


def test_a_replay_goes_on_from_every_state_as_if_it_had_never_stopped():
    log = story(60, 3)
    expected = known(fed(log, log.size))
    for size in states(log)[::7]:
        lines = list(dump(fed(log, size).saved()))
        resumed = Replay(log.origin, read_event=events_of(log), saved=load(lines))
        assert list(dump(resumed.saved())) == lines
        resumed.feed_all(log.entries[size:])
        assert known(resumed) == expected


def test_the_same_with_the_rows_of_the_tiles():
    log = story(60, 3)
    size = states(log)[20]
    rows = TileRows()
    before = fed(log, size, tree=rows)
    saved = before.saved()
    again = TileRows.resume(size, log.tree)
    assert again.hashes == list(saved.hashes)
    resumed = Replay(log.origin, read_event=events_of(log), saved=saved, tree=again)
    resumed.feed_all(log.entries[size:])
    assert resumed.root() == log.tree.root()


def test_only_where_a_state_ends_can_it_be_saved():
    log = MemoryLog()
    log.submit(consent())
    replay = Replay(ORIGIN)
    replay.feed_all(log.entries[:3])
    with pytest.raises(ReplayError) as caught:
        replay.saved()
    assert caught.value.reason == "INCOMPLETE"


def test_everything_that_the_rules_ask_about_is_kept():
    log = MemoryLog()
    log.submit(guardianship())
    log.submit(consent(needs=(0,), max_events=3), consent())
    log.submit(event(1, basis=1, permit=permit(2)), event(2, basis=1), decision=decision())
    log.submit(UseDraft(event=8, service="vault"))
    log.submit(AmendDraft(basis=1, purposes=("login",)))
    log.submit(withdrawal(2))
    facts = load(dump(fed(log, log.size).saved())).facts
    assert facts.bases == fed(log, log.size).facts.kept.bases
    assert facts.bases[1].purposes == {"login"}
    assert facts.bases[2].ended is not None
    assert facts.allowed_events == {1: 2}
    assert list(facts.allowed_uses.pairs()) == [(8, 1)]
    assert facts.decisions == fed(log, log.size).facts.kept.decisions


def test_approvals_are_kept_for_the_permission_that_needs_them():
    log = MemoryLog()
    draft = legal_permission()
    records = log.submit(*(who.approve(draft) for who in (LEGAL, DPO)))
    size = log.size
    log.submit(replace(draft, approvals=tuple(record.i for record in records)))
    resumed = Replay(ORIGIN, saved=load(dump(fed(log, size).saved())))
    resumed.feed_all(log.entries[size:])
    assert resumed.root() == log.tree.root()
    assert resumed.status(0).granted == size
    assert resumed.status(1) is None


@cache
def written():
    log = story(30, 5)
    return [line.decode() for line in dump(fed(log, log.size).saved())], log.entries[-1].decode()


def spoiled(name):
    lines, state = written()
    rows = [json.loads(line) for line in lines]
    kinds = [row[0] if isinstance(row, list) else "header" for row in rows]
    if name == "empty":
        return []
    if name == "no json":
        return [b"{", *(json.dumps(row).encode() for row in rows[1:])]
    if name == "basis missing":
        del rows[kinds.index("basis")]
    elif name == "another format":
        rows[0]["format"] = "placet.replay/2"
    elif name == "no size":
        del rows[0]["size"]
    elif name == "odd prev":
        rows[0]["prev"] = "x"
    elif name == "odd hash":
        rows[0]["hashes"][0] = "!"
    elif name == "unknown row":
        rows.append(["other"])
    elif name == "odd reason":
        rows[kinds.index("decision")][2] = ["BECAUSE"]
    elif name == "odd form":
        rows[kinds.index("basis")][2] = "promise"
    elif name == "no approval":
        rows.append(["approval", state])
    elif name == "header is a list":
        rows[0] = [1]
    elif name == "short basis":
        rows[kinds.index("basis")] = ["basis", 0]
    return [json.dumps(row).encode() for row in rows]


@pytest.mark.parametrize(
    "name",
    [
        "empty",
        "no json",
        "basis missing",
        "another format",
        "no size",
        "odd prev",
        "odd hash",
        "unknown row",
        "odd reason",
        "odd form",
        "no approval",
        "header is a list",
        "short basis",
    ],
)
def test_what_was_not_written_so_is_refused(name):
    with pytest.raises(EvidenceError) as caught:
        load(spoiled(name))
    assert caught.value.reason == "SAVED_REPLAY"
    assert caught.value.field.startswith("line ")
    load(spoiled("nothing"))


def test_hashes_that_do_not_cover_the_size_are_refused():
    log = MemoryLog()
    log.submit(consent())
    saved = load(dump(fed(log, log.size).saved()))
    with pytest.raises(RangeError):
        Replay(ORIGIN, saved=replace(saved, size=saved.size + 1))


@pytest.mark.parametrize("scene", EVENTS, ids=lambda scene: scene.__name__)
def test_the_quick_way_refuses_what_the_rules_deny(scene, monkeypatch):
    """Negative control included: with the judging switched off the quick way takes it."""
    log = MemoryLog()
    made = scene(log)
    log.t = max(log.t, made.t)
    index = log.decide(made.decided)
    forged = log.forge(
        lambda at: replace(admit_event(made.asked, at, log.facts, index), verdict=Verdict.ALLOW, reasons=())
    )
    with pytest.raises(ReplayError) as caught:
        Replay(ORIGIN).feed_all(log.entries)
    assert caught.value.index == forged[0].i
    monkeypatch.setattr(replaying, "event_stands", lambda *_: True)
    gullible = Replay(ORIGIN)
    gullible.feed_all(log.entries)
    assert gullible.root() == log.tree.root()


@pytest.mark.parametrize("scene", USES, ids=lambda scene: scene.__name__)
def test_the_quick_way_refuses_a_use_that_the_rules_deny(scene, monkeypatch):
    """Negative control included."""
    log = MemoryLog()
    made = scene(log)
    draft = UseDraft(event=made.event, service="vault")
    log.t = max(log.t, made.t)
    forged = log.forge(lambda at: replace(admit_use(draft, at, log.facts), verdict=Verdict.ALLOW, reasons=()))
    with pytest.raises(ReplayError) as caught:
        Replay(ORIGIN).feed_all(log.entries)
    assert caught.value.index == forged[0].i
    if forged[0].event is not None:
        monkeypatch.setattr(replaying, "use_stands", lambda *_: True)
        gullible = Replay(ORIGIN)
        gullible.feed_all(log.entries)
        assert gullible.root() == log.tree.root()


def test_the_quick_way_refuses_a_false_state():
    log = MemoryLog()
    log.submit(consent())
    log.end_batch(status_root=HASH)
    with pytest.raises(ReplayError) as caught:
        Replay(ORIGIN).feed_all(log.entries)
    assert (caught.value.reason, caught.value.index) == ("STATUS_ROOT", 4)


def test_uses_are_counted_exactly_wherever_they_are_kept():
    counts, plain = UseCounts(lately=3), {}
    for event_index in [5, 9, 5, 7, 1, 9, 9, 2, 5, 100, 3, 1, 100, 2**40, 4, 5, 0]:
        counts.add(event_index)
        plain[event_index] = plain.get(event_index, 0) + 1
        assert {one: counts[one] for one in range(120)} == {one: plain.get(one, 0) for one in range(120)}
    assert list(counts.pairs()) == sorted(plain.items())
    assert counts[2**40] == 1
    assert counts[2**41] == 0


def test_the_first_entries_never_go_the_quick_way():
    log = MemoryLog()
    log.submit(consent())
    replay = Replay(ORIGIN)
    with pytest.raises(ReplayError):
        replay.feed_all([log.entries[3]])
    with pytest.raises(ReplayError):
        replay.feed_all([b'{"i":0,"kind":"outcome","of":0,"prev":"' + b"A" * 43 + b'","result":"x","t":1,"v":1}'])
    assert replay.size == 0
    replay.feed_all(log.entries)
    assert replay.complete
