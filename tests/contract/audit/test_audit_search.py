"""The search index finds what a scan of the log finds, page by page, says how far it is, and can be thrown away."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from integration.audit.rig import SECOND, Rig, decision, event

from placet.audit.search import Query, SearchIndex
from placet.audit.search_tables import SearchTable
from placet.evidence.entries import parse_entry
from placet.evidence.kinds import Entry
from placet.evidence.reasons import Reason
from placet.kit.db.engine import open_engines


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Entry], SearchIndex]:
    """A mixed log and its index."""
    folder: Path = tmp_path_factory.mktemp("search")
    rig = Rig(folder)
    bases = [rig.grant(), rig.grant(sites=("branch-1",)), None]
    for number in range(90):
        rig.now += SECOND
        changes = {"site": f"branch-{number % 2 + 1}", "device": f"counter-{number % 4}"}
        if number % 5 == 0:
            changes["purpose"] = "mood"
        rig.send(event(rig.now, bases[number % 3], **changes), decisions=[decision()])
    rig.withdraw(0)
    bodies = rig.bodies()
    index = make(folder, bodies)
    rig.close()
    return [parse_entry(body) for body in bodies], index


def make(folder: Path, bodies: list[bytes], step: int = 50) -> SearchIndex:
    engines = open_engines(f"sqlite:///{folder / 'search.db'}")
    with engines.writer.begin() as connection:
        SearchTable.metadata.create_all(connection)
    index = SearchIndex(engines.writer)
    for begin in range(0, len(bodies), step):
        index.feed(1, begin, bodies[begin : begin + step])
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


@settings(max_examples=150, deadline=None)
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
        page = index.find(1, query, limit=limit, before=before)
        assert len(page.indexes) <= limit
        assert page.complete_to == len(entries)
        found.extend(page.indexes)
        if not page.more:
            break
        before = page.indexes[-1]
    assert found == scan(entries, query)


def test_pages_neither_skip_nor_repeat_while_the_log_grows(rig: Rig, tmp_path: Path) -> None:
    for _ in range(10):
        rig.event(None)
    index = make(tmp_path, rig.bodies())
    first = index.find(1, Query(kind="event"), limit=4)
    size = len(rig.bodies())
    rig.event(None)
    index.feed(1, size, rig.bodies()[size:])
    rest = index.find(1, Query(kind="event"), limit=100, before=first.indexes[-1])
    assert len(set(first.indexes) | set(rest.indexes)) == len(first.indexes) + len(rest.indexes) == 10


def test_feeding_is_in_order_and_repeating_changes_nothing(rig: Rig, tmp_path: Path) -> None:
    rig.event(None)
    bodies = rig.bodies()
    index = make(tmp_path, bodies)
    index.feed(1, 0, bodies)
    index.feed(1, len(bodies) + 1, bodies)
    assert index.complete_to(1) == len(bodies)
    assert index.complete_to(2) == 0


def test_a_partial_index_says_how_far_it_is(rig: Rig, tmp_path: Path) -> None:
    for _ in range(10):
        rig.event(None)
    bodies = rig.bodies()
    index = make(tmp_path, bodies[:7])
    assert index.find(1, Query(), limit=100).complete_to == 7
