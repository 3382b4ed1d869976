"""What the rules look at: the facts of a log before a position, and the one Protocol that supplies them.

A sequencer preloads what a batch needs, a verifier has what a bundle proves, replay has everything
(`placet.evidence.state`): the rules cannot tell them apart. Facts are small copies of entries with what the rules never
read left out. Never decides anything.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Protocol

from placet.evidence.kinds import Amend, Decision, Event, Grant, Record
from placet.evidence.reasons import Reason
from placet.evidence.terms import BasisOrdinal, Form, LeafIndex, Micros, Operation, Verdict, value


@value
class Position:
    """Where the next entry goes: what the sequencer assigns, but the kind."""

    i: LeafIndex
    t: Micros
    prev: str
    """Leaf hash of entry i - 1 as base64url text."""


@value
class Basis:
    """A basis as it stands after the amends so far."""

    ordinal: BasisOrdinal
    form: Form
    subject: str | None
    granted: LeafIndex
    ended: LeafIndex | None
    purposes: frozenset[str]
    operations: frozenset[str]
    sites: frozenset[str]
    egress: bool
    not_before: Micros
    not_after: Micros | None
    needs: tuple[BasisOrdinal, ...]
    max_events: int | None

    @classmethod
    def of(cls, grant: Grant) -> "Basis":
        """Return the basis that a grant makes."""
        return cls(
            ordinal=grant.basis,
            form=grant.form,
            subject=grant.subject,
            granted=grant.i,
            ended=None,
            purposes=id_set(grant.purposes),
            operations=id_set(grant.operations),
            sites=id_set(grant.sites),
            egress=grant.egress,
            not_before=grant.not_before,
            not_after=grant.not_after,
            needs=grant.needs,
            max_events=grant.max_events,
        )

    def narrowed(self, amend: Amend) -> "Basis":
        """Return this basis after an admitted amend."""
        return replace(
            self,
            purposes=self.purposes if amend.purposes is None else id_set(amend.purposes),
            operations=self.operations if amend.operations is None else id_set(amend.operations),
            sites=self.sites if amend.sites is None else id_set(amend.sites),
            egress=self.egress if amend.egress is None else amend.egress,
            not_after=self.not_after if amend.not_after is None else amend.not_after,
        )

    def withdrawn(self, index: LeafIndex) -> "Basis":
        """Return this basis ended by the withdraw at `index`."""
        return replace(self, ended=index)


@value
class DecisionFacts:
    """What the rules read of a decision."""

    against: tuple[Reason, ...]
    """The reasons of rule 8 that it gives by itself; none when it allows."""
    operation: object
    egress: object
    basis_form: object
    """These three as its context has them, to compare with the event's."""

    @classmethod
    def of(cls, decision: Decision) -> "DecisionFacts":
        """Return the facts of a decision; a context that lacks a field matches no event."""
        context = decision.context
        against: tuple[Reason, ...] = ()
        if decision.errors:
            against = (Reason.POLICY, Reason.POLICY_ERROR)
        elif decision.verdict != Verdict.ALLOW:
            against = (Reason.POLICY,)
        return cls(
            against=against,
            operation=context.get("operation"),
            egress=context.get("egress"),
            basis_form=context.get("basis_form"),
        )


@value
class EventFacts:
    """What the rules read of an event when its permit is used."""

    basis: BasisOrdinal | None
    purpose: str
    operation: Operation
    site: str
    egress: bool
    allowed: bool
    max_uses: int | None
    """None without a permit."""
    not_after: Micros
    """End of the permit (exclusive); 0 without one."""

    @classmethod
    def of(cls, event: Event) -> "EventFacts":
        """Return the facts of an event."""
        return cls(
            basis=event.basis,
            purpose=event.purpose,
            operation=event.operation,
            site=event.site,
            egress=event.egress,
            allowed=event.verdict == Verdict.ALLOW,
            max_uses=event.permit.max_uses if event.permit else None,
            not_after=event.permit.not_after if event.permit else Micros(0),
        )


class AskedEvent(Protocol):
    """What the rules read of an event that is asked for: a draft, or an entry that is judged again."""

    @property
    def basis(self) -> BasisOrdinal | None:
        """The basis that was named, None if none was."""

    @property
    def purpose(self) -> str:
        """Why."""

    @property
    def operation(self) -> Operation:
        """What is to be done."""

    @property
    def site(self) -> str:
        """Where."""

    @property
    def egress(self) -> bool:
        """Whether anything leaves the device."""

    @property
    def occurred(self) -> Micros:
        """When, by the caller's clock."""

    @property
    def offline(self) -> bool:
        """Whether it waited on a device."""

    @property
    def seen(self) -> int:
        """Tree size of the last checkpoint that the caller held."""


class Place(Protocol):
    """What the rules read of a position."""

    @property
    def i(self) -> LeafIndex:
        """The index."""

    @property
    def t(self) -> Micros:
        """The log's time."""


class View(Protocol):
    """The facts of one log before the position that is being decided."""

    @property
    def origin(self) -> str:
        """The name of the log: approvals are signed for one log only."""

    @property
    def bases(self) -> int:
        """How many bases there are: the next ordinal."""

    def basis(self, ordinal: BasisOrdinal) -> Basis | None:
        """Return the basis with this ordinal, ended or not; None if there is none yet."""

    def decision(self, index: LeafIndex) -> DecisionFacts:
        """Return the facts of the decision at `index`; raises MissingFact if that is no earlier decision."""

    def event(self, index: LeafIndex) -> EventFacts | None:
        """Return the facts of the event at `index`; None if that is no earlier event."""

    def approval(self, index: LeafIndex) -> Record | None:
        """Return the `permission.approved` record at `index`; None if that is no earlier one."""

    def allowed_events(self, ordinal: BasisOrdinal) -> int:
        """Return how many allowed events stand under the basis."""

    def allowed_uses(self, event: LeafIndex) -> int:
        """Return how many allowed uses the event has."""


@lru_cache(maxsize=4_096)
def id_set(ids: tuple[str, ...]) -> frozenset[str]:
    """Return the ids of a scope as a set; bases with the same scope share one."""
    return frozenset(ids)
