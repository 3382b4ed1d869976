"""The context of a decision: everything a policy may see of one face event, always complete.

Owns: `Context` (every field of the table in law.md section 5, none optional), the lawful base that scenarios start
from, and the form in which a context is logged. Facts in, nothing else: it does not judge and does not check that
facts fit together, because a policy must have an answer for every combination.
Never: holds an id, a name or a subject reference; puts `age_band` into the log (a change of band tells a birthday).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from operator import attrgetter
from typing import Any, TypeAlias

from placet.permission.model.vocabulary import (
    AgeBand,
    BasisForm,
    Inference,
    LegalCode,
    NationalChannel,
    Operation,
    PlaceClass,
    Storage,
)
from placet.permission.policy.errors import ContextInvalid

# What stands in a decision entry: words, yes or no, and the list `minor`.
LoggedContext: TypeAlias = dict[str, str | bool | list[str]]


class BasisCode(StrEnum):
    """Why processing is lawful without consent (vault.md section 1), or none."""

    NONE = "none"
    STATUTORY_DUTY = LegalCode.STATUTORY_DUTY.value
    COURT_ORDER = LegalCode.COURT_ORDER.value
    AUTHORITY_WRITTEN_PERMISSION = LegalCode.AUTHORITY_WRITTEN_PERMISSION.value
    CONTRACT_OR_HR = LegalCode.CONTRACT_OR_HR.value
    EMERGENCY = LegalCode.EMERGENCY.value
    PUBLIC_INTEREST_NEWS = LegalCode.PUBLIC_INTEREST_NEWS.value
    SELF_DISCLOSED = LegalCode.SELF_DISCLOSED.value
    STATE_PROVISION = LegalCode.STATE_PROVISION.value


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """The facts of one event as policies see them. Hashed once, so that it is a cheap key of a memo.

    Building one costs some 10 us, looking one up 0.2 us: on a hot path keep those that return.
    Raises ContextInvalid when a field has not exactly its type: in Python True == 1, in Cedar it does not.
    """

    # Invariant: no field has a default: a fact that nobody looked up must not pass for a lawful one.
    operation: Operation
    basis_form: BasisForm
    basis_code: BasisCode
    consent_separate: bool
    consent_explicit: bool
    consent_written: bool
    consent_egress: bool
    age_band: AgeBand
    guardian_active: bool
    purpose_registered: bool
    necessity_stated: bool
    assessment_valid: bool
    purpose_reviewed: bool
    public_safety: bool
    inference: Inference
    place_class: PlaceClass
    in_public_place: bool
    sign_valid: bool
    collection_area_set: bool
    alternative_available: bool
    face_is_default: bool
    refusal_equal: bool
    choice_reset_by_update: bool
    notice_served: bool
    notice_complete: bool
    storage: Storage
    egress: bool
    disclosure: bool
    sale_or_profit: bool
    scraped_source: bool
    term_stated: bool
    retention_within_limit: bool
    national_channel: NationalChannel
    filing_current: bool
    protection_attested: bool
    state_provision: bool
    # All of the above, in their order (FIELDS).
    values: tuple[Any, ...] = field(init=False, repr=False, compare=False)
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        key = _values(self)
        if tuple(map(type, key)) != _TYPES:
            raise _misfit(key)
        object.__setattr__(self, "values", key)
        object.__setattr__(self, "_hash", hash(key))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self.values == other.values if isinstance(other, Context) else NotImplemented

    def logged(self, minor: Iterable[str]) -> LoggedContext:
        """Return the context as a `decision` entry carries it: without `age_band`, with `minor` instead.

        `minor`: the ids of the packs in force for which the person counts as a minor. Source: law.md section 5.
        """
        logged: LoggedContext = {
            name: value if name not in ENUMS else value.value for name, value in self.items() if name != "age_band"
        }
        logged["minor"] = sorted(set(minor))
        return logged

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return the fields in the order of the table, with their values."""
        return zip(FIELDS, self.values, strict=True)


FIELDS: tuple[str, ...] = tuple(item.name for item in fields(Context) if item.init)
ENUMS: dict[str, type[StrEnum]] = {
    "operation": Operation,
    "basis_form": BasisForm,
    "basis_code": BasisCode,
    "age_band": AgeBand,
    "inference": Inference,
    "place_class": PlaceClass,
    "storage": Storage,
    "national_channel": NationalChannel,
}
# The values that each field can have, in the order of FIELDS.
DOMAINS: tuple[tuple[Any, ...], ...] = tuple(tuple(ENUMS.get(name, (False, True))) for name in FIELDS)
_TYPES: tuple[type, ...] = tuple(ENUMS.get(name, bool) for name in FIELDS)
_values: Callable[[Context], tuple[Any, ...]] = attrgetter(*FIELDS)


def lawful(**changes: Any) -> Context:
    """Return the lawful base of law.md section 5, with some fields changed: where scenarios and tests start."""
    return replace(_LAWFUL, **changes)


def neighbours() -> Iterator[Context]:
    """Yield the lawful base, and it with each one field changed to each of its other values."""
    yield _LAWFUL
    for name, domain in zip(FIELDS, DOMAINS, strict=True):
        for value in domain:
            if value is not getattr(_LAWFUL, name):
                yield lawful(**{name: value})


def from_words(words: Mapping[str, object], *, base: Context) -> Context:
    """Return `base` with the fields of `words` changed: enums by their word, the rest true or false.

    Raises ContextInvalid for an unknown field or a value outside its list.
    """
    changes: dict[str, Any] = {name: _value_of(name, word) for name, word in words.items()}
    return replace(base, **changes)


def _value_of(name: str, word: object) -> StrEnum | bool:
    """Return the value of one field from its word."""
    if name in ENUMS:
        known = [member.value for member in ENUMS[name]]
        if isinstance(word, str) and word in known:
            return ENUMS[name](word)
        raise ContextInvalid(name, f"{word!r} is not one of {', '.join(known)}.")
    if name not in FIELDS:
        raise ContextInvalid(name, f"there is no such field. The fields are {', '.join(FIELDS)}.")
    if not isinstance(word, bool):
        raise ContextInvalid(name, f"{word!r} is neither true nor false.")
    return word


def _misfit(key: tuple[Any, ...]) -> ContextInvalid:
    """Return the error for the first value that has not the type of its field."""
    name, value, kind = next(bad for bad in zip(FIELDS, key, _TYPES, strict=True) if type(bad[1]) is not bad[2])
    return ContextInvalid(name, f"{value!r} is no {kind.__name__}.")


_LAWFUL = Context(
    operation=Operation.VERIFY,
    basis_form=BasisForm.CONSENT,
    basis_code=BasisCode.NONE,
    consent_separate=True,
    consent_explicit=True,
    consent_written=True,
    consent_egress=False,
    age_band=AgeBand.ADULT,
    guardian_active=False,
    purpose_registered=True,
    necessity_stated=True,
    assessment_valid=True,
    purpose_reviewed=True,
    public_safety=False,
    inference=Inference.NONE,
    place_class=PlaceClass.BRANCH_COUNTER,
    in_public_place=False,
    sign_valid=True,
    collection_area_set=True,
    alternative_available=True,
    face_is_default=False,
    refusal_equal=True,
    choice_reset_by_update=False,
    notice_served=True,
    notice_complete=True,
    storage=Storage.DEVICE,
    egress=False,
    disclosure=False,
    sale_or_profit=False,
    scraped_source=False,
    term_stated=True,
    retention_within_limit=True,
    national_channel=NationalChannel.OFFERED,
    filing_current=True,
    protection_attested=True,
    state_provision=False,
)
