"""The engine: dates, strictest wins, memo, and a denial whenever anything goes wrong."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

import pytest
from msgspec import structs

from placet.evidence.drafts import check_draft
from placet.permission.model.vocabulary import AgeBand, Verdict
from placet.permission.policy.cedar import ErrorCode, Findings
from placet.permission.policy.context import Context, lawful
from placet.permission.policy.engine import Engine, judge
from placet.permission.policy.errors import PacksConflict
from placet.permission.policy.pack import Pack

BEIJING = timezone(timedelta(hours=8))
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017


def us(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


FIRST = us(datetime(2025, 6, 1, tzinfo=BEIJING))
LATER = us(datetime(2026, 3, 1, 12, tzinfo=BEIJING))


@dataclass
class Told:
    """An evaluator that says what it is told, and counts."""

    findings: Findings
    calls: int = 0
    fails: int = 0

    def evaluate(self, context: Context) -> Findings:
        self.calls += 1
        if self.fails:
            self.fails -= 1
            raise MemoryError("out of memory")
        return self.findings


def told(cn: Pack, name: str, findings: Findings, **changes: object) -> tuple[Pack, Told]:
    evaluator = Told(findings)
    values: dict[str, object] = {"id": name, "evaluator": evaluator, "begin": 0, "until": None, **changes}
    return replace(cn, **values), evaluator  # type: ignore[arg-type]


def yes(ident: str) -> Findings:
    return Findings(allowed=True, permit=(ident,))


def no(ident: str) -> Findings:
    return Findings(allowed=False, forbid=(ident,))


def test_in_force_from_midnight_in_beijing(cn: Pack) -> None:
    engine = Engine([cn])
    before = engine.decide(lawful(), FIRST - 1)
    assert before.verdict is Verdict.DENY
    assert (before.errors, before.policies, before.forbid) == (("NO_PACK_IN_FORCE",), (), ())
    assert engine.in_force(FIRST - 1) == ()
    assert engine.decide(lawful(), FIRST).verdict is Verdict.ALLOW
    assert engine.in_force(FIRST) == (cn,)
    # Midnight in London comes later: by then the law has been in force for eight hours.
    assert us(datetime(2025, 6, 1, tzinfo=timezone.utc)) - FIRST == 8 * 3_600_000_000  # noqa: UP017


def test_time_may_go_back_and_forth(cn: Pack) -> None:
    engine = Engine([cn])
    verdicts = [engine.decide(lawful(), at).verdict.value for at in (LATER, FIRST - 1, LATER, -1, FIRST)]
    assert verdicts == ["allow", "deny", "allow", "deny", "allow"]


def test_no_packs_at_all_is_a_denial() -> None:
    assert Engine([]).decide(lawful(), LATER).errors == ("NO_PACK_IN_FORCE",)


def test_two_versions_of_a_pack_in_one_day(cn: Pack) -> None:
    noon = us(datetime(2026, 1, 1, 12, tzinfo=BEIJING))
    older = replace(cn, hash="older", until=noon)
    newer, _ = told(cn, "cn-2025", no("cn-2025/art-1"), hash="newer", begin=noon)
    engine = Engine([newer, older])
    morning, evening = engine.decide(lawful(), noon - 1), engine.decide(lawful(), noon)
    assert [ref.hash for ref in morning.policies] == ["older"]
    assert [ref.hash for ref in evening.policies] == ["newer"]
    assert (morning.verdict, evening.verdict) == (Verdict.ALLOW, Verdict.DENY)


@pytest.mark.parametrize("until", [None, LATER + 1])
def test_two_versions_at_one_moment_are_refused(cn: Pack, until: int | None) -> None:
    older, newer = replace(cn, until=until), replace(cn, begin=LATER)
    with pytest.raises(PacksConflict, match="cn-2025"):
        Engine([newer, older])
    with pytest.raises(PacksConflict):
        Engine([cn, cn])


def test_strictest_wins_and_all_articles_are_named(cn: Pack) -> None:
    other, _ = told(cn, "aa", no("aa/art-9"))
    decision = Engine([cn, other]).decide(lawful(), LATER)
    assert decision.verdict is Verdict.DENY
    assert decision.permit == ("cn-2025/art-6-1",)
    assert decision.forbid == ("aa/art-9",)
    assert [ref.id for ref in decision.policies] == ["aa", "cn-2025"]


def test_each_pack_must_permit(cn: Pack) -> None:
    one, _ = told(cn, "one", yes("one/art-1"))
    two, _ = told(cn, "two", Findings(allowed=False))
    assert judge([one], lawful()).verdict is Verdict.ALLOW
    assert judge([one, two], lawful()).verdict is Verdict.DENY


def test_an_error_denies_even_if_the_evaluator_says_yes(cn: Pack) -> None:
    careless, _ = told(cn, "one", structs.replace(yes("one/art-1"), errors=(ErrorCode.EVALUATION_ERROR,)))
    decision = judge([careless], lawful())
    assert (decision.verdict, decision.errors) == (Verdict.DENY, ("EVALUATION_ERROR",))


def test_minor_lists_the_packs_in_force_only(cn: Pack) -> None:
    strict, _ = told(cn, "strict", yes("strict/art-1"), minor_bands=frozenset(AgeBand))
    future, _ = told(cn, "future", yes("future/art-1"), minor_bands=frozenset(AgeBand), begin=LATER + 1)
    engine = Engine([cn, strict, future])
    for band, minor in [
        (AgeBand.ADULT, ["strict"]),
        (AgeBand.AGE_14_15, ["strict"]),
        (AgeBand.AGE_13, ["cn-2025", "strict"]),
        (AgeBand.UNKNOWN, ["cn-2025", "strict"]),
    ]:
        assert engine.decide(lawful(age_band=band), LATER).context["minor"] == minor


def test_a_failing_evaluator_is_a_denial_and_not_remembered(cn: Pack) -> None:
    pack, evaluator = told(cn, "weak", yes("weak/art-1"))
    evaluator.fails = 2
    engine = Engine([pack, cn])
    for _ in range(2):
        decision = engine.decide(lawful(), LATER)
        assert decision.verdict is Verdict.DENY
        assert decision.errors == ("EVALUATOR_FAILED",)
        assert decision.permit == ("cn-2025/art-6-1",)
        assert "MemoryError" in decision.diagnostics[0]
    assert engine.decide(lawful(), LATER).verdict is Verdict.ALLOW


def test_a_decision_is_made_once(cn: Pack) -> None:
    pack, evaluator = told(cn, "one", yes("one/art-1"))
    engine = Engine([pack])
    first = engine.decide(lawful(), LATER)
    assert engine.decide(lawful(), LATER + 5) is first
    assert evaluator.calls == 1
    engine.decide(lawful(age_band=AgeBand.AGE_16_17), LATER)  # the same when logged, another context
    assert evaluator.calls == 2


def test_the_memo_is_bounded_and_forgets_the_oldest(cn: Pack) -> None:
    pack, evaluator = told(cn, "one", yes("one/art-1"))
    engine = Engine([pack], memo=2)
    contexts = [lawful(age_band=band) for band in (AgeBand.ADULT, AgeBand.AGE_13, AgeBand.UNKNOWN)]
    for context in (*contexts, contexts[2], contexts[1]):
        engine.decide(context, LATER)
    assert evaluator.calls == 3
    engine.decide(contexts[0], LATER)
    assert evaluator.calls == 4


def test_a_memo_belongs_to_its_set_of_packs(cn: Pack) -> None:
    pack, _ = told(cn, "later", no("later/art-1"), begin=LATER)
    engine = Engine([cn, pack])
    assert engine.decide(lawful(), LATER - 1).verdict is Verdict.ALLOW
    assert engine.decide(lawful(), LATER).verdict is Verdict.DENY
    assert engine.decide(lawful(), LATER - 1).verdict is Verdict.ALLOW


def test_the_draft_is_what_the_ledger_wants(cn: Pack) -> None:
    decision = Engine([cn]).decide(lawful(filing_current=False), LATER)
    draft = decision.draft()
    assert draft.verdict.value == "deny"
    assert draft.policies == decision.policies
    check_draft(draft)
    assert "age_band" not in draft.context


def test_a_decision_shows_and_compares_all_but_the_age(cn: Pack) -> None:
    minors = [judge([cn], lawful(age_band=band)) for band in (AgeBand.UNDER_13, AgeBand.AGE_13, AgeBand.UNKNOWN)]
    assert minors[0] == minors[1] == minors[2]
    assert minors[0] != judge([cn], lawful(age_band=AgeBand.ADULT))
    assert minors[0] != "a decision"
    assert "cn-2025/art-7" in repr(minors[0])
    assert "under_13" not in repr(minors[0])
    with pytest.raises(TypeError):
        hash(minors[0])
