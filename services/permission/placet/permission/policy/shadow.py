"""What a change of law would do: the events of a log under other packs than those they were decided under.

Owns: reading entries in log order, deciding each `decision` entry again once, counting the events that refer to it, and
the report by article, site and purpose. An event that the ledger's own rules deny (a withdrawn consent, an expired one)
stays denied whatever the law says.
Never: verifies the log (`placet ledger replay` does), looks at dates of packs, reads files or databases.
Memory grows with distinct decisions, sites and purposes, not with events. Source: law.md section 4.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from placet.evidence.errors import EvidenceError
from placet.evidence.reasons import Reason
from placet.permission.model.vocabulary import Verdict
from placet.permission.policy.pack import Pack
from placet.permission.policy.redeciding import Fate, LoggedDecision, LoggedPolicy, Redecider, read_decision

# Distinct combinations that are counted before they are worked into the report.
MOST_COUNTED: Final = 65_536
_OF_LAW: Final = {Reason.POLICY, Reason.POLICY_ERROR}
_UNKNOWN: Final = Fate(verdict_then=Verdict.DENY, forbid_then=(), verdict=None, hangs_on=("decision",))


class Change(StrEnum):
    """What the other law would change about an event."""

    SAME = "same"
    NEWLY_DENIED = "newly_denied"
    NEWLY_ALLOWED = "newly_allowed"
    # Denied before and after, by other articles.
    OTHER_ARTICLES = "other_articles"
    # What was logged does not say.
    UNDETERMINED = "undetermined"


Changes: TypeAlias = Counter[Change]


@dataclass(slots=True)
class ArticleRow:
    """How many events an article forbade in the log and would forbid, and the verdicts that change with it."""

    forbade: int = 0
    forbids: int = 0
    newly_denied: int = 0
    newly_allowed: int = 0
    # Undetermined events that it forbids at some of the possible ages.
    undetermined: int = 0


@dataclass(slots=True)
class Report:
    """What was found. Numbers are events unless they say otherwise."""

    entries: int = 0
    events: int = 0
    # Distinct decisions that were decided again.
    decisions: int = 0
    changes: Changes = field(default_factory=Counter)
    articles: dict[str, ArticleRow] = field(default_factory=lambda: defaultdict(ArticleRow))
    sites: dict[str, Changes] = field(default_factory=lambda: defaultdict(Counter))
    purposes: dict[str, Changes] = field(default_factory=lambda: defaultdict(Counter))
    # What undetermined events hang on.
    hangs_on: Counter[str] = field(default_factory=Counter)
    # The packs that the log was decided under: (id, hash).
    packs_then: Counter[tuple[str, str]] = field(default_factory=Counter)


class _Event(msgspec.Struct, gc=False):
    """What is counted of an event; an entry of another kind has its `kind` only."""

    kind: str
    decision: int = -1
    purpose: str = ""
    site: str = ""
    reasons: tuple[str, ...] = ()


_read_event: Final = msgspec.json.Decoder(_Event).decode
_Known: TypeAlias = tuple[Fate, tuple[LoggedPolicy, ...]]


class Shadow:
    """One run over one log, from its beginning."""

    def __init__(self, packs: Iterable[Pack], known: Iterable[Pack] = ()) -> None:
        """`packs` decide again; `known` are versions that the log may have been decided under."""
        self._redecider = Redecider(packs, known)
        self._report = Report()
        # Position of a decision -> its number among the distinct fates, of which there are few; 0: no such decision.
        self._fates: dict[int, int] = {}
        self._numbers: dict[_Known, int] = {(_UNKNOWN, ()): 0}
        self._counted: dict[tuple[int, str, str, tuple[str, ...]], int] = {}

    def read(self, entries: Iterable[bytes]) -> None:
        """Take the next entries of the log. Raises EvidenceError for a decision or event whose bytes are no entry."""
        counted, fates = self._counted, self._fates
        number = 0
        try:
            for entry in entries:
                number += 1
                # Canonical JSON: an entry of these kinds begins with these fields, and few others do.
                if entry.startswith(b'{"basis":'):
                    event = _read_event(entry)
                    if event.kind == "event":
                        key = (fates.get(event.decision, 0), event.purpose, event.site, event.reasons)
                        counted[key] = counted.get(key, 0) + 1
                elif entry.startswith(b'{"context":'):
                    self._decide(read_decision(entry))
        except msgspec.DecodeError as error:
            raise EvidenceError("JSON", "entry", f"it is no event and no decision ({error}); replay the log") from error
        self._report.entries += number
        if len(counted) > MOST_COUNTED:
            self._work_in()

    def report(self) -> Report:
        """Return what was found so far."""
        self._work_in()
        return self._report

    def _decide(self, then: LoggedDecision) -> None:
        known = self._redecider.fate(then), then.policies
        self._fates[then.i] = self._numbers.setdefault(known, len(self._numbers))
        self._report.decisions += 1

    def _work_in(self) -> None:
        """Work what was counted into the report."""
        fates = list(self._numbers)
        for (which, purpose, site, reasons), number in self._counted.items():
            fate, policies = fates[which]
            change = change_of(fate, reasons)
            report = self._report
            report.events += number
            report.changes[change] += number
            report.sites[site][change] += number
            report.purposes[purpose][change] += number
            for policy in policies:
                report.packs_then[policy.id, policy.hash] += number
            if change is Change.UNDETERMINED:
                for name in fate.hangs_on:
                    report.hangs_on[name] += number
            _count_articles(report.articles, fate, change, number)
        self._counted.clear()


def change_of(fate: Fate, reasons: Iterable[str]) -> Change:
    """Return what changes for an event that was answered with these reasons (none: it was allowed)."""
    denied_anyway = not _OF_LAW.issuperset(reasons)
    if fate.verdict is None and not denied_anyway:
        return Change.UNDETERMINED
    before = Verdict.DENY if denied_anyway else fate.verdict_then
    after = Verdict.DENY if denied_anyway else fate.verdict
    if before is not after:
        return Change.NEWLY_DENIED if after is Verdict.DENY else Change.NEWLY_ALLOWED
    return Change.SAME if fate.forbid == fate.forbid_then or fate.verdict is None else Change.OTHER_ARTICLES


def _count_articles(rows: Mapping[str, ArticleRow], fate: Fate, change: Change, number: int) -> None:
    for article in fate.forbid_then:
        rows[article].forbade += number
        if change is Change.NEWLY_ALLOWED:
            rows[article].newly_allowed += number
    for article in (*fate.forbid, *fate.errors):
        rows[article].forbids += number
        if change is Change.NEWLY_DENIED:
            rows[article].newly_denied += number
    for article in fate.perhaps if change is Change.UNDETERMINED else ():
        rows[article].undetermined += number
