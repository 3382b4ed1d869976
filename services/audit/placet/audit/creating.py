"""Creating and closing controllers: the rows, the key, and the entries that say so.

A controller is created by its log: key file, row, lease, then entry 0 (`log.created`) and entry 1 (`state`), all of
which may be repeated after a crash at any point. Closing appends `controller.closed` and then marks the row: from
then on the sequencer takes only withdrawals and erasures. See architecture.md section 7 and ledger.md section 4.
"""

from hashlib import sha256
from typing import Final

from placet.audit.errors import ControllerUnknown
from placet.audit.holding import Holder
from placet.audit.logs import Logs, require_controller
from placet.audit.model import Log, LogKey, LogState
from placet.audit.ports import LogKeys
from placet.evidence.drafts import RecordDraft
from placet.kit.errors import Unavailable
from placet.kit.ledger.messages import AppendReply, AppendRequest, Result, decode_reply, submission
from placet.tlog.note import Vkey, format_vkey

CLOSED_KEY: Final = b"controller.closed"
RECORD_US: Final = 10_000_000


class Controllers:
    """The use cases of an operator."""

    def __init__(self, logs: Logs, keys: LogKeys, holder: Holder, *, prefix: str) -> None:
        self._logs = logs
        self._keys = keys
        self._holder = holder
        self._prefix = prefix

    def get(self, controller: str) -> Log:
        """Return a controller's log; raises ControllerUnknown."""
        log = self._logs.find(require_controller(controller))
        if log is None:
            raise ControllerUnknown(controller)
        return log

    def signers(self, log: Log) -> list[LogKey]:
        """Return the keys that sign the newest checkpoint of a log, the older first."""
        return self._logs.signers(log)

    async def create(self, controller: str, *, now: int) -> Log:
        """Create a controller, or return it if it exists; its first two entries are durable once this returns.

        Raises Unavailable if another replica has just taken the log and not yet written them.
        """
        origin = f"{self._prefix}/{require_controller(controller)}"
        log = self._logs.find(controller)
        if log is None:
            signer = self._keys.create(controller, origin)
            log = self._logs.create(controller, origin, format_vkey(signer.vkey), now)
        await self._holder.look()
        if self._holder.snapshot(controller).size == 0:
            raise Unavailable("LEDGER_UNAVAILABLE", "the log is being created; repeat the request")
        return log

    async def close(self, controller: str, reason: str, *, now: int, deadline: int) -> tuple[Log, Result]:
        """Close a controller; may be repeated. Raises ControllerUnknown."""
        log = self.get(controller)
        draft = RecordDraft(type="controller.closed", data={"reason": reason})
        reply = await self._append(log, draft, CLOSED_KEY, deadline)
        if log.state is LogState.OPEN:
            log = self._logs.close(log, now)
            self._holder.reopen(log)
        return log, reply.results[0]

    async def _append(self, log: Log, draft: RecordDraft, key: bytes, deadline: int) -> AppendReply:
        request = AppendRequest(deadline, [], [], [submission(draft, key=key)])
        reply = decode_reply(await self._holder.append(log.controller, "audit", request))
        if reply.error is not None:
            raise reply.error.error()
        if not reply.results:
            raise Unavailable("LEDGER_UNAVAILABLE", "the log gave no answer; repeat the request")
        if reply.results[0].error is not None:
            raise reply.results[0].error.error()
        return reply


async def record_refusal(holder: Holder, log: Log, vkey: Vkey, status: int, *, now: int) -> None:
    """Record in the log, once for each witness and status, that a witness holds another history of it."""
    named = format_vkey(vkey)
    draft = RecordDraft(type="witness.refused", data={"status": status, "witness": named})
    key = sha256(f"witness.refused {named} {status}".encode()).digest()[:16]
    request = AppendRequest(now + RECORD_US, [], [], [submission(draft, key=key)])
    reply = decode_reply(await holder.append(log.controller, "audit", request))
    for error in (reply.error, *(result.error for result in reply.results)):
        if error is not None:
            raise error.error()
