"""Whom a verification believes: the pinned keys or the trust policy, and the checkpoints that they vouch for.

Keys come from whoever verifies, never from the evidence. Each checkpoint is opened once, each entry proven under one is
remembered (both bounded, least recently used goes first), so many pieces of evidence from one log cost little more
than what differs in them. The single steps under an opened checkpoint are `placet.evidence.proving`.
"""

from collections.abc import Hashable, Iterable
from typing import Final, Generic, NoReturn, TypeVar

from placet.evidence.errors import VerifyError
from placet.evidence.kinds import Entry
from placet.evidence.terms import SECOND, value
from placet.evidence.words import Saying, Statement, Time
from placet.tlog.checkpoint import Checkpoint, checkpoint_of
from placet.tlog.cosignature import timestamp_of
from placet.tlog.errors import TlogError
from placet.tlog.keys import KeyType, NoteVerifier, Vkey, format_vkey
from placet.tlog.note import open_note
from placet.tlog.policy import Policy, open_witnessed

REMEMBERED_CHECKPOINTS: Final = 1_024
REMEMBERED_ENTRIES: Final = 8_192

V = TypeVar("V")


class Remembered(Generic[V]):
    """A dictionary of at most `most` values; the least recently used goes first."""

    __slots__ = ("_most", "_values")

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[Hashable, V] = {}

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable) -> V | None:
        """Return the value of a key, which is now the most recently used; None if it is not remembered."""
        found = self._values.pop(key, None)
        if found is not None:
            self._values[key] = found
        return found

    def put(self, key: Hashable, found: V) -> None:
        """Remember a value."""
        if len(self._values) >= self._most:
            del self._values[next(iter(self._values))]
        self._values[key] = found


@value
class Quorum:
    """What a trust policy demands of witnesses, and what it got."""

    name: str
    reached: bool
    missing: tuple[str, ...]
    """The witnesses of the policy that did not cosign, by the names they have there."""


@value
class Opened:
    """A checkpoint that a pinned key of its log signed, and who else cosigned it."""

    checkpoint: Checkpoint
    signers: tuple[str, ...]
    cosigned: tuple[Statement, ...]
    """Each witness that cosigned, and when."""
    quorum: Quorum | None
    """None when keys are pinned without a policy."""
    entries: Remembered[Entry]
    """The entries that were proven before, under this checkpoint or another, by all that their proof consists of."""


class Trust:
    """The pinned keys or the policy, and the checkpoints that were opened with them."""

    def __init__(self, trusted: Policy | Iterable[NoteVerifier]) -> None:
        self._trusted = trusted if isinstance(trusted, Policy) else tuple(trusted)
        self._opened: Remembered[Opened] = Remembered(REMEMBERED_CHECKPOINTS)
        self._entries: Remembered[Entry] = Remembered(REMEMBERED_ENTRIES)

    def open(self, note: str, field: str, *, quorum: bool = True) -> Opened:
        """Return the checkpoint of a signed note; raises VerifyError if no trusted key of its log signed it.

        Also if the policy's quorum is not reached, unless the caller does not ask for the `quorum`: what convicts a log
        is its own signature.
        """
        opened = self._opened.get(note)
        if opened is None:
            try:
                opened = self._open(note)
            except TlogError as error:
                raise VerifyError(field, Statement(saying=Saying.WRONG_CHECKPOINT, facts={"why": error})) from error
            self._opened.put(note, opened)
        if quorum and opened.quorum is not None and not opened.quorum.reached:
            _refuse_quorum(opened.quorum, opened, field)
        return opened

    def _open(self, note: str) -> Opened:
        if isinstance(self._trusted, Policy):
            return self._open_under(note, self._trusted)
        found = open_note(note, self._trusted)
        checkpoint = checkpoint_of(found)
        cosigned = [(vkey, one) for vkey, one in found.verified if vkey.key_type is KeyType.COSIGNATURE]
        return Opened(
            checkpoint=checkpoint,
            signers=tuple(format_vkey(vkey) for vkey, _ in found.verified if vkey.key_type is KeyType.ED25519),
            cosigned=tuple(_cosignature(format_vkey(vkey), timestamp_of(one)) for vkey, one in cosigned),
            quorum=None,
            entries=self._entries,
        )

    def _open_under(self, note: str, policy: Policy) -> Opened:
        found = open_witnessed(note, policy)
        names = {one.witness.name for one in found.cosigned}
        missing = tuple(witness.name for witness in policy.witnesses if witness.name not in names)
        return Opened(
            checkpoint=found.checkpoint,
            signers=tuple(format_vkey(vkey) for vkey in found.signers),
            cosigned=tuple(
                _cosignature(_named(one.witness.name, one.witness.vkey), one.timestamp) for one in found.cosigned
            ),
            quorum=Quorum(name=policy.quorum, reached=found.reached, missing=missing),
            entries=self._entries,
        )


def _cosignature(witness: str, timestamp: int) -> Statement:
    return Statement(saying=Saying.COSIGNATURE, facts={"witness": witness, "t": Time(timestamp * SECOND)})


def _named(name: str, vkey: Vkey) -> str:
    return f"{name} ({format_vkey(vkey)})"


def _refuse_quorum(quorum: Quorum, opened: Opened, field: str) -> NoReturn:
    facts = {"quorum": quorum.name, "cosigned": opened.cosigned, "missing": quorum.missing}
    raise VerifyError(field, Statement(saying=Saying.WRONG_QUORUM, facts=facts))
