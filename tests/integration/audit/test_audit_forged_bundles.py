"""Bundles of the production log with one part dropped, moved, altered or added: each is refused for the right reason.

A forger may do everything but sign: where the status can be made to fit what is left, that is done too. Each forgery is
tried on a fresh verifier and on one that has verified the honest bundle just before and remembers its parts.
"""

import base64
import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from integration.audit.bundle_story import Story
from integration.audit.rig import Rig
from integration.audit.test_audit_bundles import EVENTS

from placet.evidence import judging, proving
from placet.evidence.errors import BundleError, EvidenceError, VerifyError
from placet.evidence.judging import Judge
from placet.evidence.verify import Verifier
from placet.evidence.words import Saying
from placet.tlog.note import Verifier as NoteVerifier

Json = dict[str, Any]
Forgery = tuple[str, Json, str]
MALFORMED = "FIELD_INVALID"


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One log for all."""
    made = Rig(tmp_path_factory.mktemp("forged"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def honest(rig: Rig) -> dict[str, Json]:
    """The honest bundles of its story."""
    story = Story(rig).tell()
    return {name: json.loads(story.bundle(name)) for name in story.events}


@pytest.fixture(scope="module")
def warm(rig: Rig) -> Verifier:
    """A verifier that has seen much."""
    return Verifier([NoteVerifier.parse(rig.log.vkey)])


# Where the parts are.


def proven_entries(bundle: Json) -> Iterator[tuple[str, Callable[[Json], Json]]]:
    """Every proven entry: its path, and how to find it in a copy."""
    for name in ("event", "decision", "state"):
        yield name, lambda obj, name=name: obj[name]  # type: ignore[misc]
    for place in range(len(bundle["uses"])):
        yield f"uses[{place}]", lambda obj, place=place: obj["uses"][place]  # type: ignore[misc]
    for at, basis in enumerate(bundle["bases"]):
        yield f"bases[{at}].grant", lambda obj, at=at: obj["bases"][at]["grant"]  # type: ignore[misc]
        if basis["withdraw"]:
            yield f"bases[{at}].withdraw", lambda obj, at=at: obj["bases"][at]["withdraw"]  # type: ignore[misc]
        for part in ("amends", "approvals"):
            for place in range(len(basis[part])):
                yield (
                    f"bases[{at}].{part}[{place}]",
                    lambda obj, at=at, part=part, place=place: obj["bases"][at][part][place],  # type: ignore[misc]
                )


def lists(bundle: Json) -> Iterator[tuple[str, Callable[[Json], list[Any]], Saying]]:
    """Every list of parts, and why it is refused when something in it is missing or moved."""
    yield "bases", lambda obj: obj["bases"], Saying.WRONG_BASES
    for at in range(len(bundle["bases"])):
        yield f"bases[{at}].amends", lambda obj, at=at: obj["bases"][at]["amends"], Saying.WRONG_CHANGE  # type: ignore[misc]
        yield (
            f"bases[{at}].approvals",
            lambda obj, at=at: obj["bases"][at]["approvals"],  # type: ignore[misc]
            Saying.WRONG_APPROVALS,
        )


def fitted(basis: Json) -> None:
    """Make the status say what the amends and the withdraw that are left give."""
    history = bytes(32)
    for change in [*basis["amends"], *([basis["withdraw"]] if basis["withdraw"] else [])]:
        leaf = hashlib.sha256(b"\0" + base64.b64decode(change["entry"])).digest()
        history = hashlib.sha256(history + leaf).digest()
    basis["status"]["history"] = base64.b64encode(history).decode()
    basis["status"]["ended"] = basis["withdraw"]["index"] if basis["withdraw"] else None


def flipped(text: str, at: int) -> str:
    """Base64 with a bit of its bytes changed."""
    data = bytearray(base64.b64decode(text))
    data[at % len(data)] ^= 1
    return base64.b64encode(data).decode()


# The forgeries: what was done, the bundle, and the reason for which it must be refused.


def dropped(bundle: Json) -> Iterator[Forgery]:
    for key in ("format", "checkpoint", "event", "decision", "bases", "state"):
        forged = copy.deepcopy(bundle)
        del forged[key]
        yield f"no {key}", forged, MALFORMED
    for path, find, saying in lists(bundle):
        for place in range(len(find(bundle))):
            forged = copy.deepcopy(bundle)
            del find(forged)[place]
            yield f"{path}[{place}] left out", forged, Saying.WRONG_STATUS if "amends" in path else saying
    for at, basis in enumerate(bundle["bases"]):
        yield from _changes_left_out(bundle, at, basis)


def _changes_left_out(bundle: Json, at: int, basis: Json) -> Iterator[Forgery]:
    if basis["withdraw"]:
        forged = copy.deepcopy(bundle)
        forged["bases"][at]["withdraw"] = None
        yield f"the withdraw of bases[{at}] left out", forged, Saying.WRONG_STATUS
        forged = copy.deepcopy(forged)
        fitted(forged["bases"][at])
        yield f"the withdraw of bases[{at}] left out, status fitted", forged, Saying.WRONG_STATUS_PROOF
    for place in range(len(basis["amends"])):
        forged = copy.deepcopy(bundle)
        del forged["bases"][at]["amends"][place]
        fitted(forged["bases"][at])
        yield f"amend {place} of bases[{at}] left out, status fitted", forged, Saying.WRONG_STATUS_PROOF


def moved(bundle: Json) -> Iterator[Forgery]:
    for path, find, saying in (*lists(bundle), ("uses", lambda obj: obj["uses"], Saying.WRONG_USE)):
        if len(find(bundle)) > 1:
            forged = copy.deepcopy(bundle)
            find(forged).reverse()
            yield f"{path} reversed", forged, saying
    for path, find in proven_entries(bundle):
        forged = copy.deepcopy(bundle)
        find(forged)["proof"].reverse()
        yield f"proof of {path} reversed", forged, Saying.WRONG_INCLUSION


def altered(bundle: Json) -> Iterator[Forgery]:
    for path, find in proven_entries(bundle):
        entry = find(bundle)
        for what, part, value in (
            ("another byte", "entry", flipped(entry["entry"], 100)),
            ("a longer entry", "entry", base64.b64encode(base64.b64decode(entry["entry"]) + b" ").decode()),
            ("the next index", "index", entry["index"] + 1),
            ("another hash", "proof", [flipped(entry["proof"][0], 0), *entry["proof"][1:]]),
            ("a hash less", "proof", entry["proof"][:-1]),
            ("a hash more", "proof", [*entry["proof"], entry["proof"][-1]]),
        ):
            forged = copy.deepcopy(bundle)
            find(forged)[part] = value
            named = part == "index" and "approvals" in path  # the grant names the indexes of its approvals
            yield f"{path}: {what}", forged, Saying.WRONG_APPROVALS if named else Saying.WRONG_INCLUSION
    yield from _status_altered(bundle)
    yield from _checkpoint_altered(bundle)


def _status_altered(bundle: Json) -> Iterator[Forgery]:
    for at, basis in enumerate(bundle["bases"]):
        status = basis["status"]
        for part, value, saying in (
            ("ordinal", status["ordinal"] + 1, Saying.WRONG_STATUS),
            ("granted", status["granted"] + 1, Saying.WRONG_STATUS),
            ("ended", 7 if status["ended"] is None else None, Saying.WRONG_STATUS),
            ("history", flipped(status["history"], 0), Saying.WRONG_STATUS),
            ("proof", status["proof"][1:], Saying.WRONG_STATUS_PROOF),
            ("proof", [flipped(status["proof"][0], 0), *status["proof"][1:]], Saying.WRONG_STATUS_PROOF),
        ):
            forged = copy.deepcopy(bundle)
            forged["bases"][at]["status"][part] = value
            yield f"bases[{at}].status.{part}", forged, saying


def _checkpoint_altered(bundle: Json) -> Iterator[Forgery]:
    origin, size, root, empty, signature, end = bundle["checkpoint"].split("\n")
    name, _, blob = signature.rpartition(" ")
    for what, lines in (
        ("another log", [f"{origin}2", size, root, empty, signature, end]),
        ("one entry more", [origin, str(int(size) + 1), root, empty, signature, end]),
        ("another root", [origin, size, flipped(root, 5), empty, signature, end]),
        ("another signature", [origin, size, root, empty, f"{name} {flipped(blob, 40)}", end]),
        ("no signature", [origin, size, root, empty, end]),
    ):
        yield f"checkpoint: {what}", {**bundle, "checkpoint": "\n".join(lines)}, Saying.WRONG_CHECKPOINT


def added(bundle: Json, others: dict[str, Json]) -> Iterator[Forgery]:
    strange = next(one for one in others.values() if one["event"] != bundle["event"] and one["uses"])
    yield "a use of another event", {**bundle, "uses": [*bundle["uses"], strange["uses"][0]]}, Saying.WRONG_USE
    yield "a use that is an event", {**bundle, "uses": [bundle["event"]]}, Saying.WRONG_KIND
    yield "a basis of another event", {**bundle, "bases": [*bundle["bases"], strange["bases"][0]]}, Saying.WRONG_BASES
    yield "an unknown key", {**bundle, "note": "trust me"}, MALFORMED
    for at, basis in enumerate(bundle["bases"]):
        for place, amend in enumerate(basis["amends"]):
            forged = copy.deepcopy(bundle)
            forged["bases"][at]["amends"].insert(place, amend)
            yield f"amend {place} of bases[{at}] twice", forged, Saying.WRONG_CHANGE


def forgeries(name: str, honest: dict[str, Json]) -> Iterator[Forgery]:
    bundle = honest[name]
    others = {other: made for other, made in honest.items() if other != name}
    yield from dropped(bundle)
    yield from moved(bundle)
    yield from altered(bundle)
    yield from added(bundle, others)


@pytest.mark.parametrize("name", EVENTS)
def test_every_forgery_is_refused_for_its_reason(rig: Rig, honest: dict[str, Json], warm: Verifier, name: str) -> None:
    assert warm.verify(json.dumps(honest[name])).index == honest[name]["event"]["index"]
    tried = 0
    for what, forged, reason in forgeries(name, honest):
        for verifier in (warm, Verifier([NoteVerifier.parse(rig.log.vkey)])):
            with pytest.raises((BundleError, VerifyError)) as caught:
                verifier.verify(json.dumps(forged))
            assert caught.value.reason == reason, (what, caught.value.diagnostics())
            assert caught.value.field
            assert len(str(caught.value)) > 10
        tried += 1
    assert tried > 30


@pytest.mark.parametrize("name", ["plain", "guarded"])
def test_uses_may_be_left_out_and_the_report_says_so(honest: dict[str, Json], warm: Verifier, name: str) -> None:
    for uses in ([], honest[name]["uses"][:1]):
        report = warm.verify(json.dumps({**honest[name], "uses": uses}))
        assert Saying.UNPROVEN_USE_COUNT in [statement.saying for statement in report.unproven]


# With a protection switched off its forgery passes: it is this protection that refuses it, and nothing else.


def accepted(rig: Rig, forged: Json) -> bool:
    try:
        Verifier([NoteVerifier.parse(rig.log.vkey)]).verify(json.dumps(forged))
    except EvidenceError:
        return False
    return True


def test_control_the_signed_status_root_keeps_a_withdraw_in(
    rig: Rig, honest: dict[str, Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = copy.deepcopy(honest["plain"])
    forged["bases"][0]["withdraw"] = None
    forged["uses"] = forged["uses"][:3]  # the one after the withdrawal would give it away
    fitted(forged["bases"][0])
    assert not accepted(rig, forged)
    monkeypatch.setattr(judging, "prove_status", lambda *_: None)
    assert accepted(rig, forged)


def test_control_the_history_keeps_an_amend_in(
    rig: Rig, honest: dict[str, Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = copy.deepcopy(honest["amended"])
    del forged["bases"][0]["amends"][2]
    assert not accepted(rig, forged)
    monkeypatch.setattr(Judge, "_require_status", lambda *_: None)
    assert accepted(rig, forged)


def test_control_inclusion_keeps_an_entry_as_it_was(
    rig: Rig, honest: dict[str, Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = copy.deepcopy(honest["forbidden"])
    entry = base64.b64decode(forged["event"]["entry"]).replace(b'"device":"counter-1"', b'"device":"counter-2"')
    forged["event"]["entry"] = base64.b64encode(entry).decode()
    assert not accepted(rig, forged)
    monkeypatch.setattr(proving, "verify_inclusion", lambda *_: None)
    assert accepted(rig, forged)


def test_control_the_rules_refuse_what_the_operator_would_have_signed(
    rig: Rig, honest: dict[str, Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A legal permission whose approval is of another draft: only running the rules again notices."""
    forged = copy.deepcopy(honest["legal"])
    entry = base64.b64decode(forged["bases"][0]["grant"]["entry"]).replace(b'"law":"cn-2025"', b'"law":"cn-2026"')
    forged["bases"][0]["grant"]["entry"] = base64.b64encode(entry).decode()
    monkeypatch.setattr(proving, "verify_inclusion", lambda *_: None)  # as if it had been signed like that
    assert not accepted(rig, forged)
    monkeypatch.setattr(Judge, "_replay", lambda *_: None)
    assert accepted(rig, forged)
