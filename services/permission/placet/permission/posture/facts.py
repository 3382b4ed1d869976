"""What the posture is made from: the registers with their positions in the ledger, and what others know.

Owns: the types that go in. Never: gathers them (`handlers.posture` does), reads a clock or a database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from placet.permission.filing.duties import DutyState
from placet.permission.model.assessing import Standing
from placet.permission.model.attestations import Alternative, AlternativeUsage, CaptureFlow, Deployment
from placet.permission.model.basis import BasisFacts
from placet.permission.model.registers import Attestation, Device, ItemKind, Purpose, Site


@dataclass(frozen=True, kw_only=True, slots=True)
class ArticleFact:
    """An article of a pack in force. `forbids`: it denies events by itself. `confidence`: `read` or `unverified`."""

    id: str
    forbids: bool
    confidence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenFiling:
    """A change or an end of use that was recorded and not filed. `kind`: `change` or `cancellation`.

    `state` as `filing.duties` has it. `deadline`: the last day that is certain to be in time, None if none is.
    """

    id: str
    kind: str
    since: date
    state: DutyState
    deadline: date | None = None
    index: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FilingFacts:
    """How the duty to file stands (R8): days in the authority's calendar. The filing part of this service fills it.

    `stock` None: nobody can count the stored persons now; then only `open` says something. `state` as `filing.duties`
    has it. `deadline`: the last day that is certain to be in time, None if there is none. `filed_on` None: not filed.
    `filing`, `index`: id and position of the filing, if there is one.
    """

    stock: int | None
    threshold: int
    state: DutyState = DutyState.NOT_REACHED
    reached_on: date | None = None
    deadline: date | None = None
    filed_on: date | None = None
    filing: str = ""
    index: int | None = None
    open: tuple[OpenFiling, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Everything that the rules look at. Items by id; `indexes`: where the version in force stands in the ledger."""

    purposes: Mapping[str, Purpose]
    sites: Mapping[str, Site]
    devices: Mapping[str, Device]
    deployments: Mapping[str, Deployment]
    flows: Mapping[str, CaptureFlow]
    alternatives: Mapping[str, Alternative]
    usages: Mapping[str, AlternativeUsage]
    attestation: Attestation
    # By purpose: how its impact assessment stands, and whether its review is of what is in force.
    assessments: Mapping[str, Standing]
    reviewed: Mapping[str, bool]
    permissions: tuple[BasisFacts, ...]
    indexes: Mapping[tuple[ItemKind, str], int]
    # By rule (`R1` to `R16`): the articles of the packs in force.
    articles: Mapping[str, tuple[ArticleFact, ...]]
    # None, or a stock of None: nobody counts; then what the controller attests counts.
    filing: FilingFacts | None = field(default=None)

    def going_on(self, now: int) -> list[Purpose]:
        """Return the purposes that have not ended, by id."""
        return [one for _, one in sorted(self.purposes.items()) if not one.ended(now)]

    def standing_devices(self) -> list[Device]:
        """Return the devices that were not taken down, by id."""
        return [one for _, one in sorted(self.devices.items()) if not one.retired]
