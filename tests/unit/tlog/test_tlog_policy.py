"""Trust policies: read strictly, and a quorum that only verified cosignatures of its own witnesses reach."""

import pytest

from placet.tlog.checkpoint import Checkpoint, sign_checkpoint
from placet.tlog.cosignature import CosignatureSigner
from placet.tlog.errors import CheckpointError, NoteError, PolicyError
from placet.tlog.note import Signer, add_signatures, format_vkey, sign_note
from placet.tlog.policy import MAX_POLICY_BYTES, Policy, open_witnessed, parse_policy

ORIGIN = "log.example/a"
OLD, NEW = (Signer.from_seed(ORIGIN, seed * 32) for seed in (b"a", b"b"))
STRANGER = Signer.from_seed("log.example/z", b"z" * 32)
W = {name: CosignatureSigner.from_seed(f"witness.example/{name}", name.encode() * 16) for name in ("w1", "w2", "w3")}
LOG_LINE = f"log {format_vkey(OLD.vkey)}\n"
WITNESS_LINES = "".join(f"witness {name} {format_vkey(one.vkey)}\n" for name, one in W.items())
CHECKPOINT = Checkpoint(origin=ORIGIN, size=5, root=bytes(range(32)))


def policy(quorum: str = "group g 2 w1 w2 w3\nquorum g\n", logs: str = LOG_LINE) -> Policy:
    return parse_policy(logs + WITNESS_LINES + quorum)


def cosigned(*names: str, signer: Signer = OLD, timestamp: int = 1_700_000_000) -> str:
    note = sign_checkpoint(CHECKPOINT, signer)
    return add_signatures(note, [W[name].cosign(note, timestamp=timestamp).line() for name in names])


@pytest.mark.parametrize(
    ("names", "reached"),
    [((), False), (("w1",), False), (("w1", "w3"), True), (("w3", "w2"), True), (("w1", "w2", "w3"), True)],
    ids=str,
)
def test_the_quorum_is_counted_over_verified_cosignatures(names: tuple[str, ...], reached: bool) -> None:
    found = open_witnessed(cosigned(*names), policy())
    assert found.checkpoint == CHECKPOINT
    assert found.reached is reached
    assert {one.witness.name for one in found.cosigned} == set(names)
    assert {one.timestamp for one in found.cosigned} <= {1_700_000_000}
    assert found.signers == (OLD.vkey,)


def test_a_cosignature_twice_counts_once() -> None:
    note = cosigned("w1", "w1")
    found = open_witnessed(note, policy())
    assert (len(found.cosigned), found.reached) == (1, False)


def test_a_witness_of_another_policy_does_not_count() -> None:
    stranger = CosignatureSigner.from_seed("witness.example/w2", b"?" * 32)  # of the same name even
    note = cosigned("w1")
    note = add_signatures(note, [stranger.cosign(note, timestamp=1).line()])
    assert not open_witnessed(note, policy()).reached


def test_a_cosignature_of_another_checkpoint_spoils_the_note() -> None:
    other = sign_checkpoint(Checkpoint(origin=ORIGIN, size=6, root=bytes(32)), OLD)
    note = add_signatures(cosigned("w1"), [W["w2"].cosign(other, timestamp=1).line()])
    with pytest.raises(NoteError, match="wrong"):
        open_witnessed(note, policy())


def test_without_the_log_no_quorum_helps() -> None:
    note = cosigned("w1", "w2", "w3", signer=NEW)
    with pytest.raises(CheckpointError):
        open_witnessed(note, policy())
    other = sign_note(sign_checkpoint(CHECKPOINT, OLD).partition("\n\n")[0] + "\n", [STRANGER])
    with pytest.raises(NoteError):
        open_witnessed(other, policy())


def test_another_log_of_the_policy_cannot_sign_for_this_one() -> None:
    note = sign_note(cosigned().partition("\n\n")[0] + "\n", [STRANGER])
    with pytest.raises(CheckpointError):
        open_witnessed(note, policy("quorum none\n", LOG_LINE + f"log {format_vkey(STRANGER.vkey)}\n"))


def test_a_rotated_key_is_a_second_log_line() -> None:
    both = policy("quorum none\n", LOG_LINE + f"log {format_vkey(NEW.vkey)} https://{ORIGIN}\n")
    assert [log.url for log in both.logs] == [None, f"https://{ORIGIN}"]
    for signer in (OLD, NEW):
        found = open_witnessed(cosigned(signer=signer), both)
        assert (found.signers, found.reached) == ((signer.vkey,), True)
    twice = sign_note(cosigned().partition("\n\n")[0] + "\n", [OLD, NEW])
    assert open_witnessed(twice, both).signers == (OLD.vkey, NEW.vkey)
    with pytest.raises(NoteError):  # the control: without its line the new key is nobody's
        open_witnessed(cosigned(signer=NEW), policy("quorum none\n"))


@pytest.mark.parametrize(
    ("quorum", "enough", "short"),
    [
        ("quorum w2\n", ("w2",), ("w1", "w3")),
        ("group g any w1 w2\nquorum g\n", ("w2",), ("w3",)),
        ("group g all w1 w2\nquorum g\n", ("w1", "w2"), ("w1", "w3")),
        ("group a any w1 w2\ngroup b all a w3\nquorum b\n", ("w2", "w3"), ("w1", "w2")),
        ("group a 1 w1\ngroup b 2 a w2 w3\nquorum a\n", ("w1",), ("w2", "w3")),
    ],
    ids=str,
)
def test_witnesses_groups_and_groups_of_groups(quorum: str, enough: tuple[str, ...], short: tuple[str, ...]) -> None:
    assert open_witnessed(cosigned(*enough), policy(quorum)).reached
    assert not open_witnessed(cosigned(*short), policy(quorum)).reached


def test_a_deep_chain_of_groups_is_no_trouble() -> None:
    groups = "".join(f"group g{n} any {f'g{n - 1}' if n else 'w1'}\n" for n in range(5_000))
    deep = policy(f"{groups}quorum g4999\n")
    assert deep.reached_by(["w1"])
    assert not deep.reached_by(["w2"])


def test_blank_lines_comments_tabs_and_a_missing_last_newline_are_allowed() -> None:
    text = f"\n  # a comment: log nonsense\n\t{LOG_LINE.strip()}\t \n \t\nquorum \t none"
    assert parse_policy(text).quorum == "none"


def test_order_is_free_but_for_names() -> None:
    text = f"{WITNESS_LINES}quorum w1\n{LOG_LINE}"
    assert parse_policy(text).quorum == "w1"
    assert parse_policy("quorum none\n").logs == ()


def test_names_are_octets() -> None:
    """What is not UTF-8 is a name too, and look-alikes are different names."""
    key = format_vkey(W["w1"].vkey).encode()
    read = parse_policy(b"witness \xff\xfe " + key + b"\nquorum \xff\xfe\n")
    assert read.reached_by([read.quorum])
    with pytest.raises(PolicyError) as refused:
        parse_policy(b"witness K " + key + "\nquorum \u212a\n".encode())  # the Kelvin sign
    assert (refused.value.line, refused.value.reason) == (2, "NAME")
    assert str(refused.value).isprintable()


def test_a_keyword_or_a_number_may_be_a_name() -> None:
    key = format_vkey(W["w1"].vkey)
    assert parse_policy(f"witness all {key}\ngroup 1 all all\nquorum 1\n").reached_by(["all"])


def test_a_key_that_is_no_key_is_told_with_its_line() -> None:
    with pytest.raises(PolicyError) as refused:
        parse_policy(f"{LOG_LINE}log nonsense\nquorum none\n")
    assert refused.value.field == "line 2"
    assert "verifier key" in str(refused.value)
    assert isinstance(refused.value.__cause__, NoteError)
    ml_dsa = "witness w witness.example+00000000+BgAA\nquorum w\n"
    with pytest.raises(PolicyError, match="not supported"):
        parse_policy(ml_dsa)


def test_a_policy_has_a_bound() -> None:
    assert parse_policy("#" * (MAX_POLICY_BYTES - 13) + "\nquorum none\n")
    with pytest.raises(PolicyError) as refused:
        parse_policy("#" * MAX_POLICY_BYTES + "\nquorum none\n")
    assert (refused.value.reason, refused.value.line, refused.value.field) == ("SIZE", None, "policy")


def test_thirty_two_of_each_are_read() -> None:
    """What the specification asks every implementation to support at least."""
    logs = "".join(f"log {format_vkey(Signer.from_seed(ORIGIN, bytes([n]) * 32).vkey)}\n" for n in range(32))
    keys = (CosignatureSigner.from_seed("w", bytes([n, 1]) * 16).vkey for n in range(32))
    witnesses = "".join(f"witness n{n} {format_vkey(key)}\n" for n, key in enumerate(keys))
    groups = "".join(f"group g{n} any n{n}\n" for n in range(31))
    everyone = " ".join(f"g{n}" for n in range(31))
    read = parse_policy(f"{logs}{witnesses}{groups}group top 16 {everyone}\nquorum top\n")
    assert (len(read.logs), len(read.witnesses), len(read.groups)) == (32, 32, 32)
    assert len(read.verifiers()) == 64
    assert read.reached_by([f"n{n}" for n in range(16)])
    assert not read.reached_by([f"n{n}" for n in range(15)])
