"""A verifier of `.tlog-proof` files and an evaluator of trust policies, written from the C2SP texts alone.

Shares no line with `placet`: hashlib, base64 and Ed25519 are all it uses. It asserts; it is here to show that what we
write is what the specifications say.
"""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def check_tlog_proof(text: str, entry: bytes, vkey: str) -> tuple[int, int]:
    """Index and tree size, once the pinned key signed a tree that has this entry there."""
    lines = text.split("\n")
    assert lines.pop(0) == "c2sp.org/tlog-proof@v1"
    if lines[0].startswith("extra "):
        base64.b64decode(lines.pop(0)[6:], validate=True)
    word, index = lines.pop(0).split(" ")
    assert word == "index"
    assert index == str(int(index))
    cut = lines.index("")
    path = [base64.b64decode(line, validate=True) for line in lines[:cut]]
    size, root = check_checkpoint("\n".join(lines[cut + 1 :]), vkey)
    assert climb(sha256(b"\0" + entry), int(index), size, path) == root
    return int(index), size


def check_checkpoint(note: str, vkey: str) -> tuple[int, bytes]:
    name, _, key = vkey.split("+", 2)
    public = base64.b64decode(key)
    assert public[0] == 1
    text, signatures = note.rsplit("\n\n", 1)
    text += "\n"
    key_id = sha256(name.encode() + b"\n" + public)[:4]
    blobs = [base64.b64decode(line.split(" ")[2]) for line in signatures.splitlines() if line.split(" ")[1] == name]
    (signature,) = [blob[4:] for blob in blobs if blob[:4] == key_id]
    Ed25519PublicKey.from_public_bytes(public[1:]).verify(signature, text.encode())
    origin, size, root = text.splitlines()
    assert origin == name
    return int(size), base64.b64decode(root)


def climb(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root that RFC 6962 section 2.1.1 gives, by halving the tree from the top."""
    path = list(path)

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

    assert 0 <= index < size
    root = up(0, size)
    assert not path
    return root


def quorum_reached(policy: str, cosigners: set[str]) -> bool:
    """What the quorum line of a policy comes to, from the top down."""
    lines = [line.split() for line in policy.splitlines() if line.split() and not line.strip().startswith("#")]
    groups = {line[1]: (line[2], line[3:]) for line in lines if line[0] == "group"}
    (quorum,) = [line[1] for line in lines if line[0] == "quorum"]

    def witnessed(name: str) -> bool:
        if name not in groups:
            return name in cosigners
        needed, members = groups[name]
        count = sum(map(witnessed, members))
        return (
            count >= {"all": len(members), "any": 1}.get(needed, 0)
            if needed in ("all", "any")
            else count >= int(needed)
        )

    return quorum == "none" or witnessed(quorum)
