"""`placet policy explain` as people type it: facts in a file, a log by position or id, a proof bundle."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.evidence_drafts import consent, event
from fakes.evidence_log import MemoryLog
from fakes.log_files import write_tree
from integration.policy.conftest import RealLog

from placet.evidence.building import build_bundle
from placet.evidence.bundle import format_evidence
from placet.evidence.kinds import Event
from placet.evidence.terms import LeafIndex
from placet.permission.policy.context import lawful
from placet.permission.policy.engine import judge
from placet.permission.policy.pack import load_shipped
from placet.sdk.commands import loading, run
from placet.tlog.note import format_vkey

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def explain(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        status = run(["policy", "explain", *map(str, arguments)])
        told = capsys.readouterr()
        return status, told.out, told.err

    return call


def facts(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "facts.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_facts_in_a_file(tmp_path: Path, explain: Run) -> None:
    status, out, _ = explain(facts(tmp_path, "place_class: hotel_room\nage_band: 13\n"))
    assert status == 0
    assert out.startswith("Denied. Decided under cn-2025 (version")
    for said in ("art-13-1", "art-7", "UNVERIFIED", "minor: yes", "What to do", "not legal advice"):
        assert said in out


def test_the_same_in_chinese_and_as_json(tmp_path: Path, explain: Run) -> None:
    path = facts(tmp_path, "place_class: hotel_room\n")
    assert "未核实" in explain(path, "--lang", "zh-CN")[1]
    found = json.loads(explain(path, "-o", "json")[1])
    article = found["articles"][0]
    assert (article["id"], article["confidence"]) == ("cn-2025/art-13-1", "unverified")
    assert article["facts"] == {"place_class": "hotel_room"}
    assert article["source"].keys() == {"en", "zh-CN"}


def test_packs_are_named_in_the_file_or_on_the_line(tmp_path: Path, explain: Run) -> None:
    path = facts(tmp_path, "packs: [no-such]\nplace_class: hotel_room\n")
    assert "no-such" in explain(path)[2]
    assert explain(path, "--pack", "cn-2025")[0] == 0


def test_other_evidence_is_named_as_what_it_is(tmp_path: Path, explain: Run) -> None:
    status, out, err = explain(facts(tmp_path, '{"format": "placet.withdrawal/1"}'))
    assert (status, out) == (2, "")
    assert "this is 'placet.withdrawal/1'; give a proof bundle" in err


def test_facts_that_are_wrong_are_named_as_facts(tmp_path: Path, explain: Run) -> None:
    """A scenario file is no file of facts, and the message speaks of what was given."""
    status, out, err = explain(facts(tmp_path, "given: {place_class: hotel_room}\n"))
    assert (status, out) == (2, "")
    assert err.startswith("FILE: Context field given: there is no such field.")
    assert "Correct it: facts are fields with their values" in err


def test_an_event_of_a_log_by_position_and_by_id(real_log: RealLog, explain: Run) -> None:
    denied = next(one for one in real_log.entries if isinstance(one, Event) and one.reasons == ("POLICY",))
    status, out, _ = explain("--log", real_log.tiles, "--position", denied.i)
    assert status == 0
    decision = real_log.entries[denied.decision]
    for article in decision.forbid:  # type: ignore[union-attr]
        assert f"Forbidden by {article}" in out
    assert explain("--log", real_log.folder, "--event", denied.id)[1] == out
    assert explain("--log", real_log.tiles, "--event", denied.id.upper())[1] == out
    assert "POLICY" not in explain("--log", real_log.tiles, "--position", denied.decision)[1].split("Forbidden")[0]


def test_a_use_is_explained_by_its_event(real_log: RealLog, explain: Run) -> None:
    use = next(one for one in real_log.entries if one.kind == "use" and one.reasons and one.event is not None)  # type: ignore[union-attr]
    status, out, _ = explain("--log", real_log.tiles, "--position", use.i)
    assert status == 0
    assert out.startswith("Denied.")
    assert use.reasons[0] in out  # type: ignore[union-attr]


def test_a_bundle(tmp_path: Path, explain: Run) -> None:
    path = bundle_of(MemoryLog(), tmp_path / "bundle.json")
    status, out, _ = explain(path)
    assert status == 0
    assert "Forbidden by cn-2025/art-15" in out
    assert "filing_current: no" in out


def bundle_of(log: MemoryLog, path: Path) -> Path:
    """A bundle of an event that a real pack denies."""
    log.submit(consent())
    denied = judge([load_shipped()], lawful(filing_current=False)).draft()
    (made,) = log.submit(event(), decision=denied)
    path.write_text(format_evidence(build_bundle(log, LeafIndex(made.i))))  # type: ignore[union-attr]
    return path


def test_verify_explains_what_it_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = MemoryLog()
    path, vkey = bundle_of(log, tmp_path / "bundle.json"), format_vkey(log.signer.vkey)
    assert run(["verify", str(path), "--key", vkey, "--explain", "--lang", "zh-CN"]) == 0
    out = capsys.readouterr().out
    assert out.index("已证明") < out.index("禁止条款 cn-2025/art-15")
    path.write_text(path.read_text().replace('"index":', '"index": ', 1).replace("log.example", "log.elsewhere"))
    assert run(["verify", str(path), "--key", vkey, "--explain"]) == 1
    assert "art-15" not in capsys.readouterr().out, "what does not hold was explained"
    assert run(["verify", str(path), "--key", vkey, "--explain", "--json"]) == 2


def test_verify_says_what_is_missing_to_explain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "entry_points", lambda **_: [])
    log = MemoryLog()
    path = bundle_of(log, tmp_path / "bundle.json")
    assert run(["verify", str(path), "--key", format_vkey(log.signer.vkey), "--explain"]) == 2
    assert "placet-permission" in capsys.readouterr().err


def test_an_event_that_names_no_decision_is_a_broken_log(tmp_path: Path, explain: Run) -> None:
    log = MemoryLog()
    bundle_of(log, tmp_path / "bundle.json")
    log.entries[5] = log.entries[5].replace(b'"decision":4', b'"decision":2')
    status, _, err = explain("--log", write_tree(log, tmp_path / "tiles"), "--position", 5)
    assert (status, "entry 2 is no decision" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "FILE"),
        (("{yaml}", "--log", "{tiles}", "--position", "1"), 2, "FILE"),
        (("--log", "{tiles}"), 2, "--position"),
        (("--log", "{tiles}", "--position", "1", "--event", "x"), 2, "--position"),
        (("--log", "{tiles}", "--position", "0"), 2, "entry 0 is a record"),
        (("--log", "{tiles}", "--position", "999999"), 2, "not 999999"),
        (("--log", "{tiles}", "--event", "00000000-0000-0000-0000-000000000000"), 2, "no event"),
        (("{yaml}.missing",), 2, "cannot be read"),
        (("{text}",), 2, "mapping"),
        (("{mood}",), 2, "mood"),
        (("{packs}",), 2, "packs"),
        (("{bundle}",), 2, "checkpoint"),
    ],
)
def test_what_cannot_be_explained_is_said(
    real_log: RealLog, tmp_path: Path, explain: Run, arguments: tuple[str, ...], status: int, said: str
) -> None:
    files: dict[str, Any] = {
        "yaml": "egress: true",
        "text": "just words",
        "mood": "mood: sad",
        "packs": "packs: cn-2025",
        "bundle": '{"format": "placet.bundle/1"}',
    }
    places: dict[str, Path] = {"tiles": real_log.tiles}
    for name, text in files.items():
        places[name] = tmp_path / name
        places[name].write_text(text)
    got, _, err = explain(*(one.format(**places) for one in arguments))
    assert (got, said in err) == (status, True), err
