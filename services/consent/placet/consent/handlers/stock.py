"""Counts the persons who have a stored template, from where it last ended up to what the vault has now (R8).

Owns: the order: ask the vault for what changed, count it, until nothing is left. What is counted is durable page by
page, so a call that runs out of time was not in vain.
Never: gives an old count for a new one: without the vault there is no answer. Design: docs/adr/0019-filing.md.
"""

from placet.consent.errors import Corrupt
from placet.consent.model.vocabulary import Controller, Instant
from placet.consent.policy.stock import Stock
from placet.consent.ports import StockStore, Stored

PAGE = 2_000


async def stock(controller: Controller, *, store: StockStore, vault: Stored, now: Instant, deadline: Instant) -> Stock:
    """Return how many persons have a stored template, with everything that was stored or destroyed before this call.

    Raises Unavailable when the vault does not answer, Corrupt when it knows less than was counted.
    """
    while True:
        after = await store.counted(controller)
        changes, last = await vault.changes(controller, after=after, limit=PAGE, deadline=deadline)
        if last < after:
            raise Corrupt(
                "STORAGE_CORRUPT", f"the vault has {last} changes, but {after} were counted: it lost some; restore it"
            )
        if changes:
            await store.count(controller, changes, now)
        if after + len(changes) >= last:
            return await store.stock(controller)
