"""A verifier of bundles, receipts and fraud proofs written from ledger.md alone.

Shares no line with `placet`: hashlib, json and Ed25519 are all it uses, and the naive rules beside the property tests.
It works on parsed JSON and asserts; it is here to show that the text suffices, and to keep our files honest.
"""

import base64
import hashlib
import json
import struct
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from property.evidence import naive_rules

Json = dict[str, Any]


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def b64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def open_checkpoint(note: str, vkey: str) -> tuple[str, int, bytes]:
    """Origin, size and root, once the pinned key signed them."""
    name, _, key = vkey.split("+", 2)
    public = b64(key)
    key_id = sha256(name.encode() + b"\n" + public)[:4]
    text, signatures = note.rsplit("\n\n", 1)
    text += "\n"
    lines = [line.removeprefix("\u2014 ").split(" ") for line in signatures.splitlines()]
    blobs = [b64(blob) for owner, blob in lines if owner == name and b64(blob)[:4] == key_id]
    assert blobs
    for blob in blobs:
        Ed25519PublicKey.from_public_bytes(public[1:]).verify(blob[4:], text.encode())
    origin, size, root = text.splitlines()
    assert origin == name
    return origin, int(size), b64(root)


def check_path(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> None:
    """RFC 6962: recompute the root by halving, from the top."""
    path = list(path)
    assert 0 <= index < size

    def up(begin: int, end: int) -> bytes:
        if end - begin == 1:
            return leaf
        k = 1
        while 2 * k < end - begin:
            k *= 2
        sibling = path.pop()
        if index < begin + k:
            return sha256(b"\x01" + up(begin, begin + k) + sibling)
        return sha256(b"\x01" + sibling + up(begin + k, end))

    assert up(0, size) == root
    assert not path


def entry_of(proven: Json, size: int, root: bytes) -> Json:
    data = b64(proven["entry"])
    check_path(sha256(b"\0" + data), proven["index"], size, [b64(one) for one in proven["proof"]], root)
    entry: Json = json.loads(data)
    assert entry["i"] == proven["index"]
    assert json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == data
    return entry


def last_state(proven: Json, size: int, root: bytes) -> Json:
    state = entry_of(proven, size, root)
    assert (state["kind"], state["i"], state["covers"][1], state["rules"]) == (
        "state",
        size - 1,
        size - 1,
        "placet/rules/1",
    )
    return state


def check_status(status: Json, state: Json) -> None:
    ended = 2**64 - 1 if status["ended"] is None else status["ended"]
    numbers = struct.pack(">QQQ", status["ordinal"], status["granted"], ended)
    leaf = sha256(b"\0placet/status/v1" + numbers + b64(status["history"]))
    root = base64.urlsafe_b64decode(state["status_root"] + "=")
    check_path(leaf, status["ordinal"], state["bases"], [b64(one) for one in status["proof"]], root)


def check_basis(basis: Json, state: Json, size: int, root: bytes) -> list[Json]:
    """All entries of a basis, once they give the status that the state commits to."""
    grant = entry_of(basis["grant"], size, root)
    changes = [*basis["amends"], *([basis["withdraw"]] if basis["withdraw"] else [])]
    history = bytes(32)
    for change in changes:
        history = sha256(history + sha256(b"\0" + b64(change["entry"])))
    entries = [entry_of(one, size, root) for one in changes]
    assert all(entry["basis"] == grant["basis"] for entry in entries)
    status = basis["status"]
    ended = entries[-1]["i"] if basis["withdraw"] else None
    assert (status["ordinal"], status["granted"], status["ended"]) == (grant["basis"], grant["i"], ended)
    assert b64(status["history"]) == history
    check_status(status, state)
    approvals = [entry_of(one, size, root) for one in basis["approvals"]]
    assert [approval["i"] for approval in approvals] == grant["approvals"]
    return [grant, *entries, *approvals]


def check_approvals(origin: str, grant: Json, entries: list[Json]) -> None:
    left_out = ("v", "kind", "i", "prev", "t", "basis", "not_before", "approvals")
    draft = {name: value for name, value in grant.items() if name not in left_out}
    text = json.dumps(draft, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    digest = sha256(b"placet/draft/v1\0" + text)
    approvals = [entry["data"] for entry in entries if entry["i"] in grant["approvals"]]
    for data in approvals:
        assert data["draft"] == b64url(digest)
        assert grant["t"] < data["expires"]
        message = b"placet/approval/v1\0" + origin.encode() + b"\0" + data["role"].encode() + b"\0" + digest
        key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(data["key"] + "="))
        signature = base64.urlsafe_b64decode(data["signature"] + "==")
        key.verify(signature, message + struct.pack(">Q", data["expires"]))
    if len(approvals) == 1:
        assert grant["not_after"] - grant["not_before"] <= 900 * 1_000_000
    else:
        assert len(approvals) >= 2
        for name in ("approver", "key", "role"):
            assert len({data[name] for data in approvals}) == len(approvals)


def check_bundle(bundle: Json, vkey: str) -> Json:
    """The event of a bundle, once everything is proven and the rules agree."""
    assert bundle["format"] == "placet.bundle/1"
    origin, size, root = open_checkpoint(bundle["checkpoint"], vkey)
    state = last_state(bundle["state"], size, root)
    event = entry_of(bundle["event"], size, root)
    decision = entry_of(bundle["decision"], size, root)
    assert (event["kind"], decision["kind"], decision["i"]) == ("event", "decision", event["decision"])
    entries = [decision]
    for basis in bundle["bases"]:
        entries += (found := check_basis(basis, state, size, root))
        if found[0]["form"] == "legal_permission":
            check_approvals(origin, found[0], found)
    ordinals = [basis["status"]["ordinal"] for basis in bundle["bases"]]
    own = naive_rules.find_basis(entries, event["basis"])
    assert ordinals == ([] if event["basis"] is None else [event["basis"], *own["needs"]])
    before = sorted((entry for entry in entries if entry["i"] < event["i"]), key=lambda entry: entry["i"])
    named = 2**60 if "BASIS_UNKNOWN" in event["reasons"] else event["basis"]
    reasons = naive_rules.against_event(before, event, named)
    # Rule 7 needs the whole log: a bundle cannot show it, only that it can apply at all.
    claimed = [reason for reason in event["reasons"] if reason != "EVENTS_EXHAUSTED"]
    assert claimed == [reason for reason in reasons if reason != "EVENTS_EXHAUSTED"], (event["reasons"], reasons)
    if claimed != event["reasons"]:
        assert own["max_events"] is not None
        reasons = event["reasons"]
    assert event["verdict"] == ("deny" if reasons else "allow")
    for use in bundle["uses"]:
        assert entry_of(use, size, root)["event"] == event["i"]
    return event


def check_receipt(receipt: Json, vkey: str) -> tuple[Json, int, bytes]:
    assert receipt["format"] == "placet.receipt/1"
    _, size, root = open_checkpoint(receipt["checkpoint"], vkey)
    withdraw = entry_of(receipt["withdraw"], size, root)
    assert withdraw["kind"] == "withdraw"
    return withdraw, size, root


def check_fraud(fraud: Json, vkey: str) -> None:
    assert fraud["format"] == "placet.fraud/1"
    withdraw, old, old_root = check_receipt(fraud["receipt"], vkey)
    _, size, root = open_checkpoint(fraud["checkpoint"], vkey)
    check_consistency(old, old_root, size, root, [b64(one) for one in fraud["consistency"]])
    state = last_state(fraud["state"], size, root)
    if fraud["status"] is None:
        assert state["bases"] <= withdraw["basis"]
        return
    check_status(fraud["status"], state)
    assert fraud["status"]["ordinal"] == withdraw["basis"]
    assert fraud["status"]["ended"] != withdraw["i"]


def check_consistency(m: int, old_root: bytes, n: int, root: bytes, path: list[bytes]) -> None:
    """RFC 6962 section 2.1.2 from the top: both roots from one path, for 0 < m < n."""
    assert 0 < m < n
    path = list(path)

    def down(m: int, n: int, complete: bool) -> tuple[bytes, bytes]:
        if m == n:
            whole = old_root if complete else path.pop()
            return whole, whole
        k = 1
        while 2 * k < n:
            k *= 2
        sibling = path.pop()
        if m <= k:
            before, after = down(m, k, complete)
            return before, sha256(b"\x01" + after + sibling)
        before, after = down(m - k, n - k, False)
        return sha256(b"\x01" + sibling + before), sha256(b"\x01" + sibling + after)

    assert down(m, n, True) == (old_root, root)
    assert not path
