"""The port `Permits`: permits verified with keys that the permission service publishes on the bus.

Owns: asking `placet.<controller>.permission.keys` for the JWKS, keeping it for a while, asking again (at most every few
seconds) when a permit names a key that is not in it. Without an answer it goes on with the keys it has for an hour.
Never: takes a key from a permit, or believes a permit about uses or the basis: that is the ledger's. Verification:
`placet.permit.verify`; design: vault.md section 2.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from placet.evidence.terms import BasisOrdinal, LeafIndex, Micros
from placet.kit.bus.bus import Bus
from placet.kit.errors import PlacetError, Unavailable
from placet.permit.claims import PermitClaims
from placet.permit.errors import PermitError, PermitReason
from placet.permit.keys import parse_jwks
from placet.permit.verify import Expected, verify
from placet.vault.errors import PermitInvalid
from placet.vault.model import Permit

SECOND = 1_000_000
REFRESH_EVERY = 300 * SECOND
RETRY_EVERY = 5 * SECOND
MAX_STALE = 3_600 * SECOND
MAX_SET_BYTES = 1 << 18


@dataclass(slots=True)
class _Known:
    """The keys of one controller's permits, and when they were got and last asked for."""

    keys: Mapping[str, Ed25519PublicKey] = field(default_factory=dict)
    loaded: int | None = None
    tried: int | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class BusPermits:
    """`Permits` over the bus; `now` gives unix microseconds. Lifetimes are in seconds."""

    def __init__(self, bus: Bus, *, issuer: str, max_lifetime: int, now: Callable[[], int]) -> None:
        self._bus = bus
        self._issuer = issuer
        self._max_lifetime = max_lifetime
        self._now = now
        self._known: dict[str, _Known] = {}

    async def verify(
        self, token: str, *, controller: str, certificate: str | None, now: Micros, deadline: Micros
    ) -> Permit:
        """Verify a permit for this vault and controller at the moment `now`."""
        expected = Expected(
            issuer=self._issuer,
            audience=f"urn:placet:vault:{controller}",
            controller=controller,
            max_lifetime=self._max_lifetime,
        )
        known = self._known.setdefault(controller, _Known())
        await self._fresh(known, controller, deadline)
        try:
            return _permit(verify(token, known.keys, expected, now=now, certificate=certificate))
        except PermitError as error:
            if error.reason is not PermitReason.KEY_UNKNOWN or not await self._again(known, controller, deadline):
                raise _invalid(error) from None
        try:
            return _permit(verify(token, known.keys, expected, now=now, certificate=certificate))
        except PermitError as error:
            raise _invalid(error) from None

    async def _fresh(self, known: _Known, controller: str, deadline: Micros) -> None:
        """Have keys that are not too old. Raises Unavailable when there are none."""
        if self._age(known) > REFRESH_EVERY:
            async with known.lock:
                if self._age(known) > REFRESH_EVERY and (self._may_try(known) or self._age(known) > MAX_STALE):
                    await self._fetch(known, controller, deadline)

    async def _again(self, known: _Known, controller: str, deadline: Micros) -> bool:
        """Ask again for keys, unless that was done a moment ago; return whether they were got."""
        async with known.lock:
            if not self._may_try(known):
                return False
            await self._fetch(known, controller, deadline)
            return True

    async def _fetch(self, known: _Known, controller: str, deadline: Micros) -> None:
        known.tried = self._now()
        try:
            answer = await self._bus.request(f"placet.{controller}.permission.keys", b"", deadline)
            known.keys, known.loaded = _keys(answer), known.tried
        except PlacetError as error:
            if self._age(known) > MAX_STALE:
                raise _unavailable(error) from error

    def _age(self, known: _Known) -> int:
        return MAX_STALE + 1 if known.loaded is None else abs(self._now() - known.loaded)

    def _may_try(self, known: _Known) -> bool:
        return known.tried is None or abs(self._now() - known.tried) >= RETRY_EVERY


def _keys(answer: bytes) -> Mapping[str, Ed25519PublicKey]:
    try:
        if len(answer) > MAX_SET_BYTES:
            raise ValueError("too large")
        return parse_jwks(json.loads(answer))
    except (ValueError, RecursionError, PermitError):
        raise Unavailable(
            "DEPENDENCY_UNAVAILABLE", "the permission service answered with no usable permit keys"
        ) from None


def _permit(claims: PermitClaims) -> Permit:
    if not claims.sub.startswith("event:"):
        raise PermitInvalid("the permit is not for one event: this operation needs one that is")
    return Permit(
        id=claims.jti,
        controller=claims.azp,
        event=LeafIndex(claims.event.index),
        basis=BasisOrdinal(claims.basis.ordinal),
        operations=frozenset(action.value for action in claims.details.actions),
    )


def _invalid(error: PermitError) -> PermitInvalid:
    return PermitInvalid(f"the permit is refused ({error.reason.value}): {error.message}", cause=error.reason.value)


def _unavailable(error: PlacetError) -> Unavailable:
    return Unavailable(
        "DEPENDENCY_UNAVAILABLE",
        f"the keys of permits are not to be had ({error.reason}): repeat the request",
        metadata={"dependency": "permission"},
    )
