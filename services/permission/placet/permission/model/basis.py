"""A basis as a decision needs it: one type for a consent (a projection) and for a legal permission (held here).

Owns: `BasisFacts`, whether it covers an event, and which of several is relied on (architecture.md section 3, hop 2).
Never: the verdict. These facts may be stale; the sequencer judges the same basis again at its own position.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from sys import intern
from typing import NamedTuple

from placet.permission.model.vocabulary import MAX_INT, AgeBand, BasisForm, Operation

# What a policy sees of a basis, in this order: the key under which decisions are memoised.
Shape = tuple[str, str, bool, bool, bool, bool, bool, bool, bool, bool, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class BasisFacts:
    """A consent or a legal permission.

    `granted` and `ended` are ledger indexes (`ended` None while active), times are microseconds since 1970 UTC.
    `sites` is None where any site is meant. `not_after` is MAX_INT where there is no end. `leaf` is the leaf hash of
    the grant's entry, None where it is not known.
    """

    ordinal: int
    granted: int
    leaf: bytes | None
    ended: int | None
    form: BasisForm
    code: str
    purposes: frozenset[str]
    operations: frozenset[str]
    sites: frozenset[str] | None
    egress: bool
    not_before: int
    not_after: int
    needs: tuple[int, ...] = ()
    separate: bool = False
    explicit: bool = False
    written: bool = False
    notice_served: bool = False
    notice_complete: bool = False
    term_stated: bool = False
    guardian_active: bool = False
    age_band: AgeBand = AgeBand.UNKNOWN
    # The band holds until then, 0: for good.
    age_band_until: int = 0
    shape: Shape = field(init=False, repr=False, compare=False)
    # The same as text: a string remembers its hash, and this is looked up with every event.
    key: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        shape: Shape = (
            self.form.value,
            self.code,
            self.separate,
            self.explicit,
            self.written,
            self.egress and self.form is BasisForm.CONSENT,
            self.notice_served,
            self.notice_complete,
            self.term_stated,
            self.guardian_active,
            self.age_band.value,
        )
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "key", intern(repr(shape)))  # few shapes, many bases


# A decision without any basis.
NO_BASIS: Shape = ("none", "none", False, False, False, False, False, False, False, False, AgeBand.UNKNOWN.value)


class Scope(NamedTuple):
    """What an event asks of a basis; `start` and `end` are the earlier and the later of now and `occurred`."""

    purpose: str
    operation: Operation
    site: str
    egress: bool
    start: int
    end: int


def covers(basis: BasisFacts, scope: Scope) -> bool:
    """Tell whether this basis, as far as it is known here, allows the event (rules 1 to 5 of ledger.md section 5)."""
    return (
        basis.ended is None
        and scope.purpose in basis.purposes
        and scope.operation in basis.operations
        and (basis.sites is None or scope.site in basis.sites)
        and (basis.egress or not scope.egress)
        and basis.not_before <= scope.start
        and scope.end < basis.not_after
        and (basis.guardian_active or not basis.needs)
        and (scope.operation is not Operation.IDENTIFY or basis.form is BasisForm.LEGAL_PERMISSION)
    )


def first_covering(bases: Iterable[BasisFacts], scope: Scope) -> BasisFacts | None:
    """Return the first that covers; give the newest first."""
    for basis in bases:
        if covers(basis, scope):
            return basis
    return None


def nearest(consents: Sequence[BasisFacts], purpose: str) -> BasisFacts | None:
    """Return the consent that a denial should name when none covers: one of that purpose, else any; the newest first.

    An active one is named before an ended one, so that the reason is what the person's current choice lacks.
    """
    of_purpose = [basis for basis in consents if purpose in basis.purposes]
    for basis in of_purpose or consents:
        if basis.ended is None:
            return basis
    return (of_purpose or consents or (None,))[0]


def newest_first(bases: Iterable[BasisFacts]) -> tuple[BasisFacts, ...]:
    """Return bases by falling ordinal."""
    return tuple(sorted(bases, key=lambda basis: basis.ordinal, reverse=True))


def end_of(not_after: int) -> int:
    """Return the end as it is compared: 0 on the wire means none."""
    return not_after or MAX_INT
