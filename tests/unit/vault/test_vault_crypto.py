"""The envelope: what it is bound to, what it keeps, what it refuses."""

import hashlib
from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from placet.evidence.terms import BasisOrdinal, Micros
from placet.kit.security.redacted import SecretBytes
from placet.vault import crypto
from placet.vault.comparison import cosine
from placet.vault.errors import StorageCorrupt
from placet.vault.template import (
    Place,
    SealedTemplate,
    Template,
    TemplateFacts,
    TemplateId,
    Vector,
    read_template,
)

KEY = SecretBytes(bytes(range(32)))
OTHER = SecretBytes(bytes(32))
NONCE = b"\x09" * 12
FACTS = TemplateFacts(
    model_id="arc-r100", model_sha256=b"\xab" * 32, dimension=64, quality=90, captured_at=Micros(1_700_000_000_000_000)
)
PLACE = Place(
    controller="bank",
    basis=BasisOrdinal(3),
    template_id=TemplateId(UUID("0b1c2d3e-4f50-4161-8283-94a5b6c7d8e9")),
    model_sha256=FACTS.model_sha256,
    dimension=64,
    kek_version=2,
)
OCTETS = np.linspace(-1, 1, 64, dtype="<f4").tobytes()


def template() -> Template:
    return read_template(OCTETS, FACTS)


def sealed(place: Place = PLACE) -> SealedTemplate:
    blob = crypto.seal(template().vector, PLACE, KEY, NONCE)
    return SealedTemplate(place=place, facts=FACTS, nonce=NONCE, blob=blob, enrolled_at=Micros(1))


def test_the_additional_data_is_the_permanent_one() -> None:
    # Golden bytes: templates on disk depend on them for ever.
    assert crypto.additional_data(PLACE) == (
        b'{"basis":3,"controller":"bank","dimension":64,"kek_version":2,'
        b'"model_sha256":"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s",'
        b'"template_id":"0b1c2d3e-4f50-4161-8283-94a5b6c7d8e9"}'
    )


def test_a_sealed_template_opens_at_its_place_bit_for_bit() -> None:
    one = sealed()
    assert OCTETS not in one.blob
    assert bytes(crypto.open_sealed(one, KEY).octets) == OCTETS


def test_it_is_plain_aes_256_gcm() -> None:
    one = sealed()
    opened = AESGCM(bytes(range(32))).decrypt(NONCE, one.blob, crypto.additional_data(PLACE))
    assert opened == OCTETS


@pytest.mark.parametrize(
    "changes",
    [
        {"controller": "retailer"},
        {"basis": BasisOrdinal(4)},
        {"template_id": TemplateId(UUID(int=1))},
        {"model_sha256": b"\xac" * 32},
        {"kek_version": 1},
    ],
)
def test_it_opens_nowhere_else(changes: dict[str, object]) -> None:
    with pytest.raises(StorageCorrupt):
        crypto.open_sealed(sealed(replace(PLACE, **changes)), KEY)  # type: ignore[arg-type]


@pytest.mark.parametrize("dimension", [63, 65, 128])
def test_it_opens_with_no_other_dimension(dimension: int) -> None:
    with pytest.raises(StorageCorrupt):
        crypto.open_sealed(sealed(replace(PLACE, dimension=dimension)), KEY)


def test_the_right_place_with_the_wrong_dimension_in_the_data_does_not_open() -> None:
    # Negative control of the test above: the length check alone is not what protects.
    longer = replace(PLACE, dimension=68)
    blob = crypto.seal(Vector(np.ones(64, "<f4")), longer, KEY, NONCE)
    with pytest.raises(StorageCorrupt):
        crypto.open_sealed(replace(sealed(PLACE), blob=blob), KEY)


def test_a_changed_byte_or_another_key_does_not_open() -> None:
    one = sealed()
    for position in (0, len(one.blob) // 2, len(one.blob) - 1):
        changed = bytearray(one.blob)
        changed[position] ^= 1
        with pytest.raises(StorageCorrupt):
            crypto.open_sealed(replace(one, blob=bytes(changed)), KEY)
    with pytest.raises(StorageCorrupt):
        crypto.open_sealed(one, OTHER)
    with pytest.raises(StorageCorrupt):
        crypto.open_sealed(replace(one, nonce=b"\x08" * 12), KEY)


def test_key_wrap_is_rfc_3394() -> None:
    # RFC 3394 section 4.6: 256 bits of key data with a 256-bit KEK.
    kek = SecretBytes(bytes.fromhex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"))
    data = SecretBytes(bytes.fromhex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F"))
    expected = "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"
    assert crypto.wrap(data, kek) == bytes.fromhex(expected)
    assert crypto.unwrap(bytes.fromhex(expected), kek, "x") == data


@pytest.mark.parametrize("blob", [b"", b"\0" * 40, b"\0" * 24, b"\0" * 41])
def test_what_was_not_wrapped_does_not_unwrap(blob: bytes) -> None:
    with pytest.raises(StorageCorrupt, match="a data key"):
        crypto.unwrap(blob, KEY, "a data key")


def digest(key: SecretBytes = KEY, **changes: object) -> bytes:
    asked: dict[str, object] = {
        "operation": "verify",
        "request_id": "0b1c2d3e-4f50-4161-8283-94a5b6c7d8e9",
        "event": 12,
        "permit_id": "p",
        "template": template(),
    }
    return crypto.request_digest(key, **{**asked, **changes})  # type: ignore[arg-type]


def test_a_request_digest_covers_the_request_and_needs_the_key() -> None:
    other_probe = bytearray(OCTETS)
    other_probe[0] ^= 1
    changed = [
        digest(OTHER),
        digest(operation="enrol"),
        digest(request_id="0b1c2d3e-4f50-4161-8283-94a5b6c7d8ea"),
        digest(event=13),
        digest(permit_id="q"),
        digest(template=read_template(bytes(other_probe), FACTS)),
        *[
            digest(template=Template(facts=replace(FACTS, **one), vector=template().vector))
            for one in ({"quality": 1}, {"model_id": "x"}, {"model_sha256": b"\0" * 32}, {"captured_at": 2})
        ],
    ]
    assert len({digest(), *changed}) == 1 + len(changed)
    assert digest() == digest()
    assert len(digest()) == 32


def test_no_plain_hash_of_a_vector_is_a_digest() -> None:
    assert digest() not in {hashlib.sha256(OCTETS).digest(), hashlib.sha256(KEY.reveal()).digest()}


def test_the_hash_of_an_erased_template_is_of_its_ciphertext() -> None:
    one = sealed()
    assert crypto.erased_hash(one) == hashlib.sha256(one.nonce + one.blob).digest()


def test_cosine() -> None:
    def vector(*values: float) -> Vector:
        return Vector(np.array([*values, *[0.0] * (64 - len(values))], "<f4"))

    assert cosine(vector(1, 0), vector(0, 1)) == 0.0
    assert cosine(vector(3, 4), vector(3, 4)) == pytest.approx(1.0, abs=1e-12)
    assert cosine(vector(1, 0), vector(-1, 0)) == -1.0
    assert cosine(vector(1, 1), vector(1, 0)) == pytest.approx(2**-0.5)
    assert cosine(vector(3e38, 3e38), vector(3e38, 3e38)) == pytest.approx(1.0)
    assert cosine(vector(1e-45), vector(1e-45)) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="dimensions"):
        cosine(vector(1), Vector(np.ones(65, "<f4")))
    with pytest.raises(ValueError, match="direction"):
        cosine(vector(1), vector(0))
