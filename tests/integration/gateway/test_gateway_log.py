"""Entries, checkpoints, consistency and tiles: what is handed out checks against the log's pinned key."""

import base64
import json
from pathlib import Path

from integration.gateway.gateway_rig import Rig, problem, rigged

from placet.evidence.canonical import decode
from placet.tlog.checkpoint import open_checkpoint
from placet.tlog.hashing import leaf_hash
from placet.tlog.proof import inclusion_proof, verify_consistency, verify_inclusion
from placet.tlog.tiles import TileReader, decode_entries


def raw(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


async def test_an_entry_is_proven(rig: Rig) -> None:
    for index in (0, rig.bank.at["allowed"], rig.bank.log.size - 1):
        entry = await rig.json(f"/v1/bank/entries/{index}")
        checkpoint = open_checkpoint(entry["checkpoint"], rig.bank.log.verifiers)
        data, proof = raw(entry["bytes"]), [raw(one) for one in entry["proof"]]
        assert decode(data) == entry["entry"]
        assert raw(entry["leaf_hash"]) == leaf_hash(data)
        verify_inclusion(leaf_hash(data), index, checkpoint.size, proof, checkpoint.root)
        assert checkpoint.size == entry["tree_size"]
    problem(await rig.get(f"/v1/bank/entries/{rig.bank.log.size}"), 404, "NOT_FOUND", "index")


async def test_the_checkpoint_is_the_logs(rig: Rig) -> None:
    said = await rig.json("/v1/bank/checkpoint")
    opened = open_checkpoint(said["checkpoint"], rig.bank.log.verifiers)
    assert (said["origin"], said["tree_size"], raw(said["root"])) == (opened.origin, opened.size, opened.root)
    plain = await rig.get("/log/bank/checkpoint")
    assert plain.text == said["checkpoint"] == rig.bank.log.checkpoint
    assert plain.headers["content-type"] == "text/plain; charset=utf-8"
    assert plain.headers["cache-control"] == "private, max-age=2"


async def test_the_log_only_grew(rig: Rig) -> None:
    log = rig.bank.log
    for old, new in ((2, None), (5, 9), (log.size, log.size)):
        said = await rig.json("/v1/bank/consistency", old=old, **({} if new is None else {"new": new}))
        assert (said["old"], said["new"], said["tree_size"]) == (old, new or log.size, log.size)
        old_root = raw((await rig.json("/v1/bank/consistency", old=old, new=old))["root"])
        proof = [raw(one) for one in said["proof"]]
        verify_consistency(old, old_root, said["new"], raw(said["root"]), proof)


async def test_impossible_sizes_are_named(rig: Rig) -> None:
    path = "/v1/bank/consistency"
    problem(await rig.get(path), 400, "FIELD_MISSING", "old")
    problem(await rig.get(path, old=1, new=10_000), 400, "FIELD_INVALID", "new")
    problem(await rig.get(path, old=9, new=8), 400, "FIELD_INVALID", "old")
    problem(await rig.get(path, old=10_000), 400, "FIELD_INVALID", "old")
    for bad in ("-1", "x", str(2**64)):
        problem(await rig.get(path, old=bad), 400, "FIELD_INVALID", "old")
    problem(await rig.get(path, old=1, size=2), 400, "FIELD_INVALID", "size")


async def test_a_reader_of_tiles_gets_the_whole_log(tmp_path: Path) -> None:
    async with rigged(tmp_path, many=300) as rig:
        checkpoint = open_checkpoint((await rig.get("/log/bank/checkpoint")).text, rig.bank.log.verifiers)
        assert checkpoint.size > 256
        rest = checkpoint.size - 256
        paths = ["tile/0/000", f"tile/0/001.p/{rest}", "tile/1/000.p/1"]
        tiles: dict[str, bytes] = {}
        for path in (*paths, "tile/entries/000", f"tile/entries/001.p/{rest}"):
            answer = await rig.get(f"/log/bank/{path}")
            assert answer.status_code == 200, answer.text
            assert answer.headers["content-type"] == "application/octet-stream"
            assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
            tiles[path] = answer.content
        read = TileReader(checkpoint.size, lambda tile: tiles[tile.path])
        entries = decode_entries(tiles["tile/entries/000"]) + decode_entries(tiles[f"tile/entries/001.p/{rest}"], rest)
        assert json.loads(entries[0])["type"] == "log.created"
        for index, entry in enumerate(entries):
            proof = inclusion_proof(index, checkpoint.size, read)
            verify_inclusion(leaf_hash(entry), index, checkpoint.size, proof, checkpoint.root)


async def test_what_is_no_tile_is_said(rig: Rig) -> None:
    for path in ("0/0", "0/000.p/0", "0/000.p/256", "64/000", "entries/x000", "0/000/", "x", "0/../0/000", "00/000"):
        problem(await rig.get(f"/log/bank/tile/{path.replace('..', '%2e%2e')}"), 400, "FIELD_INVALID", "path")
    assert rig.audit.calls == []
    for path in ("0/000", "0/001.p/1", "1/000.p/1", "entries/000", "63/000", "entries/x999/999"):
        problem(await rig.get(f"/log/bank/tile/{path}"), 404, "NOT_FOUND", "path")
