"""Scenarios: the shipped file, the strict reading of any file, and that a wrong expectation does not pass."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from placet.permission.model.vocabulary import AgeBand, Verdict
from placet.permission.policy.context import lawful
from placet.permission.policy.errors import PackInvalid, ScenarioInvalid
from placet.permission.policy.pack import Pack, load
from placet.permission.policy.scenarios import Result, names, parse, run

FOLDER = Path(__file__).parents[2] / "scenarios"
FILES = sorted(FOLDER.glob("*.yaml"))


def results_of(file: Path) -> list[Result]:
    return run(yaml.safe_load(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_shipped_scenarios_hold(file: Path) -> None:
    failed = {result.scenario.name: result.differences for result in results_of(file) if not result.passed}
    assert failed == {}


def test_each_row_of_the_law_page_has_both_cases() -> None:
    """The file is ordered by rows: each heading has an allowed and a denied case, but R11, which never denies."""
    text = (FOLDER / "cn-2025.yaml").read_text(encoding="utf-8")
    rows: set[str] = set()
    for part in text.split("# --- ")[1:]:
        heading = part.splitlines()[0].split(":")[0]
        mentioned = {word.strip(",") for word in heading.split() if word.startswith("R")}
        assert "verdict: allow" in part, heading
        assert "verdict: deny" in part or heading == "R11", heading
        rows |= mentioned
    assert rows == {f"R{number}" for number in range(1, 17)}


def one(expect: dict[str, Any], given: dict[str, Any] | None = None) -> Result:
    return run({"packs": ["cn-2025"], "scenarios": [{"name": "x", "given": given or {}, "expect": expect}]})[0]


def test_given_of_the_file_changes_the_base_and_a_scenario_changes_that() -> None:
    suite = parse(
        {
            "packs": ["cn-2025"],
            "given": {"egress": True, "storage": "none"},
            "scenarios": [
                {"name": "a", "expect": {"verdict": "deny"}},
                {"name": "b", "given": {"egress": False}, "expect": {"verdict": "allow"}},
            ],
        }
    )
    assert [s.context.egress for s in suite.scenarios] == [True, False]
    assert [s.context.storage.value for s in suite.scenarios] == ["none", "none"]


@pytest.mark.parametrize(
    ("expect", "given", "said"),
    [
        ({"verdict": "deny"}, {}, "expected deny, got allow"),
        ({"verdict": "allow"}, {"egress": True}, "forbid: cn-2025/art-8-1"),
        ({"verdict": "deny", "forbid": ["cn-2025/art-1"]}, {"place_class": "restroom"}, "art-1 does not forbid"),
        ({"verdict": "deny", "forbid": ["cn-2025/art-8-2"]}, {"egress": True}, "art-8-2 does not forbid"),
        ({"verdict": "allow", "permit": ["cn-2025/art-6-2"]}, {}, "art-6-2 does not permit"),
        (
            {"verdict": "deny", "forbid": ["cn-2025/art-8"], "only": True},
            {"egress": True, "filing_current": False},
            "other articles forbid as well: cn-2025/art-15",
        ),
    ],
)
def test_a_wrong_expectation_fails_and_says_why(expect: dict[str, Any], given: dict[str, Any], said: str) -> None:
    result = one(expect, given)
    assert not result.passed
    assert said in result.differences[0]


def test_only_with_nothing_named_means_nothing_forbids() -> None:
    assert one({"verdict": "allow", "only": True}).passed
    assert not one({"verdict": "deny", "only": True}, {"egress": True}).passed


@pytest.mark.parametrize(
    ("prefix", "article", "named"),
    [
        ("cn-2025/art-13", "cn-2025/art-13", True),
        ("cn-2025/art-13", "cn-2025/art-13-2", True),
        ("cn-2025/art-1", "cn-2025/art-13", False),
        ("cn-2025/art-13-2", "cn-2025/art-13", False),
        ("cn-2025/art-13", "eu/art-13", False),
    ],
)
def test_a_prefix_ends_at_a_dash_or_at_the_end(prefix: str, article: str, named: bool) -> None:
    assert names(prefix, article) is named


@pytest.mark.parametrize(
    ("written", "band"),
    [("13", AgeBand.AGE_13), ("'13'", AgeBand.AGE_13), ("14_15", AgeBand.AGE_14_15), ("16_17", AgeBand.AGE_16_17)],
)
def test_age_bands_may_be_written_without_quotes(written: str, band: AgeBand) -> None:
    document = yaml.safe_load(
        f"packs: [cn-2025]\nscenarios:\n  - {{name: x, given: {{age_band: {written}}}, expect: {{verdict: allow}}}}"
    )
    assert parse(document).scenarios[0].context == lawful(age_band=band)


GOOD: dict[str, Any] = {"packs": ["cn-2025"], "scenarios": [{"name": "x", "expect": {"verdict": "allow"}}]}
CASE: dict[str, Any] = GOOD["scenarios"][0]


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (None, "the file"),
        ([], "the file"),
        ({1: 2}, "the file"),
        ({**GOOD, "pack": "cn-2025"}, "the file"),
        ({"scenarios": GOOD["scenarios"]}, "the file"),
        ({**GOOD, "packs": []}, "packs"),
        ({**GOOD, "packs": "cn-2025"}, "packs"),
        ({**GOOD, "packs": ["cn-2025", "cn-2025"]}, "packs"),
        ({**GOOD, "packs": ["no-such"]}, "packs"),
        ({**GOOD, "packs": ["../packs/cn-2025"]}, "packs"),
        ({**GOOD, "packs": [2025]}, "packs"),
        ({**GOOD, "given": {"sign": True}}, "given"),
        ({**GOOD, "given": ["sign_valid"]}, "given"),
        ({**GOOD, "scenarios": []}, "scenarios"),
        ({**GOOD, "scenarios": {}}, "scenarios"),
        ({**GOOD, "scenarios": ["x"]}, "scenario 1"),
        ({**GOOD, "scenarios": [{"name": "x"}]}, "scenario 1"),
        ({**GOOD, "scenarios": [{**CASE, "name": ""}]}, "scenario 1, name"),
        ({**GOOD, "scenarios": [{**CASE, "givn": {}}]}, "scenario 1"),
        ({**GOOD, "scenarios": [CASE, {**CASE, "given": {"egress": "yes"}}]}, "scenario 2 (x)"),
        ({**GOOD, "scenarios": [{**CASE, "given": {"age_band": 14}}]}, "scenario 1 (x)"),
        ({**GOOD, "scenarios": [{**CASE, "expect": "allow"}]}, "scenario 1 (x), expect"),
        ({**GOOD, "scenarios": [{**CASE, "expect": {"verdict": "maybe"}}]}, "scenario 1 (x), expect.verdict"),
        (
            {**GOOD, "scenarios": [{**CASE, "expect": {"verdict": "deny", "forbid": "a"}}]},
            "scenario 1 (x), expect.forbid",
        ),
        ({**GOOD, "scenarios": [{**CASE, "expect": {"verdict": "deny", "only": 1}}]}, "scenario 1 (x), expect.only"),
    ],
)
def test_a_file_that_cannot_be_run_is_refused_with_the_place(document: object, where: str) -> None:
    with pytest.raises(ScenarioInvalid) as caught:
        run(document)
    assert caught.value.where.startswith(where)


def test_a_broken_pack_is_the_packs_fault(copied: Path) -> None:
    (copied / "policies.cedar").write_text("forbid")
    with pytest.raises(PackInvalid):
        run(GOOD, lambda name: load(copied))


def test_dates_do_not_matter_to_a_scenario(cn: Pack) -> None:
    draft = replace(cn, begin=2**60)
    assert run(GOOD, lambda name: draft)[0].decision.verdict is Verdict.ALLOW
