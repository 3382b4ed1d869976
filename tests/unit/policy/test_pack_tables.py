"""Each pack but cn-2025 against the lawful base: every field turned to every other value, and what then forbids.

Written beside the scenarios, not from them: what stands in no table below must be allowed. (test_cn_2025.py holds the
default pack, with more detail.)
"""

from typing import TypeAlias

import pytest
from unit.policy import shipped

from placet.permission.model.vocabulary import Operation, Verdict
from placet.permission.policy.context import ENUMS, FIELDS, Context, from_words, lawful
from placet.permission.policy.engine import judge

Flip: TypeAlias = tuple[str, object]
Table: TypeAlias = dict[Flip, str]


def each(field: str, words: str, article: str) -> Table:
    return {(field, word): article for word in words.split()}


def private(article: str) -> Table:
    return each("place_class", "hotel_room restroom bathroom changing_room", article)


def sensitive(article: str) -> Table:
    return each("inference", "ethnicity religion health politics union sex_life", article)


GDPR: Table = {
    ("operation", "identify"): "gdpr-9-1-identify",
    ("operation", "export"): "gdpr-6-4",
    ("basis_form", "none"): "gdpr-6-1",
    ("basis_form", "legal_permission"): "gdpr-9-1-no-ground",
    ("consent_separate", False): "gdpr-7-2",
    ("consent_explicit", False): "gdpr-9-2-a-explicit",
    ("purpose_registered", False): "gdpr-5-1-b",
    ("necessity_stated", False): "gdpr-5-1-c",
    ("assessment_valid", False): "gdpr-35-1",
    ("alternative_available", False): "gdpr-7-4",
    ("face_is_default", True): "gdpr-4-11",
    ("refusal_equal", False): "gdpr-7-3-refusal",
    ("choice_reset_by_update", True): "gdpr-7-3-reset",
    ("notice_served", False): "gdpr-13-1",
    ("notice_complete", False): "gdpr-13-1-contents",
    ("disclosure", True): "gdpr-6-4",
    ("sale_or_profit", True): "gdpr-5-1-b-sale",
    ("term_stated", False): "gdpr-13-2-a",
    ("retention_within_limit", False): "gdpr-5-1-e",
    ("protection_attested", False): "gdpr-32-1",
    **private("placet-r4"),
}
TABLES: dict[str, Table] = {
    "cn-draft-2023": {
        ("operation", "identify"): "art-10",
        ("operation", "export"): "pipl-23",
        ("basis_form", "none"): "art-5-3",
        ("basis_form", "legal_permission"): "art-5-5",
        ("consent_separate", False): "art-5-4",
        ("consent_explicit", False): "pipl-14",
        **each("age_band", "under_13 13 unknown", "art-13"),
        ("purpose_registered", False): "art-4-1",
        ("necessity_stated", False): "art-4-2",
        ("assessment_valid", False): "art-15",
        ("purpose_reviewed", False): "art-3",
        **sensitive("art-11"),
        **private("art-6"),
        ("place_class", "public_space"): "art-7-1",
        ("in_public_place", True): "art-7-1",
        ("alternative_available", False): "art-14",
        ("face_is_default", True): "art-9-1",
        ("refusal_equal", False): "art-9-2",
        ("choice_reset_by_update", True): "art-9-3",
        ("notice_served", False): "pipl-17-1",
        ("notice_complete", False): "pipl-17-2",
        ("disclosure", True): "pipl-23",
        ("sale_or_profit", True): "pipl-10-1",
        ("scraped_source", True): "pipl-10-2",
        ("term_stated", False): "pipl-17-3",
        ("retention_within_limit", False): "pipl-19",
        ("filing_current", False): "art-16",
        ("protection_attested", False): "art-4-3",
    },
    "eu": {
        **GDPR,
        **each("age_band", "under_13 13 14_15 unknown", "gdpr-8-1"),
        **each("inference", "ethnicity religion politics union sex_life", "ai-act-5-1-g"),
        ("inference", "health"): "gdpr-9-1-health",
        ("scraped_source", True): "ai-act-5-1-e",
    },
    "uk": {
        **GDPR,
        **each("age_band", "under_13 unknown", "dpa-9"),
        **sensitive("gdpr-9-1-inference"),
        ("scraped_source", True): "gdpr-5-1-a",
    },
    "us-il-bipa": {
        ("operation", "identify"): "sec-15-b-identify",
        ("operation", "export"): "sec-15-d",
        ("basis_form", "none"): "sec-15-b",
        ("basis_form", "legal_permission"): "sec-25-exempt",
        ("consent_explicit", False): "sec-10",
        ("consent_written", False): "sec-15-b-3-written",
        **each("age_band", "under_13 13 14_15 16_17 unknown", "sec-15-b-3-representative"),
        ("purpose_registered", False): "sec-15-b-2-purpose",
        **sensitive("placet-r6"),
        **private("placet-r4"),
        ("notice_served", False): "sec-15-b-1",
        ("notice_complete", False): "sec-15-b-2-notice",
        ("disclosure", True): "sec-15-d",
        ("sale_or_profit", True): "sec-15-c",
        ("scraped_source", True): "sec-15-b-scraped",
        ("term_stated", False): "sec-15-b-2-term",
        ("retention_within_limit", False): "sec-15-a",
        ("protection_attested", False): "sec-15-e",
    },
    "us-tx-cubi": {
        ("operation", "identify"): "sec-503-001-b-2-identify",
        ("operation", "export"): "sec-503-001-c-1-disclosure",
        ("basis_form", "none"): "sec-503-001-b-2-none",
        ("basis_form", "legal_permission"): "sec-503-001-b-commercial",
        ("consent_explicit", False): "sec-503-001-b-2-given",
        ("purpose_registered", False): "sec-503-001-c-3-purpose",
        **sensitive("placet-r6"),
        **private("placet-r4"),
        ("notice_served", False): "sec-503-001-b-1",
        ("disclosure", True): "sec-503-001-c-1-disclosure",
        ("sale_or_profit", True): "sec-503-001-c-1-sale",
        ("scraped_source", True): "sec-503-001-b-2-scraped",
        ("retention_within_limit", False): "sec-503-001-c-3",
        ("protection_attested", False): "sec-503-001-c-2",
    },
    "in-dpdp": {
        ("operation", "identify"): "sec-6-1-identify",
        ("operation", "export"): "sec-6-1-disclosure",
        ("basis_form", "none"): "sec-4-1",
        ("basis_form", "legal_permission"): "sec-7",
        ("consent_separate", False): "sec-6-1-specific",
        ("consent_explicit", False): "sec-6-1-clear",
        **each("age_band", "under_13 13 14_15 16_17 unknown", "sec-9-1"),
        ("purpose_registered", False): "sec-6-1-purpose",
        ("necessity_stated", False): "sec-6-1-necessary",
        **sensitive("placet-r6"),
        **private("placet-r4"),
        ("alternative_available", False): "sec-6-1-free",
        ("face_is_default", True): "sec-6-1-default",
        ("refusal_equal", False): "sec-6-4-refusal",
        ("choice_reset_by_update", True): "sec-6-4-reset",
        ("notice_served", False): "sec-5-1",
        ("notice_complete", False): "rule-3",
        ("disclosure", True): "sec-6-1-disclosure",
        ("sale_or_profit", True): "sec-4-1-sale",
        ("scraped_source", True): "sec-4-1-scraped",
        ("retention_within_limit", False): "sec-8-7",
        ("protection_attested", False): "sec-8-5",
    },
    "kr-pipa": {
        ("operation", "identify"): "art-23-1-identify",
        ("operation", "export"): "art-17-1",
        ("basis_form", "none"): "art-15-1",
        ("basis_form", "legal_permission"): "art-23-1-ground",
        ("consent_separate", False): "art-23-1-separate",
        ("consent_explicit", False): "art-22-1",
        **each("age_band", "under_13 13 unknown", "art-22-2"),
        ("purpose_registered", False): "art-3-1-purpose",
        ("necessity_stated", False): "art-16-1",
        **sensitive("art-23-1-inference"),
        **private("art-25-2"),
        ("alternative_available", False): "art-16-3",
        ("face_is_default", True): "art-22-1-default",
        ("refusal_equal", False): "art-16-3-refusal",
        ("choice_reset_by_update", True): "art-22-1-reset",
        ("notice_served", False): "art-15-2",
        ("notice_complete", False): "art-15-2-contents",
        ("disclosure", True): "art-17-1",
        ("sale_or_profit", True): "art-17-1-sale",
        ("scraped_source", True): "art-3-1-scraped",
        ("term_stated", False): "art-15-2-period",
        ("retention_within_limit", False): "art-21-1",
        ("protection_attested", False): "art-29",
    },
}
# Which facts still deny when the operation is `delete`.
ALSO_FOR_DELETE = {"basis_form", "inference", "sale_or_profit"}


def flips() -> list[Flip]:
    base = dict(lawful().items())
    return [
        (field, word)
        for field in FIELDS
        for word in ([member.value for member in ENUMS[field]] if field in ENUMS else [True, False])
        if word != base[field]
    ]


def forbids(name: str, context: Context) -> tuple[str, ...]:
    decision = judge([shipped.pack(name)], context)
    assert decision.errors == ()
    assert decision.verdict is (Verdict.DENY if decision.forbid else Verdict.ALLOW)
    return tuple(ident.removeprefix(f"{name}/") for ident in decision.forbid)


def test_there_is_a_table_for_each_pack() -> None:
    assert sorted([*TABLES, "cn-2025"]) == shipped.NAMES
    assert all(table.keys() <= set(flips()) for table in TABLES.values())


@pytest.mark.parametrize("name", TABLES)
def test_one_fact_changed(name: str) -> None:
    expected = {flip: (TABLES[name][flip],) if flip in TABLES[name] else () for flip in flips()}
    assert {flip: forbids(name, from_words(dict([flip]), base=lawful())) for flip in flips()} == expected


@pytest.mark.parametrize("name", TABLES)
def test_one_fact_changed_when_the_face_is_deleted(name: str) -> None:
    base = lawful(operation=Operation.DELETE)
    private_places = private("").keys()
    for flip in flips():
        if flip[0] != "operation":
            stays = flip in TABLES[name] and (flip[0] in ALSO_FOR_DELETE or flip in private_places)
            expected = (TABLES[name][flip],) if stays else ()
            assert forbids(name, from_words(dict([flip]), base=base)) == expected, flip
