"""Writes the golden vectors of `placet.evidence` and `placet.permit`: `python tests/vectors/evidence/regenerate.py`.

The formats are permanent (docs/adr/0002-entry-format.md, 0003-bundle-format.md): a difference here breaks logs and
bundles that people hold; new vectors may be added but no old value may change. Hashes are hex unless they stand in an
entry. Everything is derived from `story.py` and the constants below.
"""

import base64
import json
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fakes.evidence_drafts import consent, decision, legal_permission
from fakes.evidence_log import LEGAL, ORIGIN, T0
from vectors.evidence import story

from placet.evidence.approvals import approval_message
from placet.evidence.bundle import format_evidence
from placet.evidence.canonical import b64url, commitment, decode, encode
from placet.evidence.digests import decision_digest, grant_digest
from placet.evidence.entries import parse_entry
from placet.evidence.errors import CanonicalError, VerifyError
from placet.evidence.status import NO_HISTORY, Status, StatusTree, fold_history, status_leaf
from placet.evidence.terms import SECOND, Form, Operation
from placet.evidence.verify import Verifier
from placet.permit.claims import BasisClaim, Details, EventClaim, PermitClaims, claims_json
from placet.permit.keys import jwks_of, key_id
from placet.permit.mint import mint
from placet.tlog.hashing import leaf_hash
from placet.tlog.note import Signer, format_vkey

HERE = Path(__file__).parent
SALT = bytes(range(32))
RECORD = {"name": "张三", "channel": "kiosk", "given_at": T0, "purposes": ["login"], "witness": None}
VALUES = [
    None,
    True,
    False,
    0,
    2**53 - 1,
    "",
    '"\\/\b\f\n\r\t\0\x01\x1f\x7f',
    "人脸信息处理\u2028é",
    "😀",
    [],
    {},
    [[], {}, [None]],
    {"b": 1, "a": [True, "x"], "_": {"z": None, "0": 9}},
]
NOT_CANONICAL = [
    b'{"b":1,"a":2}',
    b'{"a":1,"a":1}',
    b'{"a": 1}',
    b'{"A":1}',
    b"1.0",
    b"-1",
    b"9007199254740992",
    b'"\\u0041"',
    b'"\\u001F"',
    b'"\\/"',
    b'"\\ud83d\\ude00"',
    b'"\\ud800"',
    '"e\u0301"'.encode(),
    b'"\xff"',
    b"NaN",
    b"null\n",
]
PERMIT_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(3, 35)))

Json = dict[str, object]


def canonical() -> Json:
    """Values with their one text, and texts that are not canonical."""
    for text in NOT_CANONICAL:
        try:
            decode(text)
        except CanonicalError:
            continue
        raise AssertionError(text)
    return {
        "values": [{"value": value, "text": encode(value).decode()} for value in VALUES],
        "refused_base64": [base64.b64encode(text).decode() for text in NOT_CANONICAL],
    }


def log() -> Json:
    """The whole log: entries as text, leaf hashes, status roots, the signed checkpoint."""
    bank, at = story.bank()
    entries = [
        {"index": index, "kind": parse_entry(data).kind, "text": data.decode(), "leaf": leaf_hash(data).hex()}
        for index, data in enumerate(bank.entries)
    ]
    return {
        "origin": ORIGIN,
        "seed": story.SEED.hex(),
        "vkey": format_vkey(Signer.from_seed(ORIGIN, story.SEED).vkey),
        "size": bank.size,
        "root": bank.tree.root().hex(),
        "checkpoint": bank.checkpoint,
        "events": at,
        "entries": entries,
    }


def digests() -> Json:
    """What is hashed and signed besides entries."""
    draft = legal_permission()
    tree = StatusTree()
    roots = [tree.root().hex()]
    for ordinal in range(5):
        tree.put(Status.at_grant(ordinal, 10 * ordinal + 2))
        roots.append(tree.root().hex())
    history = fold_history(NO_HISTORY, SALT)
    return {
        "commitment": {"salt": SALT.hex(), "record": RECORD, "commitment": commitment(SALT, RECORD).hex()},
        "grant": {"consent": grant_digest(consent()).hex(), "legal_permission": grant_digest(draft).hex()},
        "decision": decision_digest(decision()).hex(),
        "approval": {
            "message": approval_message(ORIGIN, LEGAL.role, grant_digest(draft), T0 + 3_600 * SECOND).hex(),
            "data": LEGAL.approve(draft).data,
        },
        "status": {
            "active": status_leaf(3, 17, None, NO_HISTORY).hex(),
            "history_after_one_change": history.hex(),
            "ended": status_leaf(3, 17, 40, history).hex(),
            "roots_of_0_to_5_bases_granted_at_2_12_22": roots,
        },
    }


def evidence() -> Json:
    """Evidence that verifies, with what a verification finds, by code."""
    found: Json = {}
    bank, _ = story.bank()
    verifier = Verifier(bank.verifiers)
    for name, made in story.evidence().items():
        report = verifier.verify(made)
        found[name] = {
            "evidence": json.loads(format_evidence(made)),
            "verdict": report.verdict,
            "reasons": list(report.reasons),
            "proven": [statement.saying for statement in report.proven],
            "unproven": [statement.saying for statement in report.unproven],
        }
    return found


def refused() -> Json:
    """Evidence that does not verify, with the code of the refusal and the place that it names."""
    found: Json = {}
    bank, _ = story.bank()
    verifier = Verifier(bank.verifiers)
    for name, made in story.refused().items():
        try:
            verifier.verify(made)
        except VerifyError as error:
            found[name] = {"evidence": json.loads(format_evidence(made)), "reason": error.reason, "field": error.field}
            continue
        raise AssertionError(f"{name} verifies")
    return found


def permit() -> Json:
    """A permit, its claims and the key set that verifies it."""
    bank, at = story.bank()
    event = parse_entry(bank.entries[at["allowed"]])
    grant = bank.entries[bank.status[0].granted]
    claims = PermitClaims(
        iss="https://placet.example",
        aud="urn:placet:vault:bank",
        sub=f"event:{event.id}",
        azp="bank",
        jti=event.id,
        iat=event.t // SECOND,
        nbf=event.t // SECOND,
        exp=event.permit.not_after // SECOND,
        cnf=b64url(SALT),
        details=Details(
            actions=(Operation.VERIFY,),
            locations=(event.site, event.device),
            purpose=event.purpose,
            datatypes=("probe",),
            max_uses=event.permit.max_uses,
            max_gallery=None,
            retention=0,
        ),
        basis=BasisClaim(form=Form.CONSENT, ordinal=0, grant=bank.status[0].granted, leaf=b64url(leaf_hash(grant))),
        event=EventClaim(index=event.i, leaf=b64url(leaf_hash(bank.entries[event.i])), size=bank.size),
        policy=(decision().policies[0].hash,),
    )
    kid = key_id(PERMIT_KEY.public_key())
    return {
        "jwks": jwks_of({kid: PERMIT_KEY.public_key()}),
        "claims": claims_json(claims),
        "token": mint(claims, PERMIT_KEY, kid),
    }


FILES = {
    "canonical.json": canonical,
    "log.json": log,
    "digests.json": digests,
    "evidence.json": evidence,
    "refused.json": refused,
    "permit.json": permit,
}


def vectors() -> dict[str, str]:
    """Every file's name and text."""
    return {name: json.dumps(make(), ensure_ascii=False, indent=1) + "\n" for name, make in FILES.items()}


if __name__ == "__main__":
    for file_name, file_text in vectors().items():
        (HERE / file_name).write_text(file_text, encoding="utf-8")
