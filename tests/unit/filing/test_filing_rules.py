"""The rules are data with a source and a confidence; what is not usable is refused by name."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from placet.permission.filing import rules
from placet.permission.filing.errors import DataInvalid
from placet.permission.policy.pack import load_shipped

DATA: dict[str, Any] = json.loads((Path(rules.__file__).parent / rules.FILE).read_bytes())


def test_both_thresholds_are_there() -> None:
    law, draft = rules.load().rules
    assert (law.id, law.threshold, law.above, law.working_days) == ("cn-2025/art-15", 100_000, False, 30)
    assert (law.in_force_from, law.confidence) == (date(2025, 6, 1), "read")
    assert (draft.id, draft.threshold, draft.above, draft.in_force_from) == ("cn-draft-2023/art-16", 10_000, True, None)
    assert draft.confidence == rules.load().counting_confidence == "unverified"
    assert rules.load().law == law == rules.load().rule("cn-2025/art-15")
    assert "article 15" in law.source["en"]
    assert "第十五条" in law.source["zh-CN"]


def edited(edit: Callable[[dict[str, Any]], object]) -> bytes:
    told = json.loads(json.dumps(DATA))
    edit(told)
    return json.dumps(told).encode()


@pytest.mark.parametrize(
    "edit",
    [
        lambda told: told["rules"][0].update(threshold=0),
        lambda told: told["rules"][0].update(working_days=0),
        lambda told: told["rules"][0].update(confidence="sure"),
        lambda told: told["rules"][0].update(in_force_from="June"),
        lambda told: told["rules"][0].pop("source"),
        lambda told: told["rules"][0]["title"].pop("en"),
        lambda told: told["rules"][0].pop("id"),
        lambda told: told["counting"].update(first_day_counts=True),
        lambda told: told["counting"].update(zone="UTC"),
        lambda told: told.pop("rules"),
    ],
)
def test_wrong_rules_are_refused(edit: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(DataInvalid, match=r"rules\.json"):
        rules.parse(edited(edit))


def test_other_rules_can_be_named(tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    file.write_bytes(edited(lambda told: told["rules"][0].update(threshold=5)))
    assert rules.load(file).law.needed == 5
    with pytest.raises(DataInvalid):
        rules.load(tmp_path / "nowhere.json")
    with pytest.raises(DataInvalid):
        rules.parse(b"\xff")


def test_the_rule_that_is_law_is_an_article_of_the_pack_in_force() -> None:
    assert rules.load().law.id in load_shipped("cn-2025").rules
