"""cn-2025 against the lawful base: every field turned to every other value, with exactly what then forbids.

The table is complete: a new field, or a new word in a list, fails here until somebody has thought it through.
"""

import pytest

from placet.permission.model.vocabulary import BasisForm, Operation, Verdict
from placet.permission.policy.context import ENUMS, FIELDS, BasisCode, Context, from_words, lawful
from placet.permission.policy.engine import judge
from placet.permission.policy.metadata import Confidence
from placet.permission.policy.pack import Pack

# (field, value) -> what forbids; () means allowed.
FLIPS: dict[tuple[str, object], tuple[str, ...]] = {
    ("operation", "enrol"): (),
    ("operation", "identify"): ("art-19",),
    ("operation", "analyse"): (),
    ("operation", "export"): ("art-8-1",),
    ("operation", "delete"): (),
    ("basis_form", "none"): ("art-6-3",),
    ("basis_form", "legal_permission"): ("art-6-6",),  # no code: a blanket exemption
    **{("basis_code", code.value): () for code in BasisCode if code is not BasisCode.NONE},  # consent has no code
    ("consent_separate", False): ("art-6-4",),
    ("consent_explicit", False): ("art-6-5",),
    ("consent_written", False): (),  # Order 19 asks for no writing
    ("consent_egress", True): (),
    ("age_band", "under_13"): ("art-7",),
    ("age_band", "13"): ("art-7",),
    ("age_band", "14_15"): (),
    ("age_band", "16_17"): (),
    ("age_band", "unknown"): ("art-7",),
    ("guardian_active", True): (),
    ("purpose_registered", False): ("art-4-1",),
    ("necessity_stated", False): ("art-4-2",),
    ("assessment_valid", False): ("art-9",),
    ("purpose_reviewed", False): ("art-3",),
    ("public_safety", True): (),
    ("inference", "ethnicity"): ("pipl-28",),
    ("inference", "religion"): ("pipl-28",),
    ("inference", "health"): ("pipl-28",),
    ("inference", "emotion"): (),
    ("inference", "politics"): ("pipl-28",),
    ("inference", "union"): ("pipl-28",),
    ("inference", "sex_life"): ("pipl-28",),
    ("inference", "gender"): (),
    ("inference", "age"): (),
    ("inference", "other"): (),
    ("place_class", "shop_floor"): (),
    ("place_class", "entrance"): (),
    ("place_class", "office"): (),
    ("place_class", "workplace"): (),
    ("place_class", "school"): (),
    ("place_class", "public_space"): ("art-13-2",),
    ("place_class", "hotel_room"): ("art-13-1",),
    ("place_class", "restroom"): ("art-13-1",),
    ("place_class", "bathroom"): ("art-13-1",),
    ("place_class", "changing_room"): ("art-13-1",),
    ("place_class", "other"): (),
    ("in_public_place", True): ("art-13-2",),
    ("sign_valid", False): (),  # only a public place needs the sign
    ("collection_area_set", False): (),
    ("alternative_available", False): ("art-10-2",),
    ("face_is_default", True): ("art-12-1",),
    ("refusal_equal", False): ("art-12-2",),
    ("choice_reset_by_update", True): ("art-12-3",),
    ("notice_served", False): ("art-5-1",),
    ("notice_complete", False): ("art-5-2",),
    ("storage", "none"): (),
    ("storage", "vault"): ("art-8-2",),
    ("egress", True): ("art-8-1",),
    ("disclosure", True): ("art-8-1",),
    ("sale_or_profit", True): ("pipl-10-1",),
    ("scraped_source", True): ("pipl-10-2",),
    ("term_stated", False): ("art-5-3",),
    ("retention_within_limit", False): ("art-8-3",),
    ("national_channel", "used"): (),
    ("national_channel", "unavailable"): (),
    ("national_channel", "not_applicable"): (),
    ("filing_current", False): ("art-15",),
    ("protection_attested", False): ("art-14",),
    ("state_provision", True): (),  # a claim without such a permission lifts nothing and harms nothing
}
# What still forbids when the operation is `delete`: everything else must not keep a face stored.
ALSO_FOR_DELETE = {"art-6-3", "art-6-6", "art-13-1", "pipl-28", "pipl-10-1"}
MAY_ORDER_EGRESS = {"statutory_duty", "court_order", "authority_written_permission", "emergency", "state_provision"}


def forbids(pack: Pack, context: Context) -> tuple[str, ...]:
    """What forbids, without the pack's name; checks that the verdict agrees."""
    decision = judge([pack], context)
    assert decision.errors == ()
    assert decision.verdict is (Verdict.DENY if decision.forbid else Verdict.ALLOW)
    return tuple(ident.removeprefix("cn-2025/") for ident in decision.forbid)


def other_values(field: str) -> list[object]:
    base = dict(lawful().items())[field]
    if field in ENUMS:
        return [member.value for member in ENUMS[field] if member is not base]
    return [not base]


def test_the_table_turns_every_field_to_every_other_value() -> None:
    assert FLIPS.keys() == {(field, value) for field in FIELDS for value in other_values(field)}


def test_the_lawful_base_is_allowed_by_consent(cn: Pack) -> None:
    decision = judge([cn], lawful())
    assert (decision.verdict, decision.permit, decision.forbid) == (Verdict.ALLOW, ("cn-2025/art-6-1",), ())


@pytest.mark.parametrize(("flip", "expected"), FLIPS.items(), ids=lambda case: "=".join(map(str, case)))
def test_one_fact_changed(cn: Pack, flip: tuple[str, object], expected: tuple[str, ...]) -> None:
    assert forbids(cn, from_words(dict([flip]), base=lawful())) == expected


@pytest.mark.parametrize(
    ("flip", "expected"),
    [case for case in FLIPS.items() if case[0][0] != "operation"],
    ids=lambda case: "=".join(map(str, case)),
)
def test_one_fact_changed_when_the_face_is_deleted(
    cn: Pack, flip: tuple[str, object], expected: tuple[str, ...]
) -> None:
    changed = from_words(dict([flip]), base=lawful(operation=Operation.DELETE))
    assert forbids(cn, changed) == tuple(ident for ident in expected if ident in ALSO_FOR_DELETE)


@pytest.mark.parametrize("code", [code for code in BasisCode if code is not BasisCode.NONE])
def test_what_a_legal_permission_carries(cn: Pack, code: BasisCode) -> None:
    def under(**changes: object) -> tuple[str, ...]:
        base = lawful(
            basis_form=BasisForm.LEGAL_PERMISSION,
            basis_code=code,
            consent_separate=False,
            consent_explicit=False,
            consent_written=False,
        )
        return forbids(cn, from_words(changes, base=base))

    sent_out = () if code.value in MAY_ORDER_EGRESS else ("art-8-1",)
    assert under() == ()
    assert under(operation="identify") == ()
    assert under(age_band="under_13") == ()  # Art 7 speaks of processing by consent
    assert under(egress=True) == sent_out
    assert under(operation="export") == sent_out
    assert under(storage="vault") == (() if code.value in MAY_ORDER_EGRESS else ("art-8-2",))
    assert under(egress=True, consent_egress=True) == sent_out  # consent is not what is relied on
    assert under(notice_served=False) == ("art-5-1",)
    assert under(alternative_available=False) == ("art-10-2",)
    lifted = () if code is BasisCode.STATE_PROVISION else ("art-10-2",)
    assert under(alternative_available=False, state_provision=True) == lifted


def test_egress_needs_a_consent_that_names_it(cn: Pack) -> None:
    for field, value in (("egress", True), ("disclosure", True), ("operation", "export"), ("storage", "vault")):
        assert forbids(cn, from_words({field: value, "consent_egress": True}, base=lawful())) == ()


def test_guardian_makes_a_minors_consent_whole(cn: Pack) -> None:
    for band in ("under_13", "13", "unknown"):
        assert forbids(cn, from_words({"age_band": band, "guardian_active": True}, base=lawful())) == ()


def test_a_private_space_has_no_override(cn: Pack) -> None:
    everything_for_it = lawful(
        basis_form=BasisForm.LEGAL_PERMISSION,
        basis_code=BasisCode.STATE_PROVISION,
        state_provision=True,
        public_safety=True,
        in_public_place=True,
        consent_egress=True,
        guardian_active=True,
    )
    for place in ("hotel_room", "restroom", "bathroom", "changing_room"):
        for operation in Operation:
            context = from_words({"place_class": place, "operation": operation.value}, base=everything_for_it)
            assert forbids(cn, context) == ("art-13-1",)


def test_every_duty_that_is_missing_is_named_at_once(cn: Pack) -> None:
    worst = from_words(
        {
            "operation": "identify",
            "basis_form": "none",
            "purpose_registered": False,
            "necessity_stated": False,
            "assessment_valid": False,
            "purpose_reviewed": False,
            "inference": "ethnicity",
            "place_class": "restroom",
            "in_public_place": True,
            "sign_valid": False,
            "collection_area_set": False,
            "alternative_available": False,
            "face_is_default": True,
            "refusal_equal": False,
            "choice_reset_by_update": True,
            "notice_served": False,
            "notice_complete": False,
            "storage": "vault",
            "egress": True,
            "sale_or_profit": True,
            "scraped_source": True,
            "term_stated": False,
            "retention_within_limit": False,
            "filing_current": False,
            "protection_attested": False,
        },
        base=lawful(),
    )
    duties = {ident.removeprefix("cn-2025/") for ident, rule in cn.rules.items() if rule.effect == "forbid"}
    # Four speak of a basis, and there is none.
    assert set(forbids(cn, worst)) == duties - {"art-6-4", "art-6-5", "art-6-6", "art-7"}


def test_confidence_is_what_the_law_page_says(cn: Pack) -> None:
    quoted = {"4", "5", "6", "7", "8", "9", "10", "12", "14", "15", "19", "20"}
    for rule in cn.rules.values():
        read = rule.source.instrument == "order-19" and rule.source.article in quoted
        assert rule.confidence is (Confidence.READ if read else Confidence.UNVERIFIED), rule.id


def test_each_id_names_the_article_of_its_source(cn: Pack) -> None:
    for ident, rule in cn.rules.items():
        word, article, *_ = ident.removeprefix("cn-2025/").split("-")
        assert {"art": "order-19", "pipl": "pipl"}[word] == rule.source.instrument
        assert article == rule.source.article


def test_every_row_of_the_law_page_is_there(cn: Pack) -> None:
    rows = {row for rule in cn.rules.values() for row in rule.rules} | {item.rule for item in cn.metadata.recorded}
    assert rows == {f"R{number}" for number in range(1, 17)}
