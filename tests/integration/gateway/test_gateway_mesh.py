"""The gateway before the real audit service: processes, real NATS; what was appended is found and proven."""

import asyncio
import secrets
import time
from pathlib import Path

import httpx
import pytest
from integration.audit.rig import decision, event, grant_draft

from placet.evidence.verify import verify_bundle
from placet.kit.app import now_us
from placet.kit.bus.bus import Bus, Credentials
from placet.kit.ledger.client import LedgerClient
from placet.kit.ledger.messages import Submission, submission
from placet.kit.telemetry.metrics import Metrics
from placet.local.mesh import Mesh
from placet.tlog.keys import Verifier


async def append(mesh: Mesh, service: str, made: Submission, *, decided: bool = False) -> int:
    """Append as a service of the mesh would, with its own credentials; returns the index."""
    bus = Bus(
        mesh.nats_url,
        name=service,
        clock=now_us,
        random=secrets.token_bytes,
        credentials=Credentials(seed_file=next(mesh.layout.data.rglob(f"{service}.seed"))),
        metrics=Metrics(),
    )
    async with bus:
        ledger = LedgerClient(bus, service)
        deadline = now_us() + 5_000_000
        done = await ledger.append("bank", [made], [decision()] if decided else [], deadline=deadline)
        return done.receipt(0).index


@pytest.mark.mesh
async def test_an_event_of_the_mesh_is_found_and_proven(tmp_path: Path) -> None:
    async with Mesh(tmp_path, services=("audit", "gateway")) as mesh:
        files = await mesh.create_controller("bank")
        await append(mesh, "consent", submission(grant_draft(now_us()), key=b"grant"))
        index = await append(mesh, "permission", event(now_us(), 0), decided=True)
        bearer = {"authorization": f"Bearer {files.token_file.read_text().strip()}"}
        async with httpx.AsyncClient(base_url=str(mesh.gateway), headers=bearer, trust_env=False) as client:
            until = time.monotonic() + 10
            while not (page := (await client.get("/v1/bank/events")).json())["items"]:
                assert time.monotonic() < until, page
                await asyncio.sleep(0.05)
            assert [item["index"] for item in page["items"]] == [index]
            bundle = await client.get(f"/v1/bank/events/{index}/bundle")
            report = verify_bundle(bundle.content, [Verifier.parse(files.vkey)])
            assert (report.index, report.verdict) == (index, "allow")
            detail = (await client.get(f"/v1/bank/events/{index}")).json()
            assert detail["articles"]["permit"] == ["cn-2025/art-6-1"]
