"""The golden vectors are what the code writes today; a second verifier, written from the design, agrees with them."""

import base64
import json
from pathlib import Path

import pytest
from vectors.evidence import independent, regenerate

from placet.evidence.bundle import format_evidence, parse_evidence
from placet.evidence.canonical import b64url, decode, encode, unb64url
from placet.evidence.entries import encode_entry, parse_entry
from placet.evidence.errors import CanonicalError, VerifyError
from placet.evidence.replay import Replay
from placet.evidence.terms import SECOND, Kind
from placet.evidence.verify import Verifier, verify_bundle
from placet.permit.claims import claims_of
from placet.permit.keys import parse_jwks
from placet.permit.verify import Expected, verify
from placet.tlog.checkpoint import open_checkpoint
from placet.tlog.hashing import leaf_hash
from placet.tlog.note import Verifier as NoteVerifier

HERE = Path(__file__).parent


def load(name):
    return json.loads((HERE / name).read_text(encoding="utf-8"))


LOG, EVIDENCE, REFUSED = load("log.json"), load("evidence.json"), load("refused.json")
VERIFIERS = [NoteVerifier.parse(LOG["vkey"])]


@pytest.mark.parametrize("name", regenerate.FILES)
def test_the_code_writes_the_golden_vectors(name):
    written = json.dumps(regenerate.FILES[name](), ensure_ascii=False, indent=1) + "\n"
    assert written == (HERE / name).read_text(encoding="utf-8"), "a permanent format has changed: undo that"


def test_canonical_values_have_their_text():
    golden = load("canonical.json")
    for example in golden["values"]:
        assert encode(example["value"]) == example["text"].encode()
        assert decode(example["text"].encode()) == example["value"]
    for text in golden["refused_base64"]:
        with pytest.raises(CanonicalError):
            decode(base64.b64decode(text))


def test_the_log_has_every_kind_of_entry_and_replays():
    replay = Replay(LOG["origin"])
    for golden in LOG["entries"]:
        data = golden["text"].encode()
        entry = replay.feed(data)
        assert encode_entry(entry) == data
        assert (entry.i, entry.kind, leaf_hash(data).hex()) == (golden["index"], golden["kind"], golden["leaf"])
    assert {golden["kind"] for golden in LOG["entries"]} == set(Kind)
    checkpoint = open_checkpoint(LOG["checkpoint"], VERIFIERS)
    assert (replay.size, replay.root()) == (checkpoint.size, checkpoint.root)
    assert (LOG["size"], LOG["root"]) == (replay.size, replay.root().hex())


def test_the_chain_is_that_of_the_design():
    prev = bytes(32)
    for golden in LOG["entries"]:
        entry = json.loads(golden["text"])
        assert unb64url(entry["prev"]) == prev
        prev = independent.sha256(b"\0" + golden["text"].encode())
        assert prev.hex() == golden["leaf"]
    first, second = (json.loads(golden["text"]) for golden in LOG["entries"][:2])
    assert (first["kind"], first["type"], sorted(first["data"])) == ("record", "log.created", ["origin", "vkey"])
    assert (second["prev_state"], second["covers"], second["bases"]) == (None, [0, 1], 0)
    assert second["status_root"] == b64url(independent.sha256(b""))


@pytest.mark.parametrize("name", EVIDENCE)
def test_evidence_verifies_as_it_did(name):
    golden = EVIDENCE[name]
    text = json.dumps(golden["evidence"], ensure_ascii=False)
    report = Verifier(VERIFIERS).verify(text)
    assert report.verdict == golden["verdict"]
    assert list(report.reasons) == golden["reasons"]
    assert [statement.saying for statement in report.proven] == golden["proven"]
    assert [statement.saying for statement in report.unproven] == golden["unproven"]
    assert json.loads(format_evidence(parse_evidence(text))) == golden["evidence"]


@pytest.mark.parametrize("name", EVIDENCE)
def test_a_second_verifier_agrees(name):
    golden = EVIDENCE[name]["evidence"]
    if name.startswith("fraud"):
        independent.check_fraud(golden, LOG["vkey"])
    elif name == "receipt":
        assert independent.check_receipt(golden, LOG["vkey"])[0]["i"] == LOG["events"]["withdrawn"]
    else:
        event = independent.check_bundle(golden, LOG["vkey"])
        assert (event["i"], event["verdict"]) == (LOG["events"][name], EVIDENCE[name]["verdict"])


@pytest.mark.parametrize("name", REFUSED)
def test_what_was_refused_is_refused(name):
    golden = REFUSED[name]
    with pytest.raises(VerifyError) as caught:
        Verifier(VERIFIERS).verify(json.dumps(golden["evidence"]))
    assert (caught.value.reason, caught.value.field) == (golden["reason"], golden["field"])


@pytest.mark.parametrize("name", [name for name in REFUSED if not name.startswith(("receipt", "fraud"))])
def test_a_second_verifier_refuses_them_too(name):
    with pytest.raises((AssertionError, LookupError, TypeError)):
        independent.check_bundle(REFUSED[name]["evidence"], LOG["vkey"])


def test_digests_are_as_the_design_says():
    golden = load("digests.json")
    committed = golden["commitment"]
    record = json.dumps(committed["record"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert independent.sha256(bytes.fromhex(committed["salt"]) + record).hex() == committed["commitment"]
    data, message = golden["approval"]["data"], bytes.fromhex(golden["approval"]["message"])
    assert message == b"".join(
        [
            b"placet/approval/v1\0log.example/bank\0legal\0",
            bytes.fromhex(golden["grant"]["legal_permission"]),
            data["expires"].to_bytes(8, "big"),
        ]
    )
    assert golden["status"]["roots_of_0_to_5_bases_granted_at_2_12_22"][0] == independent.sha256(b"").hex()


def test_the_permit_verifies():
    golden = load("permit.json")
    event = json.loads(LOG["entries"][LOG["events"]["allowed"]]["text"])
    expected = Expected(issuer="https://placet.example", audience="urn:placet:vault:bank", controller="bank")
    thumbprint = golden["claims"]["cnf"]["x5t#S256"]
    claims = verify(golden["token"], parse_jwks(golden["jwks"]), expected, now=event["t"], certificate=thumbprint)
    assert claims == claims_of(golden["claims"])
    assert claims.exp * SECOND <= event["permit"]["not_after"]


def test_golden_bundles_are_of_the_size_the_design_promises():
    for golden in EVIDENCE.values():
        assert len(json.dumps(golden["evidence"], separators=(",", ":"))) < 10 * 1024


def test_a_bundle_is_bound_to_its_log():
    bundle = json.dumps(EVIDENCE["allowed"]["evidence"])
    other = LOG["vkey"].replace("bank", "banc")
    with pytest.raises(Exception, match="key id"):
        NoteVerifier.parse(other)
    with pytest.raises(VerifyError):
        verify_bundle(bundle, [])


def test_entries_in_bundles_are_those_of_the_log():
    for name, index in LOG["events"].items():
        if name in EVIDENCE:
            entry = base64.b64decode(EVIDENCE[name]["evidence"]["event"]["entry"])
            assert entry.decode() == LOG["entries"][index]["text"]
            assert parse_entry(entry).i == index
