"""Permits: what an allowed event yields, derived from its entry and nothing that could drift.

Owns: the terms. `iat` and `exp` follow from the entry's `t` and `permit`, so a repeated request yields a permit that
ends when the first one did, and none after that; nor does it yield one when the basis has ended meanwhile (promise P3).
Never: a permit without an entry that allows and grants one. Source: vault.md section 2, ledger.md section 7.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from placet.evidence.canonical import b64url
from placet.evidence.terms import Form, Operation
from placet.kit.ledger.receipts import Receipt
from placet.permission.handlers.bases import Case
from placet.permission.model.basis import BasisFacts
from placet.permission.model.events import Asked, Audience, Decided, EntryView
from placet.permission.model.vocabulary import MAX_INT
from placet.permission.ports import Books, Consents, PermitKeys
from placet.permit.claims import BasisClaim, Details, EventClaim, PermitClaims, window

DATATYPES = ("face",)
# Stands for the leaf hash of a grant that consent did not tell.
NO_LEAF = bytes(32)
_DAY = 86_400


class Granted(NamedTuple):
    """What the entry grants: how often, and from when until when (unix seconds)."""

    max_uses: int
    begin: int
    end: int


def granted_by(entry: EntryView, now: int) -> Granted | None:
    """Return what an entry grants at `now` (microseconds); None when it grants no permit, or it has ended already."""
    if entry.permit is None or now >= entry.permit.not_after:
        return None
    begin, end = window(entry.t, entry.permit.not_after)
    return Granted(entry.permit.max_uses, begin, end)


class Minter:
    """Mints the permits of one request; `size` is the tree size of its answer, `now` in microseconds.

    `standing` are the bases of its repeated events, as they stand now.
    """

    def __init__(
        self, keys: PermitKeys, asked: Asked, standing: Mapping[int, BasisFacts], *, issuer: str, size: int, now: int
    ) -> None:
        self._keys = keys
        self._asked = asked
        self._standing = standing
        self._issuer = issuer
        self._size = size
        self._now = now

    def mint(self, case: Case, receipt: Receipt, entry: EntryView, decided: Decided) -> str:
        """Return the permit of an allowed event, "" when it has ended already, or its basis has since."""
        granted = granted_by(entry, self._now)
        basis = self._standing.get(_ordinal(entry)) if receipt.repeated else case.basis
        if granted is None or basis is None:
            return ""
        return self._keys.mint(self._claims(case, receipt, basis, decided, granted))

    def _claims(
        self, case: Case, receipt: Receipt, basis: BasisFacts, decided: Decided, granted: Granted
    ) -> PermitClaims:
        event, controller = case.event, self._asked.controller
        where = "engine" if event.audience is Audience.ENGINE else "vault"
        return PermitClaims(
            iss=self._issuer,
            aud=f"urn:placet:{where}:{controller}",
            sub=f"event:{event.id}",
            azp=controller,
            jti=event.id,
            iat=granted.begin,
            nbf=granted.begin,
            exp=granted.end,
            cnf=self._asked.certificate,
            details=Details(
                actions=(Operation(event.operation),),
                locations=(case.place.site, event.device),
                purpose=event.purpose,
                datatypes=DATATYPES,
                max_uses=granted.max_uses,
                max_gallery=None,
                retention=case.place.retention_days * _DAY or None,
            ),
            basis=BasisClaim(
                form=Form(basis.form), ordinal=basis.ordinal, grant=basis.granted, leaf=b64url(basis.leaf or NO_LEAF)
            ),
            event=EventClaim(index=receipt.index, leaf=b64url(receipt.leaf), size=self._size),
            policy=tuple(sorted(set(decided.policies))),
        )


async def standing(
    controller: str,
    receipts: Sequence[Receipt],
    entries: Sequence[EntryView],
    *,
    consents: Consents,
    books: Books,
    now: int,
    deadline: int,
) -> dict[int, BasisFacts]:
    """Return those bases of repeated events with a permit that still stand, asked for anew: no cache has a say in it.

    Raises Unavailable when consent or the database does not answer.
    """
    pairs = zip(receipts, entries, strict=True)
    ordinals = {_ordinal(entry) for receipt, entry in pairs if receipt.repeated and entry.permit is not None}
    if not ordinals:
        return {}
    book = await books.open(controller, after=MAX_INT, now=now)
    found = {ordinal: book.permissions[ordinal] for ordinal in ordinals if ordinal in book.permissions}
    asked = sorted(ordinals - found.keys())
    if asked:
        answer = await consents.lookup(controller, (), asked, deadline=deadline)
        found.update((basis.ordinal, basis) for basis in answer.bases)
    return {ordinal: basis for ordinal, basis in found.items() if _stands(basis)}


def _stands(basis: BasisFacts) -> bool:
    return basis.ended is None and (basis.guardian_active or not basis.needs)


def _ordinal(entry: EntryView) -> int:
    """Return the ordinal of an entry's basis; -1, which no basis has, without one."""
    return -1 if entry.basis is None else entry.basis
