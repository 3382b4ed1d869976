"""Explanations: the right text for each article, or plain words that there is none; everything in both languages."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from placet.evidence.reasons import Reason
from placet.evidence.words import Language
from placet.permission.model.vocabulary import AgeBand, Verdict
from placet.permission.policy import chinese, sayings
from placet.permission.policy.cedar import ErrorCode
from placet.permission.policy.context import ENUMS, FIELDS, Context, from_words, lawful
from placet.permission.policy.engine import judge
from placet.permission.policy.explaining import Explanation, Standing, explain
from placet.permission.policy.metadata import Effect
from placet.permission.policy.pack import Pack
from placet.permission.policy.redeciding import LoggedDecision, as_logged
from placet.permission.policy.telling import cited, plain, tell

ERRORS_PAGE = (Path(__file__).parents[3] / "docs" / "errors.md").read_text(encoding="utf-8")
LANGUAGES = list(Language)


def logged(context: Context, *packs: Pack) -> LoggedDecision:
    return as_logged(judge(packs, context))


def denied(cn: Pack, **changes: Any) -> LoggedDecision:
    return logged(from_words(changes, base=lawful()), cn)


def test_a_denial_has_rule_article_source_confidence_facts_and_next_step(cn: Pack) -> None:
    found = explain(denied(cn, place_class="hotel_room"), [cn])
    article = found.articles[0]
    assert (found.verdict, article.id, article.effect) == (Verdict.DENY, "cn-2025/art-13-1", Effect.FORBID)
    assert (article.standing, article.pack, article.rule) == (Standing.EXACT, cn, cn.rules["cn-2025/art-13-1"])
    assert article.facts == (("place_class", "hotel_room"),)
    text = "\n".join(tell(found))
    rule = cn.rules[article.id]
    for part in (rule.explanation.en, rule.next.en, "article 13", "https://", "UNVERIFIED", "place_class: hotel_room"):
        assert part in text
    assert [one.effect for one in found.articles] == [Effect.FORBID, Effect.PERMIT]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_article_of_the_pack_is_told_with_its_confidence(cn: Pack, language: Language) -> None:
    forbidding = [ident for ident, rule in cn.rules.items() if rule.effect is Effect.FORBID]
    permitting = [ident for ident, rule in cn.rules.items() if rule.effect is Effect.PERMIT]
    decision = denied(cn)
    whole = LoggedDecision(
        i=1,
        kind="decision",
        policies=decision.policies,
        context=decision.context,
        verdict=Verdict.DENY,
        permit=tuple(permitting),
        forbid=tuple(forbidding),
        errors=(),
    )
    lines = tell(explain(whole, [cn]), language)
    confidences = [line for line in lines if line.startswith(("  Confidence", "  核对程度"))]
    assert len(confidences) == len(cn.rules)
    unverified = sum(rule.confidence == "unverified" for rule in cn.rules.values())
    assert unverified
    assert sum("UNVERIFIED" in line or "未核实" in line for line in confidences) == unverified
    for rule in cn.rules.values():
        assert any(
            (rule.explanation.zh_cn if language is Language.ZH_CN else rule.explanation.en) in line for line in lines
        )


def test_no_line_is_in_the_wrong_language(cn: Pack) -> None:
    found = explain(
        denied(cn, place_class="restroom", age_band="13", egress=True, storage="vault"), [cn], [Reason.POLICY]
    )
    assert "".join(tell(found)).isascii()
    for line in tell(found, Language.ZH_CN):
        assert not line.isascii(), line


def test_the_age_shows_as_a_minor_only(cn: Pack) -> None:
    for band, minor in ((AgeBand.AGE_13, True), (AgeBand.UNKNOWN, True), (AgeBand.ADULT, False)):
        decision = logged(lawful(age_band=band, filing_current=False), cn)
        forbidding = replace_forbid(decision, "cn-2025/art-7")
        (article,) = explain(forbidding, [cn]).articles
        assert dict(article.facts)["minor"] is minor
        assert "age_band" not in json.dumps(plain(explain(forbidding, [cn])))


def replace_forbid(decision: LoggedDecision, ident: str) -> LoggedDecision:
    return structs.replace(decision, forbid=(ident,), permit=())


def test_facts_that_the_log_does_not_have_are_said_to_be_missing(cn: Pack) -> None:
    decision = structs.replace(denied(cn, age_band="13"), context={"operation": 1})
    facts = dict(explain(decision, [cn]).articles[0].facts)
    assert facts == {"operation": None, "basis_form": None, "minor": None, "guardian_active": None}
    assert "guardian_active: not in the log" in "\n".join(tell(explain(decision, [cn])))


def test_a_version_that_is_gone_is_said_to_be_gone(cn: Pack) -> None:
    old = replace(cn, hash="A" * 43)
    found = explain(logged(lawful(egress=True), old), [cn])
    assert found.articles[0].standing is Standing.OTHER_VERSION
    text = "\n".join(tell(found))
    assert "in a version that is not at hand here (hash AAAA" in text
    assert "not shipped any more; this is the text of version 1" in text
    assert plain(found)["packs"] == [{"id": "cn-2025", "hash": "A" * 43, "standing": "other_version", "version": None}]


def test_the_version_that_decided_is_preferred(cn: Pack) -> None:
    newer = replace(cn, hash="B" * 43)
    for order in ([cn, newer], [newer, cn]):
        assert explain(denied(cn, egress=True), order).articles[0].pack is cn


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pack_that_nobody_has_is_said_to_be_missing(cn: Pack, language: Language) -> None:
    found = explain(denied(cn, egress=True), [])
    assert {article.standing for article in found.articles} == {Standing.UNKNOWN}
    assert any(sayings.NO_TEXT.in_(language) in line for line in tell(found, language))
    assert all(article["explanation"] is None for article in plain(found)["articles"])
    assert cited(found.articles[0], language) == ""


def test_a_rule_that_the_version_at_hand_does_not_have(cn: Pack) -> None:
    fewer = replace(cn, hash="B" * 43, rules={})
    found = explain(denied(cn, egress=True), [fewer])
    assert {article.standing for article in found.articles} == {Standing.UNKNOWN}
    assert plain(found)["articles"][0]["version"] is None


def test_an_allowed_decision_is_denied_by_the_ledgers_reasons(cn: Pack) -> None:
    found = explain(denied(cn), [cn], [Reason.BASIS_WITHDRAWN])
    assert found.verdict is Verdict.DENY
    lines = tell(found)
    assert lines[0].startswith("Denied.")
    assert "BASIS_WITHDRAWN" in lines[1]
    assert lines[2] == "  What to do: Stop; only a new consent helps."
    assert tell(explain(denied(cn), [cn]))[0].startswith("Allowed.")


def test_the_articles_themselves_say_what_to_do_about_the_law(cn: Pack) -> None:
    lines = tell(explain(denied(cn, egress=True), [cn], [Reason.POLICY]))
    assert "POLICY" in lines[1]
    assert lines[2] == "Forbidden by cn-2025/art-8-1"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_law_at_all_is_explained_by_its_code(language: Language) -> None:
    found = explain(logged(lawful()), [])
    assert (found.errors, found.articles, found.packs) == (("NO_PACK_IN_FORCE",), (), ())
    text = "\n".join(tell(found, language))
    assert sayings.ERRORS[ErrorCode.NO_PACK_IN_FORCE][1].in_(language) in text


def test_a_code_that_is_newer_than_this_is_shown_as_it_is() -> None:
    found = Explanation(verdict=Verdict.DENY, packs=(), articles=(), errors=("NEWER",))
    assert "Error NEWER: NEWER" in tell(found)[1]


def test_every_reason_and_error_has_its_words() -> None:
    of_events = [reason for reason in Reason if not reason.startswith("PERMIT_")]
    assert list(sayings.NEXT) == of_events
    assert sayings.ERRORS.keys() == set(ErrorCode)
    for said in (*sayings.NEXT.values(), *(one for both in sayings.ERRORS.values() for one in both)):
        assert said.en.isascii()
        assert not said.zh_cn.isascii()


def test_the_english_words_are_those_of_the_page() -> None:
    for reason, said in sayings.NEXT.items():
        row = next(
            line
            for line in ERRORS_PAGE.splitlines()
            if line.startswith(f"| `{reason.value}` | ") and line.count("|") == 5
        )
        assert row.split(" | ")[-1].removesuffix(" |") == said.en
    for code, (what, step) in sayings.ERRORS.items():
        assert f"| `{code}` | {what.en} | {step.en} |" in ERRORS_PAGE


def test_a_use_may_have_reasons_of_its_permit(cn: Pack) -> None:
    lines = tell(explain(denied(cn), [cn], [Reason.PERMIT_EXPIRED]), Language.ZH_CN)
    assert "PERMIT_EXPIRED" in lines[1]
    assert "许可证已过期" in lines[1]


def test_every_field_and_word_has_its_chinese() -> None:
    assert list(chinese.FIELDS) == ["minor" if name == "age_band" else name for name in FIELDS]
    expected = {name: [word.value for word in kind] for name, kind in ENUMS.items() if name != "age_band"}
    assert {name: list(words) for name, words in chinese.WORDS.items()} == expected


def test_a_source_that_is_no_number_is_cited_as_it_is(cn: Pack) -> None:
    rule = cn.rules["cn-2025/art-13-1"]
    named = structs.replace(rule, source=structs.replace(rule.source, article="section 15(b)"))
    pack = replace(cn, rules={**cn.rules, rule.id: named})
    article = explain(denied(cn, place_class="restroom"), [pack]).articles[0]
    assert cited(article, Language.EN).endswith("(2025), section 15(b)")
