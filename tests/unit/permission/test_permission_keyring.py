"""The file with the permit keys: made once, for nobody else's eyes, never shown."""

import json
import os
import pickle
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from placet.evidence.canonical import unb64url
from placet.evidence.terms import Form, Operation
from placet.kit.errors import Corrupt, Precondition
from placet.permission.keyring import FILE, load
from placet.permit.claims import BasisClaim, Details, EventClaim, PermitClaims
from placet.permit.mint import mint

ID = "0190b5b2-7c3d-7abc-8def-0123456789ab"


def test_it_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first = load(tmp_path / "own", Random(1).randbytes)
    path = tmp_path / "own" / FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert load(tmp_path / "own", Random(2).randbytes).kid == first.kid
    assert [one.name for one in path.parent.iterdir()] == [FILE]


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    load(tmp_path, Random(1).randbytes)
    os.chmod(tmp_path / FILE, 0o640)
    with pytest.raises(Precondition):
        load(tmp_path, Random(1).randbytes)


@pytest.mark.parametrize("text", ["", "{}", '{"keys": []}', '{"keys": [{"private": "AA"}]}', "[]"])
def test_a_damaged_file_stops_the_start_and_is_kept(tmp_path: Path, text: str) -> None:
    path = tmp_path / FILE
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(Corrupt):
        load(tmp_path, Random(1).randbytes)
    assert path.read_text() == text


def test_a_permit_is_that_of_placet_permit_byte_for_byte(tmp_path: Path) -> None:
    keyring = load(tmp_path, Random(1).randbytes)
    (kept,) = json.loads((tmp_path / FILE).read_text())["keys"]
    key = Ed25519PrivateKey.from_private_bytes(unb64url(kept["private"]))
    for cnf in (None, "c" * 43):
        claims = PermitClaims(
            iss="placet-permission", aud="urn:placet:vault:bank", sub=f"event:{ID}", azp="bank", jti=ID, iat=5, nbf=5,
            exp=65, cnf=cnf,
            details=Details(
                actions=(Operation.VERIFY,), locations=("hq", "cam-1"), purpose="entry", datatypes=("face",),
                max_uses=1, max_gallery=None, retention=86_400,
            ),
            basis=BasisClaim(form=Form.CONSENT, ordinal=3, grant=9, leaf="A" * 43),
            event=EventClaim(index=12, leaf="B" * 42 + "A", size=14),
            policy=("C" * 42 + "A",),
        )  # fmt: skip
        assert keyring.mint(claims) == mint(claims, key, keyring.kid)


def test_the_private_key_is_never_shown(tmp_path: Path) -> None:
    keyring = load(tmp_path, Random(1).randbytes)
    private = json.loads((tmp_path / FILE).read_text())["keys"][0]["private"]
    assert private not in repr(keyring) + str(keyring)
    with pytest.raises(TypeError):
        pickle.dumps(keyring)
