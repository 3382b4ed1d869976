"""The posture, rule by rule: every state that a rule can be in, what it rests on, and a sentence for all of it."""

import datetime
import string
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.permission.attested import YEAR, alternative, assessment, deployment, flow, incident, measures, usage
from unit.permission.world import BEGIN, DAY, PACK, attestation, device, purpose, site

from placet.permission.filing.duties import DutyState
from placet.permission.handlers.posture import articles_of, facts_of
from placet.permission.model.attestations import Destruction, Measure
from placet.permission.model.basis import BasisFacts
from placet.permission.model.book import Book
from placet.permission.model.registers import ItemKind, RetentionAnchor, item_of, kind_of, record_of
from placet.permission.model.vocabulary import MAX_INT, BasisForm, Inference, Operation, PlaceClass, Storage
from placet.permission.posture.facts import Facts, FilingFacts, OpenFiling
from placet.permission.posture.findings import Finding, Rule
from placet.permission.posture.judging import LOOKS, judge
from placet.permission.posture.sayings import STATES, Saying, State
from placet.permission.posture.words import TEXTS, Language, next_step, say, title

ARTICLES = articles_of([PACK])
TODAY = datetime.date(2027, 1, 15)
BARE = {"assessment_sha256": b"", "assessment_valid_until": 0}
GOOD = purpose(**BARE, retention_anchor=RetentionAnchor.WHICHEVER_FIRST, review_statement="harms no public interest")
SIGNED = device(
    public_place=True,
    sign_position="left of the door",
    sign_languages=("zh-CN",),
    sign_checked_at=BEGIN - DAY,
    sign_valid_until=BEGIN + YEAR,
    public_safety_need="ordered by the police",
)
LAWFUL: tuple[Any, ...] = (GOOD, assessment(), site(), SIGNED, deployment(), flow(), alternative(), usage())
FILED = FilingFacts(stock=12, threshold=100_000)


def book(*items: Any, permissions: tuple[BasisFacts, ...] = ()) -> Book:
    """The lawful registers, with these items on top, each at the next position."""
    made = Book()
    for index, item in enumerate((*LAWFUL, *items)):
        made.put(item, 10 + index)
    for one in permissions:
        made.put_permission(one)
    return made


def facts(made: Book, *, filing: FilingFacts | None = FILED, now: int = BEGIN, articles: Any = ARTICLES) -> Facts:
    return facts_of(made, articles, filing, now)


def of(rule: Rule, *items: Any, now: int = BEGIN, **changes: Any) -> Finding:
    permissions = changes.pop("permissions", ())
    found = judge(facts(book(*items, permissions=permissions), now=now, **changes), now)
    return next(one for one in found if one.rule is rule)


def permission(**changes: Any) -> BasisFacts:
    values: dict[str, Any] = {
        "ordinal": 4, "granted": 44, "leaf": None, "ended": None, "form": BasisForm.LEGAL_PERMISSION,
        "code": "court_order", "purposes": frozenset({"entry"}), "operations": frozenset({"identify"}), "sites": None,
        "egress": False, "not_before": 0, "not_after": BEGIN + YEAR, **changes,
    }  # fmt: skip
    return BasisFacts(**values)


def filing(state: DutyState, **changes: Any) -> FilingFacts:
    return replace(FILED, stock=120_000, state=state, reached_on=TODAY, deadline=TODAY, **changes)


def test_lawful_registers_meet_every_rule() -> None:
    found = judge(facts(book(attestation())), BEGIN)
    assert [one.rule for one in found] == list(Rule) == list(LOOKS)
    assert {one.rule: one.points[0].saying for one in found if one.state is not State.MET} == {}


def test_empty_registers_meet_nothing_that_has_to_be_registered() -> None:
    found = judge(facts_of(Book(), ARTICLES, None, BEGIN), BEGIN)
    broken = {one.rule.value for one in found if one.state is State.NOT_MET}
    assert broken == {"R2", "R3", "R8", "R9", "R12", "R13", "R16"}


# Rule, what is on top of the lawful registers, what is found first, and which item the evidence names.
CASES: list[tuple[Rule, tuple[Any, ...], Saying, tuple[str, str] | None]] = [
    (Rule.R1, (), Saying.ENFORCED, None),
    (Rule.R2, (), Saying.ASSESSMENT_STANDS, ("assessment", "pia-1")),
    (Rule.R2, (replace(GOOD, ended_at=BEGIN),), Saying.NO_PURPOSE, None),
    (Rule.R2, (purpose(**BARE, id="vip"),), Saying.ASSESSMENT_MISSING, ("purpose", "vip")),
    (Rule.R2, (purpose(id="vip", necessity=""),), Saying.NECESSITY_MISSING, ("purpose", "vip")),
    (Rule.R2, (purpose(id="vip"),), Saying.ASSESSMENT_BARE, ("purpose", "vip")),
    (Rule.R2, (assessment(valid_until=BEGIN),), Saying.ASSESSMENT_EXPIRED, ("assessment", "pia-1")),
    (Rule.R2, (assessment(concluded_at=BEGIN + 1),), Saying.ASSESSMENT_NOT_YET, ("assessment", "pia-1")),
    (Rule.R2, (assessment(valid_until=BEGIN + 30 * DAY),), Saying.ASSESSMENT_EXPIRES, ("assessment", "pia-1")),
    (Rule.R2, (replace(GOOD, storage=Storage.VAULT),), Saying.ASSESSMENT_METHOD_CHANGED, ("assessment", "pia-1")),
    (Rule.R2, (incident(),), Saying.ASSESSMENT_INCIDENT, ("incident", "inc-1")),
    (Rule.R2, (Destruction(id="pia-1"),), Saying.ASSESSMENT_MISSING, ("purpose", "entry")),
    (Rule.R3, (), Saying.MEASURES_STAND, ("deployment", "core")),
    (Rule.R3, (deployment(measures=measures(Measure.ENCRYPTION)),), Saying.MEASURES_LACKING, ("deployment", "core")),
    (Rule.R3, (deployment(id="edge", measures=()),), Saying.MEASURES_LACKING, ("deployment", "edge")),
    (Rule.R3, (deployment(measures=measures(until=BEGIN + DAY)),), Saying.MEASURES_EXPIRE, ("deployment", "core")),
    (Rule.R3, (deployment(retired=True), attestation()), Saying.PROTECTION_MISSING, ("attestation", "attestation")),
    (Rule.R4, (), Saying.PLACES_CLEAR, None),
    (Rule.R4, (site(place_class=PlaceClass.RESTROOM),), Saying.PLACE_FORBIDDEN, ("device", "cam-1")),
    (Rule.R4, (device(id="cam-2", place_class=PlaceClass.HOTEL_ROOM),), Saying.PLACE_FORBIDDEN, ("device", "cam-2")),
    (Rule.R4, (site(place_class=PlaceClass.RESTROOM), device(retired=True)), Saying.PLACES_CLEAR, None),
    (Rule.R5, (), Saying.SIGN_STANDS, ("device", "cam-1")),
    (Rule.R5, (device(),), Saying.NOT_PUBLIC, None),
    (Rule.R5, (replace(SIGNED, sign_sha256=b""),), Saying.SIGN_MISSING, ("device", "cam-1")),
    (Rule.R5, (replace(SIGNED, sign_valid_until=BEGIN),), Saying.SIGN_MISSING, ("site", "hq")),
    (Rule.R5, (replace(SIGNED, sign_valid_until=BEGIN + DAY),), Saying.SIGN_EXPIRES, ("device", "cam-1")),
    (Rule.R5, (replace(SIGNED, sign_languages=()),), Saying.SIGN_BARE, ("device", "cam-1")),
    (Rule.R5, (replace(SIGNED, collection_area_set=False),), Saying.AREA_MISSING, ("device", "cam-1")),
    (Rule.R5, (replace(SIGNED, public_safety_need=""),), Saying.NEED_MISSING, ("device", "cam-1")),
    (Rule.R5, (device(), site(public_place=True)), Saying.NEED_MISSING, ("site", "hq")),
    (Rule.R5, (device(place_class=PlaceClass.PUBLIC_SPACE),), Saying.NEED_MISSING, ("device", "cam-1")),
    (Rule.R6, (), Saying.ENFORCED, None),
    (Rule.R6, (replace(GOOD, inferences=(Inference.HEALTH,)),), Saying.INFERENCE_BANNED, ("purpose", "entry")),
    (Rule.R7, (), Saying.ENFORCED, None),
    (Rule.R9, (), Saying.ALTERNATIVE_WORKS, ("alternative", "card")),
    (Rule.R9, (purpose(id="vip", alternative=""),), Saying.ALTERNATIVE_MISSING, ("purpose", "vip")),
    (Rule.R9, (alternative(in_service=False),), Saying.ALTERNATIVE_DOWN, ("alternative", "card")),
    (Rule.R9, (alternative(valid_until=BEGIN + DAY),), Saying.ALTERNATIVE_EXPIRES, ("alternative", "card")),
    (Rule.R9, (purpose(id="vip"), usage(purpose="vip")), Saying.ALTERNATIVE_BARE, ("purpose", "vip")),
    (Rule.R9, (purpose(id="vip"), alternative(purposes=("entry", "vip"))), Saying.USAGE_MISSING, None),
    (Rule.R9, (usage(alternative=0),), Saying.USAGE_NONE, ("alternative_usage", "entry:2027-01")),
    (Rule.R10, (), Saying.NO_PERMISSION, None),
    (Rule.R11, (), Saying.RECORDED, None),
    (Rule.R12, (), Saying.REVIEWED, ("purpose", "entry")),
    (Rule.R12, (replace(GOOD, reviewed_by=""),), Saying.REVIEW_MISSING, ("purpose", "entry")),
    (Rule.R12, (replace(GOOD, reviewed_at=BEGIN + 1),), Saying.REVIEW_MISSING, ("purpose", "entry")),
    (Rule.R12, (replace(GOOD, operations=(Operation.VERIFY,)),), Saying.REVIEW_OUTDATED, ("purpose", "entry")),
    (Rule.R12, (replace(GOOD, review_statement=""),), Saying.REVIEW_BARE, ("purpose", "entry")),
    (Rule.R13, (), Saying.FLOW_STANDS, ("capture_flow", "entry")),
    (Rule.R13, (flow(face_is_default=True),), Saying.FLOW_FORCED, ("capture_flow", "entry")),
    (Rule.R13, (flow(face_is_first=True),), Saying.FLOW_FORCED, ("capture_flow", "entry")),
    (Rule.R13, (flow(refusal_equal=False),), Saying.FLOW_FORCED, ("capture_flow", "entry")),
    (Rule.R13, (flow(choice_reset_by_update=True),), Saying.FLOW_FORCED, ("capture_flow", "entry")),
    (Rule.R13, (flow(valid_until=BEGIN),), Saying.FLOW_LAPSED, ("capture_flow", "entry")),
    (Rule.R13, (flow(valid_until=BEGIN + DAY),), Saying.FLOW_EXPIRES, ("capture_flow", "entry")),
    (Rule.R13, (purpose(id="vip"),), Saying.FLOW_MISSING, None),
    (Rule.R13, (purpose(id="vip"), attestation()), Saying.FLOW_BARE, ("attestation", "attestation")),
    (
        Rule.R13,
        (purpose(id="vip"), attestation(face_is_default=True)),
        Saying.FLOW_MISSING,
        ("attestation", "attestation"),
    ),
    (Rule.R14, (), Saying.NO_STATE_PROVISION, None),
    (Rule.R15, (), Saying.ENFORCED, None),
    (Rule.R16, (), Saying.ENFORCED, None),
    (Rule.R16, (replace(GOOD, retention_days=0),), Saying.RETENTION_MISSING, ("purpose", "entry")),
    (Rule.R16, (replace(GOOD, retention_anchor=None),), Saying.ANCHOR_MISSING, ("purpose", "entry")),
]


@pytest.mark.parametrize(("rule", "items", "saying", "named"), CASES)
def test_a_rule_in_each_of_its_states(
    rule: Rule, items: tuple[Any, ...], saying: Saying, named: tuple[str, str] | None
) -> None:
    found = of(rule, *items)
    assert found.points[0].saying is saying
    assert found.state is STATES[saying]
    evidence = {(one.kind, one.id): one for one in found.points[0].evidence}
    assert (named in evidence) if named else not evidence
    if named:
        assert evidence[named].index is not None
    assert found.articles == ARTICLES[rule]


FILINGS = [
    (FILED, Saying.FILING_NOT_REACHED),
    (replace(FILED, stock=90_000), Saying.FILING_NEAR),
    (replace(FILED, stock=89_999), Saying.FILING_NOT_REACHED),
    (filing(DutyState.DUE), Saying.FILING_DUE),
    (filing(DutyState.FILED, filed_on=TODAY), Saying.FILING_DONE),
    (filing(DutyState.FILED_LATE, filed_on=TODAY + datetime.timedelta(1)), Saying.FILING_LATE),
    (filing(DutyState.OVERDUE), Saying.FILING_OVERDUE),
    (replace(filing(DutyState.UNDETERMINED), deadline=None), Saying.FILING_UNDETERMINED),
    (replace(filing(DutyState.UNDETERMINED, filed_on=TODAY), deadline=None), Saying.FILING_UNDETERMINED),
]


@pytest.mark.parametrize(("filing", "saying"), FILINGS)
def test_the_filing(filing: FilingFacts, saying: Saying) -> None:
    (point,) = of(Rule.R8, attestation(), filing=filing).points
    assert point.saying is saying
    assert point.evidence[0].count == filing.stock


LONG_AGO = TODAY - datetime.timedelta(40)
OPEN = OpenFiling(id="c-1", kind="change", since=LONG_AGO, state=DutyState.DUE, deadline=TODAY, index=77)
OPENS = [
    (OPEN, Saying.FILING_OPEN_DUE),
    (replace(OPEN, kind="cancellation"), Saying.FILING_OPEN_DUE),
    (replace(OPEN, state=DutyState.OVERDUE), Saying.FILING_OPEN_OVERDUE),
    (replace(OPEN, state=DutyState.UNDETERMINED, deadline=None), Saying.FILING_OPEN_UNDETERMINED),
]


@pytest.mark.parametrize(("one", "saying"), OPENS)
def test_a_change_or_an_end_of_use_that_is_not_filed_shows_beside_the_duty_to_file(
    one: OpenFiling, saying: Saying
) -> None:
    found = of(Rule.R8, attestation(), filing=replace(FILED, open=(one,)))
    assert [point.saying for point in found.points] == [saying, Saying.FILING_NOT_REACHED]
    assert found.state is STATES[saying] is not State.MET
    assert [(each.kind, each.id, each.index) for each in found.points[0].evidence] == [("filing", "c-1", 77)]


def test_a_change_that_is_not_filed_shows_also_while_nobody_counts() -> None:
    uncounted = replace(FILED, stock=None, open=(replace(OPEN, state=DutyState.OVERDUE),))
    found = of(Rule.R8, attestation(), filing=uncounted)
    assert [point.saying for point in found.points] == [Saying.FILING_OPEN_OVERDUE, Saying.FILING_ATTESTED]


def test_what_was_recorded_is_named_in_both_languages() -> None:
    cancelled = replace(FILED, open=(replace(OPEN, kind="cancellation"),))
    point = of(Rule.R8, attestation(), filing=cancelled).points[0]
    assert say(point, Language.EN) == "The end of use of 2026-12-06 (c-1) is not filed yet: file until 2027-01-15."
    assert say(point, Language.ZH_CN) == "2026-12-06 的终止使用（c-1）尚未办理备案手续：期限为 2027-01-15。"


def test_events_look_at_what_is_attested_so_a_count_alone_does_not_meet_the_rule() -> None:
    for items in ((), (attestation(filing_current=False),)):
        found = of(Rule.R8, *items, filing=FILED)
        assert [point.saying for point in found.points] == [Saying.FILING_NOT_ATTESTED, Saying.FILING_NOT_REACHED]


def test_where_nobody_counts_the_attestation_of_the_filing_counts() -> None:
    assert of(Rule.R8, filing=None).points[0].saying is Saying.FILING_NOT_ATTESTED
    for current, saying in ((True, Saying.FILING_ATTESTED), (False, Saying.FILING_NOT_ATTESTED)):
        found = of(Rule.R8, attestation(filing_current=current), filing=None)
        assert found.points[0].saying is saying
        assert found.points[0].evidence[0].index == 18


PERMISSIONS = [
    (permission(), Saying.PERMISSION_STANDS),
    (permission(not_after=BEGIN + DAY), Saying.PERMISSION_EXPIRES),
    (permission(not_after=MAX_INT), Saying.PERMISSION_OPEN),
    (permission(ended=50), Saying.NO_PERMISSION),
    (permission(not_after=BEGIN), Saying.NO_PERMISSION),
]


@pytest.mark.parametrize(("one", "saying"), PERMISSIONS)
def test_legal_permissions(one: BasisFacts, saying: Saying) -> None:
    found = of(Rule.R10, permissions=(one,))
    assert found.points[0].saying is saying
    assert [evidence.index for evidence in found.points[0].evidence] == ([44] if saying != "no_permission" else [])
    assert of(Rule.R14, permissions=(one,)).points[0].saying is Saying.NO_STATE_PROVISION


def test_an_exception_of_the_state_is_never_silent() -> None:
    found = of(Rule.R14, permissions=(permission(code="state_provision"),))
    assert (found.state, found.points[0].saying) == (State.MET, Saying.STATE_PROVISION)
    assert found.points[0].evidence[0].index == 44


def test_without_an_attested_deployment_the_general_attestation_counts_but_is_at_risk() -> None:
    made = Book()
    made.put(attestation(), 3)
    found = judge(facts(made), BEGIN)[2]
    assert (found.state, found.points[0].saying) == (State.AT_RISK, Saying.PROTECTION_BARE)
    assert found.points[0].evidence[0].valid_until == BEGIN + 90 * DAY
    later = judge(facts(made, now=BEGIN + 90 * DAY), BEGIN + 90 * DAY)[2]
    assert later.points[0].saying is Saying.PROTECTION_MISSING


def test_an_alternative_at_every_device_serves_a_purpose_without_one() -> None:
    items = (replace(SIGNED, alternative="the counter"), purpose(id="vip", alternative=""), usage(purpose="vip"))
    assert of(Rule.R9, *items).points[0].saying is Saying.ALTERNATIVE_BARE


def test_counts_grow_old() -> None:
    found = of(Rule.R9, now=BEGIN + 100 * DAY)  # April: January still counts
    assert Saying.USAGE_REPORTED in [point.saying for point in found.points]
    found = of(Rule.R9, now=BEGIN + 110 * DAY)  # May
    assert Saying.USAGE_MISSING in [point.saying for point in found.points]


def test_a_month_to_come_is_no_count() -> None:
    found = of(Rule.R9, usage(period="2029-01"), now=BEGIN + 110 * DAY)
    assert Saying.USAGE_MISSING in [point.saying for point in found.points]


def test_the_newest_count_is_told() -> None:
    found = of(Rule.R9, usage(period="2026-12", alternative=0))
    (told,) = [point for point in found.points if point.saying is Saying.USAGE_REPORTED]
    assert (told.facts["period"], told.facts["face"], told.evidence[0].count) == ("2027-01", 90, 10)


def test_a_rule_that_no_pack_enforces_is_not_met() -> None:
    found = {one.rule.value: one for one in judge(facts(book(attestation()), articles={}), BEGIN)}
    unmet = {rule for rule, one in found.items() if one.state is State.NOT_MET}
    assert unmet == {"R1", "R6", "R7", "R15", "R16"}
    assert found["R1"].points[0].saying is Saying.NOT_ENFORCED


def test_the_worst_point_is_the_state_and_stands_first() -> None:
    found = of(Rule.R2, purpose(id="vip"), purpose(**BARE, id="late"), purpose(**BARE, id="early"))
    states = [point.state for point in found.points]
    assert states == [State.NOT_MET, State.NOT_MET, State.AT_RISK, State.MET]
    assert [point.facts["purpose"] for point in found.points] == ["early", "late", "vip", "entry"]


def test_nothing_kept_is_nothing_to_limit() -> None:
    found = of(Rule.R16, replace(GOOD, storage=Storage.NONE, retention_days=0))
    assert [point.saying for point in found.points] == [Saying.ENFORCED, Saying.NOTHING_KEPT]


# ------------------------------------------------------------------------------------------------------- words


def everything_said() -> list[Any]:
    points = [point for rule, items, *_ in CASES for point in of(rule, *items).points]
    points += [point for filing, _ in FILINGS for point in of(Rule.R8, filing=filing).points]
    points += [point for one, _ in OPENS for point in of(Rule.R8, filing=replace(FILED, open=(one,))).points]
    points += [point for one, _ in PERMISSIONS for point in of(Rule.R10, permissions=(one,)).points]
    points += of(Rule.R14, permissions=(permission(code="state_provision"),)).points
    points += of(Rule.R8, attestation(), filing=None).points
    points += of(Rule.R8, filing=None).points
    points += of(Rule.R1, articles={}).points
    points += of(Rule.R16, replace(GOOD, storage=Storage.NONE)).points
    made = Book()
    made.put(attestation(), 3)
    return points + [point for found in judge(facts(made), BEGIN) for point in found.points]


def test_the_tests_reach_everything_that_can_be_said() -> None:
    assert {point.saying for point in everything_said()} == set(Saying)


@pytest.mark.parametrize("language", Language)
def test_everything_has_a_sentence_and_every_open_point_a_next_step(language: Language) -> None:
    texts = TEXTS[language]
    assert set(texts.sentences) == set(Saying)
    assert all(title(rule, language) for rule in Rule)
    for point in everything_said():
        sentence, following = say(point, language), next_step(point, language)
        assert sentence
        assert not set("{}") & set(sentence + following)
        assert bool(following) is (point.state is not State.MET), point.saying


def test_both_languages_use_the_same_facts() -> None:
    def named(texts: Mapping[Saying, tuple[str, str]], saying: Saying) -> set[str | None]:
        return {field for _, field, _, _ in string.Formatter().parse("".join(texts[saying]))}

    for saying in Saying:
        english, chinese = (named(TEXTS[language].sentences, saying) for language in Language)
        assert english == chinese, saying


def test_an_article_that_nobody_read_is_marked() -> None:
    found = of(Rule.R6)
    assert [(one.id, one.confidence) for one in found.articles] == [("cn-2025/pipl-28", "unverified")]
    assert "cn-2025/pipl-28 (unverified)" in say(found.points[0], Language.EN)
    assert "cn-2025/pipl-28（未核实）" in say(found.points[0], Language.ZH_CN)
    assert "unverified" not in say(of(Rule.R15).points[0], Language.EN)


def test_an_id_that_is_also_a_code_stays_an_id() -> None:
    found = of(Rule.R2, purpose(**BARE, id="health"))
    assert "health" in say(found.points[0], Language.ZH_CN)


# ---------------------------------------------------------------------------------------------------- properties

PURPOSES = [GOOD, purpose(**BARE), replace(GOOD, ended_at=BEGIN), replace(GOOD, reviewed_by=""), purpose(id="vip")]
ITEMS = st.sampled_from(
    [
        *PURPOSES,
        *(assessment(), assessment(valid_until=BEGIN), incident(), site(), site(public_place=True), device(), SIGNED),
        *(deployment(), deployment(measures=()), deployment(retired=True), flow(), flow(face_is_default=True)),
        *(alternative(), alternative(in_service=False), usage(), attestation(), attestation(filing_current=False)),
    ]
)


@given(
    st.lists(ITEMS, max_size=12),
    st.sampled_from([BEGIN, BEGIN + 20 * DAY, BEGIN + 400 * DAY]),
    st.sampled_from([None, FILED]),
)
@settings(max_examples=150, deadline=None)
def test_what_the_posture_calls_met_an_event_does_not_fail_on(
    items: list[Any], now: int, counted: FilingFacts | None
) -> None:
    """Posture and decision read the same registers: a duty that is met there is no reason to deny here."""
    made = Book()
    for index, item in enumerate(items):
        made.put(item, index)
    found = {one.rule: one.state for one in judge(facts_of(made, ARTICLES, counted, now), now)}
    for name, one in made.purposes.items():
        if one.ended(now):
            continue
        shape = made.place(name, "cam-1", "", Operation.VERIFY, None, now).shape
        fine = (State.MET, State.AT_RISK)
        assert shape.purpose.assessment_valid or found[Rule.R2] not in fine
        assert shape.purpose.purpose_reviewed or found[Rule.R12] not in fine
        assert shape.flow.protection_attested is (found[Rule.R3] in fine)
        assert shape.flow.filing_current is (found[Rule.R8] in fine)
        fair = shape.flow.refusal_equal and not shape.flow.face_is_default and not shape.flow.choice_reset_by_update
        assert fair or found[Rule.R13] not in fine


@given(st.lists(ITEMS, max_size=8), st.integers(BEGIN, BEGIN + YEAR))
@settings(max_examples=100, deadline=None)
def test_every_rule_has_a_finding_and_evidence_names_what_is_registered(items: list[Any], now: int) -> None:
    made = Book()
    for index, item in enumerate(items):
        made.put(item_of(kind_of(item), record_of(item)), index)
    found = judge(facts_of(made, ARTICLES, FILED, now), now)
    assert [one.rule for one in found] == list(Rule)
    for one in found:
        assert one.points
        for evidence in (each for point in one.points for each in point.evidence if each.kind in set(ItemKind)):
            if evidence.kind != ItemKind.SITE.value:
                assert evidence.index is not None
                assert evidence.index <= made.indexes[ItemKind(evidence.kind), evidence.id]
