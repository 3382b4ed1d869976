"""The whole mesh with its log on PostgreSQL, as the service's own role: allowed, withdrawn, denied, found again."""

import asyncio
from pathlib import Path

import pytest
from e2e.bare import Bare, bare, consented, event, furnish, person
from integration.audit.audit_databases import AuditPostgres, audit_postgres, audit_server
from typer.testing import CliRunner

from placet.api.audit.v1 import audit_pb2 as audit
from placet.api.common.v1 import vocabulary_pb2 as words
from placet.api.consent.v1 import consent_pb2 as consent
from placet.api.permission.v1 import permission_pb2 as permission
from placet.audit.commands import app
from placet.local.mesh import Mesh

__all__ = ["audit_postgres", "audit_server"]
FILTER = audit.Filter(kind="event")
pytestmark = [pytest.mark.mesh, pytest.mark.long]


async def indexed(bank: Bare) -> audit.SearchResponse:
    """Search for all events, once the index has them."""
    async with asyncio.timeout(20):
        while True:
            found: audit.SearchResponse = await bank(audit.SearchRequest(filter=FILTER, page_size=500))
            if found.complete_to == found.tree_size:
                return found
            await asyncio.sleep(0.1)


async def test_the_story_is_the_same_on_postgresql(tmp_path: Path, audit_postgres: AuditPostgres) -> None:
    told = {
        "PLACET_DATABASE_URL": audit_postgres.service,
        "PLACET_SEARCH_URL": audit_postgres.search,
        "PLACET_ENTRY_PARTITION": "256",
    }
    async with Mesh(tmp_path, environment={"audit": told}) as mesh:
        bank = bare(mesh, "bank", (await mesh.create_controller("bank")).token_file.read_text().strip())
        notice, subject = await furnish(bank), person("alice")
        record = (await consented(bank, subject, notice)).consent
        events = [event(subject) for _ in range(300)]
        answers = (await bank(permission.AuthorizeBatchRequest(events=events))).answers
        assert {answer.verdict for answer in answers} == {words.VERDICT_ALLOW}
        ended = words.ENDED_BY_DATA_SUBJECT
        await bank(consent.WithdrawConsentRequest(id=record.id, by=ended, reason="no_longer_wanted"))
        await mesh.restart("audit")
        denied = (await bank(permission.AuthorizeRequest(event=event(subject)))).answer
        assert denied.verdict == words.VERDICT_DENY
        found = await indexed(bank)
        assert len(found.found) == 301
    done = CliRunner(env={"PLACET_DATABASE_URL": audit_postgres.service}).invoke(app, ["fsck", "--data", str(tmp_path)])
    assert (done.exit_code, done.output.count("every entry")) == (0, 1), done.output
