"""Captures, refusals, amendments, withdrawals, guardian steps, outages, crashes and time going by, in any order.

What must hold after every step is read from the log itself (placet.evidence.state) and from the database, never from
what the service says of itself. Each invariant has a negative control at the end of this file.
"""

import asyncio
import itertools
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import pytest
from fakes.consent_world import BANK, DAY, LAW, World, subject
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlmodel import Session, col, select

from placet.consent.errors import PlacetError
from placet.consent.handlers import capture, rounds
from placet.consent.handlers import guardians as handlers
from placet.consent.model.consents import Consent
from placet.consent.model.vocabulary import Choice, ConsentState, EndedBy, Instant, Operation
from placet.consent.policy import ages, guardians
from placet.consent.store.records import SqlRecords
from placet.consent.store.rows import consent_of
from placet.consent.tables import ConsentRow, PersonRow, StepRow
from placet.evidence import canonical
from placet.evidence.entries import Grant, Withdraw, parse_entry
from placet.evidence.grants import valid_at
from placet.evidence.state import LogState
from placet.kit.errors import Kind

T = TypeVar("T")
SHANGHAI = ages.zone("zone", "Asia/Shanghai")
# One comes of age within a few steps of the clock.
CHILDREN = {"child": date(2013, 1, 15), "teen": date(2012, 3, 20)}
ADULTS = ("alice", "bob")
PURPOSES = st.sampled_from(["kyc", "vip"])


class ConsentMachine(RuleBasedStateMachine):
    """One controller, two adults, two children, three possible guardians."""

    consents = Bundle("consents")
    guardianships = Bundle("guardianships")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="consent-machine-"))

    def run_(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine."""
        return self.runner.run(work)

    def try_(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Run a use case; a typed refusal is an answer, anything else a failure."""
        try:
            return self.run_(work)
        except PlacetError as error:
            # There is one process only, so nobody else can have changed anything.
            if error.kind in (Kind.INTERNAL, Kind.CORRUPT) or error.reason == "CONCURRENT_CHANGE":
                raise AssertionError(error.reason) from error
            return None

    @initialize()
    def begin(self) -> None:
        """Publish the notice."""
        self.world = self.run_(World.open(self.folder))
        self.run_(self.world.publish())

    @rule(target=consents, who=st.sampled_from(ADULTS), purpose=PURPOSES, end=st.sampled_from([None, 3, 40]))
    def give(self, who: str, purpose: str, end: int | None) -> Any:
        """An adult consents."""
        not_after = None if end is None else Instant(self.world.now + end * DAY)
        return self._capture(who, purpose=purpose, not_after=not_after)

    @rule(
        target=consents,
        who=st.sampled_from(sorted(CHILDREN)),
        purpose=PURPOSES,
        needed=st.lists(guardianships, max_size=2, unique=True),
    )
    def give_for_a_child(self, who: str, purpose: str, needed: list[tuple[str, str]]) -> Any:
        """A child's consent is captured, under whatever guardianships somebody names."""
        idents = tuple(ident for ident, _ in needed)
        return self._capture(who, purpose=purpose, birth_date=CHILDREN[who], guardianships=idents)

    @rule(target=consents, purpose=PURPOSES, needed=guardianships)
    def give_under(self, purpose: str, needed: tuple[str, str]) -> Any:
        """A child's consent is captured under a guardianship of theirs."""
        ident, who = needed
        return self._capture(who, purpose=purpose, birth_date=CHILDREN[who], guardianships=(ident,))

    @rule(target=consents, who=st.sampled_from(sorted(CHILDREN)), purpose=PURPOSES)
    def give_for_a_child_as_an_adult(self, who: str, purpose: str) -> Any:
        """Somebody forgets to ask for the age."""
        return self._capture(who, purpose=purpose)

    @rule(target=consents, who=st.sampled_from([*ADULTS, *sorted(CHILDREN)]), purpose=PURPOSES)
    def refuse(self, who: str, purpose: str) -> Any:
        """Somebody says no."""
        return self._capture(who, purpose=purpose, choice=Choice.REFUSED)

    def _capture(self, who: str, **changes: Any) -> Any:
        asked = self.world.asked(who, **changes)
        self.try_(self.world.repeat(asked))
        return asked.id

    @rule(ident=consents, part=st.sampled_from(["operations", "sites", "egress", "not_after"]))
    def amend(self, ident: str, part: str) -> None:
        """Something is taken away."""
        changes: dict[str, dict[str, Any]] = {
            "operations": {"operations": (Operation.VERIFY,)},
            "sites": {"sites": ("branch-1",)},
            "egress": {"end_egress": True},
            "not_after": {"not_after": Instant(self.world.now + 2 * DAY)},
        }
        self.try_(self.world.amend(ident, **changes[part]))

    @rule(ident=consents, by=st.sampled_from([EndedBy.DATA_SUBJECT, EndedBy.CONTROLLER]))
    def withdraw(self, ident: str, by: EndedBy) -> None:
        """Somebody withdraws."""
        self.try_(self.world.withdraw(ident, by=by))

    @rule(
        target=guardianships,
        minor=st.sampled_from(sorted(CHILDREN)),
        guardian=st.sampled_from(["mother", "father", "child"]),
        days=st.sampled_from([None, 5]),
        actors=st.sampled_from([("staff-2",), ("staff-2",), ("staff-1",), ()]),
    )
    def open_guardianship(self, minor: str, guardian: str, days: int | None, actors: tuple[str, ...]) -> Any:
        """Staff A checks documents; B confirms at once, or A tries to, or nobody does."""
        not_after = None if days is None else Instant(self.world.now + days * DAY)
        if minor == guardian:
            return multiple()
        asked = self.world.opening(minor, guardian, minor_birth_date=CHILDREN[minor], not_after=not_after)
        self.try_(handlers.open_(asked, actor="staff-1", **self.world.until))
        for actor in actors:
            self.try_(self.world.confirm(asked.id, actor=actor))
        return asked.id, minor

    @rule(one=guardianships, actor=st.sampled_from(["staff-1", "staff-2"]))
    def confirm(self, one: tuple[str, str], actor: str) -> None:
        """Staff A or B confirms."""
        self.try_(self.world.confirm(one[0], actor=actor))

    @rule(one=guardianships)
    def withdraw_guardianship(self, one: tuple[str, str]) -> None:
        """A guardian withdraws."""
        self.try_(self.world.withdraw_guardianship(one[0]))

    @rule(days=st.sampled_from([0, 1, 4, 30]))
    def time_goes_by(self, days: int) -> None:
        """The clock moves on."""
        self.world.now += days * DAY + 1_000_000

    @rule(down=st.sampled_from([True, False, False]))
    def outage(self, down: bool) -> None:
        """The ledger goes away or comes back."""
        self.world.ledger.down = down

    @rule()
    def lose_an_answer(self) -> None:
        """The next append is done, its answer lost."""
        self.world.ledger.lose_answers = 1

    @rule()
    def crash(self) -> None:
        """The process dies and starts again on the same file."""
        self.world = self.run_(self.world.restart(self.folder))

    @rule()
    def sweep(self) -> None:
        """The dispatcher runs."""
        self.run_(self.world.sweep())

    # --- what must hold

    @invariant()
    def nothing_of_a_minor_stands_without_every_guardianship(self) -> None:
        """P8, by the log: no consent of a minor is active there with a guardianship missing or ended."""
        state = self._replayed()
        now = Instant(self.world.now)
        for row, who in self._rows():
            if row.basis is None or row.choice == "refused":
                continue
            basis = state.basis(row.basis)
            assert basis is not None
            minor = who in self._checked() and ages.is_minor(CHILDREN[who], SHANGHAI, now, LAW)
            if minor and not self._pending() and basis.ended is None and valid_at(basis, now):
                assert basis.needs, f"{who} is a minor and {row.id} needs nobody"
            if basis.needs and consent_of(row).state(now) is ConsentState.GIVEN:
                needed = [state.basis(one) for one in basis.needs]
                assert all(one is not None and one.ended is None and valid_at(one, now) for one in needed)
                assert all(one.subject == basis.subject for one in needed if one is not None)

    @invariant()
    def one_live_consent_for_each_person_and_purpose(self) -> None:
        """Of the database at any time, of the log as soon as nothing is on its way."""
        live = Counter((row.person, row.purpose) for row, _ in self._rows() if row.live)
        assert all(count == 1 for count in live.values()), live
        if not self._pending():
            state = self._replayed()
            standing = Counter(
                (row.person, row.purpose)
                for row, _ in self._rows()
                if row.basis is not None and state.basis(row.basis).ended is None  # type: ignore[union-attr]
            )
            assert all(count == 1 for count in standing.values()), standing

    @invariant()
    def everything_given_has_exactly_one_grant(self) -> None:
        """By the commitment in the grant; one more only never, one fewer only while it is on its way or barred."""
        granted = Counter(one.record for one in self._entries() if isinstance(one, Grant) and one.form == "consent")
        known = Counter[str]()
        for row, _ in self._rows():
            commitment = canonical.b64url(canonical.commitment(row.salt, canonical.decode(row.record)))
            given = row.choice == "given"
            assert granted[commitment] <= (1 if given and not row.barred else 0)
            if given and not row.barred and row.basis is not None:
                assert granted[commitment] == 1
            known[commitment] += granted[commitment]
        assert known == granted  # and nothing stands in the log that was not asked for
        if not self._pending():
            assert all(row.basis is not None for row, _ in self._rows() if row.choice == "given" and not row.barred)

    @invariant()
    def every_basis_ends_once_and_where_the_database_says(self) -> None:
        """Endings and scopes of the database and of the log agree as soon as nothing is on its way."""
        ends = Counter(one.basis for one in self._entries() if isinstance(one, Withdraw))
        assert all(count == 1 for count in ends.values()), ends
        if self._pending():
            return
        state = self._replayed()
        for row, _ in self._rows():
            if row.basis is not None:
                basis = state.basis(row.basis)
                consent = consent_of(row)
                assert basis is not None
                assert basis.ended == (None if consent.ending is None else consent.ending.index)
                assert (basis.operations, basis.sites) == (
                    frozenset(consent.scope.operations),
                    frozenset(consent.scope.sites),
                )
                assert (basis.egress, basis.not_after) == (consent.scope.egress, consent.scope.not_after)

    def _entries(self) -> list[Any]:
        return [parse_entry(data) for data in self.world.ledger.log(BANK).data]

    def _replayed(self) -> LogState:
        state = LogState(self.world.ledger.log(BANK).origin)
        for entry in self._entries():
            state.apply(entry)
        return state

    def _rows(self) -> list[tuple[Any, str]]:
        names = {bytes(subject(name)): name for name in (*ADULTS, *CHILDREN)}

        def read(session: Session) -> list[tuple[Any, str]]:
            query = select(ConsentRow, PersonRow.subject).where(col(ConsentRow.person) == col(PersonRow.id))
            return [(row, names[ref]) for row, ref in session.exec(query)]

        return self.run_(self.world.store.database.read(read))

    def _checked(self) -> set[str]:
        """Children with a guardianship that was confirmed at some time."""

        def read(records: Any) -> set[str]:
            found = set()
            for name in CHILDREN:
                person = records.known_person(BANK, subject(name))
                if person and any(one.checked for one in records.facts_about(BANK, person, self.world.now).births):
                    found.add(name)
            return found

        return self.run_(self.world.store.read(read))

    def _pending(self) -> bool:
        def read(session: Session) -> bool:
            return session.exec(select(StepRow.id).where(col(StepRow.pending).is_(True))).first() is not None

        return self.run_(self.world.store.database.read(read))

    def teardown(self) -> None:
        """Everything arrives in the end."""
        if hasattr(self, "world"):
            self.world.ledger.down, self.world.ledger.lose_answers = False, 0
            assert self.run_(self.world.sweep()) == 0
            assert not self._pending()
            _hold(self)
        self.abandon()

    def abandon(self) -> None:
        """End it as it is."""
        if hasattr(self, "world"):
            self.run_(self.world.store.close())
        self.runner.close()
        shutil.rmtree(self.folder)


_SETTINGS = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def test_the_invariants_hold() -> None:
    run_state_machine_as_test(ConsentMachine, settings=_SETTINGS)


def _tell(machine: ConsentMachine) -> None:
    """A story that needs every protection, without chance."""
    machine.begin()
    given = machine.give(who="alice", purpose="kyc", end=None)
    machine.amend(ident=given, part="egress")
    machine.give(who="alice", purpose="kyc", end=None)
    mother = machine.open_guardianship(minor="child", guardian="mother", days=None, actors=("staff-2",))
    machine.give_under(purpose="kyc", needed=mother)
    machine.give_for_a_child(who="child", purpose="vip", needed=[])
    machine.lose_an_answer()
    machine.give(who="bob", purpose="kyc", end=None)
    machine.sweep()
    machine.withdraw_guardianship(one=mother)
    _hold(machine)


def _hold(machine: ConsentMachine) -> None:
    machine.nothing_of_a_minor_stands_without_every_guardianship()
    machine.one_live_consent_for_each_person_and_purpose()
    machine.everything_given_has_exactly_one_grant()
    machine.every_basis_ends_once_and_where_the_database_says()


def _break_nothing(_: pytest.MonkeyPatch) -> None:
    pass


def _break_age(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks whether a person is a minor."""
    monkeypatch.setattr(guardians, "check_age", lambda *_: False)


def _break_supersession(monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest decision does not end the earlier one."""
    monkeypatch.setattr(capture, "_end_earlier", lambda *_: None)


def _break_amend(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the log was told is not stored."""
    monkeypatch.setattr(Consent, "narrowed", lambda self, _: self)


def _break_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each delivery has a key of its own, so that a lost answer is done again."""
    keys = itertools.count()
    submission = rounds._submission
    monkeypatch.setattr(
        rounds, "_submission", lambda *args: replace(submission(*args), key=next(keys).to_bytes(16, "big"))
    )


def _break_guardian_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guardian's withdrawal reaches the log but not the consents that need it."""
    monkeypatch.setattr(SqlRecords, "consents_needing", lambda *_: [])


PROTECTIONS = [_break_age, _break_supersession, _break_amend, _break_keys, _break_guardian_end]


@pytest.mark.parametrize("break_it", [_break_nothing, *PROTECTIONS])
def test_the_invariants_fail_without_their_protections(break_it: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    break_it(monkeypatch)
    machine = ConsentMachine()
    try:
        if break_it is _break_nothing:
            _tell(machine)
        else:
            with pytest.raises(AssertionError):
                _tell(machine)
    finally:
        monkeypatch.undo()
        machine.abandon()
