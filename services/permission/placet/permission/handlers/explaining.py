"""What a decision's articles say: the texts of the packs this service has.

Owns: remembering which articles and pack versions a decision had. Never: the facts; they stand in the ledger only, and
`placet policy explain` reads them there.
"""

from placet.permission.handlers.authorize import Desk
from placet.permission.policy.explaining import Article, articles


async def explain(controller: str, decision: int, desk: Desk) -> tuple[Article, ...]:
    """Return the articles of the decision at that index, those that forbid first; none if it was not made here."""
    decided = desk.articles.known(controller, decision) or await desk.articles.recall(controller, decision)
    return articles(decided.permitted_by, decided.forbidden_by, set(decided.policies), desk.rulings.packs)
