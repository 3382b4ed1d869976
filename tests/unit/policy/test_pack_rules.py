"""What holds of every pack that comes with Placet: its names, its sources, how it was read, and what others rely on."""

import re
from dataclasses import replace
from typing import Any

import pytest
from unit.policy import shipped

from placet.permission.model.book import Book
from placet.permission.model.vocabulary import (
    BANNED_INFERENCES,
    FORBIDDEN_PLACES,
    BasisForm,
    Operation,
    PlaceClass,
    Verdict,
)
from placet.permission.policy import page
from placet.permission.policy.context import BasisCode, Context, lawful
from placet.permission.policy.engine import judge
from placet.permission.policy.metadata import Confidence, Effect
from placet.permission.policy.pack import SCHEMA, SHIPPED

# How the id of a rule begins, by instrument: pack/<word>-<provision>[-<which of several>].
WORDS = {
    "order-19": "art",
    "draft-2023": "art",
    "pipl": "pipl",
    "gdpr": "gdpr",
    "uk-gdpr": "gdpr",
    "ai-act": "ai-act",
    "dpa-2018": "dpa",
    "bipa": "sec",
    "cubi": "sec",
    "dpdp-act": "sec",
    "dpdp-rules": "rule",
    "pipa": "art",
    "placet": "placet",
}
# Each basis at one operation, and consent at every operation: no pack mixes the two in what is tested with them.
ACTS: list[dict[str, Any]] = [
    {"basis_form": BasisForm.NONE},
    *({"basis_form": BasisForm.LEGAL_PERMISSION, "basis_code": code, "state_provision": True} for code in BasisCode),
    *({"operation": operation} for operation in Operation),
]


@pytest.fixture(params=shipped.NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_all_packs_of_the_law_page_are_there() -> None:
    chinese, others = ["cn-2025", "cn-draft-2023"], ["eu", "in-dpdp", "kr-pipa", "uk", "us-il-bipa", "us-tx-cubi"]
    assert [*chinese, *others] == shipped.NAMES


def test_each_id_names_the_provision_of_its_source(name: str) -> None:
    for ident, rule in shipped.pack(name).rules.items():
        provision = re.sub(r"^(section|rule|row) | of law\.md$", "", rule.source.article).lower()
        begins = f"{name}/{WORDS[rule.source.instrument]}-" + re.sub(r"[^a-z0-9]+", "-", provision).strip("-")
        assert ident == begins or ident.startswith(f"{begins}-"), f"{ident} cites {rule.source.article}"


def test_nothing_was_read_but_what_the_law_page_says(name: str) -> None:
    """law.md tells of one law only that its text was read; test_cn_2025.py holds that one to its articles."""
    metadata = shipped.pack(name).metadata
    cited = [*metadata.rules, *metadata.recorded, *(other for rule in metadata.rules for other in rule.see)]
    assert name == "cn-2025" or {item.confidence for item in cited} == {Confidence.UNVERIFIED}


def test_each_rule_speaks_one_sentence_in_both_languages(name: str) -> None:
    for rule in shipped.pack(name).rules.values():
        for text in (rule.explanation, rule.next):
            assert re.fullmatch(r"[A-Z].*[^.]\.", text.en), rule.id
            assert text.zh_cn.endswith("。"), rule.id
            assert text.zh_cn.count("。") == 1, rule.id
            assert re.search(r"[\u4e00-\u9fff]", text.zh_cn), rule.id


def test_every_pack_sees_the_same_context(name: str) -> None:
    ours, theirs = ((SHIPPED / one / SCHEMA).read_bytes() for one in (name, "cn-2025"))
    assert ours == theirs


def test_the_rows_of_the_law_page_that_a_draft_could_have_are_in_the_draft() -> None:
    metadata = shipped.pack("cn-draft-2023").metadata
    rows = {row for rule in metadata.rules for row in rule.rules} | {item.rule for item in metadata.recorded}
    assert rows == {f"R{number}" for number in range(1, 17)}


def test_its_page_shows_every_rule_as_it_was_read(name: str) -> None:
    pack = shipped.pack(name)
    text = page.render(pack)
    assert "not legal advice" in text
    for ident, rule in pack.rules.items():
        part = text.split(f"### `{ident}` ")[1].split("### ")[0]
        assert rule.explanation.zh_cn in part
        assert rule.explanation.en in part
        assert ("Confidence: **unverified**" in part) is (rule.confidence is Confidence.UNVERIFIED)
    assert ("A draft that never was law" in text) is pack.draft


# --- what the registers and the rulings rely on, of every pack and under every basis


def denied(name: str, context: Context) -> tuple[str, ...]:
    """What forbids; the decision must be a denial that names an article."""
    decision = judge([shipped.pack(name)], context)
    assert decision.verdict is Verdict.DENY, f"{name} allows {context}"
    assert decision.forbid
    return decision.forbid


def test_what_is_not_registered_is_denied(name: str) -> None:
    place = Book().place("no-purpose", "no-device", "", Operation.VERIFY, None, 0)
    purpose = {key: value for key, value in place.shape.purpose._asdict().items() if key != "retention_stated"}
    device = {**place.shape.device._asdict(), "place_class": PlaceClass(place.shape.device.place_class)}
    for act in ACTS:
        if act.get("operation") is not Operation.DELETE:
            denied(name, lawful(**act, **purpose))
            denied(name, lawful(**act, **device))


def test_banned_inferences_and_places_are_denied(name: str) -> None:
    for act in ACTS:
        for inference in BANNED_INFERENCES:
            denied(name, lawful(**act, inference=inference))
        for place in FORBIDDEN_PLACES:
            denied(name, lawful(**act, place_class=place))


def test_nobody_is_identified_by_one_persons_consent(name: str) -> None:
    denied(name, lawful(operation=Operation.IDENTIFY))


def test_no_basis_is_denied_by_the_article_on_bases(name: str) -> None:
    """The lack of a basis is an article's own denial, not the silence of a permit."""
    (article,) = denied(name, lawful(basis_form=BasisForm.NONE))
    assert "R1" in shipped.pack(name).rules[article].rules


def test_no_neglected_duty_keeps_a_face_stored(name: str) -> None:
    """Every duty missing at once: deleting is allowed still, by consent and on every ground of a legal permission."""
    neglected = {
        field: not value
        for field, value in lawful().items()
        if isinstance(value, bool) and field not in ("sale_or_profit", "state_provision")
    }
    codes = [code for code in BasisCode if code is not BasisCode.NONE]
    by_law = [{"basis_form": BasisForm.LEGAL_PERMISSION, "basis_code": code} for code in codes]
    for basis in [{"basis_form": BasisForm.CONSENT}, *by_law]:
        decision = judge([shipped.pack(name)], lawful(**neglected, **basis, operation=Operation.DELETE))
        assert (decision.verdict, decision.forbid) == (Verdict.ALLOW, ()), basis


def test_a_permit_for_each_form_of_basis(name: str) -> None:
    pack = shipped.pack(name)
    by_consent = judge([pack], lawful()).permit
    by_law = judge([pack], lawful(basis_form=BasisForm.LEGAL_PERMISSION, basis_code=BasisCode.COURT_ORDER)).permit
    assert len(by_consent) == len(by_law) == 1
    assert by_consent != by_law
    permits = {ident for ident, rule in pack.rules.items() if rule.effect is Effect.PERMIT}
    exceptions = permits - {*by_consent, *by_law}  # R14, in the Chinese packs
    assert all(pack.rules[ident].rules == ("R14",) for ident in exceptions)
    assert bool(exceptions) is name.startswith("cn-")


def test_the_control_a_pack_without_its_bans_would_be_found_out() -> None:
    """Negative control: an evaluator that permits everything fails what the registers rely on."""
    cn = shipped.pack("cn-2025")

    class Careless:
        def evaluate(self, context: Context) -> Any:
            return cn.evaluator.evaluate(lawful())

    decision = judge([replace(cn, evaluator=Careless())], lawful(place_class=PlaceClass.RESTROOM))
    assert decision.verdict is Verdict.ALLOW
