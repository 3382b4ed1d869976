"""A mesh for campaigns, with its clients and a furnished controller; and its ledger as the checker reads it.

Owns what is set up before a campaign, and reading the log after it: through the SDK, so every line is proven.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from fault.history.checker import Line
from fault.history.faults import SERVICES
from fault.history.record import Kind
from fault.history.workload import Staff

from placet.evidence.entries import Event, Grant, Use, Withdraw
from placet.evidence.kinds import Entry
from placet.evidence.terms import Verdict
from placet.local.mesh import Mesh
from placet.sdk import (
    Approver,
    AsyncClient,
    Attestation,
    Config,
    Device,
    NoticeText,
    Operation,
    PlaceClass,
    Purpose,
    Site,
    Storage,
)

CLIENTS: Final = 3
# A legal permission covers everybody: it has a purpose of its own, or consents would not matter.
PURPOSES: Final = ("payment", "court-order")
MANY: Final = {"vault": {"PLACET_MATCH_ATTEMPTS": "100000"}}
ITEMS: Final = (
    "title",
    "controller_name",
    "contact",
    "purpose",
    "method",
    "retention",
    "necessity",
    "impact",
    "rights",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A running mesh, its clients, and the notice that people are shown."""

    mesh: Mesh
    clients: Sequence[AsyncClient]
    staff: Staff
    notice: bytes

    async def ledger(self) -> list[Line]:
        """Return the lines of the whole log, proven; raises ProofError if it is not one history."""
        return lines([entry.content() async for entry in self.clients[0].export(timeout=20)])


@asynccontextmanager
async def world(folder: Path, programs: Mapping[str, Sequence[str]] | None = None) -> AsyncIterator[World]:
    """Start a mesh, some of it as other `programs`, and furnish a bank; stop everything at the end."""
    async with Mesh(folder, services=SERVICES, programs=programs, environment=MANY) as mesh, furnished(mesh) as made:
        yield made


@asynccontextmanager
async def furnished(mesh: Mesh, audits: Sequence[str] = ("audit",)) -> AsyncIterator[World]:
    """Furnish a bank on a mesh, and make its clients, which ask these replicas of audit in turn for proofs."""
    async with AsyncExitStack() as held:
        files = await mesh.create_controller("bank")

        async def client(audit: str = "audit", **more: Any) -> AsyncClient:
            config = Config.from_file(files.config, timeout=20, **more)
            targets = replace(config.targets, audit=mesh.addresses[audit])
            return await held.enter_async_context(AsyncClient(replace(config, targets=targets)))

        async def person(name: str, role: str) -> AsyncClient:
            return await client(token=mesh.issuer.mint(f"{name}@bank", ["bank"], [role]))

        async def approver(name: str, role: str) -> tuple[AsyncClient, Approver]:
            found, key = await person(name, role), Approver.from_seed(name.encode().ljust(32))
            await found.register_approver(key)
            return found, key

        clients = [await client(audits[n % len(audits)]) for n in range(CLIENTS)]
        staff = Staff(
            second=await person("second", "capture"),
            counsel=await approver("counsel", "approve_legal"),
            officer=await approver("officer", "approve_dpo"),
        )
        yield World(mesh=mesh, clients=clients, staff=staff, notice=await furnish(clients[0]))


async def furnish(client: AsyncClient) -> bytes:
    """Fill the registers with one lawful counter and publish a notice; return the notice's hash."""
    later = datetime.now(UTC) + timedelta(days=300)
    await client.put_attestation(Attestation(protection_valid_until=later, filing_current=True, refusal_equal=True))
    await client.put_site(Site(id="branch-1", name="Main branch", place_class=PlaceClass.BRANCH_COUNTER))
    await client.put_device(
        Device(
            id="counter-1",
            site="branch-1",
            place_class=PlaceClass.BRANCH_COUNTER,
            sign_sha256=b"s" * 32,
            sign_valid_until=later,
            collection_area_set=True,
            alternative="card-and-pin",
        )
    )
    for purpose in PURPOSES:
        await client.put_purpose(
            Purpose(
                id=purpose,
                name=purpose,
                necessity="the person asked to pay with the face, or a court ordered it",
                operations=(Operation.ENROL, Operation.VERIFY),
                storage=Storage.VAULT,
                retention_days=365,
                assessment_sha256=b"a" * 32,
                assessment_valid_until=later,
                reviewed_by="actor-1",
                reviewed_at=datetime.now(UTC),
                alternative="card-and-pin",
            )
        )
    texts = [NoticeText(language=language, **dict.fromkeys(ITEMS, "x")) for language in ("zh-CN", "en")]
    published = await client.publish_notice(notice_id="payment", purposes=["payment"], texts=texts)
    return published.notice.content_hash


def lines(entries: Iterable[Entry]) -> list[Line]:
    """Return what the checker reads of a log's entries; the basis of a use is that of its event."""
    found: list[Line] = []
    bases: dict[int | None, int | None] = {}
    for entry in entries:
        if isinstance(entry, Grant):
            found.append(Line(index=entry.i, kind=Kind.GRANT, basis=entry.basis, needs=tuple(entry.needs)))
        elif isinstance(entry, Withdraw):
            found.append(Line(index=entry.i, kind=Kind.WITHDRAW, basis=entry.basis))
        elif isinstance(entry, Event):
            bases[entry.i] = entry.basis
            allowed = entry.verdict is Verdict.ALLOW
            found.append(Line(index=entry.i, kind=Kind.EVENT, basis=entry.basis, allowed=allowed, key=entry.id))
        elif isinstance(entry, Use):
            basis, allowed = bases.get(entry.event), entry.verdict is Verdict.ALLOW
            found.append(Line(index=entry.i, kind=Kind.USE, basis=basis, allowed=allowed, event=entry.event))
    return found
