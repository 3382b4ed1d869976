"""Signed notes: the published vector, the exact format, and what is refused."""

import copy
import pickle

import pytest

from placet.tlog.errors import NoteError
from placet.tlog.note import (
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    KeyType,
    Signature,
    Signer,
    Verifier,
    Vkey,
    add_signatures,
    format_vkey,
    open_note,
    parse_vkey,
    sign_note,
    split_note,
)

VECTOR_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
VECTOR_TEXT = "This is an example message.\n"
VECTOR_SIGNATURE = "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
VECTOR_NOTE = f"{VECTOR_TEXT}\n\u2014 example.com/foo {VECTOR_SIGNATURE}\n"

ALICE = Signer.from_seed("example.com/alice", bytes(range(32)))
BOB = Signer.from_seed("example.com/bob", bytes(range(1, 33)))
ALICE_VERIFIER, BOB_VERIFIER = Verifier(ALICE.vkey), Verifier(BOB.vkey)


def reason_of(note: str, *verifiers: Verifier) -> str:
    with pytest.raises(NoteError) as refused:
        open_note(note, verifiers)
    assert refused.value.field
    return refused.value.reason


def test_the_published_vector() -> None:
    note = open_note(VECTOR_NOTE, [Verifier.parse(VECTOR_VKEY)])
    assert note.text == VECTOR_TEXT
    assert note.unknown == ()
    assert [format_vkey(vkey) for vkey, _ in note.verified] == [VECTOR_VKEY]
    assert note.verified[0][1].line() == VECTOR_NOTE.splitlines(keepends=True)[-1]


def test_every_single_bit_change_of_the_vector_is_refused() -> None:
    verifier = Verifier.parse(VECTOR_VKEY)
    data = VECTOR_NOTE.encode()
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            note = changed.decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises(NoteError):
            open_note(note, [verifier])


def test_every_truncation_of_the_vector_is_refused() -> None:
    verifier = Verifier.parse(VECTOR_VKEY)
    for end in range(len(VECTOR_NOTE)):
        with pytest.raises(NoteError):
            open_note(VECTOR_NOTE[:end], [verifier])
    with pytest.raises(NoteError):
        open_note(VECTOR_NOTE + "\n", [verifier])


def test_signatures_are_split_off_at_the_last_empty_line() -> None:
    inner = sign_note("an older note\n", [BOB])
    text = f"first\n\n{inner}\nlast\n"
    note = open_note(sign_note(text, [ALICE]), [ALICE_VERIFIER, BOB_VERIFIER])
    assert note.text == text
    assert [vkey.name for vkey, _ in note.verified] == ["example.com/alice"]


def test_a_text_of_empty_lines_is_a_text() -> None:
    note = open_note(sign_note("\n", [ALICE]), [ALICE_VERIFIER])
    assert note.text == "\n"


def test_unknown_signatures_are_ignored_even_with_a_known_name_or_id() -> None:
    note = sign_note("text\n", [ALICE, BOB])
    same_name = Signature(name=ALICE.vkey.name, key_id=b"\x00\x01\x02\x03", signature=b"nonsense")
    same_id = Signature(name="example.com/eve", key_id=ALICE.vkey.key_id, signature=b"nonsense")
    opened = open_note(add_signatures(note, [same_name.line(), same_id.line()]), [ALICE_VERIFIER])
    assert [vkey for vkey, _ in opened.verified] == [ALICE.vkey]
    assert [one.name for one in opened.unknown] == ["example.com/bob", "example.com/alice", "example.com/eve"]


def test_a_note_that_no_known_key_signed_is_refused() -> None:
    assert reason_of(sign_note("text\n", [BOB]), ALICE_VERIFIER) == "UNVERIFIED"
    assert reason_of(sign_note("text\n", [BOB])) == "UNVERIFIED"


def test_one_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    other = sign_note("other text\n", [BOB]).splitlines(keepends=True)[-1]
    note = add_signatures(sign_note("text\n", [ALICE]), [other])
    assert reason_of(note, ALICE_VERIFIER, BOB_VERIFIER) == "BAD_SIGNATURE"
    assert open_note(note, [ALICE_VERIFIER]).text == "text\n"
    twice = add_signatures(sign_note("text\n", [ALICE, BOB]), [other])
    assert reason_of(twice, ALICE_VERIFIER, BOB_VERIFIER) == "BAD_SIGNATURE"


@pytest.mark.parametrize("signature", [b"x", bytes(63), bytes(64), bytes(65)])
def test_a_signature_of_any_wrong_length_is_wrong(signature: bytes) -> None:
    line = Signature(name=ALICE.vkey.name, key_id=ALICE.vkey.key_id, signature=signature).line()
    assert reason_of(f"text\n\n{line}", ALICE_VERIFIER) == "BAD_SIGNATURE"


def test_a_key_that_signed_twice_counts_once() -> None:
    note = sign_note("text\n", [ALICE, ALICE])
    assert len(open_note(note, [ALICE_VERIFIER, ALICE_VERIFIER]).verified) == 1


def test_two_keys_with_one_name_and_id_are_ambiguous() -> None:
    class Double(Verifier):
        __slots__ = ()

    class Collision(Vkey):
        @property
        def key_id(self) -> bytes:
            return ALICE.vkey.key_id

    collision = Double(Collision(name=ALICE.vkey.name, key_type=KeyType.ED25519, public_key=BOB.vkey.public_key))
    assert reason_of(sign_note("text\n", [ALICE]), ALICE_VERIFIER, collision) == "AMBIGUOUS"


def test_at_least_sixteen_signatures_are_accepted_and_very_many_are_not() -> None:
    line = Signature(name="example.com/pq", key_id=b"abcd", signature=bytes(5000)).line()
    note = sign_note("text\n", [ALICE])
    assert len(open_note(add_signatures(note, [line] * 20), [ALICE_VERIFIER]).unknown) == 20
    short = Signature(name="w", key_id=b"abcd", signature=b"s").line()
    assert open_note(add_signatures(note, [short] * (MAX_SIGNATURES - 1)), [ALICE_VERIFIER]).verified
    with pytest.raises(NoteError, match="got 101"):
        add_signatures(note, [short] * MAX_SIGNATURES)
    with pytest.raises(NoteError, match=f"{MAX_NOTE_BYTES} bytes"):
        split_note(sign_note("x" * MAX_NOTE_BYTES + "\n", [ALICE]))


GOOD = "text\n\n\u2014 example.com/alice "


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "\n\n",
        "text\n",
        "text\n\n",
        f"text\n{GOOD[6:]}AAAAAAA=\n",
        f"{GOOD}AAAAAAA=",
        f"{GOOD}AAAAAAA=\ntrailing\n",
        f"{GOOD}AAAAAAA\n",
        f"{GOOD}AAAAAAB=\n",
        f"{GOOD}AAAAAA==\n",
        f"{GOOD}AAAA AAA=\n",
        f"{GOOD}AAAAAAA= \n",
        f"{GOOD}AAAAAA_=\n",
        f"{GOOD}\u00e9AAAAAA=\n",
        f"{GOOD}AAAAAAA=\r\n",
        f"{GOOD}\n",
        "text\n\n\u2014 example.com/alice\n",
        "text\n\n\u2014  AAAAAAA=\n",
        "text\n\n\u2014 a+b AAAAAAA=\n",
        "text\n\n\u2014 a\u00a0b AAAAAAA=\n",
        "text\n\n- example.com/alice AAAAAAA=\n",
        "text\n\n\u2014example.com/alice AAAAAAA=\n",
        f"te\txt{GOOD[4:]}AAAAAAA=\n",
        f"te\x00xt{GOOD[4:]}AAAAAAA=\n",
        f"te\rxt{GOOD[4:]}AAAAAAA=\n",
        f"te\ud800xt{GOOD[4:]}AAAAAAA=\n",
    ],
)
def test_a_malformed_note_is_refused(note: str) -> None:
    with pytest.raises(NoteError):
        split_note(note)


def test_the_shortest_signature_is_well_formed() -> None:
    text, signatures = split_note(f"{GOOD}AAAAAAA=\n")
    assert (text, signatures) == (
        "text\n",
        (Signature(name="example.com/alice", key_id=bytes(4), signature=b"\x00"),),
    )


@pytest.mark.parametrize("text", ["", "text", "te\txt\n", "te\x1fxt\n", "te\ud800xt\n"])
def test_what_cannot_be_a_text_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError):
        sign_note(text, [ALICE])


def test_a_note_needs_a_signer() -> None:
    with pytest.raises(NoteError, match="at least one signer"):
        sign_note("text\n", [])


def test_a_key_whose_base64_has_a_plus_is_split_at_the_first_two() -> None:
    # The public key of the Go checksum database.
    text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    vkey = parse_vkey(text)
    assert vkey.name == "sum.golang.org"
    assert format_vkey(vkey) == text
    assert parse_vkey(text.replace("033de0ae", "033DE0AE")) == vkey


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        VECTOR_VKEY.replace("530d903a", "530d903b"),
        VECTOR_VKEY.replace("530d903a", "530d903"),
        VECTOR_VKEY.replace("530d903a", "0530d903a"),
        VECTOR_VKEY.replace("530d903a", ""),
        VECTOR_VKEY.replace("foo", "fop"),
        VECTOR_VKEY[:-1],
        VECTOR_VKEY + "=",
        VECTOR_VKEY + "\n",
        VECTOR_VKEY.replace("example", "exam ple"),
        VECTOR_VKEY.removeprefix("example.com/foo"),
        "example.com/foo+00000000+",
        "example.com/foo+00000000+Ag==",
        "example.com/foo+00000000+AQ==",
        "example.com/\ud800foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    ],
)
def test_a_malformed_key_is_refused(text: str) -> None:
    with pytest.raises(NoteError) as refused:
        parse_vkey(text)
    assert refused.value.reason in {"VKEY", "KEY_NAME"}


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\nb", "a\x01b", "a\u2003b", "a\udc00b"])
def test_a_name_that_would_break_the_format_is_refused(name: str) -> None:
    with pytest.raises(NoteError, match="cannot name a key"):
        Signer.from_seed(name, bytes(32))


def test_a_verifier_takes_only_plain_keys() -> None:
    cosigner = Vkey(name="w", key_type=KeyType.COSIGNATURE, public_key=ALICE.vkey.public_key)
    with pytest.raises(NoteError, match="Verifier checks ED25519 keys, this is a COSIGNATURE key"):
        Verifier(cosigner)


def test_a_private_key_is_not_shown_and_not_pickled() -> None:
    seed = bytes(range(32))
    for shown in (repr(ALICE), str(ALICE), f"{ALICE}"):
        assert shown == "Signer('example.com/alice', <secret>)"
        assert seed.hex() not in shown
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="never pickled"):
            leak(ALICE)


def test_an_error_says_reason_field_and_sentence() -> None:
    with pytest.raises(NoteError) as refused:
        open_note(sign_note("text\n", [BOB]), [ALICE_VERIFIER])
    assert refused.value.diagnostics() == (
        "UNVERIFIED (signatures): no signature is by a known key; pin the verifier key of whoever signed it"
    )
