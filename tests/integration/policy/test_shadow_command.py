"""`placet policy shadow` as people type it, over a real log: files and database, tables and JSON, what is refused."""

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.evidence_drafts import consent, event
from fakes.evidence_log import MemoryLog
from fakes.log_files import write_tree
from integration.policy.conftest import RealLog

from placet.evidence.kinds import Event
from placet.permission.policy.context import lawful
from placet.permission.policy.engine import judge
from placet.permission.policy.pack import SHIPPED, load_shipped
from placet.sdk.commands import run

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shadow(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        status = run(["policy", "shadow", *map(str, arguments)])
        told = capsys.readouterr()
        return status, told.out, told.err

    return call


@pytest.fixture
def report(shadow: Run) -> Callable[..., dict[str, Any]]:
    def call(*arguments: object) -> dict[str, Any]:
        status, out, err = shadow(*arguments, "-o", "json")
        assert status == 0, err
        found: dict[str, Any] = json.loads(out)
        return found

    return call


@pytest.fixture
def stricter(tmp_path: Path) -> Path:
    """cn-2025 with one rule more in force for everybody: written consent."""
    folder = Path(shutil.copytree(SHIPPED / "cn-2025", tmp_path / "cn-2025"))
    path = folder / "policies.cedar"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("!context.consent_explicit", "!context.consent_written"), encoding="utf-8")
    return folder


def test_no_heading_is_cut_off_on_a_narrow_terminal(
    real_log: RealLog, shadow: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = shadow("cn-draft-2023", "--log", real_log.tiles)[1]
    assert "cn-draft-2023/" in out
    assert "(unverified)" in out
    assert "\u2026" not in out


def test_the_law_of_the_log_changes_nothing(real_log: RealLog, report: Callable[..., dict[str, Any]]) -> None:
    events = [entry for entry in real_log.entries if isinstance(entry, Event)]
    found = report("cn-2025", "--log", real_log.tiles)
    assert found["changes"] == {"same": len(events), **dict.fromkeys(OTHERS, 0)}
    assert found["entries"] == len(real_log.entries)
    assert {site: counts["same"] for site, counts in found["sites"].items()} == Counter(one.site for one in events)
    assert {name: counts["same"] for name, counts in found["purposes"].items()} == Counter(
        one.purpose for one in events
    )
    assert found["decided_under"][0]["at_hand"]
    assert any(row["forbade"] for row in found["articles"])
    assert {row["confidence"] for row in found["articles"]} == {"read", "unverified"}


OTHERS = ("newly_denied", "newly_allowed", "other_articles", "undetermined")


def test_files_and_database_say_the_same(
    real_log: RealLog, stricter: Path, report: Callable[..., dict[str, Any]]
) -> None:
    places = (
        real_log.tiles,
        real_log.folder,
        real_log.folder / "audit.db",
        f"sqlite:///{real_log.folder / 'audit.db'}",
    )
    first, *others = [report(stricter, "--log", place) for place in places]
    assert first["changes"]["newly_denied"]
    assert first["changes"]["newly_allowed"]
    for other in others:
        for key in ("entries", "events", "decisions", "changes", "articles", "sites", "purposes", "decided_under"):
            assert other[key] == first[key]


def test_the_tables_say_what_would_change(real_log: RealLog, stricter: Path, shadow: Run) -> None:
    status, out, _ = shadow(stricter, "--log", real_log.tiles)
    assert status == 0
    for said in ("newly denied", "By article", "cn-2025/art-6-5", "By site", "branch.", "By purpose", "payment"):
        assert said in out
    assert "placet ledger replay" in " ".join(out.split())


def test_a_pack_of_the_log_may_be_given(
    real_log: RealLog, stricter: Path, report: Callable[..., dict[str, Any]]
) -> None:
    found = report("cn-2025", "--log", real_log.tiles, "--known", stricter)
    assert found["changes"]["undetermined"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no-such", "--log", "{tiles}"), "no pack 'no-such'"),
        (("cn-2025", "--log", "{folder}/nowhere"), "neither an exported log"),
        (("cn-2025", "--log", "{folder}/tiles/checkpoint"), "neither an exported log"),
        (("cn-2025", "--log", "{other}"), "not that of the audit service"),
        (("cn-2025", "--log", "{folder}", "--controller", "nobody"), "no log of controller nobody"),
        (("cn-2025", "--log", "mysql://x/y"), "mysql"),
        (("{broken}", "--log", "{tiles}"), "cn-2025/policies.cedar"),
    ],
)
def test_what_cannot_be_done_is_said(
    real_log: RealLog, tmp_path: Path, shadow: Run, arguments: tuple[str, ...], said: str
) -> None:
    broken = Path(shutil.copytree(SHIPPED / "cn-2025", tmp_path / "cn-2025"))
    (broken / "policies.cedar").write_text("permit")
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE thing (id INTEGER)")
    places = {"other": tmp_path / "other.db", "tiles": real_log.tiles, "folder": real_log.folder, "broken": broken}
    status, _, err = shadow(*(one.format(**places) for one in arguments))
    assert status == 2
    assert said in err


def test_a_tree_with_a_file_missing_or_cut_is_refused(real_log: RealLog, tmp_path: Path, shadow: Run) -> None:
    copy = Path(shutil.copytree(real_log.tiles, tmp_path / "tiles"))
    first = copy / "tile" / "entries" / "000"
    data = first.read_bytes()
    first.write_bytes(data[:-1])
    assert shadow("cn-2025", "--log", copy)[0] == 2
    first.unlink()
    status, _, err = shadow("cn-2025", "--log", copy)
    assert (status, "has no tile/entries/000" in err) == (2, True)
    first.write_bytes(data)
    assert shadow("cn-2025", "--log", copy)[0] == 0
    (copy / "checkpoint").write_text("nonsense")
    assert "no checkpoint" in shadow("cn-2025", "--log", copy)[2]


def test_a_partial_bundle_may_have_given_way_to_the_full_one(
    real_log: RealLog, tmp_path: Path, report: Callable[..., dict[str, Any]]
) -> None:
    """C2SP: once a bundle is full the partial one may go; an older checkpoint is read from the full one."""
    copy = Path(shutil.copytree(real_log.tiles, tmp_path / "tiles"))
    lines = (copy / "checkpoint").read_text().split("\n")
    lines[1] = "200"
    (copy / "checkpoint").write_text("\n".join(lines))
    assert report("cn-2025", "--log", copy)["entries"] == 200


def test_a_database_with_several_logs_or_with_gaps(real_log: RealLog, tmp_path: Path, shadow: Run) -> None:
    copy = Path(shutil.copy(real_log.folder / "audit.db", tmp_path / "audit.db"))
    size = len(real_log.entries)
    with sqlite3.connect(copy) as database:
        database.execute(f"UPDATE log SET size = {size + 1}")
    status, _, err = shadow("cn-2025", "--log", copy)
    assert (status, "missing" in err) == (2, True)
    with sqlite3.connect(copy) as database:
        database.execute(f"UPDATE log SET size = {size}")
        columns = [row[1] for row in database.execute("PRAGMA table_info(log)")]
        other = {"id": "99", "controller": "'shop'", "origin": "'log.example/shop'", "size": "0"}
        values = ", ".join(other.get(name, name) for name in columns)
        database.execute(f"INSERT INTO log ({', '.join(columns)}) SELECT {values} FROM log")
    status, _, err = shadow("cn-2025", "--log", copy)
    assert (status, "name one of bank, shop" in err) == (2, True)
    assert shadow("cn-2025", "--log", copy, "--controller", "bank")[0] == 0


def test_what_the_log_does_not_tell_is_said(tmp_path: Path, shadow: Run) -> None:
    cn = load_shipped()
    log = MemoryLog()
    log.submit(consent(sites=("*",)))
    lost = replace(cn, id="lost", hash="A" * 43)
    for number in range(45):
        denied = judge([lost], lawful(filing_current=number % 2 == 0)).draft()
        log.submit(event(number, site=f"branch.{number}"), decision=denied)
    whole = judge([cn], lawful()).draft()
    partial = replace(whole, context={name: value for name, value in whole.context.items() if name != "sign_valid"})
    log.submit(event(99, site="branch.1"), decision=partial)
    status, out, err = shadow("cn-2025", "--log", write_tree(log, tmp_path / "tiles"))
    assert status == 0, err
    said = " ".join(out.split())
    assert "23 events are undetermined: their verdict hangs on an age that the log does not tell" in said
    assert "1 events are undetermined: their verdict hangs on sign_valid, which the log does not have" in said
    assert "45 events were decided under a version of lost that is not at hand" in said
    assert "more: `-o json` has all" in said
