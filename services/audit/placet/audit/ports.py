"""What the sequencer and the readers need of the outside, each duty as a sentence."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from placet.audit.model import Commit, Holds, Lines, LogKey, Refused, StoredBasis, StoredKey
from placet.tlog.addcheckpoint import AddCheckpoint
from placet.tlog.note import NoteSigner, Vkey


class LogKeys(Protocol):
    """Where the signing keys of the logs are made and kept.

    Private keys never leave it: callers get signers, which show nothing, and public keys. The keys of a log are
    numbered from 1 in the order in which they sign; none is ever overwritten, and which of them is in force is not
    known here (the log says so). All are Ed25519, named by the log's origin, and sign deterministically (RFC 8032).
    """

    def create(self, controller: str, origin: str, number: int = 1) -> NoteSigner:
        """Make the key with this number unless it is there, and return its signer; to rotate is to create the next.

        Durable once it returns, and safe to repeat: the same number is the same key.
        """

    def load(self, controller: str, origin: str, number: int = 1) -> NoteSigner:
        """Return the signer with this number.

        Raises Corrupt if there is no such key or it is not kept safe, Unavailable if the provider does not answer.
        """

    def public(self, controller: str, origin: str) -> Mapping[int, Vkey]:
        """Return the verifier keys of all keys that the log has here, by number."""


class Journal(Protocol):
    """One log in the database, seen by the holder of its lease. Not safe for two threads at once."""

    def keys(self, wanted: Iterable[tuple[str, bytes]]) -> dict[tuple[str, bytes], StoredKey]:
        """Return what the (service, key) pairs stand for; those never used are left out."""

    def decisions(self, digests: Iterable[bytes]) -> Mapping[bytes, int]:
        """Return the index of the first decision entry of each content digest that has one."""

    def bases(self, ordinals: Iterable[int]) -> Mapping[int, StoredBasis]:
        """Return the bases that exist."""

    def changes(self, ordinals: Iterable[int]) -> Mapping[int, Sequence[int]]:
        """Return the indexes of the amends and withdraws of each basis, in log order."""

    def entries(self, indexes: Iterable[int]) -> Mapping[int, bytes]:
        """Return the bytes of the entries that exist."""

    def allowed_uses(self, events: Iterable[int]) -> Mapping[int, int]:
        """Return how many allowed uses each event has; events without a use are left out."""

    def transaction(self) -> AbstractContextManager[None]:
        """Read and write in one transaction: durable when the block has been left, undone if it raised."""

    def append(self, commit: Commit) -> None:
        """Write the group into the open transaction.

        Raises HeadMoved, having written nothing, if the head is not `commit.before` or another epoch holds the log.
        """

    def rotate(self, key: LogKey) -> None:
        """Write into the open transaction that this key is in force, from the entry that says so on."""


class Witness(Protocol):
    """One witness of checkpoints, somewhere else, run by somebody else."""

    async def add_checkpoint(self, request: AddCheckpoint) -> Lines | Holds | Refused:
        """Put a checkpoint to the witness and return its answer.

        Safe to repeat. Raises Unavailable when there is no answer within the timeout, or none that makes sense.
        """
