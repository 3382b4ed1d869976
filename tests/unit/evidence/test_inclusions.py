"""Every inclusion of a bundle, receipt or fraud proof, as a tlog-proof that an independent reader verifies."""

import pytest
from fakes.evidence_log import MemoryLog
from vectors.evidence import story
from vectors.tlog.independent import check_tlog_proof

from placet.evidence.bundle import Bundle, Evidence, Fraud, Receipt
from placet.evidence.inclusions import inclusions
from placet.tlog.errors import NoteError, TlogProofError
from placet.tlog.note import format_vkey
from placet.tlog.tlogproof import format_tlog_proof

EVIDENCE = story.evidence()
VKEY = format_vkey(MemoryLog(seed=story.SEED).signer.vkey)
KINDS = {
    "allowed": ["event", "decision", "grant", "amend", "withdraw", "use", "use", "use", "state"],
    "guarded": ["event", "decision", "grant", "grant", "withdraw", "state"],
    "legal": ["event", "decision", "grant", "approval", "approval", "state"],
    "missing": ["event", "decision", "state"],
    "receipt": ["withdraw"],
    "fraud": ["withdraw", "state"],
}


@pytest.mark.parametrize("name", KINDS)
def test_each_part_has_its_inclusion(name):
    assert [one.name.rpartition("-")[0] for one in inclusions(EVIDENCE[name])] == KINDS[name]


@pytest.mark.parametrize("name", EVIDENCE)
def test_each_inclusion_verifies_by_the_specification_alone(name):
    found = list(inclusions(EVIDENCE[name]))
    assert len({one.name for one in found}) == len(found)
    for one in found:
        index, size = check_tlog_proof(format_tlog_proof(one.proof), one.entry, VKEY)
        assert one.name.endswith(f"-{index}")
        assert size in sizes(EVIDENCE[name])
        with pytest.raises(AssertionError):
            check_tlog_proof(format_tlog_proof(one.proof), one.entry + b" ", VKEY)


def sizes(evidence: Evidence) -> set[int]:
    assert isinstance(evidence, Bundle | Receipt | Fraud)
    notes = [evidence.checkpoint, *([evidence.receipt.checkpoint] if isinstance(evidence, Fraud) else [])]
    return {int(note.split("\n")[1]) for note in notes}


def test_what_cannot_be_a_tlog_proof_is_refused():
    receipt = EVIDENCE["receipt"]
    with pytest.raises(NoteError):
        list(inclusions(Receipt(checkpoint="no note", withdraw=receipt.withdraw)))
    entry = receipt.withdraw
    long = type(entry)(index=entry.index, entry=entry.entry, proof=(bytes(32),) * 64)
    with pytest.raises(TlogProofError):
        list(inclusions(Receipt(checkpoint=receipt.checkpoint, withdraw=long)))
