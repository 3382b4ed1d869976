"""`.tlog-proof` files: written and read back, and verified only under a pinned key and for the right leaf."""

from dataclasses import replace

import pytest

from placet.tlog.checkpoint import Checkpoint, sign_checkpoint
from placet.tlog.cosignature import CosignatureSigner, CosignatureVerifier
from placet.tlog.errors import CheckpointError, NoteError, ProofError, TlogProofError
from placet.tlog.hashing import leaf_hash
from placet.tlog.note import Signer, Verifier, add_signatures
from placet.tlog.proof import inclusion_proof
from placet.tlog.tlogproof import MAX_EXTRA_BYTES, TlogProof, format_tlog_proof, parse_tlog_proof, verify_tlog_proof
from placet.tlog.tree import LevelTree

LOG = Signer.from_seed("log.example/a", b"a" * 32)
KEYS = [Verifier(LOG.vkey)]
LEAVES = [leaf_hash(b"entry %d" % index) for index in range(7)]
TREE = LevelTree.from_leaves(b"".join(LEAVES))
NOTE = sign_checkpoint(Checkpoint(origin="log.example/a", size=7, root=TREE.root()), LOG)


def proof_of(index: int = 5, **changes: object) -> TlogProof:
    fields: dict[str, object] = {
        "index": index,
        "hashes": tuple(inclusion_proof(index, 7, TREE)),
        "checkpoint": NOTE,
    }
    return TlogProof(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("index", range(7))
def test_what_is_written_is_read_and_verifies(index: int) -> None:
    text = format_tlog_proof(proof_of(index, extra=b"x" * index))
    read = parse_tlog_proof(text)
    assert read == proof_of(index, extra=b"x" * index)
    assert verify_tlog_proof(read, LEAVES[index], KEYS).size == 7
    assert ("\nextra " in text) is (index > 0)


def test_the_text_is_that_of_the_specification() -> None:
    lines = format_tlog_proof(proof_of(extra=b"hi")).split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra aGk=", "index 5"]
    assert lines[6] == ""
    assert "\n".join(lines[7:]) == NOTE


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"index": -1}, "INDEX"),
        ({"index": 2**63 - 1}, "INDEX"),
        ({"hashes": (bytes(31),)}, "HASHES"),
        ({"hashes": (bytes(32),) * 64}, "HASHES"),
        ({"extra": bytes(MAX_EXTRA_BYTES + 1)}, "EXTRA"),
    ],
    ids=str,
)
def test_what_cannot_be_a_proof_is_none(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(TlogProofError) as refused:
        TlogProof(**({"index": 5, "hashes": (), "checkpoint": NOTE} | changes))  # type: ignore[arg-type]
    assert refused.value.reason == reason


def test_a_checkpoint_is_a_signed_note() -> None:
    with pytest.raises(NoteError):
        proof_of(checkpoint="log.example/a\n7\n")


def test_another_leaf_index_or_path_is_refused() -> None:
    with pytest.raises(ProofError):
        verify_tlog_proof(proof_of(), LEAVES[4], KEYS)
    for changed in (replace(proof_of(), index=4), replace(proof_of(), index=7), replace(proof_of(), hashes=())):
        with pytest.raises(ProofError):
            verify_tlog_proof(changed, LEAVES[5], KEYS)


def test_another_key_or_a_witness_alone_proves_nothing() -> None:
    with pytest.raises(NoteError):
        verify_tlog_proof(proof_of(), LEAVES[5], [Verifier(Signer.from_seed("log.example/a", b"b" * 32).vkey)])
    witness = CosignatureSigner.from_seed("witness.example", b"w" * 32)
    cosigned = proof_of(checkpoint=add_signatures(NOTE, [witness.cosign(NOTE, timestamp=1).line()]))
    with pytest.raises(CheckpointError):
        verify_tlog_proof(cosigned, LEAVES[5], [CosignatureVerifier(witness.vkey)])
    assert verify_tlog_proof(cosigned, LEAVES[5], [*KEYS, CosignatureVerifier(witness.vkey)]).size == 7


def test_extra_data_is_not_authenticated() -> None:
    """Changing it changes nothing that is verified: nobody may rely on it."""
    for extra in (b"", b"signed by nobody"):
        assert verify_tlog_proof(proof_of(extra=extra), LEAVES[5], KEYS).size == 7


def test_the_line_that_is_wrong_is_named() -> None:
    lines = format_tlog_proof(proof_of()).split("\n")
    for number, line in ((1, "c2sp.org/tlog-proof@v9"), (2, "index five"), (4, "not base64")):
        with pytest.raises(TlogProofError) as refused:
            parse_tlog_proof("\n".join([*lines[: number - 1], line, *lines[number:]]))
        assert refused.value.field == f"line {number}"
    with pytest.raises(TlogProofError) as refused:
        parse_tlog_proof(lines[0])
    assert refused.value.field == "line 2"
