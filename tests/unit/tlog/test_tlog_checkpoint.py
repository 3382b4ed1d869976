"""Checkpoints and cosignatures: exact texts, and whose signature counts."""

import base64

import pytest

from placet.tlog.checkpoint import (
    Checkpoint,
    checkpoint_of,
    format_checkpoint,
    open_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
)
from placet.tlog.cosignature import MAX_TIMESTAMP, CosignatureSigner, CosignatureVerifier, parse_verifier, timestamp_of
from placet.tlog.errors import CheckpointError, NoteError
from placet.tlog.hashing import EMPTY_ROOT, leaf_hash
from placet.tlog.note import (
    KeyType,
    Signature,
    Signer,
    Verifier,
    Vkey,
    add_signatures,
    format_vkey,
    open_note,
    sign_note,
)
from placet.tlog.tree import MAX_SIZE

ORIGIN = "log.example/retailer"
LOG = Signer.from_seed(ORIGIN, bytes(range(32)))
ROTATED = Signer.from_seed(ORIGIN, bytes(range(2, 34)))
WITNESS = CosignatureSigner.from_seed("witness.example/w1", bytes(range(1, 33)))
ROOT = leaf_hash(b"only")
CHECKPOINT = Checkpoint(origin=ORIGIN, size=1, root=ROOT)
TEXT = f"{ORIGIN}\n1\n{base64.b64encode(ROOT).decode()}\n"


def test_the_text_is_three_lines() -> None:
    assert format_checkpoint(CHECKPOINT) == TEXT
    assert parse_checkpoint(TEXT) == CHECKPOINT
    empty = Checkpoint(origin=ORIGIN, size=0, root=EMPTY_ROOT)
    assert format_checkpoint(empty) == f"{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"


def test_a_signed_checkpoint_opens_with_the_pinned_key_of_its_log() -> None:
    note = sign_checkpoint(CHECKPOINT, LOG)
    assert note.startswith(f"{TEXT}\n\u2014 {ORIGIN} ")
    assert open_checkpoint(note, [Verifier(LOG.vkey)]) == CHECKPOINT
    assert open_checkpoint(note, [Verifier(ROTATED.vkey), Verifier(LOG.vkey)]) == CHECKPOINT
    with pytest.raises(NoteError, match="no signature is by a known key"):
        open_checkpoint(note, [Verifier(ROTATED.vkey)])


def test_a_checkpoint_signed_by_another_log_or_only_by_a_witness_is_refused() -> None:
    other = Signer.from_seed("log.example/bank", bytes(32))
    with pytest.raises(CheckpointError, match="cannot sign for the log"):
        sign_checkpoint(CHECKPOINT, other)
    foreign = sign_note(TEXT, [other])
    with pytest.raises(CheckpointError, match="no pinned key of the log"):
        open_checkpoint(foreign, [Verifier(other.vkey), Verifier(LOG.vkey)])
    namesake = CosignatureSigner.from_seed(ORIGIN, bytes(range(1, 33)))
    unsigned = sign_note(TEXT, [other])
    witnessed = add_signatures(unsigned, [namesake.cosign(unsigned, timestamp=1).line()])
    with pytest.raises(CheckpointError, match="no pinned key of the log"):
        open_checkpoint(witnessed, [CosignatureVerifier(namesake.vkey), Verifier(LOG.vkey)])


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "text"),
        (f"{ORIGIN}\n1\n", "text"),
        (TEXT[:-1], "text"),
        (TEXT + "extension\n", "text"),
        (TEXT + "\n", "text"),
        (TEXT.replace(ORIGIN, ""), "origin"),
        (TEXT.replace(ORIGIN, "two words"), "origin"),
        (TEXT.replace(ORIGIN, "a+b"), "origin"),
        (TEXT.replace(ORIGIN, f"https://{ORIGIN}"), "origin"),
        (TEXT.replace(ORIGIN, f"{ORIGIN}/"), "origin"),
        (TEXT.replace(ORIGIN, "o" * 256), "origin"),
        (TEXT.replace("\n1\n", "\n\n"), "size"),
        (TEXT.replace("\n1\n", "\n01\n"), "size"),
        (TEXT.replace("\n1\n", "\n+1\n"), "size"),
        (TEXT.replace("\n1\n", "\n-1\n"), "size"),
        (TEXT.replace("\n1\n", "\n1 \n"), "size"),
        (TEXT.replace("\n1\n", "\n1_0\n"), "size"),
        (TEXT.replace("\n1\n", "\n\u0661\n"), "size"),
        (TEXT.replace("\n1\n", f"\n{2**63}\n"), "size"),
        (TEXT.replace("\n1\n", "\n" + "9" * 5000 + "\n"), "size"),
        (TEXT.replace("\n1\n", "\n0\n"), "root"),
        (f"{ORIGIN}\n1\n{base64.b64encode(ROOT[:31]).decode()}\n", "root"),
        (f"{ORIGIN}\n1\n{base64.b64encode(ROOT).decode()[:-1]}\n", "root"),
        (f"{ORIGIN}\n1\n{base64.b64encode(ROOT).decode()} \n", "root"),
        (f"{ORIGIN}\n1\n\n", "root"),
    ],
)
def test_a_text_that_is_no_checkpoint_is_refused_naming_the_line(text: str, field: str) -> None:
    with pytest.raises(CheckpointError) as refused:
        parse_checkpoint(text)
    assert refused.value.field == field
    assert len(str(refused.value)) < 500


def test_the_largest_checkpoint() -> None:
    largest = Checkpoint(origin="o" * 255, size=MAX_SIZE, root=ROOT)
    assert parse_checkpoint(format_checkpoint(largest)) == largest


def test_a_cosigned_checkpoint_carries_both_signatures() -> None:
    note = sign_checkpoint(CHECKPOINT, LOG)
    cosigned = add_signatures(note, [WITNESS.cosign(note, timestamp=1_700_000_000).line()])
    verifiers = [Verifier(LOG.vkey), CosignatureVerifier.parse(format_vkey(WITNESS.vkey))]
    opened = open_note(cosigned, verifiers)
    assert checkpoint_of(opened) == CHECKPOINT
    (_, by_log), (witness, by_witness) = opened.verified
    assert witness == WITNESS.vkey
    assert timestamp_of(by_witness) == 1_700_000_000
    with pytest.raises(NoteError, match="carries no timestamp"):
        timestamp_of(by_log)


def test_every_single_bit_change_of_a_cosignature_is_refused() -> None:
    note = sign_checkpoint(CHECKPOINT, LOG)
    good = WITNESS.cosign(note, timestamp=1_700_000_000)
    verifiers = [Verifier(LOG.vkey), CosignatureVerifier(WITNESS.vkey)]
    for bit in range(8 * len(good.signature)):
        blob = bytearray(good.signature)
        blob[bit // 8] ^= 1 << bit % 8
        line = Signature(name=good.name, key_id=good.key_id, signature=bytes(blob)).line()
        with pytest.raises(NoteError, match="is wrong"):
            open_note(add_signatures(note, [line]), verifiers)
    for blob_of_other_length in (good.signature[:-1], good.signature[8:], good.signature + b"\x00"):
        line = Signature(name=good.name, key_id=good.key_id, signature=blob_of_other_length).line()
        with pytest.raises(NoteError, match="is wrong"):
            open_note(add_signatures(note, [line]), verifiers)


def test_a_cosignature_signs_the_words_of_the_specification() -> None:
    signature = WITNESS.cosign(sign_checkpoint(CHECKPOINT, LOG), timestamp=1_679_315_147)
    message = f"cosignature/v1\ntime 1679315147\n{TEXT}".encode()
    WITNESS._key.public_key().verify(signature.signature[8:], message)
    assert signature.signature[:8] == (1_679_315_147).to_bytes(8, "big")


def test_of_two_cosignatures_by_one_witness_the_first_counts() -> None:
    note = sign_checkpoint(CHECKPOINT, LOG)
    lines = [WITNESS.cosign(note, timestamp=timestamp).line() for timestamp in (5, 9)]
    opened = open_note(add_signatures(note, lines), [CosignatureVerifier(WITNESS.vkey)])
    assert [timestamp_of(signature) for _, signature in opened.verified] == [5]


def test_a_time_beyond_2_to_the_63_is_refused_even_when_signed() -> None:
    for timestamp, accepted in ((MAX_TIMESTAMP, True), (MAX_TIMESTAMP + 1, False)):
        signature = WITNESS._key.sign(f"cosignature/v1\ntime {timestamp}\n{TEXT}".encode())
        blob = timestamp.to_bytes(8, "big") + signature
        assert CosignatureVerifier(WITNESS.vkey).verify(TEXT.encode(), blob) is accepted


@pytest.mark.parametrize("timestamp", [-1, MAX_TIMESTAMP + 1])
def test_an_impossible_time_is_not_cosigned(timestamp: int) -> None:
    note = sign_checkpoint(CHECKPOINT, LOG)
    with pytest.raises(NoteError, match="no time in seconds"):
        WITNESS.cosign(note, timestamp=timestamp)
    assert WITNESS.cosign(note, timestamp=MAX_TIMESTAMP).signature[:8] == MAX_TIMESTAMP.to_bytes(8, "big")


def test_only_a_note_is_cosigned_and_only_cosigner_keys_check_it() -> None:
    with pytest.raises(NoteError):
        WITNESS.cosign(TEXT, timestamp=1)
    with pytest.raises(NoteError, match="checks COSIGNATURE keys"):
        CosignatureVerifier(LOG.vkey)


def test_a_key_in_text_form_says_which_signatures_it_checks() -> None:
    assert isinstance(parse_verifier(format_vkey(LOG.vkey)), Verifier)
    assert isinstance(parse_verifier(format_vkey(WITNESS.vkey)), CosignatureVerifier)


def test_a_cosigner_key_has_another_id_than_the_plain_key() -> None:
    plain = Vkey(name=WITNESS.vkey.name, key_type=KeyType.ED25519, public_key=WITNESS.vkey.public_key)
    assert plain.key_id != WITNESS.vkey.key_id
    assert repr(WITNESS) == "CosignatureSigner('witness.example/w1', <secret>)"
