"""Which witnesses cosign the logs, and how many of them are enough. Pure.

A witness is an address with one key or more (a replaying witness has two); it counts once, and only when all its keys
that are named here have cosigned. The rule is a function over the keys that cosigned, so that a policy file can take
its place (C2SP `tlog-policy`).
"""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from placet.tlog.cosignature import CosignatureVerifier
from placet.tlog.errors import TlogError
from placet.tlog.note import Vkey

Quorum: TypeAlias = Callable[[AbstractSet[Vkey]], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessAt:
    """A witness: its submission prefix, and the keys that are expected to cosign."""

    url: str
    keys: tuple[CosignatureVerifier, ...]

    @property
    def name(self) -> str:
        """What it is called in logs: the name of its first key."""
        return self.keys[0].vkey.name


def parse_witnesses(given: Sequence[str]) -> tuple[WitnessAt, ...]:
    """Return the witnesses of settings `URL=vkey`; several keys of one URL are one witness.

    Raises ValueError naming the entry: a malformed one, a key named twice.
    """
    keys: dict[str, list[CosignatureVerifier]] = {}
    seen: set[bytes] = set()
    for one in given:
        url, separator, vkey = one.partition("=")
        parts = urlsplit(url)
        if not separator or parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError(f"{one[:60]!r} is not URL=vkey, such as https://witness.example=witness.example/w1+...")
        try:
            verifier = CosignatureVerifier.parse(vkey)
        except TlogError as error:
            raise ValueError(f"{one[:60]!r} does not end in the key of a witness: {error}") from None
        if verifier.vkey.public_key in seen:
            raise ValueError(f"{one[:60]!r}: the same key stands twice")
        seen.add(verifier.vkey.public_key)
        keys.setdefault(url.rstrip("/"), []).append(verifier)
    return tuple(WitnessAt(url=url, keys=tuple(found)) for url, found in keys.items())


def at_least(count: int, witnesses: Sequence[WitnessAt]) -> Quorum:
    """Return the rule that so many of these witnesses have cosigned."""
    members = [frozenset(key.vkey for key in witness.keys) for witness in witnesses]

    def reached(cosigned: AbstractSet[Vkey]) -> bool:
        return sum(keys <= cosigned for keys in members) >= count

    return reached


def majority(count: int) -> int:
    """Return the least number that is more than half."""
    return count // 2 + 1
