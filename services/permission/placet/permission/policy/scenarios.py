"""A law's own tests: scenarios with the verdict and the articles that they expect.

Owns: the form of law.md section 5 (as parsed YAML: what parses the text is the caller's affair), its strict reading,
and the comparison with what the packs say. Never: reads files, a clock or the dates of packs: a scenario asks what a
law says, also of one that is not yet or no longer in force.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from placet.permission.model.vocabulary import Verdict
from placet.permission.policy.context import Context, from_words, lawful
from placet.permission.policy.engine import Decision, judge
from placet.permission.policy.errors import ContextInvalid, PackInvalid, ScenarioInvalid
from placet.permission.policy.pack import Pack, load_shipped

# YAML 1.1 reads these unquoted age bands as whole numbers: 14_15 is 1415.
_BANDS_AS_NUMBERS = {13: "13", 1415: "14_15", 1617: "16_17"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """What a scenario expects. `permit` and `forbid` are prefixes of article ids, up to a dash or the end."""

    verdict: Verdict
    permit: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    # No other article than those in `forbid` forbids.
    only: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """One case: a complete context and what is expected of it."""

    name: str
    context: Context
    expect: Expectation


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """A scenario file: the packs it is about, in its order, and its cases."""

    packs: tuple[str, ...]
    scenarios: tuple[Scenario, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What became of one scenario; `differences` is empty when it passed, else one sentence for each."""

    scenario: Scenario
    decision: Decision
    differences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.differences


def run(document: object, load: Callable[[str], Pack] = load_shipped) -> list[Result]:
    """Read a scenario file (parsed YAML) and ask its packs. `load` finds a pack by id.

    Raises ScenarioInvalid naming the place in the file, PackInvalid when a pack does not load.
    """
    suite = parse(document)
    return check(suite, load_all(suite, load))


def load_all(suite: Suite, load: Callable[[str], Pack] = load_shipped) -> list[Pack]:
    """Return the packs that the file names, in its order. Raises as `run` does."""
    return [_loaded(name, load) for name in suite.packs]


def check(suite: Suite, packs: Sequence[Pack]) -> list[Result]:
    """Return one result for each scenario, in the order of the file."""
    results = []
    for scenario in suite.scenarios:
        decision = judge(packs, scenario.context)
        differences = tuple(_differences(scenario.expect, decision))
        results.append(Result(scenario=scenario, decision=decision, differences=differences))
    return results


def names(prefix: str, article: str) -> bool:
    """Tell whether `prefix` names `article`: equal, or up to a dash. `cn-2025/art-1` does not name `cn-2025/art-13`."""
    return article == prefix or article.startswith(f"{prefix}-")


class _Place(NamedTuple):
    """Where in a file: in words, and as the keys and numbers that lead there."""

    words: str
    path: tuple[str | int, ...] = ()

    def at(self, key: str | int, words: str) -> "_Place":
        return _Place(words, (*self.path, key))

    def wrong(self, why: str) -> ScenarioInvalid:
        return ScenarioInvalid(self.words, why, path=self.path)


_FILE = _Place("the file")


def parse(document: object) -> Suite:
    """Read a scenario file strictly; fields left out take the values of the lawful base. Raises ScenarioInvalid."""
    top = _mapping(_FILE, document, {"packs", "given", "scenarios"}, required={"packs", "scenarios"})
    at_packs, at_scenarios = _FILE.at("packs", "packs"), _FILE.at("scenarios", "scenarios")
    packs = _words(at_packs, top["packs"])
    if not packs or len(set(packs)) != len(packs):
        raise at_packs.wrong("name at least one pack, and each once.")
    base = _changed(_FILE.at("given", "given"), lawful(), top.get("given"))
    cases = top["scenarios"]
    if not isinstance(cases, list) or not cases:
        raise at_scenarios.wrong("give a list of at least one scenario.")
    scenarios = tuple(
        _scenario(at_scenarios.at(number, f"scenario {number + 1}"), base, case) for number, case in enumerate(cases)
    )
    return Suite(packs=packs, scenarios=scenarios)


def _scenario(place: _Place, base: Context, case: object) -> Scenario:
    parts = _mapping(place, case, {"name", "given", "expect"}, required={"name", "expect"})
    name = parts["name"]
    if not isinstance(name, str) or not name:
        raise place.at("name", f"{place.words}, name").wrong(f"{name!r} is no name.")
    words = f"{place.words} ({name})"
    context = _changed(place.at("given", f"{words}, given"), base, parts.get("given"))
    return Scenario(
        name=name, context=context, expect=_expectation(place.at("expect", f"{words}, expect"), parts["expect"])
    )


def _expectation(place: _Place, expect: object) -> Expectation:
    def at(key: str) -> _Place:
        return place.at(key, f"{place.words}.{key}")

    parts = _mapping(place, expect, {"verdict", "permit", "forbid", "only"}, required={"verdict"})
    verdict, only = parts["verdict"], parts.get("only", False)
    if verdict not in ("allow", "deny"):
        raise at("verdict").wrong(f"{verdict!r} is neither allow nor deny.")
    if not isinstance(only, bool):
        raise at("only").wrong(f"{only!r} is neither true nor false.")
    return Expectation(
        verdict=Verdict(verdict),
        permit=_words(at("permit"), parts.get("permit", [])),
        forbid=_words(at("forbid"), parts.get("forbid", [])),
        only=only,
    )


def _changed(place: _Place, base: Context, given: object) -> Context:
    """Return `base` with the fields under a `given` key changed."""
    if given is None:
        return base
    words = _mapping(place, given, None, required=set())
    band = words.get("age_band")
    if type(band) is int:
        words = {**words, "age_band": _BANDS_AS_NUMBERS.get(band, band)}
    try:
        return from_words(words, base=base)
    except ContextInvalid as error:
        raise place.at(error.field, place.words).wrong(str(error)) from error


def _mapping(place: _Place, value: object, allowed: set[str] | None, *, required: set[str]) -> Mapping[str, object]:
    """Return `value` as a mapping with only `allowed` keys (any if None) and all `required` ones."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise place.wrong("a mapping of names to values is expected here.")
    unknown = sorted(value.keys() - allowed) if allowed is not None else []
    if unknown:
        known = ", ".join(sorted(allowed or ()))
        raise place.at(unknown[0], place.words).wrong(f"unknown key {unknown[0]!r}; there are {known}.")
    missing = sorted(required - value.keys())
    if missing:
        raise place.wrong(f"the key {missing[0]!r} is missing.")
    return value


def _words(place: _Place, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) and word for word in value):
        raise place.wrong(f"{value!r} is no list of names.")
    return tuple(value)


def _loaded(name: str, load: Callable[[str], Pack]) -> Pack:
    """Return the pack; a name that is no folder of ours is a fault of the file."""
    at = _FILE.at("packs", "packs")
    if "/" in name or "\\" in name or name.startswith(".") or not name.isprintable():
        raise at.wrong(f"{name!r} is no pack id.")
    try:
        return load(name)
    except PackInvalid as error:
        if error.file == ".":
            raise at.wrong(f"there is no pack {name!r}.") from error
        raise


def _differences(expect: Expectation, decision: Decision) -> Iterator[str]:
    """Yield one sentence for each way in which the decision is not as expected."""
    if decision.verdict is not expect.verdict:
        yield f"expected {expect.verdict}, got {decision.verdict} ({_said(decision)})"
    for side, wanted, got in (("permit", expect.permit, decision.permit), ("forbid", expect.forbid, decision.forbid)):
        for prefix in wanted:
            if not any(names(prefix, article) for article in got):
                yield f"{prefix} does not {side} ({side}: {_listed(got)})"
    if expect.only:
        others = [article for article in decision.forbid if not any(names(p, article) for p in expect.forbid)]
        if others:
            yield f"other articles forbid as well: {_listed(others)}"


def _said(decision: Decision) -> str:
    trouble = f"; errors: {_listed(decision.errors)}" if decision.errors else ""
    return f"permit: {_listed(decision.permit)}; forbid: {_listed(decision.forbid)}{trouble}"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "none"
