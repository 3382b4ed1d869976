"""From facts to a decision, remembered: the same facts get the same ruling without asking the engine again.

Owns: how the facts of place, basis and event make up the total context of law.md section 5, and the memo in front of
the engine (a context costs 10 us to build, a remembered ruling a fraction of one). Never: judges; keeps a ruling when
other packs come into force, or one that rests on a failure of the evaluator. A ruling is what stands in a `decision`
entry.
"""

from typing import Any, NamedTuple, Protocol

from placet.evidence.drafts import DecisionDraft
from placet.evidence.kinds import PolicyRef
from placet.evidence.terms import Verdict as EntryVerdict
from placet.permission.model.basis import NO_BASIS, BasisFacts, Shape
from placet.permission.model.book import Place
from placet.permission.model.events import Decided, FaceEvent
from placet.permission.model.facts import PlaceShape
from placet.permission.model.vocabulary import (
    AgeBand,
    BasisForm,
    Inference,
    NationalChannel,
    Operation,
    PlaceClass,
    Storage,
    Verdict,
)
from placet.permission.policy.cedar import ErrorCode
from placet.permission.policy.context import BasisCode, Context
from placet.permission.policy.engine import Decision
from placet.permission.policy.pack import Pack

_MAX_RULINGS = 16_384


class Engine(Protocol):
    """The packs in force; `placet.permission.policy.engine.Engine` in production."""

    # All of them, also those not yet or no longer in force.
    packs: tuple[Pack, ...]

    def decide(self, context: Context, at: int) -> Decision:
        """Return what the packs in force at `at` (microseconds) say about this context."""

    def in_force(self, at: int) -> tuple[Any, ...]:
        """Return the packs in force at `at`, the same objects while they do not change."""


class Ruling(NamedTuple):
    """A decision, ready for the log."""

    draft: DecisionDraft
    decided: Decided


class _Key(NamedTuple):
    place: PlaceShape
    basis: Shape
    operation: Operation
    inference: Inference | None
    storage: Storage
    egress: bool
    disclosure: bool
    sale_or_profit: bool
    scraped_source: bool
    national_channel: NationalChannel | None


class Rulings:
    """The engine with a memory. One a process; used by one event loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._packs: tuple[Any, ...] = ()
        self._memo: dict[tuple[object, ...], Ruling] = {}

    @property
    def packs(self) -> tuple[Pack, ...]:
        """All packs of the engine, whatever their dates: whose texts explain a decision."""
        return self._engine.packs

    def begin(self, now: int) -> None:
        """Forget what other packs said; call once before the rulings of a request."""
        packs = self._engine.in_force(now)
        if packs != self._packs:
            self._memo.clear()
            self._packs = packs

    def ruling(self, place: Place, basis: BasisFacts | None, event: FaceEvent, egress: bool, now: int) -> Ruling:
        """Return what the law says about this event at `now` (microseconds); `egress` as `is_egress` has it."""
        asked = (
            event.operation,
            event.inference,
            event.storage or place.storage,
            egress,
            event.disclosure,
            event.sale_or_profit,
            event.scraped_source,
            event.national_channel,
        )
        key = (place.key, "" if basis is None else basis.key, asked)
        known = self._memo.get(key)
        if known is not None:
            return known
        return self._decide(key, _Key(place.shape, NO_BASIS if basis is None else basis.shape, *asked), now)

    def _decide(self, key: tuple[object, ...], facts: _Key, now: int) -> Ruling:
        decision = self._engine.decide(_context(facts), now)
        hashes = tuple(pack.hash for pack in decision.policies)
        ruling = Ruling(_draft(decision), Decided(decision.permit, decision.forbid, hashes))
        if ErrorCode.EVALUATOR_FAILED.value not in decision.errors:
            if len(self._memo) >= _MAX_RULINGS:
                self._memo.clear()
            self._memo[key] = ruling
        return ruling


def is_egress(event: FaceEvent, storage: Storage) -> bool:
    """Tell whether face data leaves the device: asked for, an export, or kept in the vault (ledger.md section 4)."""
    return event.egress or event.operation is Operation.EXPORT or storage is Storage.VAULT


def _context(key: _Key) -> Context:
    """Return the total context. Under a legal permission there is no capture whose notice could be looked at.

    What has to be told then rests with the two approvers of the permission, and the term is that of the purpose.
    """
    form, code, separate, explicit, written, egress, served, complete, term, guardian, band = key.basis
    purpose, device, flow = key.place
    legal = form == BasisForm.LEGAL_PERMISSION.value
    retained = key.storage is Storage.NONE or purpose.retention_stated
    return Context(
        operation=key.operation,
        basis_form=BasisForm(form),
        basis_code=BasisCode(code),
        consent_separate=separate,
        consent_explicit=explicit,
        consent_written=written,
        consent_egress=egress,
        age_band=AgeBand(band),
        guardian_active=guardian,
        purpose_registered=purpose.purpose_registered,
        necessity_stated=purpose.necessity_stated,
        assessment_valid=purpose.assessment_valid,
        purpose_reviewed=purpose.purpose_reviewed,
        public_safety=purpose.public_safety,
        inference=key.inference or Inference.NONE,
        place_class=PlaceClass(device.place_class),
        in_public_place=device.in_public_place,
        sign_valid=device.sign_valid,
        collection_area_set=device.collection_area_set,
        alternative_available=device.alternative_available,
        face_is_default=flow.face_is_default,
        refusal_equal=flow.refusal_equal,
        choice_reset_by_update=flow.choice_reset_by_update,
        notice_served=served or legal,
        notice_complete=complete or legal,
        storage=key.storage,
        egress=key.egress,
        disclosure=key.disclosure,
        sale_or_profit=key.sale_or_profit,
        scraped_source=key.scraped_source,
        term_stated=term or (legal and retained),
        retention_within_limit=retained,
        national_channel=key.national_channel or NationalChannel.NOT_APPLICABLE,
        filing_current=flow.filing_current,
        protection_attested=flow.protection_attested,
        state_provision=code == BasisCode.STATE_PROVISION.value,
    )


def _draft(decision: Decision) -> DecisionDraft:
    return DecisionDraft(
        policies=tuple(PolicyRef(hash=pack.hash, id=pack.id) for pack in decision.policies),
        context=dict(decision.context),
        verdict=EntryVerdict.ALLOW if decision.verdict is Verdict.ALLOW else EntryVerdict.DENY,
        permit=decision.permit,
        forbid=decision.forbid,
        errors=decision.errors,
    )
