"""The registers and legal permissions of one controller, in memory, as the hot path reads them.

Owns: `Book`: put an item, and ask for the `Place` of an event: the facts of its purpose, site, device and controller.
Never: reads a database or a clock. Something unregistered has false facts, so that the policy denies the event: it is
never an error. Source: law.md section 5, vault.md section 1.
"""

from typing import NamedTuple

from placet.permission.model.assessing import Assessing, AssessmentState
from placet.permission.model.attestations import (
    Alternative,
    AlternativeUsage,
    Assessment,
    CaptureFlow,
    Deployment,
    Destruction,
    Incident,
)
from placet.permission.model.basis import BasisFacts, Scope, first_covering, newest_first
from placet.permission.model.events import DEFAULT_PERMIT_LIFETIME
from placet.permission.model.facts import (
    PlaceShape,
    alternative_offered,
    device_facts,
    flow_facts,
    purpose_facts,
    turns_of,
)
from placet.permission.model.registers import Attestation, Device, Item, ItemKind, Purpose, Site, id_of, kind_of
from placet.permission.model.vocabulary import MAX_INT, Inference, Operation, Storage

UNKNOWN_SITE = "unknown"
_MAX_PLACES = 16_384
_NOTHING_ATTESTED = Attestation(
    protection_valid_until=0,
    filing_current=False,
    face_is_default=False,
    refusal_equal=False,
    choice_reset_by_update=False,
)


class Place(NamedTuple):
    """Where and why an event happens, resolved once and kept until a register changes or a fact lapses."""

    shape: PlaceShape
    site: str
    storage: Storage
    alternative: str
    permit_lifetime: int
    retention_days: int
    # The facts hold for since <= now < until.
    since: int
    until: int
    # The shape as text: a string remembers its hash, and this is looked up with every event.
    key: str


class Book:
    """What one controller has registered. Mutable; used by one event loop."""

    def __init__(self) -> None:
        self.purposes: dict[str, Purpose] = {}
        self.sites: dict[str, Site] = {}
        self.devices: dict[str, Device] = {}
        self.attestation = _NOTHING_ATTESTED
        self.deployments: dict[str, Deployment] = {}
        self.flows: dict[str, CaptureFlow] = {}
        self.alternatives: dict[str, Alternative] = {}
        self.usages: dict[str, AlternativeUsage] = {}
        self.assessing = Assessing()
        # Where in the ledger the version stands that is in force, by register and id.
        self.indexes: dict[tuple[ItemKind, str], int] = {}
        self.permissions: dict[int, BasisFacts] = {}
        self._by_purpose: dict[str, tuple[BasisFacts, ...]] = {}
        self._places: dict[tuple[str, str, str, str, str | None], Place] = {}

    def put(self, item: Item, index: int) -> None:
        """Take in the change of an item at a ledger position; the one with the highest position is in force.

        Older versions of purposes, assessments and incidents count too: an assessment stands by the order of changes.
        """
        self._assess(item, index)
        key = (kind_of(item), id_of(item))
        if index >= self.indexes.get(key, -1):
            self.indexes[key] = index
            self._replace(item)
        self._places.clear()

    def _assess(self, item: Item, index: int) -> None:
        match item:
            case Purpose():
                self.assessing.purpose(item, index)
            case Assessment():
                self.assessing.assessment(item, index)
            case Incident():
                self.assessing.incident(item, index)
            case Destruction():
                self.assessing.destroyed(item.id)

    def _replace(self, item: Item) -> None:
        match item:
            case Purpose():
                self.purposes[item.id] = item
            case Site():
                self.sites[item.id] = item
            case Device():
                self.devices[item.id] = item
            case Attestation():
                self.attestation = item
            case Deployment():
                self.deployments[item.id] = item
            case CaptureFlow():
                self.flows[item.purpose] = item
            case Alternative():
                self.alternatives[item.id] = item
            case AlternativeUsage():
                self.usages[item.id] = item

    def put_permission(self, permission: BasisFacts) -> None:
        """Take in an issued legal permission, or replace it when it was revoked."""
        self.permissions[permission.ordinal] = permission
        for purpose in permission.purposes:
            kept = (other for other in self._by_purpose.get(purpose, ()) if other.ordinal != permission.ordinal)
            self._by_purpose[purpose] = newest_first([permission, *kept])

    def permission_for(self, scope: Scope) -> BasisFacts | None:
        """Return the newest legal permission that covers an event."""
        of_purpose = self._by_purpose.get(scope.purpose)
        return first_covering(of_purpose, scope) if of_purpose else None

    def place(
        self, purpose: str, device: str, site: str, operation: Operation, inference: Inference | None, now: int
    ) -> Place:
        """Return the facts at `now` (microseconds); `site` "" means the one the device is registered at."""
        key = (purpose, device, site, operation, inference)
        place = self._places.get(key)
        if place is not None and place.since <= now < place.until:
            return place
        if len(self._places) >= _MAX_PLACES:
            self._places.clear()
        place = self._places[key] = self._resolve(purpose, device, site, operation, inference, now)
        return place

    def _resolve(
        self, purpose_id: str, device_id: str, site_id: str, operation: Operation, inference: Inference | None, now: int
    ) -> Place:
        purpose = self.purposes.get(purpose_id)
        device = self.devices.get(device_id)
        where = site_id or (device.site if device else UNKNOWN_SITE)
        site = self.sites.get(where)
        stands = device if device and site and device.site == where and not device.retired else None
        flow, deployments = self.flows.get(purpose_id), self.deployments.values()
        serving = [one for one in self.alternatives.values() if purpose_id in one.purposes]
        alternative = alternative_offered(stands, purpose, serving, now)
        assessed = self.assessing.standing(purpose_id, now).state is AssessmentState.VALID
        shape = PlaceShape(
            purpose_facts(purpose, operation, inference, now, assessed=assessed),
            device_facts(stands, site, now, alternative=bool(stands and alternative)),
            flow_facts(self.attestation, flow, deployments, now),
        )
        turns = turns_of(self.attestation, purpose, stands, flow, deployments, serving)
        turns += self.assessing.turns(purpose_id)
        return Place(
            shape=shape,
            site=where,
            storage=purpose.storage if purpose else Storage.NONE,
            alternative=alternative,
            permit_lifetime=(purpose.permit_lifetime if purpose else 0) or DEFAULT_PERMIT_LIFETIME,
            retention_days=purpose.retention_days if purpose else 0,
            since=max((turn for turn in turns if turn <= now), default=0),
            until=min((turn for turn in turns if turn > now), default=MAX_INT),
            key=repr(shape),
        )
