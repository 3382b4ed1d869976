"""Tells the permission service which consents stand behind a person or an ordinal.

Owns: the use case of `placet.<controller>.consent.lookup`: on the way of a face event, so one snapshot and few queries.
Never: says what is lawful; waits for the ledger. Anchors: lookup.proto, architecture.md section 3 (hop 2).
"""

from placet.consent.model.commands import Lookup
from placet.consent.model.vocabulary import Instant
from placet.consent.ports import Found, Ports


async def lookup(asked: Lookup, *, ports: Ports, now: Instant) -> Found:
    """Return the bases of each subject and those of the ordinals, and below which ledger index they are complete."""
    return await ports.store.lookup(asked.controller, asked.subjects, asked.ordinals, now)
