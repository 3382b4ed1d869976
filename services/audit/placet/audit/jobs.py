"""One submission on its way through a group, from how it came to what became of it."""

from msgspec import Struct

from placet.kit.errors import PlacetError
from placet.kit.ledger.messages import Draft, Submission


class Sequenced(Struct, frozen=True, gc=False):
    """What became of one submission: the index of its entry. `repeated`: the entry stood there before this group."""

    index: int
    repeated: bool


class Job(Struct):
    """A submission of `service`; without a draft its outcome is the error that decoding it gave.

    `decision` is the encoded decision that an event relies on, as it came. `plain`: it was vetted as a plain event
    (`placet.evidence.plain`).
    """

    service: str
    submission: Submission
    draft: Draft | None
    decision: bytes | None
    outcome: Sequenced | PlacetError | None = None
    plain: bool = False
