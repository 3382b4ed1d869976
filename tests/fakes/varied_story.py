"""A long, varied story of one controller: what services would ask its log for, batch by batch.

Owns only the asking (drafts with their decisions) and its proportions; whoever plays it appends each batch and tells
what became of it with `took`. Every kind of entry and nearly every reason for a denial comes up. Same seed, same story.
"""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias
from uuid import UUID

from fakes.evidence_drafts import YEAR, consent, decision, forbidding, guardianship, legal_permission
from fakes.evidence_log import DPO, LEGAL

from placet.evidence.canonical import b64url
from placet.evidence.drafts import (
    AmendDraft,
    DecisionDraft,
    Draft,
    EventDraft,
    GrantDraft,
    OutcomeDraft,
    PermitAsked,
    RecordDraft,
    UseDraft,
    WithdrawDraft,
)
from placet.evidence.kinds import Entry, Event, Grant, Record, Use
from placet.evidence.terms import SECOND, EndedBy, Form, Operation

PURPOSES: Final = ("access", "login", "payment", "pickup", "support", "vip")
SITES: Final = tuple(f"branch.{n}" for n in range(12))
DEVICES: Final = tuple(f"cam-{n:02d}" for n in range(40))
PLACES: Final = ("branch_counter", "shop_floor", "entrance")
INFERENCES: Final = ("none", "gender", "age")
SIZES: Final = (1, 1, 1, 1, 2, 4, 8, 16, 32, 64, 128)


Decide: TypeAlias = Callable[[Mapping[str, Any], random.Random], DecisionDraft]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one service asks for at once; an event comes with its decision."""

    service: str
    asked: Sequence[tuple[Draft, DecisionDraft | None]]


class VariedStory:
    """The story of one log from its first consent on; `now` is its time and moves."""

    def __init__(
        self, origin: str, now: int, *, seed: int = 7, people: int = 200, decide: Decide | None = None
    ) -> None:
        """`decide` makes the decision of an event from its facts, instead of a fixed one."""
        self.now = now
        self._decide = decide
        self._origin = origin
        self._dice = random.Random(seed)
        self._people = people
        self._bases: list[Grant] = []
        self._guardians: list[Grant] = []
        self._ended: set[int] = set()
        self._permitted: deque[int] = deque(maxlen=4_096)
        self._used: deque[int] = deque(maxlen=1_024)
        self._awaited: GrantDraft | None = None
        self._approved: list[int] = []
        self._number = 0

    def batch(self) -> Batch:
        """Return what is asked for next."""
        self.now += self._dice.choice((1_000, 20_000, 200_000))
        if self._awaited is not None and len(self._approved) == 2:
            draft = replace(self._awaited, approvals=tuple(self._approved), not_before=self.now)
            return self._one("permission", draft)
        if len(self._bases) < self._people // 4:
            return self._grants(32)
        step = self._dice.random()
        if step < 0.03:
            return self._grants(self._dice.choice((1, 1, 2, 8)))
        if step < 0.08:
            return self._changes()
        if step < 0.09:
            return self._records()
        if step < 0.25 and self._permitted:
            return self._uses()
        if step < 0.35 and self._used:
            return self._outcomes()
        return self._events()

    def took(self, entries: Sequence[Entry | None]) -> None:
        """Note what became of the last batch, one for each draft; None for what was refused."""
        for entry in entries:
            if isinstance(entry, Grant):
                self._granted(entry)
            elif isinstance(entry, Record) and entry.type == "permission.approved":
                self._approved.append(entry.i)
            elif isinstance(entry, Event) and entry.permit is not None:
                self._permitted.append(entry.i)
            elif isinstance(entry, Use):
                self._used.append(entry.i)

    def _granted(self, grant: Grant) -> None:
        if grant.form == Form.LEGAL_PERMISSION:
            self._awaited, self._approved = None, []
        (self._guardians if grant.form == Form.GUARDIANSHIP else self._bases).append(grant)

    def _one(self, service: str, *drafts: Draft) -> Batch:
        return Batch(service=service, asked=[(draft, None) for draft in drafts])

    def _bytes(self, size: int) -> str:
        return b64url(self._dice.randbytes(size))

    def _grants(self, count: int) -> Batch:
        return self._one("consent", *(self._grant() for _ in range(count)))

    def _grant(self) -> GrantDraft:
        dice = self._dice
        subject, record = self._bytes(16), self._bytes(32)
        end = dice.choice((None, self.now + YEAR, self.now + YEAR, self.now + 600 * SECOND))
        if dice.random() < 0.1:
            return guardianship(subject=subject, record=record, not_before=self.now, not_after=end)
        needs: tuple[int, ...] = ()
        if self._guardians and dice.random() < 0.15:
            guardian = dice.choice(self._guardians)
            needs, subject = (guardian.basis,), str(guardian.subject)
        return consent(
            subject=subject,
            record=record,
            purposes=tuple(sorted(dice.sample(PURPOSES, dice.randint(1, 3)))),
            sites=dice.choice((("*",), tuple(sorted(dice.sample(SITES, 3))))),
            egress=dice.random() < 0.3,
            not_before=self.now,
            not_after=end,
            needs=tuple(needs),  # type: ignore[arg-type]
            max_events=dice.choice((None, None, None, 50)),
        )

    def _changes(self) -> Batch:
        dice = self._dice
        basis = dice.choice(self._bases)
        if dice.random() < 0.4 and basis.basis not in self._ended:
            draft = AmendDraft(basis=basis.basis, not_after=(basis.not_after or self.now + YEAR) - dice.randint(1, 99))
            return self._one("consent", draft)
        if dice.random() < 0.8:
            self._ended.add(basis.basis)
            return self._one("consent", WithdrawDraft(basis=basis.basis, by=EndedBy.DATA_SUBJECT, reason="no_more"))
        guardians = [one for one in self._guardians if one.basis not in self._ended]
        if guardians and dice.random() < 0.2:
            guardian = dice.choice(guardians)
            self._ended.add(guardian.basis)
            return self._one("consent", WithdrawDraft(basis=guardian.basis, by=EndedBy.GUARDIAN, reason="no_more"))
        return self._legal()

    def _legal(self) -> Batch:
        """Two people approve a legal permission; it is granted in the batch that follows."""
        draft = legal_permission(record=self._bytes(32), purposes=("*",), not_after=self.now + YEAR)
        self._awaited, self._approved = draft, []
        expires = self.now + 3_600 * SECOND
        signed = (who.approve(draft, origin=self._origin, expires=expires) for who in (LEGAL, DPO))
        return self._one("permission", *signed)

    def _records(self) -> Batch:
        data = {"commitment": self._bytes(32), "device": self._dice.choice(DEVICES), "version": self._number}
        return self._one("permission", RecordDraft(type="register.device_put", data=data))

    def _uses(self) -> Batch:
        dice = self._dice
        known = dice.sample(self._permitted, min(len(self._permitted), dice.choice(SIZES)))
        wrong = [1] if dice.random() < 0.05 else []
        return self._one("vault", *(UseDraft(event=index, service="vault") for index in [*known, *wrong]))  # type: ignore[arg-type]

    def _outcomes(self) -> Batch:
        dice = self._dice
        known = dice.sample(self._used, min(len(self._used), dice.choice(SIZES)))
        results = ("match", "no_match", "error")
        return self._one("vault", *(OutcomeDraft(of=index, result=dice.choice(results)) for index in known))  # type: ignore[arg-type]

    def _events(self) -> Batch:
        asked = [self._event() for _ in range(self._dice.choice(SIZES))]
        return Batch(service="permission", asked=asked)

    def _event(self) -> tuple[EventDraft, DecisionDraft]:
        dice, self._number = self._dice, self._number + 1
        basis = dice.choice(self._bases[-self._people :])
        sites = SITES if basis.sites == ("*",) else basis.sites
        purposes = PURPOSES if basis.purposes == ("*",) else basis.purposes
        event = EventDraft(
            id=str(UUID(int=(self.now // 1_000) << 80 | 7 << 76 | 2 << 62 | dice.getrandbits(56))),
            frame=None,
            basis=basis.basis,
            purpose=dice.choice(purposes),
            operation=Operation.VERIFY,
            device=dice.choice(DEVICES),
            site=dice.choice(sites),
            egress=basis.egress and dice.random() < 0.5,
            occurred=self.now - dice.randint(0, 100_000),  # type: ignore[arg-type]
            offline=False,
            seen=dice.randint(0, 100),
            permit=PermitAsked(max_uses=dice.choice((1, 1, 3)), lifetime_us=60 * SECOND)
            if dice.random() < 0.7
            else None,
        )
        return self._bent(event, basis)

    def _bent(self, event: EventDraft, basis: Grant) -> tuple[EventDraft, DecisionDraft]:
        """Return the event and its decision, one time in fifteen with something wrong or unusual about it."""
        dice = self._dice
        changes: dict[str, Any] = {}
        made, form = decision, str(basis.form)
        if dice.random() < 1 / 15:
            changes, made, form = self._odd(form)
        event = event._replace(**changes)
        context = {
            "operation": str(event.operation),
            "egress": event.egress,
            "basis_form": form,
            "place_class": dice.choice(PLACES),
            "inference": dice.choice(INFERENCES),
        }
        return event, self._decide(context, dice) if self._decide else made(context=context)

    def _odd(self, form: str) -> tuple[dict[str, Any], Any, str]:
        none = {"basis": None}, decision, "none"
        return self._dice.choice(
            (
                none,
                ({"basis": 10**9}, decision, "none"),
                ({"basis": self._guardians[0].basis} if self._guardians else {}, decision, "none"),
                ({"purpose": "spying"}, decision, form),
                ({"site": "cellar"}, decision, form),
                ({"operation": Operation.IDENTIFY}, decision, form),
                ({"operation": Operation.EXPORT, "egress": True}, decision, form),
                ({"occurred": self.now - 200 * SECOND}, decision, form),
                ({"occurred": self.now - 200 * SECOND, "offline": True}, decision, form),
                ({"frame": str(UUID(int=self._dice.getrandbits(128)))}, decision, form),
                ({"seen": 10**9}, decision, form),
                ({}, forbidding, form),
                ({}, decision, "legal_permission"),
            )
        )
