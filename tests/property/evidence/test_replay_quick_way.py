"""The quick way of replay and the thorough one: they take the same entries, refuse the same, and know the same after.

The thorough way is `Replay.feed`, which makes the draft, asks the rules and compares; the quick way must never take
what it would refuse. Logs are random stories with every kind and reason; lies are single changes to single entries.
"""

import json
from dataclasses import replace
from typing import Any

import pytest
from fakes.evidence_drafts import consent, guardianship
from fakes.evidence_log import MemoryLog
from fakes.varied_story import VariedStory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property.evidence import strategies
from property.evidence.test_log_properties import Story, logs

from placet.evidence.admission import AlreadyEnded
from placet.evidence.canonical import b64url, encode
from placet.evidence.entries import encode_entry, parse_entry
from placet.evidence.entryview import event_facts, quick_event, quick_outcome, quick_use, read_event, view_of
from placet.evidence.errors import AdmissionRefused, EvidenceError, ReplayError
from placet.evidence.grantview import quick_grant
from placet.evidence.kinds import Event, Grant, Outcome, Use
from placet.evidence.rejudging import event_stands, readmit, use_stands
from placet.evidence.replay import Replay
from placet.evidence.resuming import dump
from placet.evidence.terms import Form
from placet.evidence.view import EventFacts

CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large]
slow = settings(max_examples=40, deadline=None, suppress_health_check=CHECKS)
campaign = settings(max_examples=1_500, deadline=None, suppress_health_check=CHECKS)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 12),
    st.integers(2**53 - 2, 2**53 - 1),
    st.sampled_from(["allow", "deny", "verify", "export", "identify", "", "x", "login", "branch.1"]),
    st.lists(st.sampled_from(["POLICY", "BASIS_WITHDRAWN", "BASIS_UNKNOWN", "PERMIT_EXPIRED"]), max_size=2),
    st.builds(lambda uses, end: {"max_uses": uses, "not_after": end}, st.integers(0, 3), st.integers(0, 2**53 - 1)),
)


def played(batches: Any) -> MemoryLog:
    return Story().play(batches).log


def thorough(origin: str, entries: list[bytes]) -> tuple[Replay, str | None]:
    replay = Replay(origin)
    for data in entries:
        try:
            replay.feed(data)
        except ReplayError as error:
            return replay, f"{error.reason} {error.index}"
    return replay, None


def quick(origin: str, entries: list[bytes]) -> tuple[Replay, str | None]:
    replay = Replay(origin)
    try:
        replay.feed_all(entries)
    except ReplayError as error:
        return replay, f"{error.reason} {error.index}"
    return replay, None


def known(replay: Replay) -> object:
    """Everything that a replay knows: what it would save, and its root."""
    saved = b"".join(dump(replay.saved())) if replay.complete else b""
    return replay.size, replay.root(), replay.statuses.root(), replay.complete, saved


@slow
@given(logs)
def test_both_ways_take_an_honest_log_and_know_the_same_after(batches: Any) -> None:
    log = played(batches)
    (one, none), (other, nothing) = thorough(log.origin, log.entries), quick(log.origin, log.entries)
    assert none is None
    assert nothing is None
    assert known(one) == known(other)
    assert one.root() == log.tree.root()


def same_refusal(batches: Any, more: Any) -> None:
    log = played(batches)
    index = more.draw(st.integers(0, log.size - 1))
    entry = json.loads(log.entries[index])
    field = more.draw(st.sampled_from(sorted(entry)))
    try:
        lie = encode({**entry, field: more.draw(ODD)})
    except EvidenceError:
        return
    entries = [*log.entries[:index], lie, *log.entries[index + 1 :]]
    (one, refused), (other, same) = thorough(log.origin, entries), quick(log.origin, entries)
    assert refused == same
    assert known(one) == known(other)
    if lie != log.entries[index] and index < log.size - 1:
        assert refused is not None, "what comes after names another predecessor"


@slow
@given(logs, st.data())
def test_both_ways_refuse_the_same_lie_at_the_same_entry(batches: Any, more: Any) -> None:
    same_refusal(batches, more)


@pytest.mark.long
@pytest.mark.timeout(1_800)
@campaign
@given(logs, st.data())
def test_both_ways_refuse_the_same_lie_campaign(batches: Any, more: Any) -> None:
    same_refusal(batches, more)


@slow
@given(logs, st.data())
def test_a_lie_with_the_chain_mended_is_taken_by_both_or_by_none(batches: Any, more: Any) -> None:
    """The last entry but one, and the state after it written anew: only the rules can tell."""
    log = played(batches)
    index = more.draw(st.integers(2, log.size - 1))
    entry = json.loads(log.entries[index])
    field = more.draw(st.sampled_from(sorted(entry)))
    try:
        lie = encode({**entry, field: more.draw(ODD)})
    except EvidenceError:
        return
    begin = log.entries[:index]
    assert thorough(log.origin, [*begin, lie])[1] == quick(log.origin, [*begin, lie])[1]


@slow
@given(st.one_of(strategies.events, strategies.uses, strategies.outcomes))
def test_views_read_what_parse_entry_reads(entry: Event | Use | Outcome) -> None:
    data = encode_entry(entry)
    if isinstance(entry, Event):
        assert read_event(data) == view_of(entry)
        assert quick_event(data) in (None, view_of(entry))
        assert event_facts(data) == EventFacts.of(entry)
        return
    assert quick_event(data) is None
    assert event_facts(data) is None
    use, outcome = quick_use(data), quick_outcome(data)
    if use is not None:
        assert isinstance(entry, Use)
        assert use == (entry.event, entry.i, entry.n, entry.prev, entry.reasons, entry.t, entry.verdict == "allow")
    if outcome is not None:
        assert isinstance(entry, Outcome)
        assert outcome == (entry.i, entry.prev, entry.t)


@slow
@given(st.one_of(strategies.uses, strategies.outcomes), st.data())
def test_what_a_view_accepts_parse_entry_accepts(entry: Use | Outcome, more: Any) -> None:
    data = encode_entry(entry)
    at, cut = more.draw(st.integers(0, len(data) - 1)), more.draw(st.integers(0, 4))
    piece = more.draw(st.sampled_from([b"", b'"', b"0", b" ", b"null", b",", b"}", b"-", b"9" * 15, b"\xc3\xa9"]))
    changed = data[:at] + piece + data[at + cut :]
    for read in (quick_use, quick_outcome):
        view = read(changed)
        if view is not None:
            again = parse_entry(changed)
            assert (view.i, view.prev, view.t) == (again.i, again.prev, again.t)


CODED = st.from_regex(r"[A-Za-z0-9._:/-]{1,12}", fullmatch=True)
IDS = st.one_of(strategies.ascending(CODED), st.just(("*",)))
ordinary_grants = st.builds(
    Grant,
    **strategies.placed,
    basis=strategies.ints,
    form=st.sampled_from(Form),
    subject=st.none() | st.binary(min_size=16, max_size=16).map(b64url),
    purposes=IDS,
    operations=strategies.scopes(strategies.operations),
    sites=IDS,
    egress=st.booleans(),
    not_before=strategies.ints,
    not_after=st.none() | strategies.ints,
    needs=strategies.ascending(strategies.ints),
    max_events=st.none() | strategies.ints,
    approvals=strategies.ascending(strategies.ints),
    record=strategies.hashes,
    notice=st.none() | strategies.hashes,
    law=CODED,
    authority=st.none() | CODED,
    imported=st.booleans(),
)


@slow
@given(st.one_of(ordinary_grants, strategies.grants))
def test_the_quick_reader_of_grants_reads_what_parse_entry_reads(grant: Grant) -> None:
    assert quick_grant(encode_entry(grant)) in (None, grant)


@settings(max_examples=150, deadline=None)
@given(ordinary_grants, st.data())
def test_a_grant_that_it_accepts_parse_entry_accepts(grant: Grant, more: Any) -> None:
    data = encode_entry(grant)
    at, cut = more.draw(st.integers(0, len(data) - 1)), more.draw(st.integers(0, 4))
    piece = more.draw(
        st.sampled_from([b"", b'"', b"0", b" ", b"null", b",", b"]", b"-", b"9" * 15, b"*", b'"a",', b"\xc3\xa9"])
    )
    changed = data[:at] + piece + data[at + cut :]
    found = quick_grant(changed)
    if found is not None:
        assert found == parse_entry(changed)


def test_an_ordinary_grant_takes_the_quick_way() -> None:
    log = MemoryLog()
    log.submit(consent(), guardianship(), consent(needs=(1,), not_after=None, max_events=5))
    for index in (2, 3, 4):
        assert quick_grant(log.entries[index]) == parse_entry(log.entries[index])
    long = encode_entry(replace(parse_entry(log.entries[2]), law="x" * 65_000))  # type: ignore[type-var]
    assert quick_grant(long) is not None
    assert quick_grant(long.replace(b'"xx', b'"' + b"x" * 1_000)) is None


def stands_is_readmitted(batches: Any, more: Any) -> None:
    """`event_stands` and `use_stands` against `readmit`, with the facts of the log before the entry and a lie in it."""
    log = played(batches)
    indexes = [n for n, data in enumerate(log.entries) if b'"kind":"event"' in data or b'"kind":"use"' in data]
    if not indexes:
        return
    index = more.draw(st.sampled_from(indexes))
    before, _ = thorough(log.origin, log.entries[:index])
    entry = json.loads(log.entries[index])
    field = more.draw(st.sampled_from(sorted(entry)))
    if more.draw(st.booleans()):
        entry[field] = more.draw(ODD)
    try:
        data = encode(entry)
    except EvidenceError:
        return
    event, use = quick_event(data), quick_use(data)
    stands = event_stands(event, before.facts) if event else bool(use) and use_stands(use, before.facts)
    if stands:
        readmit(parse_entry(data), before.facts)  # raises if it does not hold
    else:
        assert data != log.entries[index] or not (event or use), "the quick way is for all that is ordinary and true"


@slow
@given(logs, st.data())
def test_whatever_stands_is_readmitted(batches: Any, more: Any) -> None:
    stands_is_readmitted(batches, more)


@pytest.mark.long
@pytest.mark.timeout(1_800)
@campaign
@given(logs, st.data())
def test_whatever_stands_is_readmitted_campaign(batches: Any, more: Any) -> None:
    stands_is_readmitted(batches, more)


def story(batches: int, seed: int) -> MemoryLog:
    """A long story played on the log of the fakes."""
    log = MemoryLog()
    told = VariedStory(log.origin, log.t, seed=seed, people=40)
    for _ in range(batches):
        batch = told.batch()
        log.t = max(log.t, told.now)  # type: ignore[assignment]
        told.took([admitted(log, one) for one in batch.asked])
        log.end_batch()
    return log


def admitted(log: MemoryLog, one: Any) -> Any:
    try:
        made = log._admit(*one)
    except AdmissionRefused:
        return None
    return None if isinstance(made, AlreadyEnded) else made


@pytest.mark.parametrize("seed", [1, 2])
def test_the_long_story_that_the_bench_replays_goes_the_quick_way(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise speed would be measured of something else, and the properties above would hold of nothing."""
    log = story(120, seed)
    expected, _ = thorough(log.origin, log.entries)
    fed: list[bytes] = []
    feed = Replay.feed
    monkeypatch.setattr(Replay, "feed", lambda self, data: (fed.append(data), feed(self, data))[1])
    replay, refused = quick(log.origin, log.entries)
    assert refused is None
    assert known(replay) == known(expected)
    slowly = {json.loads(data)["kind"] for data in fed[2:]}
    assert slowly <= {"amend", "withdraw", "decision", "record", "use"}
    quickly = ("grant", "event", "use", "outcome", "state")
    frequent = [data for data in log.entries if json.loads(data)["kind"] in quickly]
    assert len([data for data in fed if data in set(frequent)]) < len(frequent) / 50


def test_a_story_has_every_kind_and_most_reasons() -> None:
    log = story(400, 7)
    entries = [json.loads(data) for data in log.entries]
    kinds = {entry["kind"] for entry in entries}
    assert kinds == {"grant", "amend", "withdraw", "decision", "event", "use", "outcome", "record", "state"}
    reasons = {reason for entry in entries for reason in entry.get("reasons", ())}
    assert len(reasons) >= 15, reasons
