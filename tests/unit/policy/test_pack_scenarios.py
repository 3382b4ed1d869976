"""Every rule of every pack is shown by its scenario file: one case that it alone denies, one in which it is kept."""

from typing import Any

import pytest
from unit.policy import shipped

from placet.permission.policy.metadata import Effect
from placet.permission.policy.pack import Pack
from placet.permission.policy.scenarios import check, parse


@pytest.mark.parametrize("name", shipped.NAMES)
def test_each_rule_is_shown_from_both_sides(name: str) -> None:
    assert unshown(shipped.pack(name), shipped.scenarios(name)) == {}


def test_there_are_files_for_several_packs_at_once() -> None:
    together = {tuple(shipped.scenarios(file.stem)["packs"]) for file in shipped.SCENARIOS.glob("*.yaml")}
    assert ("cn-2025", "eu") in together
    assert tuple(shipped.NAMES) in together
    assert {(name,) for name in shipped.NAMES} <= together


@pytest.mark.parametrize("name", shipped.NAMES)
def test_bank_and_retail_cases_are_there(name: str) -> None:
    named = " / ".join(case["name"] for case in shipped.scenarios(name)["scenarios"])
    for words in ("walk-ins filmed without notice", "fitting room", "for sale", "the face comes first"):
        assert words in named, f"{name} has no case about {words}"


@pytest.mark.parametrize(
    ("dropped", "article"),
    [("kept too long", "eu/gdpr-5-1-e"), ("kept no longer than needed", "eu/gdpr-5-1-e"), ("lawful", None)],
)
def test_a_case_that_is_left_out_is_missed(dropped: str, article: str | None) -> None:
    """Negative control of the check above; an allow by consent is shown by many cases."""
    document = shipped.scenarios("eu")
    kept = [case for case in document["scenarios"] if case["name"] not in (dropped, "deleting what was kept too long")]
    found = unshown(shipped.pack("eu"), {**document, "scenarios": kept})
    assert set(found) == ({article} if article else set())


def unshown(pack: Pack, document: Any) -> dict[str, str]:
    """Article -> what the file lacks: a case that it decides, and one where the same fields are lawful."""
    results = check(parse(document), [pack])
    given = [set(case.get("given", ())) for case in document["scenarios"]]
    allowed = [(keys, found.decision) for keys, found in zip(given, results, strict=True) if not found.decision.forbid]
    missing = {}
    for ident, rule in pack.rules.items():
        if rule.effect is Effect.PERMIT:
            if not any(ident in decision.permit for _, decision in allowed):
                missing[ident] = "no case that it permits"
            continue
        alone = [keys for keys, found in zip(given, results, strict=True) if found.decision.forbid == (ident,)]
        looks_at = shipped.fields_of(pack.id)[ident]
        if not alone:
            missing[ident] = "no case that it alone denies"
        elif not any((denied & looks_at) <= lawful for denied in alone for lawful, _ in allowed):
            missing[ident] = "no allowed case with the same fields"
    return missing
