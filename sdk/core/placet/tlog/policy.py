"""Trust policies: which logs are believed, and which witnesses must have cosigned (C2SP `tlog-policy`).

Owns the text of a policy file, read strictly and with the number of the line that is wrong, and the rule of the quorum.
The keys in it are the only ones believed; nothing is fetched, URLs are kept and never used. Names are opaque octets:
what is not UTF-8 keeps its bytes. What a checkpoint is worth otherwise is `placet.tlog.checkpoint`.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from placet.tlog.checkpoint import Checkpoint, checkpoint_of
from placet.tlog.cosignature import CosignatureVerifier, timestamp_of
from placet.tlog.errors import NoteError, PolicyError
from placet.tlog.keys import KeyType, Verifier, Vkey, parse_vkey
from placet.tlog.note import Note, open_note

NONE: Final = "none"
"""The quorum that demands no witness."""
MAX_POLICY_BYTES: Final = 1 << 20
_SPACE = re.compile(r"[ \t]+")
_FORBIDDEN = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_DECIMAL = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLog:
    """A log that is believed; several may share a name when a log's key was replaced."""

    vkey: Vkey
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyWitness:
    """A witness, under the name that the policy gives it."""

    name: str
    vkey: Vkey
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyGroup:
    """Witnesses and groups of which at least `threshold` must have witnessed."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """A witness of the policy that cosigned, and when it says it did (seconds since 1970 UTC)."""

    witness: PolicyWitness
    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A trust policy; made by `parse_policy`, which checks all of it."""

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...]
    groups: tuple[PolicyGroup, ...]
    # Invariant: members of a group are witnesses and earlier groups, and nothing is a member twice.
    quorum: str

    def verifiers(self) -> tuple[Verifier | CosignatureVerifier, ...]:
        """Return the verifiers of all its logs and witnesses: those to open notes with."""
        logs = (Verifier(log.vkey) for log in self.logs)
        return (*logs, *(CosignatureVerifier(witness.vkey) for witness in self.witnesses))

    def cosigned(self, note: Note) -> tuple[Cosigned, ...]:
        """Return the witnesses that cosigned a note, which was opened with the verifiers of this policy."""
        found = {vkey: signature for vkey, signature in note.verified if vkey.key_type is KeyType.COSIGNATURE}
        return tuple(
            Cosigned(witness=witness, timestamp=timestamp_of(found[witness.vkey]))
            for witness in self.witnesses
            if witness.vkey in found
        )

    def reached_by(self, cosigners: Collection[str]) -> bool:
        """Tell whether the witnesses of these names make up the quorum."""
        witnessed = {witness.name for witness in self.witnesses if witness.name in cosigners}
        for group in self.groups:
            if sum(member in witnessed for member in group.members) >= group.threshold:
                witnessed.add(group.name)
        return self.quorum == NONE or self.quorum in witnessed


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """A checkpoint that a log of the policy signed, and what its witnesses say to it."""

    checkpoint: Checkpoint
    signers: tuple[Vkey, ...]
    """The keys of the log that signed it; more than one while a key is being replaced."""
    cosigned: tuple[Cosigned, ...]
    reached: bool
    """Whether the quorum is reached; without it the policy does not accept the checkpoint."""


def open_witnessed(note: str, policy: Policy) -> Witnessed:
    """Return the checkpoint of a note that a log of the policy signed, quorum or not: look at `reached`.

    Raises NoteError if the note does not verify, CheckpointError if it is no checkpoint or of no log of the policy.
    """
    opened = open_note(note, policy.verifiers())
    checkpoint = checkpoint_of(opened)
    cosigned = policy.cosigned(opened)
    return Witnessed(
        checkpoint=checkpoint,
        signers=tuple(vkey for vkey, _ in opened.verified if vkey.key_type is KeyType.ED25519),
        cosigned=cosigned,
        reached=policy.reached_by({one.witness.name for one in cosigned}),
    )


def parse_policy(source: str | bytes) -> Policy:
    """Return the policy of a file's content; raises PolicyError naming the line."""
    data = source if isinstance(source, bytes) else source.encode("utf-8", "surrogateescape")
    if len(data) > MAX_POLICY_BYTES:
        raise PolicyError("SIZE", f"a policy has at most {MAX_POLICY_BYTES} bytes", line=None)
    reader = _Reader()
    for number, line in enumerate(data.split(b"\n"), 1):
        reader.read(number, line)
    return reader.policy()


class _Reader:
    """Takes the lines of one policy file in order."""

    def __init__(self) -> None:
        self._line = 0
        self._logs: list[PolicyLog] = []
        self._witnesses: list[PolicyWitness] = []
        self._groups: list[PolicyGroup] = []
        self._quorum: str | None = None
        self._defined: dict[str, int] = {NONE: 0}
        self._member_of: dict[str, str] = {}
        self._keys: dict[tuple[KeyType, bytes], int] = {}

    def read(self, number: int, line: bytes) -> None:
        self._line = number
        odd = _FORBIDDEN.search(line)
        if odd:
            self._refuse("CHARACTER", f"the byte 0x{odd[0].hex()} is not allowed: no control characters but tab")
        text = line.decode("utf-8", "surrogateescape").strip(" \t")
        if text and not text.startswith("#"):
            keyword, *items = _SPACE.split(text)
            take = _LINES.get(keyword)
            if take is None:
                self._refuse("KEYWORD", f"{keyword[:40]!r} begins no line; one of {', '.join(_LINES)}, or # to comment")
            take(self, items)

    def policy(self) -> Policy:
        if self._quorum is None:
            raise PolicyError("QUORUM", "there is no quorum line; `quorum none` demands no witness", line=None)
        return Policy(
            logs=tuple(self._logs),
            witnesses=tuple(self._witnesses),
            groups=tuple(self._groups),
            quorum=self._quorum,
        )

    def log(self, items: Sequence[str]) -> None:
        if not 1 <= len(items) <= 2:
            self._refuse("LOG", "the line must be: log <vkey> [<url>]")
        vkey = self._vkey(items[0], KeyType.ED25519)
        self._logs.append(PolicyLog(vkey=vkey, url=items[1] if len(items) > 1 else None))

    def witness(self, items: Sequence[str]) -> None:
        if not 2 <= len(items) <= 3:
            self._refuse("WITNESS", "the line must be: witness <name> <vkey> [<url>]")
        name = self._define(items[0])
        vkey = self._vkey(items[1], KeyType.COSIGNATURE)
        self._witnesses.append(PolicyWitness(name=name, vkey=vkey, url=items[2] if len(items) > 2 else None))

    def group(self, items: Sequence[str]) -> None:
        if len(items) < 3:
            self._refuse("GROUP", "the line must be: group <name> all|any|<number> <member>...")
        name, threshold, *members = items
        for member in members:
            self._require_free(member, name)
        needed = self._threshold(threshold, len(members))
        self._groups.append(PolicyGroup(name=self._define(name), threshold=needed, members=tuple(members)))

    def quorum(self, items: Sequence[str]) -> None:
        if len(items) != 1:
            self._refuse("QUORUM", "the line must be: quorum <name>")
        if self._quorum is not None:
            self._refuse("QUORUM", "there is a quorum line already; a policy has exactly one")
        self._require_defined(items[0])
        self._quorum = items[0]

    def _vkey(self, text: str, wanted: KeyType) -> Vkey:
        try:
            vkey = parse_vkey(text)
        except NoteError as error:
            raise PolicyError("VKEY", str(error), line=self._line) from error
        if vkey.key_type is not wanted:
            role = "a log signs with type 01" if wanted is KeyType.ED25519 else "a witness cosigns with type 04"
            self._refuse("KEY_TYPE", f"{role}, this key has type {vkey.key_type:02x}")
        earlier = self._keys.setdefault((wanted, vkey.public_key), self._line)
        if earlier != self._line:
            self._refuse("DUPLICATE_KEY", f"this public key stands in line {earlier} already, whatever its name")
        return vkey

    def _define(self, name: str) -> str:
        if name in self._defined:
            where = f"in line {self._defined[name]}" if self._defined[name] else "by the format itself"
            self._refuse("DUPLICATE_NAME", f"the name {name!r} is defined {where}; witnesses and groups share names")
        self._defined[name] = self._line
        return name

    def _require_defined(self, name: str) -> None:
        if name not in self._defined:
            self._refuse("NAME", f"{name!r} is no witness or group of a line above")

    def _require_free(self, member: str, group: str) -> None:
        if member == NONE:
            self._refuse("NAME", "`none` is a quorum, never a member")
        self._require_defined(member)
        if member in self._member_of:
            self._refuse("DUPLICATE_MEMBER", f"{member!r} is a member of {self._member_of[member]!r} already")
        self._member_of[member] = group

    def _threshold(self, text: str, members: int) -> int:
        if text in ("all", "any"):
            return members if text == "all" else 1
        if not _DECIMAL.fullmatch(text) or int(text) > members:
            self._refuse("THRESHOLD", f"{text[:40]!r} is not all, any, or a number from 1 to {members}")
        return int(text)

    def _refuse(self, reason: str, message: str) -> NoReturn:
        raise PolicyError(reason, message, line=self._line)


_LINES: Final[Mapping[str, Callable[[_Reader, Sequence[str]], None]]] = {
    "log": _Reader.log,
    "witness": _Reader.witness,
    "group": _Reader.group,
    "quorum": _Reader.quorum,
}
