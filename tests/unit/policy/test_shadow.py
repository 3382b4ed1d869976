"""Shadow: a log's decisions under another law, what changes for its events, and what the log does not say."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.evidence_drafts import consent, event
from fakes.evidence_log import MemoryLog
from fakes.lawful_facts import deciding
from fakes.varied_story import VariedStory

from placet.evidence.drafts import DecisionDraft, WithdrawDraft
from placet.evidence.entries import parse_entry
from placet.evidence.errors import AdmissionRefused, EvidenceError
from placet.evidence.kinds import Decision, Event, PolicyRef
from placet.evidence.reasons import Reason
from placet.evidence.terms import BasisOrdinal, EndedBy
from placet.permission.model.vocabulary import AgeBand, Verdict
from placet.permission.policy import shadow as module
from placet.permission.policy.context import FIELDS, Context, from_words, lawful
from placet.permission.policy.engine import judge
from placet.permission.policy.pack import SHIPPED, Pack, load
from placet.permission.policy.redeciding import Fate, LoggedDecision, LoggedPolicy, Redecider
from placet.permission.policy.shadow import Change, Report, Shadow, change_of

Change_ = Callable[[str], str]


def edited(folder: Path, name: str, policies: Change_ = str, bands: Sequence[AgeBand] | None = None) -> Pack:
    """A copy of cn-2025 of another name, with its policies or its minors changed."""
    shutil.copytree(SHIPPED / "cn-2025", folder / name)
    for file, change in (("policies.cedar", policies), ("pack.json", str)):
        path = folder / name / file
        path.write_text(change(path.read_text(encoding="utf-8")).replace("cn-2025/", f"{name}/"), encoding="utf-8")
    described = json.loads((folder / name / "pack.json").read_text(encoding="utf-8"))
    described["id"] = name
    if bands is not None:
        described["minor"]["bands"] = [band.value for band in bands]
    (folder / name / "pack.json").write_text(json.dumps(described), encoding="utf-8")
    return load(folder / name)


def at_sixteen(text: str) -> str:
    """Article 7 with an age of 16."""
    return text.replace(
        'context.age_band == AgeBand::"unknown")',
        'context.age_band == AgeBand::"14_15" || context.age_band == AgeBand::"unknown")',
    )


SIXTEEN = (AgeBand.UNDER_13, AgeBand.AGE_13, AgeBand.AGE_14_15, AgeBand.UNKNOWN)


@pytest.fixture(scope="module")
def sixteen(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """Another law, under which people are minors until 16."""
    return edited(tmp_path_factory.mktemp("packs"), "sixteen", at_sixteen, SIXTEEN)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """Another law, which asks for written consent, and lets faces be taken as the default."""

    def change(text: str) -> str:
        return text.replace("!context.consent_explicit", "!context.consent_written").replace(
            "context.face_is_default &&", "context.face_is_default && context.sale_or_profit &&"
        )

    return edited(tmp_path_factory.mktemp("packs"), "strict", change)


class Log:
    """A log with one consent; events are decided under cn-2025."""

    def __init__(self, *packs: Pack) -> None:
        self.log = MemoryLog()
        self.log.submit(consent(sites=("*",), purposes=("*",)))
        self.packs = packs
        self.number = 0

    def event(self, context: Context, *, site: str = "branch.1", purpose: str = "login", **changes: Any) -> None:
        self.decided(judge(self.packs, context).draft(), site=site, purpose=purpose, **changes)

    def decided(self, draft: DecisionDraft, **changes: Any) -> None:
        self.number += 1
        egress = bool(draft.context["egress"])
        self.log.submit(event(self.number, **{"egress": egress, **changes}), decision=draft)

    def shadow(self, *packs: Pack, known: Sequence[Pack] = ()) -> Report:
        run = Shadow(packs, known or self.packs)
        for first in range(0, len(self.log.entries), 3):
            run.read(self.log.entries[first : first + 3])
        return run.report()


def counts(report: Report) -> dict[str, int]:
    return {change.value: number for change, number in report.changes.items() if number}


def test_the_same_law_changes_nothing(cn: Pack) -> None:
    log = Log(cn)
    for flip in ({}, {"place_class": "hotel_room"}, {"age_band": "13"}, {"filing_current": False, "egress": True}):
        log.event(from_words(flip, base=lawful()))
    report = log.shadow(cn)
    assert counts(report) == {"same": 4}
    assert (report.events, report.decisions, report.entries) == (4, 4, len(log.log.entries))
    assert report.packs_then == {("cn-2025", cn.hash): 4}
    assert report.articles["cn-2025/art-13-1"].forbade == report.articles["cn-2025/art-13-1"].forbids == 1


def test_what_changes_by_article_site_and_purpose(cn: Pack, strict: Pack) -> None:
    log = Log(cn)
    log.event(lawful(), site="branch.1")
    log.event(lawful(consent_written=False), site="branch.1", purpose="login")
    log.event(lawful(consent_written=False), site="branch.2", purpose="payment")
    log.event(lawful(face_is_default=True), site="branch.2", purpose="payment")
    log.event(lawful(filing_current=False), site="branch.3")
    report = log.shadow(strict)
    assert counts(report) == {"same": 1, "newly_denied": 2, "newly_allowed": 1, "other_articles": 1}
    assert report.decisions == 4  # two events share one
    assert report.sites["branch.1"] == {Change.SAME: 1, Change.NEWLY_DENIED: 1}
    assert report.sites["branch.2"] == {Change.NEWLY_DENIED: 1, Change.NEWLY_ALLOWED: 1}
    assert report.purposes["payment"] == {Change.NEWLY_DENIED: 1, Change.NEWLY_ALLOWED: 1}
    written = report.articles["strict/art-6-5"]
    assert (written.forbade, written.forbids, written.newly_denied, written.newly_allowed) == (0, 2, 2, 0)
    default = report.articles["cn-2025/art-12-1"]
    assert (default.forbade, default.forbids, default.newly_denied, default.newly_allowed) == (1, 0, 0, 1)


def test_several_packs_must_all_permit(cn: Pack, strict: Pack) -> None:
    log = Log(cn)
    log.event(lawful(consent_written=False))
    log.event(lawful(face_is_default=True))
    assert counts(log.shadow(cn, strict)) == {"newly_denied": 1, "same": 1}


def test_what_the_ledger_denies_stays_denied(cn: Pack, strict: Pack) -> None:
    log = Log(cn)
    log.log.submit(WithdrawDraft(basis=BasisOrdinal(0), by=EndedBy.DATA_SUBJECT, reason="no_more"))
    log.event(lawful(face_is_default=True))
    log.event(lawful())
    log.event(lawful(consent_written=False))
    assert counts(log.shadow(strict)) == {"same": 1, "other_articles": 2}


def test_an_age_that_the_log_does_not_tell_is_undetermined(cn: Pack, sixteen: Pack) -> None:
    log = Log(cn)
    for band in AgeBand:
        log.event(lawful(age_band=band), purpose=band.value)
    report = log.shadow(sixteen)
    changes = {purpose: next(iter(found)) for purpose, found in report.purposes.items()}
    # Who was a minor under 14 is one under 16; of the others nobody knows.
    known = {"under_13", "13", "unknown"}
    assert changes == {
        band.value: Change.OTHER_ARTICLES if band.value in known else Change.UNDETERMINED for band in AgeBand
    }
    assert report.hangs_on == {"age_band": 3}
    row = report.articles["sixteen/art-7"]
    assert (row.forbids, row.undetermined, row.newly_denied) == (3, 3, 0)


def test_an_age_that_decides_nothing_leaves_nothing_open(cn: Pack, sixteen: Pack) -> None:
    log = Log(cn)
    log.event(lawful(guardian_active=True))
    log.event(lawful(filing_current=False))
    report = log.shadow(sixteen)
    assert counts(report) == {"same": 1, "other_articles": 1}
    # The article that only some ages bring does not count.
    assert {ident for ident, row in report.articles.items() if row.forbids} == {"sixteen/art-15"}
    assert not any(row.undetermined for row in report.articles.values())


def test_a_pack_that_was_in_force_knows_its_minors(cn: Pack, sixteen: Pack) -> None:
    log = Log(cn, sixteen)
    for band in AgeBand:
        log.event(lawful(age_band=band))
    report = log.shadow(sixteen)
    # Nobody between 14 and 16 is newly denied: sixteen denied them in the log. cn-2025's own articles are gone.
    assert counts(report) == {"same": 3, "other_articles": 3}
    assert counts(log.shadow(cn)) == {"same": 2, "newly_allowed": 1, "other_articles": 3}


def test_another_version_of_the_same_law(cn: Pack, tmp_path: Path) -> None:
    """The log's version is known: that 16 is new cannot be read from "no minor under the old one"."""
    newer = edited(tmp_path, "cn-2025", at_sixteen, SIXTEEN)
    log = Log(cn)
    log.event(lawful())
    assert counts(log.shadow(newer, known=[cn])) == {"undetermined": 1}


def test_a_version_nobody_has_is_read_as_the_law_of_that_name(cn: Pack) -> None:
    lost = replace(cn, hash="A" * 43)
    log = Log(lost)
    log.event(lawful())
    log.event(lawful(age_band=AgeBand.AGE_13))
    report = log.shadow(cn, known=[cn])
    assert counts(report) == {"same": 2}
    assert report.packs_then == {("cn-2025", "A" * 43): 2}


def test_a_pack_of_another_name_that_nobody_has_tells_nothing(cn: Pack) -> None:
    lost = replace(cn, id="lost", hash="A" * 43)
    log = Log(lost)
    log.event(lawful())
    assert counts(log.shadow(cn, known=[cn])) == {"undetermined": 1}


def logged(cn: Pack, **changes: Any) -> dict[str, Any]:
    context = {**judge([cn], lawful()).context, **changes}
    return {name: value for name, value in context.items() if value is not ...}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sign_valid": ...}, "sign_valid"),
        ({"sign_valid": 1}, "sign_valid"),
        ({"sign_valid": "true"}, "sign_valid"),
        ({"operation": "look"}, "operation"),
        ({"operation": True}, "operation"),
        ({"operation": None}, "operation"),
        ({"mood": "sad"}, "mood"),
        ({"age_band": "adult"}, "age_band"),
    ],
)
def test_a_context_that_is_not_whole_is_undetermined(cn: Pack, changes: dict[str, Any], field: str) -> None:
    fate = Redecider([cn]).fate(decision(cn, context=logged(cn, **changes)))
    assert (fate.verdict, fate.hangs_on) == (None, (field,))


@pytest.mark.parametrize("minor", [..., None, "cn-2025", [1], ["other"]])
def test_minors_that_say_nothing_leave_every_age_open(cn: Pack, minor: Any) -> None:
    """Also a list that no age fits: [other] with cn-2025 in force fits those who are none there."""
    fate = Redecider([cn]).fate(decision(cn, context=logged(cn, minor=minor)))
    assert fate.verdict is (Verdict.ALLOW if minor == ["other"] else None)


def test_minors_that_contradict_each_other_leave_every_age_open(cn: Pack, sixteen: Pack) -> None:
    """A minor under 14 who is none under 16: no age fits, so any may."""
    then = decision(cn, sixteen, context=logged(cn, minor=["cn-2025"]))
    assert Redecider([cn], [sixteen]).fate(then).verdict is None


def decision(*packs: Pack, context: dict[str, Any]) -> LoggedDecision:
    policies = tuple(LoggedPolicy(id=pack.id, hash=pack.hash) for pack in packs)
    return LoggedDecision(
        i=1, kind="decision", policies=policies, context=context, verdict=Verdict.ALLOW, permit=(), forbid=(), errors=()
    )


def test_a_law_that_looks_at_no_age_needs_none(cn: Pack, tmp_path: Path) -> None:
    ageless = edited(
        tmp_path,
        "ageless",
        lambda text: (
            text.replace('context.age_band == AgeBand::"under_13" ||', "")
            .replace('context.age_band == AgeBand::"13" ||', "")
            .replace('context.age_band == AgeBand::"unknown"', "context.egress")
        ),
    )
    log = Log(cn)
    log.event(lawful())
    assert counts(log.shadow(ageless)) == {"same": 1}


ALLOWED = Fate(verdict_then=Verdict.ALLOW, forbid_then=(), verdict=Verdict.ALLOW)
DENIED = Fate(verdict_then=Verdict.DENY, forbid_then=("a",), verdict=Verdict.DENY, forbid=("b",))
OPEN = Fate(verdict_then=Verdict.ALLOW, forbid_then=(), verdict=None, hangs_on=("age_band",))
FREED = Fate(verdict_then=Verdict.DENY, forbid_then=("a",), verdict=Verdict.ALLOW)
FORBIDDEN = Fate(verdict_then=Verdict.ALLOW, forbid_then=(), verdict=Verdict.DENY, forbid=("b",))


@pytest.mark.parametrize(
    ("fate", "reasons", "change"),
    [
        (ALLOWED, (), Change.SAME),
        (ALLOWED, (Reason.BASIS_WITHDRAWN,), Change.SAME),
        (FORBIDDEN, (), Change.NEWLY_DENIED),
        (FORBIDDEN, (Reason.BASIS_EXPIRED,), Change.OTHER_ARTICLES),
        (FREED, (Reason.POLICY,), Change.NEWLY_ALLOWED),
        (FREED, (Reason.POLICY, Reason.POLICY_ERROR), Change.NEWLY_ALLOWED),
        (FREED, (Reason.BASIS_MISSING, Reason.POLICY), Change.OTHER_ARTICLES),
        (DENIED, (Reason.POLICY,), Change.OTHER_ARTICLES),
        (OPEN, (), Change.UNDETERMINED),
        (OPEN, (Reason.GUARDIAN_WITHDRAWN,), Change.SAME),
    ],
)
def test_what_a_change_is_called(fate: Fate, reasons: tuple[Reason, ...], change: Change) -> None:
    assert change_of(fate, reasons) is change


def test_what_was_counted_is_worked_in_before_it_grows(cn: Pack, strict: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_COUNTED", 1)
    log = Log(cn)
    for number in range(6):
        log.event(lawful(consent_written=number % 2 == 0), site=f"branch.{number}")
    run = Shadow([strict], [cn])
    for entry in log.log.entries:
        run.read([entry])
        assert len(run._counted) <= 1
    assert counts(run.report()) == {"same": 3, "newly_denied": 3}
    assert run.report().events == 6  # asked twice, counted once


def test_unusual_ids_are_read_as_they_are(cn: Pack) -> None:
    """Ids that the registers never give, but a log may hold."""
    log = Log(cn)
    log.event(lawful())
    index = max(at for at, entry in enumerate(log.log.entries) if b'"kind":"event"' in entry)
    log.log.entries[index] = log.log.entries[index].replace(b'"site":"branch.1"', '"site":"门店 \\"1\\""'.encode())
    assert log.shadow(cn).sites.keys() == {'门店 "1"'}


def test_an_event_without_its_decision_is_undetermined(cn: Pack) -> None:
    log = Log(cn)
    log.event(lawful())
    run = Shadow([cn])
    run.read(entry for entry in log.log.entries if b'"kind":"decision"' not in entry)
    assert counts(run.report()) == {"undetermined": 1}
    assert run.report().hangs_on == {"decision": 1}


@pytest.mark.parametrize(
    "entry", [b'{"context":1}', b'{"basis":', b'{"basis":0}', b'{"basis":0,"kind":"event","site":1}']
)
def test_bytes_that_are_no_entry_stop_the_run(cn: Pack, entry: bytes) -> None:
    with pytest.raises(EvidenceError, match="replay"):
        Shadow([cn]).read([entry])


def test_a_long_story_is_counted_as_it_was_told(cn: Pack) -> None:
    """Every kind of entry: what is counted is what the strict reader finds."""
    run, log = Shadow([cn], [cn]), MemoryLog()
    story = VariedStory(log.origin, log.t, people=30, decide=deciding(cn))
    for _ in range(120):
        batch = story.batch()
        for draft, decided in batch.asked:
            try:
                story.took([log.submit(draft, t=story.now, decision=decided)[0]])  # type: ignore[list-item]
            except (AdmissionRefused, EvidenceError):
                story.took([None])
    run.read(log.entries)
    entries = [parse_entry(entry) for entry in log.entries]
    events = [entry for entry in entries if isinstance(entry, Event)]
    report = run.report()
    assert report.events == len(events) > 100
    assert report.decisions == sum(isinstance(entry, Decision) for entry in entries)
    assert {site: sum(found.values()) for site, found in report.sites.items()} == Counter(one.site for one in events)
    assert {name: sum(found.values()) for name, found in report.purposes.items()} == Counter(
        one.purpose for one in events
    )
    assert counts(report) == {"same": len(events)}


def test_every_field_of_a_context_is_asked_for(cn: Pack) -> None:
    whole = logged(cn)
    for name in FIELDS:
        if name != "age_band":
            left = {key: value for key, value in whole.items() if key != name}
            assert Redecider([cn]).fate(decision(cn, context=left)).hangs_on == (name,)


def test_errors_of_the_other_law_count_as_its_articles(cn: Pack, tmp_path: Path) -> None:
    failing = edited(
        tmp_path,
        "failing",
        lambda text: text.replace(
            "{ context.sale_or_profit }", "{ context.sale_or_profit && 9223372036854775807 + 1 > 0 }"
        ),
    )
    log = Log(cn)
    log.event(lawful(sale_or_profit=True))
    report = log.shadow(failing)
    assert counts(report) == {"other_articles": 1}
    assert report.articles["EVALUATION_ERROR"].forbids == 1


def test_a_policy_ref_of_the_log_is_compared_by_hash(cn: Pack, sixteen: Pack) -> None:
    redecider = Redecider([sixteen], [cn])
    assert redecider.meant(LoggedPolicy(id="cn-2025", hash=cn.hash)) is cn
    assert redecider.meant(LoggedPolicy(id="sixteen", hash="A" * 43)) is sixteen
    assert redecider.meant(LoggedPolicy(id="cn-2025", hash="A" * 43)) is None
    assert PolicyRef(id="cn-2025", hash=cn.hash) in judge([cn], lawful()).policies
