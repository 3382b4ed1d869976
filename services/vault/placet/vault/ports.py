"""What the vault needs of the world, each duty a sentence.

Owns: the Protocols that `handlers` are written against, and `Ports`, which bundles them.
Never: says how. `store.py`, `permits.py`, `keyring.py` and the kit's ledger client are the production sides; tests have
others that keep the same duties. Order of a use: permit, ledger, secret, outcome (vault.md section 3).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from placet.evidence.terms import BasisOrdinal, LeafIndex, Micros
from placet.kit.ledger.port import Ledger
from placet.kit.security.redacted import SecretBytes
from placet.vault.model import Answer, AttemptLimit, Erasure, Permit, Receipt, Stock, Tombstone, Use
from placet.vault.template import ControllerKey, DataKey, KeyPurpose, SealedTemplate, WrappedKey


class RootKeys(Protocol):
    """The root key, wherever it is kept. It wraps controllers' keys and never comes out."""

    @property
    def sealed(self) -> bool:
        """Say whether the root key is not available."""

    async def wrap(self, key: SecretBytes) -> WrappedKey:
        """Wrap a key under the active version. Raises VaultSealed."""

    async def unwrap(self, wrapped: WrappedKey) -> SecretBytes:
        """Unwrap a key. Raises VaultSealed, or StorageCorrupt when it was not wrapped under that version."""


class Permits(Protocol):
    """Who says what a permit is worth."""

    async def verify(
        self, token: str, *, controller: str, certificate: str | None, now: Micros, deadline: Micros
    ) -> Permit:
        """Verify a permit for this vault and controller at the moment `now`.

        `certificate` is the thumbprint of the caller's TLS certificate: a bound permit needs the same.
        Raises PermitInvalid, or Unavailable when the permit keys are not to be had in time.
        """


class Records(Protocol):
    """The way of the vault's own records into the log: certain, but perhaps late."""

    async def deliver(self, erasure: Erasure, *, deadline: Micros) -> Receipt:
        """Bring the record of a stored erasure into the ledger now, or find it there.

        Raises Unavailable when it is not there in time: then it arrives later by itself.
        """


class VaultStore(Protocol):
    """The vault's own tables. Every method is one transaction, durable once it returns."""

    async def find_use(self, controller: str, request_id: UUID) -> Use | None:
        """Return what is known of a request."""

    async def begin_use(self, use: Use, limit: AttemptLimit | None) -> Use:
        """Store a use that begins, and give it its `seq`; return the one there is when the id is known.

        Counts comparisons begun under the same basis in the same transaction. Raises AttemptsExhausted.
        """

    async def drop_use(self, use: Use) -> None:
        """Forget a use that the ledger denied: it counts as no attempt."""

    async def finish_use(self, use: Use, answer: Answer, entry: LeafIndex) -> Answer:
        """Keep the answer, and its `outcome` of `entry` in the outbox. Returns the first answer when there is one."""

    async def store_template(
        self, use: Use, sealed: SealedTemplate, data_key: DataKey, entry: LeafIndex
    ) -> Answer | None:
        """Store a template and its data key, the answer of its use, and the `outcome` in the outbox.

        In the same transaction: a use that has an answer keeps it; a use that `policy.storable` refuses is answered
        with an error and stores nothing; a template of the same model under the basis is destroyed, with its record.
        Returns None, and changes nothing, when the basis has another data key by now: seal again under that.
        """

    async def templates(self, controller: str, basis: BasisOrdinal) -> Sequence[SealedTemplate]:
        """Return the stored templates of a basis, at most one a model."""

    async def data_key(self, controller: str, basis: BasisOrdinal) -> DataKey | None:
        """Return the wrapped data key of a basis."""

    async def controller_key(self, controller: str, purpose: KeyPurpose) -> ControllerKey | None:
        """Return the newest version of a controller's key."""

    async def controller_key_version(self, controller: str, purpose: KeyPurpose, version: int) -> ControllerKey | None:
        """Return one version of a controller's key."""

    async def add_controller_key(self, key: ControllerKey) -> ControllerKey:
        """Store a controller's key; return the one there is when that version exists."""

    async def destroy(
        self,
        controller: str,
        bases: Sequence[BasisOrdinal],
        *,
        reason: str,
        final: bool,
        at: Micros,
        message_id: str | None = None,
    ) -> None:
        """Destroy every template and data key of these bases, for ever if `final`.

        In one transaction: overwrite and delete wrapped data keys and ciphertexts, put `vault.template_destroyed` of
        each template into the outbox, leave tombstones, forget the answers of their uses, and remember `message_id`
        (a known one changes nothing). Afterwards nothing of them is in any file of the store.
        """

    async def tombstone(self, controller: str, basis: BasisOrdinal) -> Tombstone | None:
        """Return what stays of a basis whose templates were destroyed."""

    async def stock(self, controller: str, *, after: int, limit: int) -> Stock:
        """Return what was stored and destroyed after that number, at most `limit` changes, in their order.

        A change is there as soon as the template is, or is not: it is written in the same transaction.
        """

    async def erasures(self, controller: str, basis: BasisOrdinal) -> Sequence[Erasure]:
        """Return the destroyed templates of a basis, in the order of their destruction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ports:
    """Everything the handlers ask. `random` gives that many random bytes."""

    store: VaultStore
    ledger: Ledger
    records: Records
    permits: Permits
    root: RootKeys
    random: Callable[[int], bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What the operator set: the threshold of a match (a cosine), and how often a basis may be compared."""

    threshold: float
    attempts: AttemptLimit
