"""What became of an event that the controller's own engine processed.

Owns: one outcome entry for each distinct (event or use, result). Never: makes the caller wait for the ledger: it is
recorded through the outbox and gets into the log whenever the log answers (architecture.md section 3, hop 7).
"""

from hashlib import sha256

from placet.evidence.drafts import OutcomeDraft
from placet.evidence.terms import LeafIndex
from placet.kit.ledger.messages import submission
from placet.permission.ports import Outcomes


async def record_outcome(controller: str, of: int, result: str, *, outcomes: Outcomes) -> None:
    """Keep that `result` became of the event or use at ledger index `of`; repeated, it is the same outcome."""
    key = b"outcome:" + sha256(f"{of}\0{result}".encode()).digest()
    await outcomes.enqueue(controller, submission(OutcomeDraft(of=LeafIndex(of), result=result), key=key))
