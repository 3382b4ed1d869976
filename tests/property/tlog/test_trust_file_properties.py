"""`.tlog-proof` files read back; any trust policy is reached by exactly those whom a top-down reading lets reach it."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from property.tlog.test_format_properties import hashes, names, origins, seeds
from vectors.tlog import independent

from placet.tlog.checkpoint import Checkpoint, sign_checkpoint
from placet.tlog.cosignature import CosignatureSigner
from placet.tlog.errors import PolicyError, TlogError
from placet.tlog.note import Signer, format_vkey
from placet.tlog.policy import parse_policy
from placet.tlog.tlogproof import TlogProof, format_tlog_proof, parse_tlog_proof

WITNESSES = [format_vkey(CosignatureSigner.from_seed("witness", bytes([n]) * 32).vkey) for n in range(6)]


@settings(deadline=None)
@given(
    st.integers(0, 2**63 - 2),
    st.lists(hashes, max_size=63),
    st.binary(max_size=40),
    origins,
    seeds,
)
def test_a_tlog_proof_reads_back(index: int, path: list[bytes], extra: bytes, origin: str, seed: bytes) -> None:
    note = sign_checkpoint(Checkpoint(origin=origin, size=3, root=bytes(32)), Signer.from_seed(origin, seed))
    proof = TlogProof(index=index, hashes=tuple(path), checkpoint=note, extra=extra)
    assert parse_tlog_proof(format_tlog_proof(proof)) == proof


@settings(deadline=None)
@given(st.data())
def test_a_changed_tlog_proof_is_refused_or_says_something_else(data: st.DataObject) -> None:
    """One text for one content: no other text reads as the same proof."""
    note = sign_checkpoint(Checkpoint(origin="log", size=3, root=bytes(32)), Signer.from_seed("log", bytes(32)))
    proof = TlogProof(index=2, hashes=(bytes(32), bytes(range(32))), checkpoint=note, extra=b"more")
    text = format_tlog_proof(proof)
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("\n\r \tA0=+/\u2014ex"))
    changed = data.draw(
        st.sampled_from([text[:place] + letter + text[place + 1 :], text[:place] + letter + text[place:]])
    )
    try:
        read = parse_tlog_proof(changed)
    except TlogError:
        return
    assert (read == proof) is (changed == text)


@st.composite
def policies(draw: st.DrawFn) -> str:
    lines = [f"witness w{n} {vkey}" for n, vkey in enumerate(WITNESSES)]
    free = [f"w{n}" for n in range(len(WITNESSES))]
    for number in range(draw(st.integers(0, 5))):
        members = draw(st.lists(st.sampled_from(free), min_size=1, max_size=4, unique=True)) if free else []
        if members:
            threshold = draw(st.sampled_from(["all", "any"]) | st.integers(1, len(members)).map(str))
            lines.append(f"group g{number} {threshold} {' '.join(members)}")
            free = [name for name in [*free, f"g{number}"] if name not in members]
    names = [line.split()[1] for line in lines]
    return "\n".join([*lines, f"quorum {draw(st.sampled_from([*names, 'none']))}", ""])


@settings(max_examples=300, deadline=None)
@given(policies(), st.sets(st.sampled_from([f"w{n}" for n in range(6)])))
def test_a_quorum_is_reached_by_whom_the_text_says(text: str, cosigners: set[str]) -> None:
    assert parse_policy(text).reached_by(cosigners) is independent.quorum_reached(text, cosigners)


@settings(deadline=None)
@given(policies(), st.sets(st.sampled_from([f"w{n}" for n in range(6)])), st.integers(0, 5))
def test_one_more_cosignature_never_unmakes_a_quorum(text: str, cosigners: set[str], more: int) -> None:
    policy = parse_policy(text)
    assert policy.reached_by(cosigners) <= policy.reached_by(cosigners | {f"w{more}"})


@settings(deadline=None)
@given(names, st.binary(max_size=60))
def test_any_octets_are_a_policy_or_an_error_with_a_line(name: str, junk: bytes) -> None:
    text = f"witness {name} {WITNESSES[0]}\n".encode() + junk + b"\nquorum none\n"
    try:
        found = parse_policy(text).quorum
    except PolicyError as error:
        found = f"line {error.line}"
    assert found == "none" or re.fullmatch(r"line [1-9][0-9]*", found)
