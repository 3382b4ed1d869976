"""Lives: from the grant of a basis to what is asked after its end.

In each, clients ask from all sides while one of them ends it. Owns the kinds. An adult consents and withdraws; a child
consents with two guardians, of whom one withdraws; a court order is issued under four eyes and revoked. To add a kind,
add a class to KINDS. Never: judges, or hurts the mesh.
"""

import asyncio
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

from fault.history.asking import Asking
from fault.history.record import Kind, Outcome, Told
from fault.history.workload import Load, insist

from placet.sdk import (
    ApproverRole,
    AsyncClient,
    CapturedConsent,
    Channel,
    GuardianKind,
    IssuedPermission,
    LegalCode,
    LegalDraft,
    LegalRequest,
    Operation,
    RevokedPermission,
    WithdrawnConsent,
    WithdrawnGuardianship,
)

OPERATIONS: Final = (Operation.ENROL, Operation.VERIFY)
YEAR_US: Final = 365 * 86_400 * 1_000_000
# Young enough for a guardian, by any law that Placet knows.
BORN: Final = date.today() - timedelta(days=10 * 365)  # noqa: DTZ011


class Life(Asking):
    """One basis: `grant` begins it and `end` ends it, both until they are answered."""

    async def grant(self, client: AsyncClient) -> None:
        """Have the basis granted."""
        raise NotImplementedError

    async def end(self, client: AsyncClient) -> None:
        """Have the basis ended."""
        raise NotImplementedError

    async def live(self) -> None:
        """Begin, enrol; be asked for by everyone at once; end; be asked for again."""
        client, *others = self.load.chance.sample(self.load.clients, len(self.load.clients))
        await self.grant(client)
        await self.enrol(client, insist)
        async with asyncio.TaskGroup() as group:
            for other in others:
                group.create_task(self.ask_on(other))
            group.create_task(self._leave(client))

    async def _leave(self, client: AsyncClient) -> None:
        await asyncio.sleep(self.load.chance.uniform(0.05, 0.4))
        await self.end(client)
        self.over.set()
        await self.ask_everything(client)


class Adult(Life):
    """Consents, and withdraws."""

    def __init__(self, load: Load, customer: str) -> None:
        super().__init__(load, customer)
        self._consent = load.uuid()
        self._served = load.uuid()

    async def grant(self, client: AsyncClient) -> None:
        """Be told, and consent."""
        await self._consented(client)

    async def end(self, client: AsyncClient) -> None:
        """Withdraw."""

        def read(answer: WithdrawnConsent) -> Told:
            return Told(outcome=Outcome.DONE, index=answer.receipt.index, basis=answer.consent.basis)

        async def ask() -> WithdrawnConsent | None:
            asking = client.withdraw_consent(self._consent, timeout=self.load.timeout)
            return await self.call(Kind.WITHDRAW, self._consent, asking, read)

        await insist(ask)

    async def _consented(self, client: AsyncClient, guardianships: tuple[str, ...] = (), **more: Any) -> None:
        await self.load.manage(
            client.record_notice_served,
            customer=self.customer,
            notice_hash=self.load.notice,
            language="en",
            channel=Channel.COUNTER,
            served_at=self.born,
            served_id=self._served,
        )

        async def ask() -> CapturedConsent | None:
            asking = client.capture_consent(
                customer=self.customer,
                purpose=self.purpose,
                notice_hash=self.load.notice,
                notice_served=self._served,
                operations=OPERATIONS,
                egress=True,
                language="en",
                channel=Channel.COUNTER,
                alternative="card-and-pin",
                consent_id=self._consent,
                guardianships=guardianships,
                timeout=self.load.timeout,
                **more,
            )
            return await self.call(Kind.GRANT, self._consent, asking, self._read_grant, needs=len(guardianships))

        await insist(ask)

    def _read_grant(self, answer: CapturedConsent) -> Told:
        self.basis = answer.consent.basis
        return Told(outcome=Outcome.DONE, index=answer.consent.granted, basis=self.basis)


class Child(Adult):
    """Consents with two guardians, each a basis of its own; one of them withdraws."""

    async def grant(self, client: AsyncClient) -> None:
        """Have two guardianships checked by two members of staff, and consent under both."""
        ids = tuple([await self._guardian(client, n) for n in range(2)])
        await self._consented(client, ids, birth_date=BORN)
        self._leaving = self.load.chance.choice(ids)
        found = await self.load.manage(client.get_guardianship, self._leaving)
        (self._guardianship,) = found.bases

    async def _guardian(self, client: AsyncClient, number: int) -> str:
        ident = self.load.uuid()
        opened = await self.load.manage(
            client.open_guardianship,
            minor=self.customer,
            guardian=f"{self.customer}-guardian-{number}",
            kind=GuardianKind.PARENT,
            minor_birth_date=BORN,
            proof_sha256=b"p" * 32,
            guardianship_id=ident,
        )
        await self.load.manage(self.load.staff.second.confirm_guardianship, opened.id)
        return ident

    async def end(self, client: AsyncClient) -> None:
        """Let one guardian withdraw."""

        def read(answer: WithdrawnGuardianship) -> Told:
            (receipt,) = answer.receipts
            return Told(outcome=Outcome.DONE, index=receipt.index, basis=self._guardianship)

        async def ask() -> WithdrawnGuardianship | None:
            asking = client.withdraw_guardianship(self._leaving, timeout=self.load.timeout)
            return await self.call(Kind.WITHDRAW, self._leaving, asking, read, basis=self._guardianship)

        await insist(ask)


class CourtOrder(Life):
    """A legal permission, approved by two, issued, and revoked; events name it."""

    purpose = "court-order"
    named = True

    async def grant(self, client: AsyncClient) -> None:
        """Have a draft approved by two persons, and issue it."""
        self._id = self.load.uuid()
        draft = LegalDraft(
            code=LegalCode.COURT_ORDER,
            authority="pipl:13-1-3",
            document_sha256=b"d" * 32,
            purposes=(self.purpose,),
            operations=OPERATIONS,
            sites=("*",),
            egress=True,
            not_before=self.born,
            not_after=self.born + YEAR_US,
            law="cn-2025",
        )
        request = await self.load.manage(client.request_legal_permission, draft, request_id=self._id)
        for role, (person, key) in (
            (ApproverRole.LEGAL, self.load.staff.counsel),
            (ApproverRole.DPO, self.load.staff.officer),
        ):
            how = {"role": role, "approver": key, "expires": self.born + YEAR_US}
            await self.load.manage(person.approve_legal_permission, request, **how)
        await insist(partial(self._issue, client, request))

    async def _issue(self, client: AsyncClient, request: LegalRequest) -> IssuedPermission | None:
        def read(answer: IssuedPermission) -> Told:
            self.basis = answer.basis
            return Told(outcome=Outcome.DONE, index=answer.receipt.index, basis=self.basis)

        asking = client.issue_legal_permission(request, timeout=self.load.timeout)
        return await self.call(Kind.GRANT, self._id, asking, read)

    async def end(self, client: AsyncClient) -> None:
        """Revoke it."""

        def read(answer: RevokedPermission) -> Told:
            return Told(outcome=Outcome.DONE, index=answer.receipt.index, basis=self.basis)

        async def ask() -> RevokedPermission | None:
            how = {"reason": "purpose_ended", "timeout": self.load.timeout}
            return await self.call(Kind.WITHDRAW, self._id, client.revoke_legal_permission(self._id, **how), read)

        await insist(ask)


KINDS: Final = (Adult, Child, CourtOrder)
