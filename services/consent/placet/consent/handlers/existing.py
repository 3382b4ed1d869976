"""Finds what a use case works on, and what is known of a step that was brought.

Owns: the two look-ups that several use cases share.
Never: writes.
"""

from placet.consent.errors import NotFound, error_of
from placet.consent.model.consents import Consent
from placet.consent.model.guardianships import Guardianship
from placet.consent.model.steps import Receipt, Step
from placet.consent.model.vocabulary import ConsentId, Controller, GuardianshipId
from placet.consent.ports import Records


def receipt_of(step: Step) -> Receipt:
    """Return the first receipt of a step that was brought. Raises the ledger's refusal, the same each time."""
    if step.bar is not None:
        raise error_of(step.bar.kind, step.bar.reason, step.bar.message, metadata=step.bar.metadata)
    assert step.receipt is not None
    return step.receipt


def a_consent(records: Records, controller: Controller, ident: ConsentId) -> Consent:
    """Return a consent. Raises NotFound."""
    found = records.consent(controller, ident)
    if found is None:
        raise NotFound("There is no consent of this id. Check the id and the controller.", field="id")
    return found


def a_guardianship(records: Records, controller: Controller, ident: GuardianshipId) -> Guardianship:
    """Return a guardianship. Raises NotFound."""
    found = records.guardianship(controller, ident)
    if found is None:
        raise NotFound("There is no guardianship of this id. Check the id and the controller.", field="id")
    return found
