"""The context: total, exactly typed, cheap to look up, and logged without the age band."""

from dataclasses import fields

import pytest

from placet.evidence import canonical
from placet.permission.model.vocabulary import AgeBand, BasisForm, LegalCode, Operation
from placet.permission.policy.context import ENUMS, FIELDS, BasisCode, Context, from_words, lawful
from placet.permission.policy.errors import ContextInvalid

# The table of law.md section 5, field by field.
# fmt: off
TABLE = [
    "operation", "basis_form", "basis_code", "consent_separate", "consent_explicit", "consent_written",
    "consent_egress", "age_band", "guardian_active", "purpose_registered", "necessity_stated", "assessment_valid",
    "purpose_reviewed", "public_safety", "inference", "place_class", "in_public_place", "sign_valid",
    "collection_area_set", "alternative_available", "face_is_default", "refusal_equal", "choice_reset_by_update",
    "notice_served", "notice_complete", "storage", "egress", "disclosure", "sale_or_profit", "scraped_source",
    "term_stated", "retention_within_limit", "national_channel", "filing_current", "protection_attested",
    "state_provision",
]
TRUE_IN_BASE = [
    "consent_separate", "consent_explicit", "consent_written", "purpose_registered", "necessity_stated",
    "assessment_valid", "purpose_reviewed", "sign_valid", "collection_area_set", "alternative_available",
    "refusal_equal", "notice_served", "notice_complete", "term_stated", "retention_within_limit", "filing_current",
    "protection_attested",
]
# fmt: on
WORDS_IN_BASE = {
    "operation": "verify",
    "basis_form": "consent",
    "basis_code": "none",
    "age_band": "adult",
    "inference": "none",
    "place_class": "branch_counter",
    "storage": "device",
    "national_channel": "offered",
}


def test_fields_are_the_table_of_the_law_page() -> None:
    assert list(FIELDS) == TABLE


def test_lawful_base_has_the_values_of_the_law_page() -> None:
    expected = {name: WORDS_IN_BASE.get(name, name in TRUE_IN_BASE) for name in TABLE}
    assert {name: getattr(value, "value", value) for name, value in lawful().items()} == expected


def test_no_field_has_a_default() -> None:
    values = dict(lawful().items())
    for name in FIELDS:
        incomplete = {key: value for key, value in values.items() if key != name}
        with pytest.raises(TypeError, match=name):
            Context(**incomplete)


@pytest.mark.parametrize("name", FIELDS)
def test_a_value_of_another_type_is_refused(name: str) -> None:
    # 1 == True in Python, "verify" == Operation.VERIFY: neither may get in.
    wrong: object = WORDS_IN_BASE[name] if name in ENUMS else 1
    with pytest.raises(ContextInvalid) as caught:
        lawful(**{name: wrong})
    assert caught.value.field == name


def test_equal_contexts_are_one_key() -> None:
    one, other = lawful(), lawful()
    assert one is not other
    assert one == other
    assert hash(one) == hash(other)
    assert one != lawful(sign_valid=False)
    assert one != object()
    assert len({one, other, lawful(sign_valid=False)}) == 2


def test_logged_has_every_field_but_the_age_band() -> None:
    logged = lawful(age_band=AgeBand.AGE_13).logged(["cn-2025", "a", "cn-2025"])
    assert logged.keys() == {*TABLE, "minor"} - {"age_band"}
    assert logged["minor"] == ["a", "cn-2025"]
    assert all(type(value) in (str, bool, list) for value in logged.values())
    assert canonical.decode(canonical.encode(logged)) == logged
    assert b"13" not in canonical.encode(logged)


def test_codes_are_the_legal_codes_and_none() -> None:
    assert {code.value for code in BasisCode} == {"none"} | {code.value for code in LegalCode}


def test_from_words_reads_words_and_truth_values() -> None:
    context = from_words({"operation": "enrol", "egress": True, "basis_form": "none"}, base=lawful())
    assert context == lawful(operation=Operation.ENROL, egress=True, basis_form=BasisForm.NONE)


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"operation": "enroll"}, "operation"),
        ({"operation": True}, "operation"),
        ({"age_band": 13}, "age_band"),
        ({"egress": "true"}, "egress"),
        ({"egress": 1}, "egress"),
        ({"egress": None}, "egress"),
        ({"no_such": True}, "no_such"),
        ({"_hash": 1}, "_hash"),
    ],
)
def test_from_words_names_the_field_at_fault(words: dict[str, object], field: str) -> None:
    with pytest.raises(ContextInvalid) as caught:
        from_words(words, base=lawful())
    assert caught.value.field == field
    assert field in str(caught.value)


def test_the_key_is_not_a_field_of_the_context() -> None:
    assert [item.name for item in fields(Context) if not item.init] == ["values", "_hash"]
    assert "_key" not in repr(lawful())
