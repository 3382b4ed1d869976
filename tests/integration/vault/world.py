"""A vault on real files, a real bus and real keys, for tests; the ledger is `RulesLedger`, or whatever is handed in.

Owns: putting the parts together as `placet.vault.app` does, taking them down as a crash would, and counterparts: the
permission service's keys on the bus, permits minted for events.
"""

import asyncio
import base64
import json
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import UUID, uuid4

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from integration.vault.rules_ledger import SECOND, Clock, RulesLedger
from sqlmodel import SQLModel, select

from placet.evidence.canonical import b64url
from placet.evidence.entries import Event
from placet.evidence.terms import BasisOrdinal, Form, Micros, Operation
from placet.kit.bus.bus import Bus
from placet.kit.bus.consumer import Consumer
from placet.kit.bus.dispatcher import OutboxDispatcher
from placet.kit.bus.jetstream import JetStream
from placet.kit.bus.serving import Request
from placet.kit.db.database import Database
from placet.kit.ledger.port import Ledger
from placet.kit.security.redacted import SecretBytes
from placet.permit.claims import BasisClaim, Details, EventClaim, PermitClaims
from placet.permit.keys import jwks_of, key_id
from placet.permit.mint import mint
from placet.tlog.hashing import leaf_hash
from placet.vault import outgoing
from placet.vault.consumer import DURABLE, FILTERS, consume
from placet.vault.handlers.destroy import destroy
from placet.vault.handlers.enrol import enrol
from placet.vault.handlers.match import match
from placet.vault.keyring import FileKeyring, create
from placet.vault.model import AttemptLimit, Compared, Enrolled, Receipt, UseCommand
from placet.vault.permits import BusPermits
from placet.vault.ports import Ports, RootKeys, Rules
from placet.vault.records import OutboxRecords
from placet.vault.store import SqlStore
from placet.vault.tables import OUTBOX, Table
from placet.vault.template import TemplateFacts, Vector, WrappedKey, read_template

ISSUER = "placet-permission"
MODEL = b"\x11" * 32
OTHER_MODEL = b"\x22" * 32
DIMENSION = 128
Row = TypeVar("Row", bound=SQLModel)
Floats = npt.NDArray[np.float32]


def face(seed: int, *, noise: float = 0.0) -> Floats:
    """Return a unit vector; with `noise` another picture of the same face."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(DIMENSION)
    values /= np.linalg.norm(values)
    other = np.random.default_rng(secrets.randbits(32)).standard_normal(DIMENSION) * noise / DIMENSION**0.5
    return np.asarray(values + other, "<f4")


class CountingRoot:
    """The real keyring, counting what is unwrapped: an untouched secret is one whose key stayed wrapped."""

    def __init__(self, keyring: FileKeyring) -> None:
        self._keyring: RootKeys = keyring
        self.unwrapped: list[bytes] = []

    @property
    def sealed(self) -> bool:
        return self._keyring.sealed

    async def wrap(self, key: SecretBytes) -> WrappedKey:
        return await self._keyring.wrap(key)

    async def unwrap(self, wrapped: WrappedKey) -> SecretBytes:
        self.unwrapped.append(wrapped.blob)
        return await self._keyring.unwrap(wrapped)


@dataclass
class Permission:
    """The permission service's permit keys, published on the bus by key id."""

    keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict)
    asked: int = 0
    broken: bytes | None = None

    def __post_init__(self) -> None:
        self.current = self.rotate()

    def rotate(self) -> str:
        key = Ed25519PrivateKey.generate()
        kid = key_id(key.public_key())
        self.keys[kid] = key
        self.current = kid
        return kid

    async def answer(self, request: Request) -> bytes:
        self.asked += 1
        if self.broken is not None:
            return self.broken
        return json.dumps(jwks_of({kid: key.public_key() for kid, key in self.keys.items()})).encode()

    def permit(self, controller: str, event: Event, *, key: Ed25519PrivateKey | None = None, **changes: Any) -> str:
        """Mint the permit of an event as the permission service would, with `changes` to its claims."""
        assert event.permit is not None
        assert event.basis is not None
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": f"urn:placet:vault:{controller}",
            "sub": f"event:{event.id}",
            "azp": controller,
            "jti": event.id,
            "iat": event.t // SECOND,
            "nbf": event.t // SECOND,
            "exp": event.permit.not_after // SECOND,
            "cnf": None,
            "details": Details(
                actions=(event.operation,),
                locations=(event.site,),
                purpose=event.purpose,
                datatypes=("template",),
                max_uses=event.permit.max_uses,
                max_gallery=None,
                retention=None,
            ),
            "basis": BasisClaim(form=Form.CONSENT, ordinal=event.basis, grant=2, leaf=b64url(bytes(32))),
            "event": EventClaim(index=event.i, leaf=b64url(leaf_hash(b"")), size=event.i + 2),
            "policy": (),
        }
        return mint(PermitClaims(**{**claims, **changes}), key or self.keys[self.current], self.current)


class World:
    """Everything one vault process has; `async with` starts it, `crash` takes it down as kill -9 would."""

    def __init__(self, directory: Path, nats: str, *, database: str = "") -> None:
        self.directory = directory
        self.nats = nats
        self.database_url = database or f"sqlite:///{directory / 'vault.db'}"
        self.clock = Clock()
        self.ledger = RulesLedger(self.clock)
        self.permission = Permission()
        self.rules = Rules(threshold=0.6, attempts=AttemptLimit(count=20, window=600 * SECOND))
        self.wrap_ledger: Callable[[Ledger], Ledger] = lambda ledger: ledger
        self.dispatching = True
        self.consuming = False
        # Where the broker keeps its files, for tests that search them.
        self.broker_directory = directory

    @property
    def keyring_file(self) -> Path:
        return self.directory / "keyring.json"

    async def __aenter__(self) -> Self:
        if not self.keyring_file.exists():
            with SecretBytes(secrets.token_bytes(32)) as key:
                create(self.keyring_file, key=key, now=self.clock())
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.crash()

    async def start(self) -> None:
        self._stack = AsyncExitStack()
        enter = self._stack.enter_async_context
        others = await enter(Bus(self.nats, name="others", clock=self.clock, random=secrets.token_bytes))
        self.others = JetStream(others)
        await self.others.ensure_stream()
        await others.serve("placet.*.permission.keys", self.permission.answer, queue="permission")
        self.bus = await enter(Bus(self.nats, name="vault", clock=self.clock, random=secrets.token_bytes))
        stream = JetStream(self.bus)
        self.database = await Database.open(self.database_url, secure_delete=True)
        self._stack.push_async_callback(self.database.close)
        await self.database.create_all(Table.metadata)
        ledger = self.wrap_ledger(self.ledger)
        self.dispatcher = OutboxDispatcher(
            self.database, OUTBOX, ledger=ledger, publisher=stream, clock=self.clock, settle=outgoing.settle(self.clock)
        )
        if self.dispatching:
            await enter(self.dispatcher)
        self.store = SqlStore(self.database, wake=self.dispatcher.kick)
        await self.store.scrub()
        self.keyring = FileKeyring(self.keyring_file)
        self.keyring.unseal()
        self.root = CountingRoot(self.keyring)
        self.ports = Ports(
            store=self.store,
            ledger=ledger,
            records=OutboxRecords(self.dispatcher, ledger),
            permits=BusPermits(self.bus, issuer=ISSUER, max_lifetime=3_600, now=self.clock),
            root=self.root,
            random=secrets.token_bytes,
        )
        if self.consuming:
            await enter(Consumer(stream, DURABLE, FILTERS, consume(self.store, now=self.clock)))

    async def crash(self) -> None:
        """Take everything down; whatever was not committed is gone."""
        await self._stack.aclose()

    async def restart(self) -> None:
        await self.crash()
        await self.start()

    # --- what a caller does

    def command(
        self,
        controller: str,
        permit: str,
        values: Floats,
        *,
        id: UUID | None = None,  # noqa: A002
        model: bytes = MODEL,
        seen: int = 0,
        certificate: str | None = None,
    ) -> UseCommand:
        facts = TemplateFacts(
            model_id=f"m{model[0]:x}",
            model_sha256=model,
            dimension=len(values),
            quality=80,
            captured_at=Micros(1_700_000_000 * SECOND),
        )
        return UseCommand(
            controller=controller,
            id=id or uuid4(),
            permit=permit,
            template=read_template(values.tobytes(), facts),
            seen=seen,
            deadline=Micros(self.clock() + 5 * SECOND),
            certificate=certificate,
        )

    def permit(
        self, controller: str, basis: BasisOrdinal, operation: str, *, max_uses: int = 1, lifetime_s: int = 60
    ) -> str:
        """Authorize an event in the ledger and mint its permit."""
        event = self.ledger.authorize(controller, basis, operation, max_uses=max_uses, lifetime_s=lifetime_s)
        return self.permission.permit(controller, event)

    async def enrol(self, controller: str, basis: BasisOrdinal, values: Floats, **how: Any) -> Enrolled:
        """Authorize and enrol."""
        permit = self.permit(controller, basis, Operation.ENROL)
        return await self.run_enrol(self.command(controller, permit, values, **how))

    async def match(self, controller: str, basis: BasisOrdinal, values: Floats, **how: Any) -> Compared:
        """Authorize and compare."""
        permit = self.permit(controller, basis, Operation.VERIFY)
        return await self.run_match(self.command(controller, permit, values, **how))

    async def run_enrol(self, cmd: UseCommand) -> Enrolled:
        return await enrol(cmd, ports=self.ports, now=Micros(self.clock()))

    async def run_match(self, cmd: UseCommand) -> Compared:
        return await match(cmd, rules=self.rules, ports=self.ports, now=Micros(self.clock()))

    async def destroy(self, controller: str, basis: BasisOrdinal, reason: str = "purpose_ended") -> tuple[Receipt, ...]:
        now = Micros(self.clock())
        until = Micros(now + 5 * SECOND)
        return await destroy(controller, basis, reason, ports=self.ports, now=now, deadline=until)

    # --- what a test waits for and looks at

    async def until(self, true: Callable[[], object], *, within: float = 10.0) -> None:
        """Wait until something holds; fails after `within` seconds."""
        async with asyncio.timeout(within):
            while not true():
                await asyncio.sleep(0.01)

    async def rows(self, table: type[Row]) -> list[Row]:
        """Return every row of a table."""
        return await self.database.read(lambda session: list(session.exec(select(table)).all()))

    def files(self) -> dict[str, bytes]:
        """Return every file of the vault's directory but the keyring."""
        return {
            str(path.relative_to(self.directory)): path.read_bytes()
            for path in self.directory.rglob("*")
            if path.is_file() and path != self.keyring_file
        }


def traces_of(values: Floats) -> dict[str, bytes]:
    """Return what a search for a vector looks for: raw, base64 (all three alignments, both alphabets) and hex."""
    raw = Vector(values).values.tobytes()
    found = {"raw": raw[:64], "hex": raw.hex().encode()[:64], "HEX": raw.hex().upper().encode()[:64]}
    for shift in range(3):
        text = base64.b64encode(raw[shift : shift + 60])
        found[f"base64+{shift}"] = text
        found[f"base64url+{shift}"] = text.translate(bytes.maketrans(b"+/", b"-_"))
    return found
