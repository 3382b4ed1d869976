"""What a monitor raises an alarm about, with its evidence: enough for a third party who pins the same key.

Owns the kinds, and the JSON of an evidence file: both checkpoints verbatim and the hashes between them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from placet.tlog.encoding import encode_base64

FORMAT: Final = "placet.alarm/1"


class AlarmKind(StrEnum):
    """What is wrong."""

    SIGNATURE = "signature"
    """What is served as the checkpoint is none, or no pinned key of its log signed it."""
    ROLLBACK = "rollback"
    """The log has become shorter than it was."""
    FORK = "fork"
    """The log signed two trees, of which neither continues the other."""
    TREE = "tree"
    """Tiles or entries are missing, malformed, or not those that the checkpoint commits to."""
    RULES = "rules"
    """An entry is not as the admission rules put it."""
    STALE = "stale"
    """The newest checkpoint is older than the monitor allows."""
    CLOCK = "clock"
    """The newest entry's time lies in the future."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm. `held` and `answered` are signed notes (`answered` whatever was served); `proof` are hashes."""

    kind: AlarmKind
    message: str
    held: str | None
    answered: str
    proof: Sequence[bytes] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """A name for the evidence file: the same alarm about the same checkpoints has the same."""
        about = sha256(f"{self.held}\0{self.answered}".encode()).hexdigest()
        return f"alarm-{self.kind}-{about[:12]}.json"

    def to_json(self, *, log: str, noticed: int) -> dict[str, Any]:
        """Return the evidence as JSON values; `log` is where it was read, `noticed` unix microseconds."""
        return {
            "format": FORMAT,
            "kind": self.kind,
            "message": self.message,
            "log": log,
            "noticed": noticed,
            "held": self.held,
            "answered": self.answered,
            "proof": [encode_base64(one) for one in self.proof],
            "details": dict(self.details),
        }


class AlarmRaised(Exception):
    """What a monitor saw must not be. `alarm` says what."""

    def __init__(self, alarm: Alarm) -> None:
        super().__init__(f"{alarm.kind}: {alarm.message}")
        self.alarm = alarm
