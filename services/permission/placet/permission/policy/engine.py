"""The decision: every pack in force is asked, and the strictest wins.

Rules: (1) a pack is asked from its first moment in force until its last; none in force is a denial. (2) Every pack in
force must permit. (3) All articles on both sides of all packs are named. (4) Any error, in any pack, is a denial with a
code: Cedar would skip the failing policy and allow. (5) Decisions are pure, so they are memoised by (packs in force,
context); a failure of the evaluator itself is not.
Never: reads a clock (the moment is an argument), knows an id or a name, or raises for a well-typed context.
Source: law.md section 4.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import combinations

import msgspec

from placet.evidence.drafts import DecisionDraft
from placet.evidence.entries import PolicyRef
from placet.evidence.terms import Verdict as LedgerVerdict
from placet.permission.model.vocabulary import AgeBand, Verdict
from placet.permission.policy.cedar import ErrorCode, Findings
from placet.permission.policy.context import Context, LoggedContext
from placet.permission.policy.errors import PacksConflict
from placet.permission.policy.pack import Pack

# Decisions kept per set of packs in force: about 3 KB each.
MEMO = 8_192


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False, eq=False):
    """What the law says about one context: the content of a `decision` entry (ledger.md section 4).

    `policies` ascend by id; `permit`, `forbid`, `errors` and `minor` ascend without duplicates. `minor` are the packs
    for which the person counts as a minor. `diagnostics` are for people and never logged.
    """

    # Invariant: allow means at least one pack, a permit, no forbid and no error; a deny names a forbid or an error.
    policies: tuple[PolicyRef, ...]
    verdict: Verdict
    permit: tuple[str, ...]
    forbid: tuple[str, ...]
    errors: tuple[str, ...]
    minor: tuple[str, ...]
    # What was judged, `age_band` included: `context` is what may be logged of it.
    facts: Context
    diagnostics: tuple[str, ...] = ()

    @property
    def context(self) -> LoggedContext:
        """The context as it is logged; made afresh."""
        return self.facts.logged(self.minor)

    def __eq__(self, other: object) -> bool:
        return self._told() == other._told() if isinstance(other, Decision) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        said = f"permit={self.permit}, forbid={self.forbid}, errors={self.errors}"
        return f"Decision({self.verdict}, {said}, minor={self.minor})"

    def _told(self) -> tuple[object, ...]:
        """Return all that a decision tells anybody: two people who are alike in it are alike."""
        said = (self.policies, self.verdict, self.permit, self.forbid, self.errors, self.diagnostics)
        return (*said, self.context)

    def draft(self) -> DecisionDraft:
        """Return what the sequencer is asked to append; made afresh, so keep it beside the decision on a hot path."""
        return DecisionDraft(
            policies=self.policies,
            context=self.context,
            verdict=LedgerVerdict(self.verdict.value),
            permit=self.permit,
            forbid=self.forbid,
            errors=self.errors,
        )


class Engine:
    """Decides by the packs it was given. Safe to share between threads; holds nothing but packs and memos."""

    def __init__(self, packs: Iterable[Pack], *, memo: int = MEMO) -> None:
        """`memo`: decisions kept for each set of packs in force; 0: none.

        Raises PacksConflict when two versions of one pack are in force at one moment.
        """
        self.packs: tuple[Pack, ...] = tuple(sorted(packs, key=lambda pack: (pack.id, pack.begin)))
        _check_apart(self.packs)
        self._turns = sorted({turn for pack in self.packs for turn in (pack.begin, pack.until) if turn is not None})
        self._periods = [self._period(index, memo) for index in range(len(self._turns) + 1)]
        self._current = self._periods[-1]

    def decide(self, context: Context, at: int) -> Decision:
        """Return what the packs in force at `at` (microseconds since 1970 UTC) say about this context."""
        period = self._current
        if not period.begin <= at < period.end:
            period = self._current = self._periods[bisect_right(self._turns, at)]
        try:
            return period.judge(context)
        except _Passing as passing:
            return passing.decision

    def in_force(self, at: int) -> tuple[Pack, ...]:
        """Return the packs in force at `at` (microseconds since 1970 UTC), ascending by id."""
        return self._periods[bisect_right(self._turns, at)].packs

    def _period(self, index: int, memo: int) -> "_Period":
        """Return the period after `index` turns; its packs are those in force at its first moment."""
        begin = self._turns[index - 1] if index else _EVER_BEFORE
        end = self._turns[index] if index < len(self._turns) else _EVER_AFTER
        packs = tuple(p for p in self.packs if p.begin <= begin and (p.until is None or begin < p.until))
        return _Period(begin=begin, end=end, packs=packs, judge=_remembering(packs, memo))


def judge(packs: Iterable[Pack], context: Context) -> Decision:
    """Return what these packs say, whatever their dates: for scenarios, shadow runs and mere drafts."""
    return Judge(packs).decide(context)


class Judge:
    """Packs that are asked together, whatever their dates; what no context changes is worked out once."""

    def __init__(self, packs: Iterable[Pack]) -> None:
        self._packs = tuple(sorted(packs, key=lambda pack: pack.id))
        self._policies = tuple(PolicyRef(hash=pack.hash, id=pack.id) for pack in self._packs)
        self._minor = {band: self._minor_for(band) for band in AgeBand}
        # One pack is the usual case: its findings are the decision's.
        self._find = partial(_ask, self._packs[0]) if len(self._packs) == 1 else self._together

    def decide(self, context: Context) -> Decision:
        """Return what all packs together say: the strictest wins, and any error denies."""
        found = self._find(context)
        errors = found.errors
        return Decision(
            policies=self._policies,
            verdict=Verdict.ALLOW if found.allowed and not errors else Verdict.DENY,
            permit=found.permit,
            forbid=found.forbid,
            errors=tuple([code.value for code in errors]) if errors else (),
            minor=self._minor[context.age_band],
            facts=context,
            diagnostics=found.diagnostics,
        )

    def _together(self, context: Context) -> Findings:
        """Return the findings of several packs as one; without a pack there is no law to permit by."""
        if not self._packs:
            return Findings(allowed=False, errors=(ErrorCode.NO_PACK_IN_FORCE,))
        findings = [_ask(pack, context) for pack in self._packs]
        return Findings(
            allowed=all(found.allowed for found in findings),
            permit=tuple(sorted({ident for found in findings for ident in found.permit})),
            forbid=tuple(sorted({ident for found in findings for ident in found.forbid})),
            errors=tuple(sorted({code for found in findings for code in found.errors})),
            diagnostics=tuple(line for found in findings for line in found.diagnostics),
        )

    def _minor_for(self, band: AgeBand) -> tuple[str, ...]:
        return tuple(sorted({pack.id for pack in self._packs if pack.counts_as_minor(band)}))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Period:
    """A stretch of time in which the same packs are in force, with its memo."""

    begin: int
    end: int
    packs: tuple[Pack, ...]
    judge: Callable[[Context], Decision]


class _Passing(Exception):
    """Carries a decision past the memo: it rests on a failure that may not come again."""

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        super().__init__()


_EVER_BEFORE = -(2**63)
_EVER_AFTER = 2**63


def _remembering(packs: tuple[Pack, ...], memo: int) -> Callable[[Context], Decision]:
    """Return what decides, with its memo in front; a decision that must not be kept is raised as _Passing."""
    decide = Judge(packs).decide
    if not memo:
        return decide

    @lru_cache(maxsize=memo)
    def judged(context: Context) -> Decision:
        decision = decide(context)
        if decision.errors and ErrorCode.EVALUATOR_FAILED in decision.errors:
            raise _Passing(decision)
        return decision

    return judged


def _ask(pack: Pack, context: Context) -> Findings:
    """Return the findings of one pack; whatever it raises is a denial (fail closed)."""
    try:
        return pack.evaluator.evaluate(context)
    except Exception as error:  # noqa: BLE001 - any failure of the evaluator must deny, none may reach the caller
        trouble = f"{pack.id}: {type(error).__name__}: {error}"
        return Findings(allowed=False, errors=(ErrorCode.EVALUATOR_FAILED,), diagnostics=(trouble,))


def _check_apart(packs: Sequence[Pack]) -> None:
    """Refuse two versions of one pack in force at one moment; a hand-over at any moment of a day is fine."""
    for older, newer in combinations(packs, 2):
        if older.id == newer.id and (older.until is None or newer.begin < older.until):
            raise PacksConflict(older.id, (older.metadata.version, newer.metadata.version))
