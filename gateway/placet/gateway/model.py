"""What travels between the routes and audit's client: who reads which log, and what they look for.

Pure values; a `Reading` holds the caller's token, which is passed on to audit and never shown or kept.
"""

from dataclasses import dataclass
from typing import ClassVar

from placet.evidence.reasons import Reason
from placet.evidence.terms import Verdict
from placet.kit.grpc.caller import Caller
from placet.kit.security.redacted import Redacted

MAX_INDEX = 2**53 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading(Redacted):
    """One caller's reading of one controller's log; both were checked."""

    shown: ClassVar[tuple[str, ...]] = ("caller", "controller")

    caller: Caller
    controller: str
    token: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """What to look for; None matches everything. Times in microseconds: `since` inclusive, `until` exclusive."""

    since: int | None = None
    until: int | None = None
    kind: str | None = None
    verdict: Verdict | None = None
    reason: Reason | None = None
    purpose: str | None = None
    site: str | None = None
    device: str | None = None
    basis: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TileContent:
    """One resource of the C2SP tree."""

    content: bytes
    immutable: bool
