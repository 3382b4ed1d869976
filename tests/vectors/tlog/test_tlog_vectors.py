"""The golden vectors are what the code writes today, and what an independent reading of the specifications expects."""

import base64
import hashlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from property.tlog import naive_tree as naive
from vectors.tlog import regenerate

from placet.tlog.checkpoint import open_checkpoint
from placet.tlog.cosignature import parse_verifier
from placet.tlog.errors import ProofError, TlogError
from placet.tlog.proof import verify_consistency, verify_inclusion

HERE = Path(__file__).parent
NAMES = ["hashing.json", "notes.json", "policies.json", "proofs.json", "tiles.json", "tlogproofs.json", "witness.json"]


def load(name: str) -> Any:
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def entry(index: int) -> bytes:
    return b"entry %d" % index


LEAVES = [naive.leaf(entry(index)) for index in range(13)]


@pytest.fixture(scope="module")
def regenerated() -> dict[str, str]:
    return regenerate.vectors()


def test_every_vector_file_is_regenerated(regenerated: dict[str, str]) -> None:
    assert sorted(regenerated) == NAMES == sorted(file.name for file in HERE.glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_vectors_are_fresh(regenerated: dict[str, str], name: str) -> None:
    assert (HERE / name).read_text(encoding="utf-8") == regenerated[name], (
        "a permanent format changed: undo the change (only new vectors may be added, by running regenerate.py)"
    )


def test_hashes_are_those_of_the_naive_tree() -> None:
    vectors = load("hashing.json")
    assert vectors["empty_root"] == naive.root([]).hex()
    for case in vectors["leaves"]:
        assert case["leaf"] == naive.leaf(bytes.fromhex(case["entry"])).hex()
    node = vectors["node"]
    assert node["node"] == naive.node(bytes.fromhex(node["left"]), bytes.fromhex(node["right"])).hex()
    for case in vectors["roots"]:
        assert case["root"] == naive.root(LEAVES[: case["size"]]).hex()


def test_proofs_are_those_of_the_naive_tree() -> None:
    vectors = load("proofs.json")
    for case in vectors["inclusion"]:
        assert case["proof"] == [one.hex() for one in naive.inclusion(case["index"], LEAVES[: case["size"]])]
    for case in vectors["consistency"]:
        old, size = case["old"], case["size"]
        expected = naive.consistency(old, LEAVES[:size]) if 0 < old < size else []
        assert case["proof"] == [one.hex() for one in expected]
    assert {case["reason"] for case in vectors["refused"]} == {
        "POSITION",
        "LEAF_COUNT",
        "HASH_LENGTH",
        "PROOF_SHORT",
        "PROOF_LONG",
        "ROOT_MISMATCH",
        "OLD_ROOT_MISMATCH",
    }


@pytest.mark.parametrize("case", load("proofs.json")["refused"], ids=lambda case: f"{case['verify']}: {case['case']}")
def test_refused_proofs_are_refused_as_written(case: dict[str, Any]) -> None:
    verifiers: dict[str, Callable[..., None]] = {
        "verify_inclusion": verify_inclusion,
        "verify_consistency": verify_consistency,
        "verify_run": regenerate.verify_run,
    }
    verify = verifiers[case["verify"]]
    arguments = {name: _read(case[name]) for name in inspect.signature(verify).parameters}
    with pytest.raises(ProofError) as refused:
        verify(**arguments)
    assert refused.value.reason == case["reason"]


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(one) for one in value]
    return bytes.fromhex(value) if isinstance(value, str) else value


@pytest.mark.parametrize("case", load("notes.json")["refused"], ids=lambda case: case["case"])
def test_refused_notes_are_refused_as_written(case: dict[str, Any]) -> None:
    vectors = load("notes.json")
    pinned = [parse_verifier(key["vkey"]) for key in vectors["keys"]]
    assert open_checkpoint(vectors["cosigned"]["note"], pinned).size == vectors["checkpoint"]["size"]
    with pytest.raises(TlogError) as refused:
        open_checkpoint(case["note"], pinned)
    assert refused.value.reason == case["reason"]


def test_range_proofs_lead_to_the_root_of_the_naive_tree() -> None:
    """Rebuilds the tree from left nodes, leaves and right nodes by position alone."""
    for case in load("proofs.json")["range"]:
        begin, end, size = case["begin"], case["end"], case["size"]
        known: dict[tuple[int, int], bytes] = {(at, at + 1): LEAVES[at] for at in range(begin, end)}
        known.update(_placed(0, begin, case["left"]))
        known.update(_placed(end, size, case["right"]))
        assert _root_from(known, 0, size) == naive.root(LEAVES[:size])


def _placed(at: int, end: int, nodes: list[str]) -> dict[tuple[int, int], bytes]:
    placed = {}
    for node in nodes:
        width = 1
        while at % (2 * width) == 0 and at + 2 * width <= end:
            width *= 2
        placed[at, at + width] = bytes.fromhex(node)
        at += width
    assert at == end
    return placed


def _root_from(known: dict[tuple[int, int], bytes], begin: int, end: int) -> bytes:
    if (begin, end) in known:
        return known[begin, end]
    middle = begin + naive.split(end - begin)
    return naive.node(_root_from(known, begin, middle), _root_from(known, middle, end))


def test_notes_are_signed_as_the_specification_says() -> None:
    vectors = load("notes.json")
    keys = {case["name"]: Ed25519PrivateKey.from_private_bytes(bytes.fromhex(case["seed"])) for case in vectors["keys"]}
    for case in vectors["keys"]:
        kind = b"\x04" if case["name"].startswith("witness") else b"\x01"
        public = kind + keys[case["name"]].public_key().public_bytes_raw()
        key_id = hashlib.sha256(case["name"].encode() + b"\n" + public).digest()[:4].hex()
        assert case["key_id"] == key_id
        assert case["vkey"] == f"{case['name']}+{key_id}+{base64.b64encode(public).decode()}"
    checkpoint = vectors["checkpoint"]
    root = base64.b64encode(bytes.fromhex(checkpoint["root"])).decode()
    assert checkpoint["text"] == f"{checkpoint['origin']}\n{checkpoint['size']}\n{root}\n"
    log_key, witness_key = vectors["keys"][0], vectors["keys"][2]
    signature = bytes.fromhex(log_key["key_id"]) + keys[log_key["name"]].sign(checkpoint["text"].encode())
    line = f"\u2014 {log_key['name']} {base64.b64encode(signature).decode()}\n"
    assert checkpoint["note"] == f"{checkpoint['text']}\n{line}"
    timestamp = vectors["cosigned"]["timestamp"]
    message = f"cosignature/v1\ntime {timestamp}\n{checkpoint['text']}".encode()
    blob = timestamp.to_bytes(8, "big") + keys[witness_key["name"]].sign(message)
    signature = bytes.fromhex(witness_key["key_id"]) + blob
    line = f"\u2014 {witness_key['name']} {base64.b64encode(signature).decode()}\n"
    assert vectors["cosigned"]["note"] == checkpoint["note"] + line


def test_tiles_are_the_hashes_of_the_naive_tree() -> None:
    log = load("tiles.json")["log"]
    leaves = [naive.leaf(entry(index)) for index in range(log["size"])]
    level_1 = [naive.root(leaves[at : at + 256]) for at in range(0, 273 * 256, 256)]
    expected = {
        "tile/0/000": leaves[:256],
        "tile/0/001": leaves[256:512],
        "tile/0/273.p/112": leaves[273 * 256 :],
        "tile/1/000": level_1[:256],
        "tile/1/001.p/17": level_1[256:],
        "tile/2/000.p/1": [naive.root(level_1[:256])],
    }
    for path, hashes in expected.items():
        assert log["files"][path] == hashlib.sha256(b"".join(hashes)).hexdigest()
    entries = b"".join(len(entry(at)).to_bytes(2, "big") + entry(at) for at in range(273 * 256, log["size"]))
    assert log["files"]["tile/entries/273.p/112"] == hashlib.sha256(entries).hexdigest()
    assert len(log["files"]) == len(expected) + 1
    assert log["root"] == naive.root(leaves).hex()


def test_what_a_witness_answers() -> None:
    """The request is laid out as the specification says, and each case has its status code."""
    vectors = load("witness.json")
    assert vectors["origin_hash"] == hashlib.sha256(b"log.example/retailer").hexdigest()
    cases = {case["case"]: case for case in vectors["cases"]}
    proof = [base64.b64encode(one).decode() for one in naive.consistency(7, LEAVES)]
    lines = cases["the log has grown"]["body"].split("\n")
    root = base64.b64encode(naive.root(LEAVES)).decode()
    assert lines[: len(proof) + 5] == ["old 7", *proof, "", "log.example/retailer", "13", root]
    statuses = [case["status"] for case in vectors["cases"]]
    assert statuses == [200, 200, 409, 409, 400, 409, 422, 422, 403, 404, 400]
    assert [case["size"] for case in vectors["cases"] if case["status"] == 409] == [7, 7, None]
