"""How a handler asks the ledger, and what it makes of the answer.

Owns: the submission of a `use`, and the reading of its verdict from the entry's own bytes.
Never: decides: the sequencer did, at the entry's position. A use's key is its request id (16 bytes); the vault's other
entries have longer ones, so none is ever taken for another. Formats: ledger.md sections 4 and 7.
"""

from placet.evidence.drafts import UseDraft
from placet.evidence.entries import Use as UseEntry
from placet.evidence.entries import parse_entry
from placet.evidence.terms import LeafIndex, Micros, Verdict
from placet.kit.errors import Corrupt
from placet.kit.ledger.messages import submission
from placet.kit.ledger.port import Ledger
from placet.kit.ledger.receipts import Appended
from placet.vault.model import Receipt, Use, UseVerdict

SERVICE = "vault"


async def append_use(use: Use, *, ledger: Ledger, seen: int, deadline: Micros) -> UseVerdict:
    """Append the `use` entry of a request and return what the sequencer decided; the same request finds the same entry.

    Raises Unavailable when it is not known to be in the ledger: then it never arrives after `deadline`.
    """
    asked = submission(UseDraft(event=use.event, service=SERVICE), key=use.id.bytes, digest=use.digest)
    appended = await ledger.append(use.controller, [asked], seen=seen, deadline=deadline)
    entry = parse_entry(appended.receipt().entry)
    if not isinstance(entry, UseEntry) or entry.event not in (use.event, None):
        raise Corrupt("PROOF_INVALID", "the ledger answered a use with another entry; raise the alarm")
    return UseVerdict(
        allowed=entry.verdict == Verdict.ALLOW,
        reasons=tuple(reason.value for reason in entry.reasons),
        receipt=receipt_of(appended, seen=seen),
    )


def receipt_of(appended: Appended, position: int = 0, *, seen: int = 0) -> Receipt:
    """Return one entry of an answered append with its own inclusion proof. Raises the refusal if it was refused."""
    one = appended.receipt(position)
    return Receipt(
        index=LeafIndex(one.index),
        entry=one.entry,
        leaf_hash=one.leaf,
        proof=tuple(appended.inclusion(one.index)),
        note=appended.checkpoint,
        tree_size=appended.size,
        consistency=None if appended.consistency is None else (seen, appended.consistency),
    )
