"""Trees that grow, compared with the naive tree of RFC 6962: roots, covers, compact ranges, level trees."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from property.tlog import naive_tree as naive

from placet.tlog.hashing import fold
from placet.tlog.tree import MAX_SIZE, CompactRange, LevelTree, cover, subtree_root

sizes = st.integers(0, 300)


@st.composite
def ranges(draw: st.DrawFn, limit: int = 300) -> tuple[int, int]:
    end = draw(st.integers(0, limit))
    return draw(st.integers(0, end)), end


@given(sizes)
def test_all_trees_have_the_root_of_the_naive_tree(size: int) -> None:
    leaves = naive.some_leaves(size)
    compact, level = CompactRange(), LevelTree()
    for leaf in leaves:
        compact.append(leaf)
        level.append(leaf)
    expected = naive.root(leaves)
    assert compact.root() == expected
    assert level.root() == expected
    assert subtree_root(0, size, level) == expected
    assert LevelTree.from_leaves(b"".join(leaves)).root() == expected


@given(st.integers(0, MAX_SIZE), st.integers(0, MAX_SIZE))
def test_a_cover_is_contiguous_aligned_and_greedy(one: int, other: int) -> None:
    p, q = sorted((one, other))
    at = p
    for level, index in cover(p, q):
        assert index << level == at
        next_at = at + (1 << level)
        assert next_at <= q
        twice_as_large_fits = at % (2 << level) == 0 and at + (2 << level) <= q
        assert not twice_as_large_fits
        at = next_at
    assert at == q


@given(ranges(), st.booleans())
def test_a_compact_range_holds_the_nodes_of_its_cover(bounds: tuple[int, int], one_by_one: bool) -> None:
    begin, end = bounds
    leaves = naive.some_leaves(end)
    compact = CompactRange(begin)
    if one_by_one:
        for leaf in leaves[begin:]:
            compact.append(leaf)
    else:
        compact.extend(leaves[begin:])
    reader = naive.NaiveReader(leaves)
    assert (compact.begin, compact.end) == (begin, end)
    assert compact.hashes == [reader.node(level, index) for level, index in cover(begin, end)]


@given(ranges(), st.data())
def test_a_compact_range_grows_by_subtrees_as_by_leaves(bounds: tuple[int, int], data: st.DataObject) -> None:
    begin, end = bounds
    reader = naive.NaiveReader(naive.some_leaves(end))
    compact = CompactRange(begin)
    while compact.end < end:
        at = compact.end
        fitting = [level for level in range(9) if at % (1 << level) == 0 and at + (1 << level) <= end]
        level = data.draw(st.sampled_from(fitting))
        compact.append_subtree(level, reader.node(level, at >> level))
    assert compact.hashes == [reader.node(level, index) for level, index in cover(begin, end)]


@given(ranges(), st.integers(0, 40))
def test_a_resumed_range_goes_on_as_the_first_would(bounds: tuple[int, int], more: int) -> None:
    begin, end = bounds
    leaves = naive.some_leaves(end + more)
    first = CompactRange(begin)
    first.extend(leaves[begin:end])
    resumed = CompactRange.resume(first.hashes, end, begin=begin)
    copied = first.copy()
    before = list(first.hashes)
    for twin in (resumed, copied):
        twin.extend(leaves[end:])
    assert (first.hashes, first.end) == (before, end)
    first.extend(leaves[end:])
    assert first.hashes == resumed.hashes == copied.hashes
    if begin == 0:
        assert fold(first.hashes) == naive.root(leaves)


class LevelTreeIsTheNaiveTree(RuleBasedStateMachine):
    """Whatever is appended, changed or cut off: the level tree is the naive tree over the same leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.leaves: list[bytes] = []
        self.tree = LevelTree()
        self.made = 0

    def _fresh(self) -> bytes:
        self.made += 1
        return naive.leaf(b"%d" % self.made)

    @rule(count=st.integers(1, 20))
    def append(self, count: int) -> None:
        for _ in range(count):
            leaf = self._fresh()
            self.leaves.append(leaf)
            self.tree.append(leaf)

    @precondition(lambda self: self.leaves)
    @rule(data=st.data())
    def update(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.leaves) - 1))
        self.leaves[index] = self._fresh()
        self.tree.update(index, self.leaves[index])

    @rule(data=st.data())
    def truncate(self, data: st.DataObject) -> None:
        size = data.draw(st.integers(0, len(self.leaves)))
        del self.leaves[size:]
        self.tree.truncate(size)

    @invariant()
    def same_tree(self) -> None:
        assert self.tree.size == len(self.leaves)
        assert self.tree.root() == naive.root(self.leaves)
        reader = naive.NaiveReader(self.leaves)
        for level in range(len(self.leaves).bit_length()):
            for index in range(len(self.leaves) >> level):
                assert self.tree.node(level, index) == reader.node(level, index)


TestLevelTreeIsTheNaiveTree = LevelTreeIsTheNaiveTree.TestCase
