"""The search index finds what a scan of the log finds, page by page, says how far it is, and can be thrown away."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from integration.audit.audit_databases import AuditPostgres
from integration.audit.rig import SECOND, Rig, decision, event

from placet.audit.search import Query, SearchIndex
from placet.evidence.entries import parse_entry
from placet.evidence.kinds import Entry
from placet.evidence.reasons import Reason
from placet.kit.db.engine import open_engines

# Ids that no log of another test has.
ALL = 1_000_000
NUMBERS = count(ALL + 1)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def search_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return where an index may be made, on each kind of database in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('search') / 'search.db'}"
    postgres: AuditPostgres = request.getfixturevalue("audit_server")
    return postgres.search


@pytest.fixture(scope="module")
def log(search_url: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Entry], SearchIndex]:
    """A mixed log and its index."""
    rig = Rig(tmp_path_factory.mktemp("log"))
    bases = [rig.grant(), rig.grant(sites=("branch-1",)), None]
    for number in range(90):
        rig.now += SECOND
        changes = {"site": f"branch-{number % 2 + 1}", "device": f"counter-{number % 4}"}
        if number % 5 == 0:
            changes["purpose"] = "mood"
        rig.send(event(rig.now, bases[number % 3], **changes), decisions=[decision()])
    rig.withdraw(0)
    bodies = rig.bodies()
    index = make(search_url, bodies, log=ALL)
    rig.close()
    return [parse_entry(body) for body in bodies], index


@pytest.fixture
def number() -> int:
    """The id of a log that no other test of this module has indexed."""
    return next(NUMBERS)


def make(url: str, bodies: list[bytes], *, log: int, step: int = 50) -> SearchIndex:
    index = SearchIndex(open_engines(url).writer)
    index.create()
    for begin in range(0, len(bodies), step):
        index.feed(log, begin, bodies[begin : begin + step])
    return index


def scan(entries: list[Entry], query: Query) -> list[int]:
    found = []
    for entry in entries:
        fields = {
            name: getattr(entry, name, None) for name in ("verdict", "purpose", "site", "device", "basis", "kind")
        }
        if any(getattr(query, name) not in (None, value) for name, value in fields.items()):
            continue
        if query.reason is not None and query.reason not in getattr(entry, "reasons", ()):
            continue
        if query.since is not None and entry.t < query.since:
            continue
        if query.until is not None and entry.t >= query.until:
            continue
        found.append(entry.i)
    return found[::-1]


def maybe(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from([None, None, *values])


@settings(max_examples=80, deadline=None)
@given(
    query=st.builds(
        Query,
        since=maybe(1_780_000_010_000_000, 1_780_000_050_000_000),
        until=maybe(1_780_000_020_000_000, 1_780_000_070_000_000),
        kind=maybe("event", "grant", "withdraw", "state"),
        verdict=maybe("allow", "deny"),
        reason=maybe(Reason.BASIS_MISSING, Reason.PURPOSE_NOT_COVERED, Reason.SITE_NOT_COVERED),
        purpose=maybe("pay", "mood"),
        site=maybe("branch-1", "branch-2"),
        device=maybe("counter-0", "counter-3", "nowhere"),
        basis=maybe(0, 1),
    ),
    limit=st.integers(1, 60),
)
def test_pages_are_what_a_scan_finds(log: tuple[list[Entry], SearchIndex], query: Query, limit: int) -> None:
    entries, index = log
    found: list[int] = []
    before = None
    while True:
        page = index.find(ALL, query, limit=limit, before=before)
        assert len(page.indexes) <= limit
        assert page.complete_to == len(entries)
        found.extend(page.indexes)
        if not page.more:
            break
        before = page.indexes[-1]
    assert found == scan(entries, query)


@pytest.fixture
def bodies(tmp_path: Path) -> list[bytes]:
    """Ten events and what stands around them."""
    rig = Rig(tmp_path)
    for _ in range(10):
        rig.event(None)
    found = rig.bodies()
    rig.close()
    return found


def test_pages_neither_skip_nor_repeat_while_the_log_grows(search_url: str, bodies: list[bytes], number: int) -> None:
    index = make(search_url, bodies[:-2], log=number)
    first = index.find(number, Query(kind="event"), limit=4)
    index.feed(number, len(bodies) - 2, bodies[-2:])
    rest = index.find(number, Query(kind="event"), limit=100, before=first.indexes[-1])
    assert len(set(first.indexes) | set(rest.indexes)) == len(first.indexes) + len(rest.indexes) == 9


def test_feeding_is_in_order_and_repeating_changes_nothing(search_url: str, bodies: list[bytes], number: int) -> None:
    index = make(search_url, bodies, log=number)
    index.feed(number, 0, bodies)
    index.feed(number, len(bodies) + 1, bodies)
    assert index.complete_to(number) == len(bodies)
    assert index.complete_to(next(NUMBERS)) == 0


def test_replicas_that_feed_one_index_at_once_feed_it_once(search_url: str, bodies: list[bytes], number: int) -> None:
    """Around a takeover the old and the new holder may both be at it, and both may have begun by making it."""
    together = threading.Barrier(2)

    def feed(_: int) -> int:
        index = SearchIndex(open_engines(search_url).writer)
        together.wait(10)
        index.create()
        for begin in range(0, len(bodies), 3):
            index.feed(number, begin, bodies[begin : begin + 3])
        return index.complete_to(number)

    with ThreadPoolExecutor(2) as threads:
        assert max(threads.map(feed, range(2))) == len(bodies)
    found = make(search_url, [], log=number).find(number, Query(), limit=100)
    assert found.indexes == tuple(range(len(bodies)))[::-1]


def test_a_partial_index_says_how_far_it_is(search_url: str, bodies: list[bytes], number: int) -> None:
    index = make(search_url, bodies[:7], log=number)
    assert index.find(number, Query(), limit=100).complete_to == 7
