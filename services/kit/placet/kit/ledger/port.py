"""The port through which use cases append to a log.

Owns the promise in words; `client.LedgerClient` keeps it over NATS. Handlers depend on this and nothing else of the
ledger. See architecture.md section 1 and ledger.md section 7.
"""

from collections.abc import Sequence
from typing import Protocol

from placet.evidence.drafts import DecisionDraft
from placet.kit.ledger.messages import Submission
from placet.kit.ledger.receipts import Appended


class Ledger(Protocol):
    """Where a service appends."""

    async def append(
        self,
        controller: str,
        submissions: Sequence[Submission],
        decisions: Sequence[DecisionDraft] = (),
        *,
        seen: int = 0,
        deadline: int,
    ) -> Appended:
        """Append all submissions (1 to 512) to the controller's log, in order.

        Durable once it returns. Safe to repeat with the same idempotency keys. `deadline` is in unix microseconds;
        what has not been appended by then never will be. `seen` is the tree size the caller knows (0: none).
        A refusal of one submission is raised by its receipt, not here.
        Raises Unavailable when the ledger does not answer: then nothing was appended, or the same keys will find what
        was. Raises Invalid when there is too much for one message, Exhausted when the ledger takes no more now.
        """
