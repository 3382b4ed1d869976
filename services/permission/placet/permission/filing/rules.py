"""The rules of filing as data: threshold, clock, authority, each with its source and whether the text was read.

Owns: reading `rules.json` into `Rule`s. Never: decides whether one was reached (`duties`). Source: law.md section 1
(R8).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from placet.permission.filing.errors import DataInvalid

FILE: Final = "rules.json"
LANGUAGES: Final = ("zh-CN", "en")
CONFIDENCES: Final = ("read", "unverified")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One duty to file: at `threshold` persons (or above it), within `working_days`, for what is in force."""

    id: str
    threshold: int
    above: bool
    working_days: int
    # None: a draft that never came into force.
    in_force_from: date | None
    title: Mapping[str, str]
    authority: Mapping[str, str]
    source: Mapping[str, str]
    address: str
    confidence: str
    note: Mapping[str, str]

    def __post_init__(self) -> None:
        # Invariant: counts are positive, the confidence is one of the two words, every text is in every language.
        if self.threshold < 1 or self.working_days < 1 or self.confidence not in CONFIDENCES:
            raise ValueError("threshold and working days are at least 1, the confidence is read or unverified")
        if any(
            not text.get(language)
            for text in (self.title, self.authority, self.source, self.note)
            for language in LANGUAGES
        ):
            raise ValueError(f"every text is needed in {' and '.join(LANGUAGES)}")

    @property
    def binding(self) -> bool:
        """Tell whether it is law."""
        return self.in_force_from is not None

    @property
    def needed(self) -> int:
        """Return the number of persons at which it applies."""
        return self.threshold + self.above


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """All rules, and how days are counted: in which words, and with what confidence."""

    rules: tuple[Rule, ...]
    counting: Mapping[str, str]
    counting_source: Mapping[str, str]
    counting_confidence: str

    def rule(self, ident: str) -> Rule:
        """Return the rule of an id."""
        return next(rule for rule in self.rules if rule.id == ident)

    @property
    def law(self) -> Rule:
        """Return the rule that a recorded filing answers: the first that is law."""
        return next(rule for rule in self.rules if rule.binding)


def parse(data: bytes) -> Rules:
    """Return the rules of a file's bytes. Raises DataInvalid naming the rule."""
    where = "the file"
    try:
        told = json.loads(data)
        counting = told["counting"]
        if counting["first_day_counts"] is not False or counting["zone"] != "Asia/Shanghai":
            raise ValueError("only a count that begins with the next day, in Asia/Shanghai, is built")
        rules = []
        for one in told["rules"]:
            where = str(one["id"])
            rules.append(_rule(one))
        return Rules(
            rules=tuple(rules),
            counting={language: str(counting["note"][language]) for language in LANGUAGES},
            counting_source={language: str(counting["source"][language]) for language in LANGUAGES},
            counting_confidence=str(counting["confidence"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DataInvalid(FILE, where, f"cannot be used ({type(error).__name__}: {error})") from None


def load(file: Path | None = None) -> Rules:
    """Return the rules of a file, or those that come with Placet. Raises DataInvalid."""
    file = file or Path(__file__).parent / FILE
    try:
        return parse(file.read_bytes())
    except OSError as error:
        raise DataInvalid(FILE, str(file), f"cannot be read ({error.strerror})") from None


def _rule(one: Mapping[str, Any]) -> Rule:
    since = one["in_force_from"]
    return Rule(
        id=one["id"],
        threshold=one["threshold"],
        above=one["above"],
        working_days=one["working_days"],
        in_force_from=None if since is None else date.fromisoformat(since),
        title=one["title"],
        authority=one["authority"],
        source=one["source"],
        address=one["source"]["address"],
        confidence=one["confidence"],
        note=one["note"],
    )
