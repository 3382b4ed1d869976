"""Whether a pack's schema describes exactly the context of Placet: every field, none optional, every list closed.

Owns: the proof by trial. The schema is asked about contexts that must pass (a complete one, then each word of each
list) and contexts that must not (a field left out, a word that does not exist). Cedar itself refuses fields that a
schema does not list and values of another type. So an optional attribute or a forgotten word stops a pack from loading.
Source: law.md section 4.
"""

import json
from collections.abc import Iterator
from typing import Any

import cedarpy

from placet.permission.policy.cedar import NO_ENTITIES, REQUEST, cedar_record
from placet.permission.policy.context import ENUMS, FIELDS, lawful

_ANYTHING = cedarpy.PolicySet.from_str("permit (principal, action, resource);")
_STRANGER = "no_such_word"


def gaps(schema: cedarpy.Schema) -> Iterator[str]:
    """Yield one sentence for each way in which the schema differs from the context."""
    base = cedar_record(lawful())
    refusal = _refusal(schema, base)
    if refusal is None:
        yield from _gaps_in_fields(schema, base)
    else:
        yield f"a complete context does not fit: {refusal}"


def _gaps_in_fields(schema: cedarpy.Schema, base: dict[str, Any]) -> Iterator[str]:
    """Yield the gaps of a schema that takes the complete context `base`."""
    for name in FIELDS:
        if _refusal(schema, {key: value for key, value in base.items() if key != name}) is None:
            yield f"{name} is optional; every field is required"
    for name in ENUMS:
        yield from _gaps_in_words(schema, base, name)
    if "?" in str(schema):
        yield "an attribute that no context has is optional; take it out"


def _gaps_in_words(schema: cedarpy.Schema, base: dict[str, Any], name: str) -> Iterator[str]:
    """Yield the gaps in the list of words of one field."""
    kind = ENUMS[name]
    for word in kind:
        if _refusal(schema, {**base, name: {"type": kind.__name__, "id": word.value}}) is not None:
            yield f"{name} does not know {word.value!r}; add it to entity {kind.__name__}"
    if _refusal(schema, {**base, name: {"type": kind.__name__, "id": _STRANGER}}) is None:
        yield f"{name} accepts any word; declare entity {kind.__name__} with enum"


def _refusal(schema: cedarpy.Schema, record: dict[str, Any]) -> str | None:
    """Return why Cedar refuses this context, or None when it takes it."""
    answer = cedarpy.is_authorized({**REQUEST, "context": json.dumps(record)}, _ANYTHING, NO_ENTITIES, schema)
    if answer.decision is cedarpy.Decision.NoDecision:
        return "; ".join(answer.diagnostics.errors)
    return None
