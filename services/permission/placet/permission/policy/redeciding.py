"""A logged decision, decided again under other packs, as far as what was logged allows.

Owns: how a context is made of a `decision` entry. The entry does not have `age_band` (law.md section 5); it says for
which packs in force the person counted as a minor. So the bands that fit that are tried: where they all come to one
verdict it stands, where they do not it hangs on the age and is undetermined.
Never: guesses a fact. A context without a field, or with a word that does not exist, is undetermined as well.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from placet.permission.model.vocabulary import AgeBand, Verdict
from placet.permission.policy.context import ENUMS, FIELDS, Context
from placet.permission.policy.engine import Decision, Judge
from placet.permission.policy.errors import ContextInvalid
from placet.permission.policy.pack import Pack

AGE = "age_band"
_LOGGED = tuple(name for name in FIELDS if name != AGE)
_WORDS = {name: {member.value: member for member in kind} for name, kind in ENUMS.items()}


class LoggedPolicy(msgspec.Struct, frozen=True, gc=False):
    """A pack that a logged decision was made under."""

    id: str
    hash: str


class LoggedDecision(msgspec.Struct, frozen=True, gc=False):
    """What a `decision` entry says (ledger.md section 4), as far as it is decided again or explained."""

    i: int
    kind: str
    policies: tuple[LoggedPolicy, ...]
    context: dict[str, Any]
    verdict: Verdict
    permit: tuple[str, ...]
    forbid: tuple[str, ...]
    errors: tuple[str, ...]


read_decision = msgspec.json.Decoder(LoggedDecision).decode


def as_logged(decision: Decision) -> LoggedDecision:
    """Return a decision as its entry would say it; it has no position yet (0)."""
    return LoggedDecision(
        i=0,
        kind="decision",
        policies=tuple(LoggedPolicy(id=pack.id, hash=pack.hash) for pack in decision.policies),
        context=dict(decision.context),
        verdict=decision.verdict,
        permit=decision.permit,
        forbid=decision.forbid,
        errors=decision.errors,
    )


class Fate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of one decision. `forbid` and `errors` are those of every possible age, ascending."""

    verdict_then: Verdict
    forbid_then: tuple[str, ...]
    # None: undetermined, and then `hangs_on` names the fields that it hangs on.
    verdict: Verdict | None
    forbid: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    hangs_on: tuple[str, ...] = ()
    # Articles that forbid at some of the possible ages, not at all of them.
    perhaps: tuple[str, ...] = ()


class Redecider:
    """Decides again under `packs` (whatever their dates); `known` tells what packs of the log meant by a minor."""

    def __init__(self, packs: Iterable[Pack], known: Iterable[Pack] = ()) -> None:
        asked = tuple(packs)
        self._judge = Judge(asked)
        self._by_hash = {pack.hash: pack for pack in (*known, *asked)}
        self._by_id = {pack.id: pack for pack in asked}
        self._fitting: dict[tuple[tuple[LoggedPolicy, ...], tuple[str, ...]], tuple[AgeBand, ...]] = {}
        self._look_at_age = any(AGE in fields for pack in asked for fields in pack.looks_at.values())

    def meant(self, policy: LoggedPolicy) -> Pack | None:
        """Return the pack that tells whom a policy of the log counted as a minor; None: nobody knows.

        That very version if it is at hand; else, of the packs asked about, the one of the same id: one law under
        which the person was, or was not, a minor.
        """
        return self._by_hash.get(policy.hash) or self._by_id.get(policy.id)

    def fate(self, then: LoggedDecision) -> Fate:
        """Return what becomes of a decision."""
        try:
            facts = _facts(then.context)
        except ContextInvalid as error:
            return Fate(verdict_then=then.verdict, forbid_then=then.forbid, verdict=None, hangs_on=(error.field,))
        said = [self._judge.decide(Context(age_band=band, **facts)) for band in self._bands(then)]
        verdicts = {decision.verdict for decision in said}
        verdict = verdicts.pop() if len(verdicts) == 1 else None
        forbid = _in_all(decision.forbid for decision in said)
        return Fate(
            verdict_then=then.verdict,
            forbid_then=then.forbid,
            verdict=verdict,
            forbid=forbid,
            errors=_in_all(decision.errors for decision in said),
            hangs_on=() if verdict else (AGE,),
            perhaps=tuple(sorted({ident for decision in said for ident in decision.forbid}.difference(forbid))),
        )

    def _bands(self, then: LoggedDecision) -> tuple[AgeBand, ...]:
        """Return the age bands that fit what was logged; all of them if none does, one if no policy looks at them."""
        minor = then.context.get("minor")
        if not self._look_at_age:
            return (AgeBand.UNKNOWN,)
        if not isinstance(minor, list) or not all(isinstance(ident, str) for ident in minor):
            return tuple(AgeBand)
        told = then.policies, tuple(minor)
        if told not in self._fitting:
            self._fitting[told] = self._fit(*told) or tuple(AgeBand)
        return self._fitting[told]

    def _fit(self, policies: tuple[LoggedPolicy, ...], minor: tuple[str, ...]) -> tuple[AgeBand, ...]:
        meant = [(policy.id in minor, self.meant(policy)) for policy in policies]
        return tuple(
            band
            for band in AgeBand
            if all(pack is None or pack.counts_as_minor(band) is is_minor for is_minor, pack in meant)
        )


def _facts(logged: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a logged context. Raises ContextInvalid for one that is missing, wrong or unknown."""
    facts: dict[str, Any] = {}
    for name in _LOGGED:
        word = logged.get(name)
        words = _WORDS.get(name)
        value = word if words is None else words.get(word) if isinstance(word, str) else None
        if value is None or (words is None and not isinstance(word, bool)):
            raise ContextInvalid(name, f"the log has {word!r}.")
        facts[name] = value
    for name in sorted(logged.keys() - facts.keys() - {"minor"}):
        raise ContextInvalid(name, "there is no such field.")
    return facts


def _in_all(sides: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted(set.intersection(*(set(side) for side in sides))))
