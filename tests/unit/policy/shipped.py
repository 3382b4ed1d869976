"""The packs that come with Placet, each loaded once, and their scenario files."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import cedarpy
import yaml

from placet.permission.policy.pack import POLICIES, SHIPPED, load_shipped

NAMES = sorted(folder.name for folder in SHIPPED.iterdir())
SCENARIOS = Path(__file__).parents[2] / "scenarios"

pack = cache(load_shipped)


@cache
def scenarios(name: str) -> Any:
    """The scenario file of a pack, parsed; never change it."""
    return yaml.safe_load((SCENARIOS / f"{name}.yaml").read_text(encoding="utf-8"))


@cache
def fields_of(name: str) -> dict[str, frozenset[str]]:
    """Article id -> the fields of the context that its policy looks at, from Cedar's own JSON form."""
    text = (SHIPPED / name / POLICIES).read_text(encoding="utf-8")
    parsed = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values()
    return {policy["annotations"]["id"]: frozenset(_attributes(policy["conditions"])) for policy in parsed}


def _attributes(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(_attributes, node))
    if not isinstance(node, dict):
        return set()
    own = {node["."]["attr"]} if "." in node else set()
    return own.union(*map(_attributes, node.values()))
