"""Permits: minted, verified, and every rule of `placet.permit.verify` broken one by one."""

import base64
import hashlib
import json
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from placet.evidence.canonical import b64url
from placet.evidence.terms import SECOND, Form, Operation
from placet.permit.claims import BasisClaim, Details, EventClaim, PermitClaims, claims_json, claims_of, window
from placet.permit.errors import PermitError, PermitReason
from placet.permit.keys import key_id
from placet.permit.mint import mint
from placet.permit.verify import Expected, PermitVerifier, verify

T0 = 1_800_000_000
NOW = T0 * SECOND
HASH = b64url(bytes(range(32)))
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
KID = key_id(KEY.public_key())
KEYS = {KID: KEY.public_key()}
EXPECTED = Expected(issuer="https://placet.example", audience="urn:placet:vault:bank", controller="bank")
ID = "0190a5d0-ac96-774b-8cce-b302099a8057"
CLAIMS = PermitClaims(
    iss="https://placet.example",
    aud="urn:placet:vault:bank",
    sub=f"event:{ID}",
    azp="bank",
    jti=ID,
    iat=T0,
    nbf=T0,
    exp=T0 + 60,
    cnf=None,
    details=Details(
        actions=(Operation.VERIFY,),
        locations=("branch.1", "cam.1"),
        purpose="login",
        datatypes=("probe",),
        max_uses=1,
        max_gallery=None,
        retention=None,
    ),
    basis=BasisClaim(form=Form.CONSENT, ordinal=3, grant=17, leaf=HASH),
    event=EventClaim(index=812, leaf=HASH, size=831),
    policy=(HASH,),
)


def token_of(payload, *, header=None, key=KEY):
    """A token over any JSON text, signed all the same."""
    head = {"alg": "EdDSA", "kid": KID, "typ": "placet-permit+jwt"} if header is None else header
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (head, payload)]
    signed = ".".join(b64url(part) for part in parts)
    return f"{signed}.{b64url(key.sign(signed.encode()))}"


def refused(token, reason, field=None, *, now=NOW, expected=EXPECTED, certificate=None):
    with pytest.raises(PermitError) as caught:
        verify(token, KEYS, expected, now=now, certificate=certificate)
    assert caught.value.reason == reason
    if field is not None:
        assert caught.value.field == field
    assert reason in caught.value.diagnostics()
    assert token not in caught.value.diagnostics() or not token


def test_what_is_minted_verifies():
    token = mint(CLAIMS, KEY, KID)
    assert verify(token, KEYS, EXPECTED, now=NOW) == CLAIMS
    assert len(token) < 1_400
    assert mint(CLAIMS, KEY, KID) == token


def test_any_jwt_library_reads_it():
    token = mint(CLAIMS, KEY, KID)
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "kid": KID, "typ": "placet-permit+jwt"}
    options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
    read = jwt.decode(token, KEY.public_key(), algorithms=["EdDSA"], audience=CLAIMS.aud, options=options)
    assert read == json.loads(json.dumps(claims_json(CLAIMS)))
    assert read["authorization_details"][0]["type"] == "face_processing"


@pytest.mark.parametrize(
    "changes",
    [
        {"cnf": HASH},
        {"sub": "gallery:vip.2"},
        {"policy": ()},
        {"basis": BasisClaim(form=Form.LEGAL_PERMISSION, ordinal=0, grant=2, leaf=HASH)},
        {"details": replace(CLAIMS.details, max_gallery=10_000, retention=86_400, datatypes=())},
    ],
    ids=str,
)
def test_claims_are_read_as_they_were_written(changes):
    claims = replace(CLAIMS, **changes)
    assert claims_of(json.loads(json.dumps(claims_json(claims)))) == claims
    assert verify(mint(claims, KEY, KID), KEYS, EXPECTED, now=NOW, certificate=changes.get("cnf")) == claims


def test_a_window_never_outlives_the_ledgers():
    assert window(NOW + 999_999, NOW + 60_999_999) == (T0, T0 + 60)
    assert window(NOW, NOW + 60_000_000) == (T0, T0 + 60)


# 1. The text.


def test_a_token_has_one_text():
    token = mint(CLAIMS, KEY, KID)
    head, body, signature = token.split(".")
    for other in (
        f"{head}.{body}.{signature}=",
        f"{head}.{body}.{signature}==",
        f"{head}.{body}. {signature}",
        f"{head}.{body}.{signature}\n",
        f"{head}=.{body}.{signature}",
        f"{head}.{body}.{signature[:-1]}{chr(ord(signature[-1]) ^ 1)}",
        f"{head}.{body}",
        f"{token}.",
        f"{head}..{signature}",
        "",
        "..",
        "é.é.é",
        "\ud800",
        token.replace("-", "+").replace("_", "/") + "+",
    ):
        with pytest.raises(PermitError) as caught:
            verify(other, KEYS, EXPECTED, now=NOW)
        assert caught.value.reason in (PermitReason.MALFORMED, PermitReason.SIGNATURE)


def test_a_token_is_not_endless():
    refused("a" * 8_193, PermitReason.MALFORMED, "permit")
    long = replace(CLAIMS, policy=tuple(sorted(b64url(bytes([n]) * 32) for n in range(200))))
    with pytest.raises(PermitError) as caught:
        mint(long, KEY, KID)
    assert caught.value.reason == PermitReason.MALFORMED


# 2. The header.

GOOD = claims_json(CLAIMS)
HEAD = {"alg": "EdDSA", "kid": KID, "typ": "placet-permit+jwt"}


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "ES256", "RS256", "Ed25519", "eddsa", "", None, 1, ["EdDSA"]])
def test_only_eddsa_is_an_algorithm(alg):
    refused(token_of(GOOD, header={**HEAD, "alg": alg}), PermitReason.ALGORITHM, "alg")


def test_a_token_without_signature_is_refused():
    head = b64url(json.dumps({**HEAD, "alg": "none"}).encode())
    refused(f"{head}.{b64url(json.dumps(GOOD).encode())}.", PermitReason.ALGORITHM)


def test_a_public_key_is_no_hmac_secret():
    secret = KEY.public_key().public_bytes_raw() * 2
    token = jwt.encode(GOOD, secret, algorithm="HS256", headers=HEAD | {"alg": "HS256"})
    refused(token, PermitReason.ALGORITHM, "alg")


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "placet-permit+JWT", "", None, 1])
def test_only_permits_are_permits(typ):
    refused(token_of(GOOD, header={**HEAD, "typ": typ}), PermitReason.HEADER, "typ")
    without = {name: HEAD[name] for name in HEAD if name != "typ"}
    refused(token_of(GOOD, header=without), PermitReason.HEADER, "typ")


@pytest.mark.parametrize("name", ["jwk", "jku", "x5c", "x5u", "x5t", "crit", "b64", "zip", "\x1b"])
def test_nothing_else_in_a_header_is_looked_at(name):
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64url(OTHER.public_key().public_bytes_raw())}
    refused(token_of(GOOD, header={**HEAD, name: jwk}, key=OTHER), PermitReason.HEADER, ascii(name)[1:-1])


@pytest.mark.parametrize("kid", ["other", "", None, 7, ["x"], {}])
def test_the_key_is_a_pinned_one(kid):
    refused(token_of(GOOD, header={**HEAD, "kid": kid}), PermitReason.KEY_UNKNOWN, "kid")


def test_duplicate_keys_in_a_header_are_refused():
    head = json.dumps(HEAD)[:-1] + ', "alg": "EdDSA"}'
    refused(token_of(GOOD, header=head.encode()), PermitReason.MALFORMED, "header")


@pytest.mark.parametrize("head", [b"[]", b"null", b"7", b"{", b"\xff", b'{"alg": NaN}', b"[" * 5_000])
def test_a_header_is_an_object(head):
    refused(token_of(GOOD, header=head), PermitReason.MALFORMED, "header")


# 3. The signature.


def test_another_keys_signature_is_refused():
    refused(token_of(GOOD, key=OTHER), PermitReason.SIGNATURE, "signature")


def test_a_changed_claim_breaks_the_signature():
    head, _, signature = mint(CLAIMS, KEY, KID).split(".")
    changed = b64url(json.dumps({**GOOD, "exp": T0 + 3_600}).encode())
    refused(f"{head}.{changed}.{signature}", PermitReason.SIGNATURE)


def test_a_changed_header_breaks_the_signature():
    """The same header with a space in it, which PyJWT would not notice without the signature."""
    _, body, signature = mint(CLAIMS, KEY, KID).split(".")
    head = base64.urlsafe_b64encode(json.dumps(HEAD).encode()).rstrip(b"=").decode()
    refused(f"{head}.{body}.{signature}", PermitReason.SIGNATURE)


# 4. The claims.


@pytest.mark.parametrize("name", sorted(GOOD))
def test_every_claim_is_required(name):
    refused(token_of({claim: GOOD[claim] for claim in GOOD if claim != name}), PermitReason.CLAIM, name)


@pytest.mark.parametrize("body", [b"[]", b"7", b"{", b"\xff", b'{"exp": 1.5}', b'{"exp": Infinity}'])
def test_claims_are_an_object(body):
    refused(token_of(body), PermitReason.MALFORMED, "claims")


def test_duplicate_claims_are_refused():
    """A parser that keeps the first and one that keeps the last would see different permits."""
    text = json.dumps(GOOD)
    for double in (text[:-1] + f', "exp": {T0 + 60}}}', text.replace('"ordinal": 3', '"ordinal": 3, "ordinal": 4')):
        refused(token_of(double.encode()), PermitReason.MALFORMED, "claims")


def with_detail(**changes):
    return {"authorization_details": [{**GOOD["authorization_details"][0], **changes}]}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "张三"}, "name"),
        ({"iss": 7}, "iss"),
        ({"aud": ["urn:placet:vault:bank"]}, "aud"),
        ({"sub": "person:7"}, "sub"),
        ({"sub": f"event:{ID[:-1]}0"}, "sub"),
        ({"azp": ""}, "azp"),
        ({"jti": "7"}, "jti"),
        ({"iat": -1}, "iat"),
        ({"iat": float(T0)}, "claims"),
        ({"nbf": True}, "nbf"),
        ({"exp": None}, "exp"),
        ({"exp": str(T0)}, "exp"),
        ({"exp": T0}, "exp"),
        ({"nbf": T0 - 1}, "exp"),
        ({"nbf": T0 + 60}, "exp"),
        ({"policy": ["x"]}, "policy[0]"),
        ({"policy": [HASH, HASH]}, "policy[1]"),
        ({"cnf": {}}, "cnf.x5t#S256"),
        ({"cnf": {"x5t#S256": HASH, "jwk": {}}}, "cnf.jwk"),
        ({"cnf": None}, "cnf"),
        ({"basis": {**GOOD["basis"], "form": "none"}}, "basis.form"),
        ({"basis": {**GOOD["basis"], "person": 1}}, "basis.person"),
        ({"event": {"index": 1, "leaf": HASH}}, "event.size"),
        ({"authorization_details": []}, "authorization_details"),
        ({"authorization_details": GOOD["authorization_details"] * 2}, "authorization_details"),
        (with_detail(type="payment"), "authorization_details[0].type"),
        (with_detail(actions=["look"]), "authorization_details[0].actions[0]"),
        (with_detail(actions=["verify", "enrol"]), "authorization_details[0].actions[1]"),
        (with_detail(locations=["a b"]), "authorization_details[0].locations[0]"),
        (with_detail(purpose=None), "authorization_details[0].purpose"),
        (with_detail(datatypes=[1]), "authorization_details[0].datatypes[0]"),
        (with_detail(max_uses=0), "authorization_details[0].max_uses"),
        (with_detail(max_gallery=0), "authorization_details[0].max_gallery"),
        (with_detail(retention=-1), "authorization_details[0].retention"),
        (with_detail(template="..."), "authorization_details[0].template"),
    ],
)
def test_a_wrong_claim_is_named(changes, field):
    reason = PermitReason.MALFORMED if field == "claims" else PermitReason.CLAIM
    refused(token_of({**GOOD, **changes}), reason, field)


def test_what_would_not_verify_is_not_minted():
    with pytest.raises(PermitError) as caught:
        mint(replace(CLAIMS, azp="a controller"), KEY, KID)
    assert caught.value.field == "azp"
    with pytest.raises(PermitError):
        replace(CLAIMS, exp=T0)


# 5. and 6. For whom, and when.


def test_issuer_audience_and_controller_are_exactly_the_expected():
    token = mint(CLAIMS, KEY, KID)
    refused(token, PermitReason.ISSUER, "iss", expected=replace(EXPECTED, issuer="https://placet.example/"))
    refused(token, PermitReason.AUDIENCE, "aud", expected=replace(EXPECTED, audience="urn:placet:engine:bank"))
    refused(token, PermitReason.CONTROLLER, "azp", expected=replace(EXPECTED, controller="retailer"))


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (NOW - 5 * SECOND, None),
        (NOW - 5 * SECOND - 1, PermitReason.NOT_YET_VALID),
        (NOW + 60 * SECOND - 1, None),
        (NOW + 60 * SECOND, PermitReason.EXPIRED),
        (0, PermitReason.NOT_YET_VALID),
    ],
)
def test_a_permit_has_its_time(now, reason):
    token = mint(CLAIMS, KEY, KID)
    if reason is None:
        assert verify(token, KEYS, EXPECTED, now=now)
    else:
        refused(token, reason, now=now)


def test_a_lifetime_is_capped():
    long = mint(replace(CLAIMS, exp=T0 + 61), KEY, KID)
    refused(long, PermitReason.LIFETIME, "exp")
    assert verify(long, KEYS, replace(EXPECTED, max_lifetime=61), now=NOW)


# 7. By whom.


def test_a_bound_permit_needs_its_certificate():
    bound = mint(replace(CLAIMS, cnf=HASH), KEY, KID)
    assert verify(bound, KEYS, EXPECTED, now=NOW, certificate=HASH)
    refused(bound, PermitReason.BINDING, "cnf")
    refused(bound, PermitReason.BINDING, "cnf", certificate=b64url(bytes(32)))
    assert verify(mint(CLAIMS, KEY, KID), KEYS, EXPECTED, now=NOW, certificate=HASH)


# What was found good is remembered.


class Counting(dict):
    """A key set that counts how often a key is looked up, which happens once for each signature that is checked."""

    looked = 0

    def get(self, kid, default=None):
        self.looked += 1
        return super().get(kid, default)


def test_a_known_permit_is_not_verified_again_but_its_time_is():
    keys = Counting(KEYS)
    verifier = PermitVerifier(keys, EXPECTED)
    token = mint(replace(CLAIMS, cnf=HASH), KEY, KID)
    for _ in range(3):
        assert verifier.verify(token, now=NOW, certificate=HASH).jti == ID
    assert keys.looked == 1
    for now, certificate, reason in (
        (NOW + 60 * SECOND, HASH, PermitReason.EXPIRED),
        (NOW - 60 * SECOND, HASH, PermitReason.NOT_YET_VALID),
        (NOW, None, PermitReason.BINDING),
    ):
        with pytest.raises(PermitError) as caught:
            verifier.verify(token, now=now, certificate=certificate)
        assert caught.value.reason == reason
    assert keys.looked == 1


def test_what_was_refused_is_not_remembered():
    verifier = PermitVerifier(KEYS, EXPECTED)
    for bad in (token_of(GOOD, key=OTHER), "\ud800"):
        for _ in range(2):
            with pytest.raises(PermitError):
                verifier.verify(bad, now=NOW)
    assert verifier._known == {}


def test_memory_is_bounded_and_forgotten_with_the_keys():
    verifier = PermitVerifier(KEYS, EXPECTED, remember=2)
    for n in range(5):
        verifier.verify(mint(replace(CLAIMS, exp=T0 + 50 + n), KEY, KID), now=NOW)
    assert len(verifier._known) == 2
    token = mint(replace(CLAIMS, exp=T0 + 54), KEY, KID)
    assert hashlib.sha256(token.encode()).digest() in verifier._known
    verifier.replace_keys({})
    with pytest.raises(PermitError) as caught:
        verifier.verify(token, now=NOW)
    assert caught.value.reason == PermitReason.KEY_UNKNOWN
