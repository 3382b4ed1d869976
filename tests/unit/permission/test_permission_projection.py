"""The projection forgets what it must, keeps its bound, and its index of holders never drifts."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from placet.kit.bus.messages import Message
from placet.permission.consumer import take_in
from placet.permission.model.basis import BasisFacts
from placet.permission.model.projection import Projection
from placet.permission.model.vocabulary import MAX_INT, SECOND, BasisForm

NOW = 1_800_000_000 * SECOND
FACTS = BasisFacts(
    ordinal=1, granted=10, leaf=None, ended=None, form=BasisForm.CONSENT, code="none", purposes=frozenset({"entry"}),
    operations=frozenset({"verify"}), sites=None, egress=False, not_before=0, not_after=MAX_INT,
)  # fmt: skip


def message(kind: str, index: int, basis: int | None = None) -> Message:
    return Message(id="m", controller="bank", service="consent", kind=kind, at=NOW, index=index, basis=basis)


def test_a_change_drops_who_holds_the_basis_or_needs_it() -> None:
    projection = Projection()
    projection.put("bank", b"alice", [FACTS], as_of=20, after=0, now=NOW)
    projection.put("bank", b"child", [replace(FACTS, ordinal=2, needs=(7,))], as_of=20, after=0, now=NOW)
    projection.put("shop", b"alice", [FACTS], as_of=20, after=0, now=NOW)
    take_in(projection, message("withdrawn", 25, 1))
    assert projection.find("bank", b"alice", after=0, now=NOW) is None
    assert projection.find("bank", b"child", after=0, now=NOW) is not None
    assert projection.find("shop", b"alice", after=0, now=NOW) is not None  # another controller's ordinal 1
    take_in(projection, message("guardianship_withdrawn", 26, 7))
    assert projection.find("bank", b"child", after=0, now=NOW) is None


def test_a_late_message_about_what_is_known_already_changes_nothing() -> None:
    projection = Projection()
    projection.put("bank", b"alice", [FACTS], as_of=20, after=0, now=NOW)
    take_in(projection, message("amended", 19, 1))
    assert projection.find("bank", b"alice", after=0, now=NOW) is not None
    take_in(projection, message("amended", 20, 1))  # `as_of` 20 reflects what is below 20
    assert projection.find("bank", b"alice", after=0, now=NOW) is None


def test_an_answer_that_news_has_overtaken_is_used_but_not_kept() -> None:
    projection = Projection()
    take_in(projection, message("withdrawn", 25, 1))
    known = projection.put("bank", b"alice", [FACTS], as_of=20, after=0, now=NOW)
    assert known.bases == (FACTS,)
    assert projection.find("bank", b"alice", after=0, now=NOW) is None
    projection.put("bank", b"alice", [FACTS], as_of=26, after=0, now=NOW)
    assert projection.find("bank", b"alice", after=0, now=NOW) is not None


def test_a_band_that_ends_ends_the_entry() -> None:
    projection = Projection()
    birthday = NOW + 5 * SECOND
    projection.put("bank", b"child", [replace(FACTS, age_band_until=birthday)], as_of=20, after=0, now=NOW)
    assert projection.find("bank", b"child", after=0, now=birthday - 1) is not None
    assert projection.find("bank", b"child", after=0, now=birthday) is None


def test_the_least_recently_used_goes_first() -> None:
    projection = Projection(capacity=2)
    for person in (b"a", b"b"):
        projection.put("bank", person, [FACTS], as_of=20, after=0, now=NOW)
    projection.find("bank", b"a", after=0, now=NOW)
    projection.put("bank", b"c", [], as_of=20, after=0, now=NOW)
    found = [projection.find("bank", person, after=0, now=NOW) is not None for person in (b"a", b"b", b"c")]
    assert found == [True, False, True]


@settings(max_examples=60, stateful_step_count=40)
class Machine(RuleBasedStateMachine):
    """Invariant `holders`: the index names exactly the entries that hold an ordinal; never more than the capacity."""

    def __init__(self) -> None:
        super().__init__()
        self.projection = Projection(capacity=3)

    @rule(person=st.sampled_from([b"a", b"b", b"c", b"d", 1, 2]), ordinals=st.sets(st.integers(0, 5), max_size=3),
          needs=st.integers(6, 7), as_of=st.integers(0, 30))  # fmt: skip
    def put(self, person: bytes | int, ordinals: set[int], needs: int, as_of: int) -> None:
        bases = [replace(FACTS, ordinal=ordinal, needs=(needs,)) for ordinal in ordinals]
        self.projection.put("bank", person, bases, as_of=as_of, after=0, now=NOW)

    @rule(ordinal=st.integers(0, 7), index=st.integers(0, 40))
    def changed(self, ordinal: int, index: int) -> None:
        self.projection.changed("bank", ordinal, index)
        for known in self.projection._known.values():
            held = {one for basis in known.bases for one in (basis.ordinal, *basis.needs)}
            assert ordinal not in held or known.as_of > index

    @rule()
    def clear(self) -> None:
        self.projection.clear()

    @invariant()
    def holders(self) -> None:
        expected: dict[tuple[str, int], set[object]] = {}
        for key, known in self.projection._known.items():
            for basis in known.bases:
                for ordinal in (basis.ordinal, *basis.needs):
                    expected.setdefault((key[0], ordinal), set()).add(key)
        assert self.projection._holders == expected
        assert len(self.projection) <= 3


TestMachine = Machine.TestCase


@given(as_of=st.integers(0, 50), after=st.integers(0, 50), size=st.integers(0, 60))
def test_an_entry_serves_readers_up_to_what_it_reached(as_of: int, after: int, size: int) -> None:
    projection = Projection()
    projection.grown("bank", size)
    projection.put("bank", b"a", [], as_of=as_of, after=after, now=NOW)
    serves = projection.find("bank", b"a", after=after, now=NOW) is not None
    assert serves == (after == 0 or as_of > after or size > after)
