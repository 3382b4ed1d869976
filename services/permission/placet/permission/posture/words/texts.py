"""What a language must have: a title for each rule, two texts for each saying, words for codes."""

from collections.abc import Mapping
from dataclasses import dataclass

from placet.permission.posture.findings import Rule
from placet.permission.posture.sayings import Saying


@dataclass(frozen=True, kw_only=True, slots=True)
class Texts:
    """One language. `sentences`: what was found, and what to do next. `terms`: codes that people would not know."""

    titles: Mapping[Rule, str]
    sentences: Mapping[Saying, tuple[str, str]]
    terms: Mapping[str, str]
    comma: str
    # Follows the id of an article whose text nobody read in a source.
    unverified: str
