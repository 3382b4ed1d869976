"""What the posture says: findings, one for each rule, made of points with their evidence.

Owns: the types that come out, and how a rule's state follows from its points: the worst one counts. Never: words (those
are `posture.words`), a clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from placet.permission.posture.facts import ArticleFact
from placet.permission.posture.sayings import STATES, Saying, State

_WORST_FIRST = (State.NOT_MET, State.NEEDS_PERSON, State.AT_RISK, State.MET)


class Rule(StrEnum):
    """The rules of law.md section 1, in their order."""

    R1 = "R1"
    R2 = "R2"
    R3 = "R3"
    R4 = "R4"
    R5 = "R5"
    R6 = "R6"
    R7 = "R7"
    R8 = "R8"
    R9 = "R9"
    R10 = "R10"
    R11 = "R11"
    R12 = "R12"
    R13 = "R13"
    R14 = "R14"
    R15 = "R15"
    R16 = "R16"


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Where something stands: a register or another kind of record, its id, its position in the ledger, its end."""

    kind: str
    id: str
    index: int | None = None
    valid_until: int = 0
    count: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One thing that was found; `facts` stand in its sentence."""

    saying: Saying
    facts: Mapping[str, object] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()

    @property
    def state(self) -> State:
        """What this point alone would make of the rule."""
        return STATES[self.saying]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One rule: its points, the worst first."""

    rule: Rule
    points: tuple[Point, ...]
    articles: tuple[ArticleFact, ...]

    @property
    def state(self) -> State:
        """The worst state of its points."""
        # Invariant: a finding has at least one point.
        return self.points[0].state


def finding(rule: Rule, points: list[Point], articles: tuple[ArticleFact, ...]) -> Finding:
    """Return the finding of a rule."""
    ordered = sorted(points, key=lambda point: _WORST_FIRST.index(point.state))
    return Finding(rule=rule, points=tuple(ordered), articles=articles)
