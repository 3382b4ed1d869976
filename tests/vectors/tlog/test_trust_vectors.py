"""The golden `.tlog-proof` files and policies: what the code reads in them, and what the specifications say of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from vectors.tlog import independent
from vectors.tlog.test_tlog_vectors import entry

from placet.tlog.cosignature import parse_verifier
from placet.tlog.errors import PolicyError, TlogError
from placet.tlog.hashing import leaf_hash
from placet.tlog.policy import parse_policy
from placet.tlog.tlogproof import format_tlog_proof, parse_tlog_proof, verify_tlog_proof

HERE = Path(__file__).parent
PROOFS = json.loads((HERE / "tlogproofs.json").read_text(encoding="utf-8"))
POLICIES = json.loads((HERE / "policies.json").read_text(encoding="utf-8"))
VKEY = json.loads((HERE / "notes.json").read_text(encoding="utf-8"))["keys"][0]["vkey"]


@pytest.mark.parametrize("golden", PROOFS["proofs"], ids=lambda golden: f"{golden['index']} of {golden['size']}")
def test_golden_proofs_verify_here_and_by_the_specification(golden: dict[str, Any]) -> None:
    proof = parse_tlog_proof(golden["text"])
    assert (proof.index, proof.extra.hex(), proof.checkpoint) == (
        golden["index"],
        golden["extra"],
        golden["checkpoint"],
    )
    assert format_tlog_proof(proof) == golden["text"]
    leaf = leaf_hash(entry(golden["index"]))
    assert verify_tlog_proof(proof, leaf, [parse_verifier(VKEY)]).size == golden["size"]
    found = independent.check_tlog_proof(golden["text"], entry(golden["index"]), VKEY)
    assert found == (golden["index"], golden["size"])


@pytest.mark.parametrize("golden", PROOFS["refused"], ids=lambda golden: golden["case"])
def test_refused_proofs_are_refused_for_the_reason_written(golden: dict[str, Any]) -> None:
    with pytest.raises(TlogError) as refused:
        parse_tlog_proof(golden["text"])
    assert refused.value.reason == golden["reason"]


@pytest.mark.parametrize("golden", POLICIES["policies"], ids=lambda golden: golden["text"].split()[-1])
def test_golden_policies_are_reached_by_whom_the_specification_says(golden: dict[str, Any]) -> None:
    policy = parse_policy(golden["text"].encode())
    assert {one["reached"] for one in golden["cosigned"]}
    for one in golden["cosigned"]:
        assert policy.reached_by(one["by"]) is one["reached"]
        assert independent.quorum_reached(golden["text"], set(one["by"])) is one["reached"]


@pytest.mark.parametrize("golden", POLICIES["refused"], ids=lambda golden: golden["case"])
def test_refused_policies_name_the_line(golden: dict[str, Any]) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_policy(golden["text"])
    assert (refused.value.line, refused.value.reason) == (golden["line"], golden["reason"])
