"""`ports.Pins` and `ports.Articles` over SQL, with everything recent in memory.

Owns: what the hot path asks of them, without a database read. Never: forgets a pin (a controller's few keys); articles
are a bounded memory in front of the table.
"""

import asyncio
import json
from collections.abc import Mapping

from sqlalchemy import TextClause, text
from sqlmodel import Session

from placet.kit.db.database import Database
from placet.permission.model.events import Decided
from placet.permission.tables import ArticlesRow

_MAX_ARTICLES = 65_536
_PIN = text("INSERT INTO pins (controller, kid, position) VALUES (:controller, :kid, :position) ON CONFLICT DO NOTHING")
_ARTICLES = text(
    "INSERT INTO decision_articles (controller, position, permitted, forbidden, policies) "
    "VALUES (:controller, :position, :permitted, :forbidden, :policies) ON CONFLICT DO NOTHING"
)


class SqlPins:
    """Which permit keys stand in which logs; what another replica pinned is found by pinning again, to no effect."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pinned: set[tuple[str, str]] = set()

    def pinned(self, controller: str, kid: str) -> bool:
        """Tell from memory, as the port promises."""
        return (controller, kid) in self._pinned

    async def pin(self, controller: str, kid: str, index: int) -> None:
        """Keep a pin, as the port promises."""
        row = {"controller": controller, "kid": kid, "position": index}
        await self._database.write(lambda session: _keep(session, _PIN, [row]))
        self._pinned.add((controller, kid))


class SqlArticles:
    """What decisions said."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[str, int], Decided] = {}
        self._remembering = asyncio.Lock()

    def known(self, controller: str, decision: int) -> Decided | None:
        """Return a decision from memory, as the port promises."""
        return self._known.get((controller, decision))

    async def remember(self, controller: str, decisions: Mapping[int, Decided]) -> None:
        """Keep decisions, as the port promises."""
        async with self._remembering:  # many events meet a new decision at once: the first of them writes
            new = {index: one for index, one in decisions.items() if (controller, index) not in self._known}
            rows = [_articles_row(controller, index, decided) for index, decided in new.items()]
            if rows:
                await self._database.write(lambda session: _keep(session, _ARTICLES, rows))
            for index, decided in new.items():
                self._learn((controller, index), decided)

    async def recall(self, controller: str, decision: int) -> Decided:
        """Return a decision from the database, as the port promises."""
        row = await self._database.read(lambda session: session.get(ArticlesRow, (controller, decision)))
        if row is None:
            return Decided()
        decided = Decided(*(tuple(json.loads(names)) for names in (row.permitted, row.forbidden, row.policies)))
        self._learn((controller, decision), decided)
        return decided

    def _learn(self, key: tuple[str, int], decided: Decided) -> None:
        if len(self._known) >= _MAX_ARTICLES:
            self._known.clear()
        self._known[key] = decided


def _articles_row(controller: str, index: int, decided: Decided) -> dict[str, object]:
    return {
        "controller": controller,
        "position": index,
        "permitted": json.dumps(decided.permitted_by),
        "forbidden": json.dumps(decided.forbidden_by),
        "policies": json.dumps(decided.policies),
    }


def _keep(session: Session, insert: TextClause, rows: list[dict[str, object]]) -> None:
    """Insert what is not there yet: what these rows say never changes."""
    session.connection().execute(insert, rows)
