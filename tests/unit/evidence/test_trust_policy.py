"""Evidence under a trust policy: who cosigned is said, a quorum is demanded, keys that were replaced still count."""

from dataclasses import replace

import pytest
from fakes.evidence_drafts import consent, decision, event
from fakes.evidence_log import ORIGIN, MemoryLog
from fakes.evidence_scenes import withdrawal

from placet.evidence import proving, trust
from placet.evidence.building import build_bundle, build_fraud, build_receipt
from placet.evidence.canonical import b64url
from placet.evidence.errors import VerifyError
from placet.evidence.trust import Remembered, Trust
from placet.evidence.verify import Verifier
from placet.evidence.words import Language, Saying
from placet.tlog.cosignature import CosignatureSigner, CosignatureVerifier
from placet.tlog.note import Signer, add_signatures, format_vkey, sign_note
from placet.tlog.policy import parse_policy

WITNESSES = {name: CosignatureSigner.from_seed(f"witness.example/{name}", name.encode() * 16) for name in ("X1", "X2")}
WITNESS_LINES = "".join(f"witness {name} {format_vkey(one.vkey)}\n" for name, one in WITNESSES.items())
NEW_KEY = Signer.from_seed(ORIGIN, b"n" * 32)
SECONDS = 1_800_000_100


def policy(log, quorum="group both all X1 X2\nquorum both\n"):
    return parse_policy(f"log {format_vkey(log.signer.vkey)}\n{WITNESS_LINES}{quorum}")


def cosigned(evidence, *names, timestamp=SECONDS):
    lines = [WITNESSES[name].cosign(evidence.checkpoint, timestamp=timestamp).line() for name in names]
    return replace(evidence, checkpoint=add_signatures(evidence.checkpoint, lines))


def proven(report, saying):
    return [one.facts for one in report.proven if one.saying == saying]


@pytest.fixture
def log():
    made = MemoryLog()
    made.submit(consent())
    return made


@pytest.fixture
def bundle(log):
    return build_bundle(log, log.submit(event(), decision=decision())[0].i)


def test_a_quorum_that_is_reached_is_said_with_its_witnesses_and_times(log, bundle):
    report = Verifier(policy(log)).bundle(cosigned(bundle, "X1", "X2"))
    assert proven(report, Saying.QUORUM_REACHED) == [{"quorum": "both", "missing": ()}]
    text = report.text()
    for name, one in WITNESSES.items():
        assert f"{name} ({format_vkey(one.vkey)}) at 2027-01-15 08:01:40.000000 UTC" in text
    assert "quorum both of the trust policy is reached" in text
    assert "did not cosign: none" in text
    chinese = report.text(Language.ZH_CN)
    assert "法定人数 both 已达到" in chinese
    assert "X2 (witness.example/X2+" in chinese


@pytest.mark.parametrize("names", [(), ("X1",), ("X2",)], ids=str)
def test_a_quorum_that_is_not_reached_refuses_the_bundle_and_names_who_is_missing(log, bundle, names):
    with pytest.raises(VerifyError) as caught:
        Verifier(policy(log)).bundle(cosigned(bundle, *names))
    assert (caught.value.reason, caught.value.field) == (Saying.WRONG_QUORUM, "checkpoint")
    assert caught.value.statement.facts["missing"] == tuple(name for name in WITNESSES if name not in names)
    assert all(f"{name} (" in str(caught.value) for name in names)


def test_the_same_bundle_without_a_policy_is_the_control(log, bundle):
    assert Verifier(log.verifiers).bundle(cosigned(bundle, "X1")).verdict == "allow"


def test_one_witness_that_did_not_cosign_is_said_although_the_quorum_is_reached(log, bundle):
    report = Verifier(policy(log, "group one any X1 X2\nquorum one\n")).bundle(cosigned(bundle, "X2"))
    assert proven(report, Saying.QUORUM_REACHED)[0]["missing"] == ("X1",)


def test_a_policy_without_witnesses_says_so(log, bundle):
    report = Verifier(policy(log, "quorum none\n")).bundle(bundle)
    assert proven(report, Saying.QUORUM_NONE)
    assert not proven(report, Saying.WITNESSED)
    assert proven(Verifier(policy(log, "quorum none\n")).bundle(cosigned(bundle, "X1")), Saying.WITNESSED)
    assert not proven(Verifier(log.verifiers).bundle(bundle), Saying.QUORUM_NONE)


def test_keys_pinned_one_by_one_say_who_cosigned_and_when(log, bundle):
    pinned = [*log.verifiers, CosignatureVerifier(WITNESSES["X1"].vkey)]
    report = Verifier(pinned).bundle(cosigned(bundle, "X1", "X2"))
    assert f"cosigned by {format_vkey(WITNESSES['X1'].vkey)} at 2027-01-15 08:01:40" in report.text()
    assert "X2" not in report.text()


def test_a_witness_with_an_impossible_clock_is_shown_as_it_is(log, bundle):
    report = Verifier(policy(log, "quorum X1\n")).bundle(cosigned(bundle, "X1", timestamp=2**63 - 1))
    assert str((2**63 - 1) * 1_000_000) in report.text()


def test_bundles_from_before_and_after_a_rotation_verify_under_one_policy(log, bundle):
    after = replace(bundle, checkpoint=sign_note(bundle.checkpoint.partition("\n\n")[0] + "\n", [NEW_KEY]))
    rotated = policy(log, f"log {format_vkey(NEW_KEY.vkey)}\nquorum none\n")
    signers = [proven(Verifier(rotated).bundle(one), Saying.CHECKPOINT)[0]["signers"] for one in (bundle, after)]
    assert signers == [(format_vkey(log.signer.vkey),), (format_vkey(NEW_KEY.vkey),)]
    with pytest.raises(VerifyError):
        Verifier(policy(log, "quorum none\n")).bundle(after)


def test_a_receipt_needs_the_quorum_too(log):
    receipt = build_receipt(log, log.submit(withdrawal())[0].i)
    with pytest.raises(VerifyError) as caught:
        Verifier(policy(log)).receipt(receipt)
    assert caught.value.reason == Saying.WRONG_QUORUM
    assert Verifier(policy(log)).receipt(cosigned(receipt, "X1", "X2")).index == receipt.withdraw.index


def test_a_fraud_proof_convicts_without_a_quorum_and_says_so(log):
    """Otherwise a log could never be convicted of what it hides from the witnesses."""
    receipt, old = build_receipt(log, log.submit(withdrawal())[0].i), log.size
    log.end_batch(status_root=b64url(b"\0" * 32), bases=0)
    fraud = build_fraud(receipt, log, None, log.consistency(old))
    report = Verifier(policy(log)).fraud(fraud)
    assert len(proven(report, Saying.QUORUM_NOT_REACHED)) == 2
    assert "binds it all the same" in report.text()
    with pytest.raises(VerifyError):  # and what was opened without asking for the quorum is no bundle's checkpoint
        Verifier(policy(log)).receipt(receipt)


def test_a_quorum_is_asked_for_also_when_the_checkpoint_was_opened_before(log):
    receipt, old = build_receipt(log, log.submit(withdrawal())[0].i), log.size
    log.end_batch(status_root=b64url(b"\0" * 32), bases=0)
    verifier = Verifier(policy(log))
    verifier.fraud(build_fraud(receipt, log, None, log.consistency(old)))
    with pytest.raises(VerifyError) as caught:
        verifier.receipt(receipt)
    assert caught.value.reason == Saying.WRONG_QUORUM


# What is remembered.


def test_the_least_recently_used_is_forgotten_first():
    kept = Remembered(2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c"), len(kept)) == (1, None, 3, 2)


def test_what_bundles_share_is_proven_once(log, monkeypatch):
    entries = log.submit(*(event(n) for n in range(40)), decision=decision())
    bundles = [build_bundle(log, entry.i) for entry in entries]
    calls = []
    verify_inclusion = proving.verify_inclusion
    monkeypatch.setattr(proving, "verify_inclusion", lambda *args: calls.append(args) or verify_inclusion(*args))
    verifier = Verifier(log.verifiers)
    for one in bundles:
        verifier.bundle(one)
    # Each event, and once: state, decision, grant; and for each bundle the status of its basis.
    assert len(calls) == 40 + 3 + 40


def test_what_is_remembered_is_bounded(log, monkeypatch):
    monkeypatch.setattr(trust, "REMEMBERED_ENTRIES", 5)
    monkeypatch.setattr(trust, "REMEMBERED_CHECKPOINTS", 2)
    verifier = Verifier(log.verifiers)
    for n in range(6):
        verifier.bundle(build_bundle(log, log.submit(event(n), decision=decision())[0].i))
    assert len(verifier._trust._entries) == 5
    assert len(verifier._trust._opened) == 2


def test_a_long_entry_is_not_remembered(log, bundle, monkeypatch):
    monkeypatch.setattr(proving, "REMEMBERED_BYTES", 0)
    verifier = Verifier(log.verifiers)
    assert verifier.bundle(bundle) == verifier.bundle(bundle)
    assert len(verifier._trust._entries) == 0


def test_what_is_remembered_under_one_tree_is_not_believed_under_another(log, bundle):
    """The same entry at the same place with the same path, but a checkpoint of another root."""
    verifier = Verifier([*log.verifiers, *MemoryLog(ORIGIN, seed=b"o" * 32).verifiers])
    verifier.bundle(bundle)
    other = MemoryLog(ORIGIN, seed=b"o" * 32)
    other.submit(consent(law="cn-2026"))
    other.submit(event(), decision=decision())
    with pytest.raises(VerifyError) as caught:
        verifier.bundle(replace(bundle, checkpoint=other.checkpoint))
    assert caught.value.reason == Saying.WRONG_INCLUSION


def test_trust_opens_under_keys_or_a_policy(log, bundle):
    for trusted in (log.verifiers, iter(log.verifiers), policy(log, "quorum none\n")):
        assert Trust(trusted).open(bundle.checkpoint, "checkpoint").checkpoint.origin == ORIGIN
    with pytest.raises(VerifyError):
        Trust(policy(log)).open("no note", "checkpoint")
