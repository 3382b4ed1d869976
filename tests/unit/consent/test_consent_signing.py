"""The key of the receipts: made once, kept private, found again."""

import json
import os
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from placet.consent import signing
from placet.consent.errors import Corrupt, StateInvalid


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = signing.load(folder, os.urandom)
    assert (folder / signing.KEY_FILE).stat().st_mode & 0o777 == 0o600
    second = signing.load(folder, os.urandom)
    assert first.jwk == second.jwk
    assert json.loads((folder / signing.PUBLIC_FILE).read_text()) == first.jwk
    assert "d" not in first.jwk
    assert first.sign({"a": 1}) == second.sign({"a": 1})
    assert jwt.decode(first.sign({"a": 1}), jwt.PyJWK(first.jwk), algorithms=["EdDSA"]) == {"a": 1}
    assert signing.load(tmp_path / "other", os.urandom).jwk != first.jwk


def test_the_kid_is_the_thumbprint_of_rfc_8037() -> None:
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    signer = signing.ReceiptSigner(Ed25519PrivateKey.from_private_bytes(seed))
    assert signer.jwk["kid"] == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"  # RFC 8037 appendix A.3


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    signing.load(tmp_path, os.urandom)
    (tmp_path / signing.KEY_FILE).chmod(0o640)
    with pytest.raises(StateInvalid, match="0600"):
        signing.load(tmp_path, os.urandom)


@pytest.mark.parametrize("data", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_damaged_key_is_never_replaced_silently(tmp_path: Path, data: bytes) -> None:
    signing.load(tmp_path, os.urandom)
    (tmp_path / signing.KEY_FILE).write_bytes(data)
    with pytest.raises(Corrupt):
        signing.load(tmp_path, os.urandom)
