"""The newest cosigned checkpoint of every log, for readers; and the tasks that see to it.

Owns which logs are put to the witnesses (those that this replica holds), what is brought back after a restart, and what
is answered for a log that another replica holds. Without witnesses there is `NoCosigners`, and the newest checkpoint is
all there is. A defect here never stops the ledger.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol

from placet.audit.cosigning import LogCosigning, Surroundings
from placet.audit.errors import Corrupt
from placet.audit.model import Cosigned, Log
from placet.audit.ports import Witness
from placet.audit.quorum import WitnessAt
from placet.audit.witness_store import WitnessStore
from placet.kit.errors import PlacetError
from placet.tlog.errors import NoteError
from placet.tlog.note import Verifier, open_note

WAIT_S: Final = 3.0
AGAIN_S: Final = 30.0
_log = logging.getLogger(__name__)


class Cosigners(Protocol):
    """What readers ask: the newest checkpoint of a log that a quorum of witnesses cosigned."""

    async def newest(self, log: Log) -> Cosigned | None:
        """Return the newest cosigned checkpoint; None if there is none."""

    async def covering(self, log: Log, size: int, *, within: float) -> Cosigned | None:
        """Return the newest cosigned checkpoint of at least `size` entries, waiting for it a moment if it is likely."""


class NoCosigners:
    """No witnesses are configured."""

    def appended(self, log: Log) -> None:
        """Do nothing."""

    async def newest(self, log: Log) -> Cosigned | None:
        """Return None."""

    async def covering(self, log: Log, size: int, *, within: float) -> Cosigned | None:
        """Return None."""


class WitnessCosigners:
    """Puts every log that this replica holds to the witnesses."""

    def __init__(
        self, witnesses: Sequence[tuple[WitnessAt, Witness]], around: Surroundings, store: WitnessStore
    ) -> None:
        self._witnesses = witnesses
        self._around = around
        self._store = store
        self._logs: dict[str, LogCosigning] = {}
        self._new: asyncio.Queue[LogCosigning] = asyncio.Queue()

    def appended(self, log: Log) -> None:
        """Take note that a log that is held here has grown, or was just taken."""
        one = self._logs.get(log.controller)
        if one is None:
            one = self._logs[log.controller] = LogCosigning(log, self._witnesses, self._around)
            self._new.put_nowait(one)
        one.grown()

    def uncosigned(self) -> int:
        """Return how many entries of the logs held here no quorum has cosigned yet."""
        return sum(self._behind(one) for one in self._logs.values())

    def _behind(self, one: LogCosigning) -> int:
        snapshot = self._around.newest(one.log)
        if snapshot is None:
            return 0
        return snapshot.size - (0 if one.published is None else one.published.size)

    async def run(self) -> None:
        """Hold the rounds of all logs until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(self._keep_running(await self._new.get()))

    async def _keep_running(self, one: LogCosigning) -> None:
        while True:
            try:
                await self._restore(one)
                await one.run()
            except Exception as error:  # noqa: BLE001 (the ledger goes on without cosignatures)
                facts = {"controller": one.log.controller, "alarm": True}
                _log.exception("cosigning stopped, and begins again soon: %s", error, extra=facts)
                await asyncio.sleep(AGAIN_S)

    async def _restore(self, one: LogCosigning) -> None:
        """Bring back what was published before; the log must still continue it."""
        found = await self._store.newest(one.log.origin, self._around.quorum)
        snapshot = self._around.newest(one.log)
        if found is None or snapshot is None:
            return
        if found.size > snapshot.size or snapshot.root_at(found.size) != found.root:
            raise Corrupt(f"{one.log.origin} does not continue the checkpoint of {found.size} that witnesses cosigned")
        try:
            own = [Verifier.parse(key.vkey) for key in snapshot.log.keys]
            open_note(found.note, [*own, *(key for at, _ in self._witnesses for key in at.keys)])
        except NoteError as error:
            facts = {"controller": one.log.controller, "size": found.size, "alarm": True}
            _log.error("a cosignature that was kept does not verify, and is not published: %s", error, extra=facts)
            return
        one.published = found

    async def newest(self, log: Log) -> Cosigned | None:
        """Return the newest cosigned checkpoint; None if there is none."""
        one = self._logs.get(log.controller)
        if one is not None and self._around.newest(log) is not None:
            return one.published
        try:
            return await self._store.newest(log.origin, self._around.quorum)
        except PlacetError:
            _log.exception("cosigned checkpoints cannot be read", extra={"controller": log.controller})
            return None

    async def covering(self, log: Log, size: int, *, within: float) -> Cosigned | None:
        """Return the newest cosigned checkpoint of at least `size` entries, waiting for it a moment if it is likely."""
        one = self._logs.get(log.controller)
        if one is not None and self._around.newest(log) is not None:
            return await one.wait_for(size, within=min(within, WAIT_S))
        found = await self.newest(log)
        return found if found is not None and found.size >= size else None
