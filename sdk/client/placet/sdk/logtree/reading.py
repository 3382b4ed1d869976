"""Tiles and entry bundles of a tree, of the width that a checkpoint's size gives.

Owns the fallback that C2SP `tlog-tiles` asks of clients: a partial tile may be gone once the full one exists. Checks
lengths, never hashes.
"""

from placet.sdk.errors import NotFound
from placet.sdk.logtree.ports import LogTree
from placet.tlog.hashing import HASH_SIZE
from placet.tlog.tiles import TILE_WIDTH, EntryBundle, Tile, TileReader, decode_entries, decode_tile


def read_tile(tree: LogTree, tile: Tile) -> bytes:
    """Return the bytes of a tile; raises TileError if they are not of its width, NotFound if it is missing."""
    try:
        data = tree.read(tile.path)
    except NotFound:
        if tile.width == TILE_WIDTH:
            raise
        data = tree.read(Tile(level=tile.level, index=tile.index).path)[: tile.width * HASH_SIZE]
    decode_tile(data, tile.width)
    return data


def read_bundle(tree: LogTree, bundle: EntryBundle) -> list[bytes]:
    """Return the entries of a bundle; raises TileError if it is malformed, NotFound if it is missing."""
    try:
        return decode_entries(tree.read(bundle.path), bundle.width)
    except NotFound:
        if bundle.width == TILE_WIDTH:
            raise
        full = EntryBundle(index=bundle.index)
        return decode_entries(tree.read(full.path), TILE_WIDTH)[: bundle.width]


def node_reader(tree: LogTree, size: int) -> TileReader:
    """Return the nodes of the tree of `size` leaves, read from its tiles; prove what is made of them."""
    return TileReader(size, lambda tile: read_tile(tree, tile))
