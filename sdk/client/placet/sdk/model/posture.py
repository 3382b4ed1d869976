"""How a controller stands with each rule of the law, R1 to R16, as the permission service told it.

It is a report on the registers, not evidence and not advice; the positions it names can be proven in the ledger.
"""

from dataclasses import dataclass

from placet.sdk.vocabulary import LeafIndex, Micros, PostureState


@dataclass(frozen=True, slots=True, kw_only=True)
class PostureEvidence:
    """Where something stands: which register, its id, its position in the ledger, its end (None: none is known)."""

    kind: str
    id: str
    index: LeafIndex | None
    valid_until: Micros | None
    count: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PosturePoint:
    """One thing that was found. `code` is the same in every language; `next` is empty where nothing is to be done."""

    state: PostureState
    code: str
    text: str
    next: str
    evidence: tuple[PostureEvidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PostureArticle:
    """An article behind a rule. `confidence`: `read`, or `unverified` while nobody read its text in a source."""

    id: str
    confidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostureFinding:
    """One rule (`R1` to `R16`): the worst of its points, which come worst first."""

    rule: str
    title: str
    state: PostureState
    points: tuple[PosturePoint, ...]
    articles: tuple[PostureArticle, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posture:
    """All rules at one moment. `as_of`: position of the newest register change in it. `packs`: id and hash of each."""

    controller: str
    language: str
    observed_at: Micros
    as_of: LeafIndex | None
    packs: tuple[tuple[str, str], ...]
    findings: tuple[PostureFinding, ...]

    @property
    def holds(self) -> bool:
        """Whether every rule is met, or met but at risk."""
        return all(one.state in (PostureState.MET, PostureState.AT_RISK) for one in self.findings)
