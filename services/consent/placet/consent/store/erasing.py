"""Destroys what opens a commitment: salts and off-log records, so that nobody can tell any more what was committed to.

Owns: the rows of one consent that hold such a pair: its own, and those of the guardianships granted for it. The ledger
keeps the commitment, and every proof stays valid. Never: decides when (that is retention), or touches the ledger.
Anchors: ledger.md section 4 ("destroying salt and record erases it").
"""

from sqlalchemy import update
from sqlmodel import Session, col

from placet.consent.model.vocabulary import ConsentId, Controller
from placet.consent.tables import ConsentRow, GuardianshipBasisRow


def destroy_records(session: Session, controller: Controller, consent: ConsentId) -> None:
    """Destroy salt and record of a consent and of its guardianships' grants; what is gone stays gone."""
    own = (col(ConsentRow.controller) == controller, col(ConsentRow.id) == consent)
    session.execute(update(ConsentRow).where(*own).values(salt=None, record=None))
    granted = (col(GuardianshipBasisRow.controller) == controller, col(GuardianshipBasisRow.consent) == consent)
    session.execute(update(GuardianshipBasisRow).where(*granted).values(salt=None, record=None))
