"""Hashes against published values."""

from placet.tlog.hashing import EMPTY_ROOT, fold, leaf_hash, node_hash, pair_hash
from placet.tlog.tree import CompactRange

# The well-known test inputs of the Certificate Transparency implementations, with the published roots of their trees.
CT_ENTRIES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_roots_are_the_published_ones() -> None:
    tree = CompactRange()
    for entry, root in zip(CT_ENTRIES, CT_ROOTS, strict=True):
        tree.append(leaf_hash(entry))
        assert tree.root().hex() == root


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert fold([]) == CompactRange().root() == EMPTY_ROOT


def test_a_leaf_is_never_taken_for_a_node() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert node_hash(left, right) == pair_hash(left + right) != leaf_hash(left + right)


def test_fold_takes_the_hash_it_is_given() -> None:
    pairs: list[bytes] = []

    def counting(pair: bytes) -> bytes:
        pairs.append(pair)
        return pair_hash(pair)

    hashes = [leaf_hash(bytes([at])) for at in range(4)]
    assert fold(hashes, counting) == node_hash(hashes[0], node_hash(hashes[1], node_hash(hashes[2], hashes[3])))
    assert len(pairs) == 3
