"""Writes the golden vectors of `placet.tlog` beside this file: `python tests/vectors/tlog/regenerate.py`.

The formats are permanent (docs/adr/0001-tlog-formats.md): a difference here breaks every log and bundle ever written;
new vectors may be added but no old value may change. Everything is derived from the constants below; hashes are hex.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from vectors.tlog import trust_files

from placet.tlog.addcheckpoint import AddCheckpoint, format_request, origin_hash
from placet.tlog.checkpoint import Checkpoint, format_checkpoint, open_checkpoint, sign_checkpoint
from placet.tlog.cosignature import CosignatureSigner, parse_verifier
from placet.tlog.errors import TlogError
from placet.tlog.hashing import EMPTY_ROOT, leaf_hash, node_hash
from placet.tlog.note import Signer, Verifier, add_signatures, format_vkey, open_note, sign_note
from placet.tlog.proof import (
    RangeProof,
    consistency_proof,
    inclusion_proof,
    range_proof,
    verify_consistency,
    verify_inclusion,
    verify_range,
)
from placet.tlog.tiles import Tile, bundles_for, encode_entries, encode_tile, entries_path, tile_path, tiles_for
from placet.tlog.tree import LevelTree, cover, subtree_root
from placet.tlog.witness import Cosign, Decision, Held, LogKeys, decide

HERE = Path(__file__).parent
ORIGIN = "log.example/retailer"
LOG = Signer.from_seed(ORIGIN, bytes(range(32)))
BANK = Signer.from_seed("log.example/bank", bytes(range(2, 34)))
WITNESS = CosignatureSigner.from_seed("witness.example/w1", bytes(range(1, 33)))
SIZES = (1, 2, 3, 4, 5, 7, 8, 13)

Json = dict[str, object]


def entry(index: int) -> bytes:
    return b"entry %d" % index


def tree_of(size: int) -> LevelTree:
    return LevelTree.from_leaves(b"".join(leaf_hash(entry(index)) for index in range(size)))


def hexes(hashes: list[bytes] | tuple[bytes, ...]) -> list[str]:
    return [one.hex() for one in hashes]


def refusal(check: Callable[[], object]) -> str:
    """The reason for which `check` is refused; a vector that is not refused is no vector."""
    try:
        check()
    except TlogError as error:
        return error.reason
    raise AssertionError("accepted what must be refused")


def hashing() -> Json:
    left, right = leaf_hash(entry(0)), leaf_hash(entry(1))
    grown = tree_of(max(SIZES))
    return {
        "empty_root": EMPTY_ROOT.hex(),
        "leaves": [
            {"entry": data.hex(), "leaf": leaf_hash(data).hex()} for data in (b"", b"\x00", entry(0), bytes(300))
        ],
        "node": {"left": left.hex(), "right": right.hex(), "node": node_hash(left, right).hex()},
        "roots": [{"size": size, "root": subtree_root(0, size, grown).hex()} for size in range(max(SIZES) + 1)],
        "covers": [
            {"begin": p, "end": q, "nodes": cover(p, q)} for p, q in ((0, 13), (1, 8), (3, 13), (5, 5), (6, 2**40 + 1))
        ],
    }


def proofs() -> Json:
    tree = tree_of(max(SIZES))
    return {
        "inclusion": [
            {"index": index, "size": size, "proof": hexes(inclusion_proof(index, size, tree))}
            for size in SIZES
            for index in range(size)
        ],
        "consistency": [
            {"old": old, "size": size, "proof": hexes(consistency_proof(old, size, tree))}
            for size in SIZES
            for old in range(size + 1)
        ],
        "range": [
            {"begin": begin, "end": end, "size": size, "left": hexes(proof.left), "right": hexes(proof.right)}
            for begin, end, size in ((0, 1, 1), (0, 13, 13), (1, 2, 3), (2, 5, 13), (5, 7, 8), (12, 13, 13))
            for proof in (range_proof(begin, end, size, tree),)
        ],
        "refused": _refused_proofs(tree),
    }


def _refused_proofs(tree: LevelTree) -> list[Json]:
    """Proofs for leaf 2 of 7, for 3 of 7 and for [2, 5) of 7, each spoilt in one way."""
    root, old_root, inner = subtree_root(0, 7, tree), subtree_root(0, 3, tree), tree.node(2, 0)
    path, steps, run = inclusion_proof(2, 7, tree), consistency_proof(3, 7, tree), range_proof(2, 5, 7, tree)
    leaves = [tree.node(0, index) for index in range(2, 5)]
    leaf = {"leaf": leaves[0], "index": 2, "size": 7, "proof": path, "root": root}
    grown = {"old_size": 3, "old_root": old_root, "new_size": 7, "new_root": root, "proof": steps}
    ranged = {"begin": 2, "end": 5, "left": run.left, "right": run.right, "leaves": leaves, "size": 7, "root": root}
    return [
        _refused("no leaf 7 of 7", verify_inclusion, {**leaf, "index": 7}),
        _refused("an inner node as root", verify_inclusion, {**leaf, "proof": path[:-1], "root": inner}),
        _refused("one hash too many", verify_inclusion, {**leaf, "proof": [*path, inner]}),
        _refused("a hash of 31 bytes", verify_inclusion, {**leaf, "proof": [path[0][1:], *path[1:]]}),
        _refused("another leaf", verify_inclusion, {**leaf, "leaf": leaves[1]}),
        _refused("old larger than new", verify_consistency, {**grown, "old_size": 8}),
        _refused("no hash", verify_consistency, {**grown, "proof": []}),
        _refused("last hash left out", verify_consistency, {**grown, "proof": steps[:-1], "new_root": inner}),
        _refused("one hash too many", verify_consistency, {**grown, "proof": [*steps, inner]}),
        _refused("another old root", verify_consistency, {**grown, "old_root": inner}),
        _refused("another new root", verify_consistency, {**grown, "new_root": inner}),
        _refused("empty tree, wrong root", verify_consistency, {**grown, "old_size": 0, "proof": []}),
        _refused("a left node left out", verify_run, {**ranged, "left": run.left[1:]}),
        _refused("a left node too many", verify_run, {**ranged, "left": (*run.left, inner)}),
        _refused("another left node", verify_run, {**ranged, "left": (inner, *run.left[1:])}),
        _refused("a right node left out", verify_run, {**ranged, "right": run.right[1:]}),
        _refused("a leaf left out", verify_run, {**ranged, "leaves": leaves[1:]}),
    ]


def verify_run(
    begin: int, end: int, left: Sequence[bytes], right: Sequence[bytes], leaves: list[bytes], size: int, root: bytes
) -> None:
    """`verify_range` with the fields of the proof one by one."""
    verify_range(RangeProof(begin=begin, end=end, left=tuple(left), right=tuple(right)), leaves, size, root)


def _refused(case: str, verify: Callable[..., None], arguments: Mapping[str, object]) -> Json:
    shown = {name: _shown(value) for name, value in arguments.items()}
    return {"case": case, "verify": verify.__name__, **shown, "reason": refusal(lambda: verify(**arguments))}


def _shown(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value]
    return value.hex() if isinstance(value, bytes) else value


def notes() -> Json:
    size = 13
    checkpoint = Checkpoint(origin=ORIGIN, size=size, root=tree_of(size).root())
    signed = sign_checkpoint(checkpoint, LOG)
    cosigned = add_signatures(signed, [WITNESS.cosign(signed, timestamp=1_700_000_000).line()])
    text = "first\n\n\u2014 no signature, but text\n"
    return {
        "keys": [
            {"name": key.vkey.name, "seed": seed.hex(), "key_id": key.vkey.key_id.hex(), "vkey": format_vkey(key.vkey)}
            for key, seed in ((LOG, bytes(range(32))), (BANK, bytes(range(2, 34))), (WITNESS, bytes(range(1, 33))))
        ],
        "note": {"text": text, "note": sign_note(text, [LOG, BANK])},
        "checkpoint": {
            "origin": ORIGIN,
            "size": size,
            "root": checkpoint.root.hex(),
            "text": format_checkpoint(checkpoint),
            "note": signed,
        },
        "cosigned": {"timestamp": 1_700_000_000, "note": cosigned},
        "refused": _refused_notes(signed, cosigned),
    }


def _refused_notes(signed: str, cosigned: str) -> list[Json]:
    """Notes to be opened as checkpoints with the keys of `LOG`, `BANK` and `WITNESS` pinned."""
    text = signed.partition("\n\n")[0] + "\n"
    by_bank = sign_note(text, [BANK])
    cases = {
        "another size": signed.replace("\n13\n", "\n14\n", 1),
        "a size with a leading zero, well signed": sign_note(f"{ORIGIN}\n013\n{'A' * 43}=\n", [LOG]),
        "an extension line, well signed": sign_note(f"{text}extension\n", [LOG]),
        "signed by another log": by_bank,
        "signed by another log and the witness": add_signatures(by_bank, cosigned.splitlines(True)[-1:]),
        "signed by nobody known": signed.replace(f"\u2014 {ORIGIN}", "\u2014 log.example/other"),
        "a cosignature of another checkpoint": cosigned.replace("\n13\n", "\n14\n", 1),
        "without the last newline": signed[:-1],
        "a carriage return": signed.replace("\n", "\r\n"),
        "without signatures": f"{text}\n",
    }
    pinned = [parse_verifier(format_vkey(key.vkey)) for key in (LOG, BANK, WITNESS)]
    return [
        {"case": name, "note": note, "reason": refusal(lambda note=note: open_checkpoint(note, pinned))}  # type: ignore[misc]
        for name, note in cases.items()
    ]


def tiles() -> Json:
    size = 70_000
    tree = tree_of(size)
    written = [tile for tile in tiles_for(0, size) if tile.level or tile.index in (0, 1, 273)]
    files = {**_tile_files(written, tree), **_bundle_files(size)}
    return {
        "paths": [
            {"level": level, "index": index, "width": width, "path": tile_path(level, index, width)}
            for level, index, width in ((0, 0, 256), (0, 1_234_067, 256), (1, 1_000, 255), (63, 999, 1))
        ],
        "entries_paths": [
            {"index": index, "width": width, "path": entries_path(index, width)}
            for index, width in ((0, 256), (1_234_067, 256), (273, 112))
        ],
        "growth": [
            {"old": old, "new": new, "paths": [tile.path for tile in tiles_for(old, new)]}
            for old, new in ((0, 1), (255, 256), (250, 600), (65_535, 65_536))
        ],
        "bundle": {"entries": [b"".hex(), entry(0).hex()], "bytes": encode_entries([b"", entry(0)]).hex()},
        "log": {"size": size, "root": tree.root().hex(), "files": files},
    }


def _tile_files(written: list[Tile], tree: LevelTree) -> dict[str, str]:
    return {tile.path: hashlib.sha256(encode_tile(tile, tree)).hexdigest() for tile in written}


def _bundle_files(size: int) -> dict[str, str]:
    last = bundles_for(0, size)[-1]
    data = encode_entries([entry(last.index * 256 + at) for at in range(last.width)])
    return {last.path: hashlib.sha256(data).hexdigest()}


def witness() -> Json:
    """Requests to a witness that cosigned 7 entries of the log last, and what it answers."""
    honest, forged = tree_of(13), tree_of(13)
    forged.update(3, leaf_hash(b"forged"))
    held, pinned = _signed(7, honest), LogKeys([Verifier(LOG.vkey)])
    cases = {
        "the log has grown": _asked(7, 13, honest),
        "the same again": _asked(7, 7, honest),
        "asked from another size": _asked(3, 13, honest),
        "asked from nothing": _asked(0, 13, honest),
        "old size above the checkpoint's": format_request(AddCheckpoint.of(8, [], held)),
        "another root of the same size": _asked(7, 7, forged),
        "another history": _asked(7, 13, forged),
        "a proof that leads nowhere": format_request(AddCheckpoint.of(7, [bytes(32)], _signed(13, honest))),
        "signed by another log": format_request(AddCheckpoint.of(7, [], sign_note(_text(held), [BANK]))),
        "of an unknown log": format_request(AddCheckpoint.of(7, [], sign_note(_text(held, "log.example/x"), [LOG]))),
        "an old size with a leading zero": b"old 07\n\n" + held.encode(),
    }
    return {
        "origin_hash": origin_hash(ORIGIN),
        "held": held,
        "cases": [{"case": name, "body": body.decode(), **_answer(body, held, pinned)} for name, body in cases.items()],
    }


def _signed(size: int, tree: LevelTree) -> str:
    return sign_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=subtree_root(0, size, tree)), LOG)


def _text(note: str, origin: str = ORIGIN) -> str:
    return (note.partition("\n\n")[0] + "\n").replace(ORIGIN, origin)


def _asked(old: int, size: int, tree: LevelTree) -> bytes:
    return format_request(AddCheckpoint.of(old, consistency_proof(old, size, tree), _signed(size, tree)))


def _answer(body: bytes, held: str, pinned: LogKeys) -> Json:
    last = Held(checkpoint=open_checkpoint(held, [Verifier(LOG.vkey)]), note=held)
    decision: Decision = decide(body, pinned, lambda _: last)
    if isinstance(decision, Cosign):
        return {"status": 200, "line": WITNESS.cosign(decision.held.note, timestamp=1_700_000_000).line()}
    conflict = decision.conflict
    return {"status": int(decision.status), "size": decision.size, "proven": conflict and conflict.proven}


def vectors() -> dict[str, str]:
    """Every vector file by its name, as the text it must have."""
    assert open_note(sign_note("text\n", [LOG]), [Verifier(LOG.vkey)]).text == "text\n"
    files = {"hashing": hashing(), "proofs": proofs(), "notes": notes(), "tiles": tiles(), "witness": witness()}
    files["tlogproofs"] = trust_files.tlogproofs(LOG, WITNESS, tree_of)
    files["policies"] = trust_files.policies(LOG, BANK)
    return {f"{name}.json": json.dumps(data, indent=1, ensure_ascii=False) + "\n" for name, data in files.items()}


if __name__ == "__main__":
    for file_name, content in vectors().items():
        (HERE / file_name).write_text(content, encoding="utf-8")
        print(f"wrote {HERE / file_name}")
