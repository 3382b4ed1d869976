"""Decisions of a real pack for a story: the lawful base with a few facts changed, as the registers of a mesh differ."""

import random
from collections.abc import Mapping
from typing import Any

from fakes.varied_story import Decide

from placet.evidence.drafts import DecisionDraft
from placet.permission.model.vocabulary import AgeBand, Storage
from placet.permission.policy.context import DOMAINS, FIELDS, from_words, lawful
from placet.permission.policy.engine import Judge
from placet.permission.policy.pack import Pack

# What the event itself says; the rest may differ.
_SAID = ("operation", "egress", "basis_form", "place_class", "inference", "storage")
_OTHERS = [place for place, name in enumerate(FIELDS) if name not in _SAID]


def deciding(*packs: Pack, changed: float = 0.3) -> Decide:
    """Return what decides under these packs; one event in so many has one to three facts changed."""
    judge = Judge(packs)

    def decide(said: Mapping[str, Any], dice: random.Random) -> DecisionDraft:
        changes: dict[str, Any] = {"age_band": dice.choice(list(AgeBand)), "storage": Storage.DEVICE}
        if dice.random() < changed:
            for place in dice.sample(_OTHERS, dice.randint(1, 3)):
                changes[FIELDS[place]] = dice.choice(DOMAINS[place])
        facts = {name: said[name] for name in _SAID if name in said}
        return judge.decide(from_words(facts, base=lawful(**changes))).draft()

    return decide
