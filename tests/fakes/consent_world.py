"""A consent service without its network: the real handlers, the real SQLite store, the real signer; a log in memory.

Owns one call for each use case with lawful defaults, so that a test says only what matters to it.
"""

import random
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fakes.consent_log import LogLedger
from sqlmodel import Session

from placet.consent.errors import ControllerClosed, NotFound
from placet.consent.handlers import amend as amending
from placet.consent.handlers import capture as capturing
from placet.consent.handlers import delivery, guardians, notices
from placet.consent.handlers import withdraw as withdrawing
from placet.consent.model import commands as ask
from placet.consent.model.notices import Notice, NoticeContent, NoticeText
from placet.consent.model.vocabulary import (
    Channel,
    Choice,
    Controller,
    EndedBy,
    Expression,
    GuardianKind,
    Instant,
    Operation,
    SubjectRef,
)
from placet.consent.ports import Ports
from placet.consent.signing import ReceiptSigner
from placet.consent.store.sql import SqlStore
from placet.consent.tables import outbox
from placet.kit.bus.messages import Message, decode_message

BANK = Controller("bank")
LAW = "cn-2025"
SECOND = 1_000_000
DAY = 24 * 3600 * SECOND
# 2026-03-02T04:00:00Z
START = 1_772_424_000 * SECOND
CHILD_BORN = date(2013, 1, 15)  # 13 years old at START


def subject(name: str) -> SubjectRef:
    """Return a subject reference as the SDK makes them: key id || hash."""
    return SubjectRef(b"k1" + sha256(name.encode()).digest())


def text(language: str = "zh-CN", **changes: str) -> NoticeText:
    """Return a complete text."""
    whole: dict[str, Any] = {
        "language": language,
        "title": "人脸识别告知书",
        "controller_name": "某某银行",
        "contact": "400-000-0000",
        "purpose": "核验本人身份",
        "method": "一比一比对",
        "retention": "一年",
        "necessity": "防止冒名开户",
        "impact": "人脸信息泄露的风险",
        "rights": "随时撤回同意",
    }
    return NoticeText(**{**whole, **changes})


class OpenControllers:
    """`ports.Controllers` over two sets."""

    def __init__(self) -> None:
        self.open = {BANK, Controller("retailer")}
        self.closed: set[Controller] = set()

    async def require_open(self, controller: Controller, *, deadline: Instant) -> None:
        if controller in self.closed:
            raise ControllerClosed(controller)
        if controller not in self.open:
            raise NotFound("There is no such controller.", reason="CONTROLLER_UNKNOWN", field="controller")


class World:
    """One consent service."""

    def __init__(self, store: SqlStore, *, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.now = START
        self.ledger = LogLedger(lambda: self.now)
        self.controllers = OpenControllers()
        self.signer = ReceiptSigner(Ed25519PrivateKey.from_private_bytes(bytes(32)))
        self.store = store
        self.ports = Ports(
            store=store,
            ledger=self.ledger,
            signer=self.signer,
            controllers=self.controllers,
            fresh=self.random.randbytes,
            law=LAW,
        )
        self.notice: Notice | None = None

    @classmethod
    async def open(cls, folder: Path, *, seed: int = 1) -> "World":
        """Open a world on the database file in a folder; the same folder again is a restart."""
        return cls(await SqlStore.open(f"sqlite:///{folder}/consent.db"), seed=seed)

    async def restart(self, folder: Path) -> "World":
        """Return a new process on the same files, with the same log outside."""
        await self.store.close()
        again = await World.open(folder, seed=self.random.randrange(2**32))
        again.now, again.ledger, again.notice = self.now, self.ledger, self.notice
        again.ledger.clock = lambda: again.now
        for log in again.ledger.logs.values():
            log.clock = again.ledger.clock
        again.ports = replace(again.ports, ledger=again.ledger)
        return again

    def uuid(self) -> str:
        """Return a fresh UUID."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    @property
    def until(self) -> dict[str, Any]:
        """The arguments that every handler takes."""
        return {"ports": self.ports, "now": Instant(self.now), "deadline": Instant(self.now + 5 * SECOND)}

    async def publish(self, *texts: NoticeText, purposes: tuple[str, ...] = ("kyc", "vip"), ident: str = "n1") -> Any:
        """Publish a notice and use it from now on."""
        content = NoticeContent(id=ident, purposes=purposes, texts=texts or (text(),))
        done = await notices.publish(ask.PublishNotice(controller=BANK, content=content), **self.until)
        self.notice = done.notice
        return done

    def asked(self, who: str = "alice", **changes: Any) -> ask.Capture:
        """Return a lawful capture of an adult's consent to `kyc`."""
        assert self.notice is not None
        whole: dict[str, Any] = {
            "controller": BANK,
            "id": self.uuid(),
            "subject": subject(who),
            "purpose": "kyc",
            "choice": Choice.GIVEN,
            "notice_hash": self.notice.content_hash,
            "notice_served": None,
            "language": "zh-CN",
            "operations": (Operation.ENROL, Operation.VERIFY),
            "sites": ("*",),
            "egress": True,
            "not_before": None,
            "not_after": None,
            "max_events": None,
            "channel": Channel.COUNTER,
            "expression": Expression.SIGNATURE,
            "expression_evidence": None,
            "alternative": None,
            "birth_date": None,
            "guardianships": (),
            "imported": False,
        }
        return ask.Capture(**{**whole, **changes})

    async def capture(self, who: str = "alice", **changes: Any) -> capturing.Captured:
        """Capture a decision."""
        return await self.repeat(self.asked(who, **changes))

    async def repeat(self, asked: ask.Capture) -> capturing.Captured:
        """Send a capture (again)."""
        return await capturing.capture(asked, actor="staff-1", **self.until)

    async def withdraw(self, ident: str, by: EndedBy = EndedBy.DATA_SUBJECT, reason: str = "done") -> Any:
        """Withdraw a consent."""
        asked = ask.Withdraw(controller=BANK, id=ident, by=by, reason=reason)  # type: ignore[arg-type]
        return await withdrawing.withdraw(asked, **self.until)

    async def amend(self, ident: str, **changes: Any) -> Any:
        """Narrow a consent."""
        whole: dict[str, Any] = {"operations": (), "sites": (), "end_egress": False, "not_after": None}
        whole["amendment"] = self.uuid()
        asked = ask.Amend(controller=BANK, id=ident, **{**whole, **changes})  # type: ignore[arg-type]
        return await amending.amend(asked, **self.until)

    def opening(self, minor: str = "child", guardian: str = "mother", **changes: Any) -> ask.OpenGuardianship:
        """Return the opening of a guardianship."""
        whole: dict[str, Any] = {
            "controller": BANK,
            "id": self.uuid(),
            "minor": subject(minor),
            "guardian": subject(guardian),
            "kind": GuardianKind.PARENT,
            "minor_birth_date": CHILD_BORN,
            "proof_sha256": bytes(range(32)),
            "not_after": None,
        }
        return ask.OpenGuardianship(**{**whole, **changes})

    async def open_guardianship(self, *, actor: str = "staff-1", **changes: Any) -> guardians.View:
        """Open a guardianship."""
        return await guardians.open_(self.opening(**changes), actor=actor, **self.until)

    async def confirm(self, ident: str, *, actor: str = "staff-2") -> guardians.View:
        """Confirm a guardianship."""
        asked = ask.ConfirmGuardianship(controller=BANK, id=ident)  # type: ignore[arg-type]
        return await guardians.confirm(asked, actor=actor, **self.until)

    async def guardianship(self, **changes: Any) -> str:
        """Open and confirm a guardianship; returns its id."""
        view = await self.open_guardianship(**changes)
        await self.confirm(view.guardianship.id)
        return view.guardianship.id

    async def withdraw_guardianship(self, ident: str, by: EndedBy = EndedBy.GUARDIAN) -> guardians.GuardianshipEnd:
        """Withdraw a guardianship."""
        asked = ask.WithdrawGuardianship(controller=BANK, id=ident, by=by, reason="no_more")  # type: ignore[arg-type]
        return await guardians.withdraw(asked, **self.until)

    async def child_consents(self, ident: str, **changes: Any) -> capturing.Captured:
        """Capture the consent of the child under a guardianship."""
        return await self.capture("child", birth_date=CHILD_BORN, guardianships=(ident,), **changes)

    async def sweep(self) -> int:
        """Run the dispatcher once."""
        until = Instant(self.now + 5 * SECOND)
        return await delivery.sweep(ports=self.ports, accepted_before=Instant(self.now + 1), deadline=until, limit=100)

    async def lookup(self, *names: str, ordinals: tuple[int, ...] = ()) -> Any:
        """Ask what the permission service asks."""
        return await self.store.lookup(BANK, [subject(name) for name in names], ordinals, Instant(self.now))

    async def sent(self) -> list[Message]:
        """Return the messages in the outbox, in order."""

        def read(session: Session) -> list[Message]:
            found = session.connection().execute(outbox.table.select().order_by(outbox.table.c.seq))
            return [decode_message(row.payload, row.subject) for row in found]

        return await self.store.database.read(read)

    @property
    def kinds(self) -> list[str]:
        """The kinds of the bank's entries but `state`, in order; records by their type."""
        entries = self.ledger.log(BANK).entries
        return [getattr(one, "type", one.kind.value) for one in entries if one.kind != "state"][1:]
