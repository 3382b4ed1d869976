"""Runs a service with something of it switched off: `python variant.py SERVICE NAME...` (the negative controls).

Owns the variants, each one change to one service. `late_messages` and `deaf` are none that may show: messages on the
bus and leases make things early, they protect nothing. The others each take away what promise P3 rests on, and must be
found out.
"""

import asyncio
import runpy
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

LATE_S: Final = 0.2


def late_messages() -> None:
    """Let each message of JetStream be handled late: projections are stale, templates outlive their withdrawal."""
    from placet.kit.bus.consumer import Consumer

    begin = Consumer.__init__

    def __init__(self: Any, stream: Any, durable: Any, filters: Any, handle: Any) -> None:
        async def late(message: Any) -> None:
            await asyncio.sleep(LATE_S)
            await handle(message)

        begin(self, stream, durable, filters, late)

    Consumer.__init__ = __init__  # type: ignore[method-assign]


def deaf_sequencer() -> None:
    """Audit: the sequencer appends a withdraw, and judges on as if there were none."""
    from placet.evidence.view import Basis

    Basis.withdrawn = lambda self, index: self  # type: ignore[method-assign]


def guardians_unheard() -> None:
    """Audit: the sequencer appends the withdraw of a guardianship, and judges on as if nothing needed it."""
    from placet.evidence import admission

    admission._against_guardians = lambda *_: None


def use_asked_once() -> None:
    """Vault: every comparison for an event is appended with the key of the first, so the ledger repeats its old yes."""
    from placet.vault.handlers import uses

    append, first = uses.append_use, {}

    async def again(use: Any, **asked: Any) -> Any:
        return await append(first.setdefault(use.event, use), **asked)

    uses.append_use = again


def permit_not_asked() -> None:
    """Permission: the permit of a repeated request is minted again without asking whether its basis still stands."""
    from placet.permission.handlers import permits

    permits._stands = lambda basis: True


def deaf() -> None:
    """Audit: a replica renews its leases and hears nothing of them. None that may show: its commits ask too."""
    from placet.audit import lease
    from placet.audit.holding import Holder

    def renew(self: Any) -> None:
        lease.renew(self._engines.writer, self._name, self._wall())

    Holder._renew = renew  # type: ignore[method-assign]


def any_head() -> None:
    """Audit: a replica appends where it believes the log to end, whoever holds it now and whatever stands there."""
    from placet.audit import statements, store

    store._MOVE = store._MOVE.replace("AND size = ? AND epoch = ?", "AND ? >= 0 AND ? >= 0")  # type: ignore[misc]
    text = statements._insert_text

    def forgiving(table: Any, replace: tuple[str, ...], *more: Any) -> str:
        return text(table, replace, *more) + ("" if replace else " ON CONFLICT DO NOTHING")

    statements._insert_text = forgiving  # type: ignore[assignment]
    statements.WORTH_A_COPY = sys.maxsize  # type: ignore[misc]


VARIANTS: Final[Mapping[str, Callable[[], None]]] = {
    switch.__name__: switch
    for switch in (late_messages, deaf_sequencer, guardians_unheard, use_asked_once, permit_not_asked, deaf, any_head)
}


def command(service: str, *names: str) -> list[str]:
    """Return the command that runs a service as these variants."""
    return [sys.executable, __file__, service, *names]


if __name__ == "__main__":
    for name in sys.argv[2:]:
        VARIANTS[name]()
    runpy.run_module(f"placet.{sys.argv[1]}", run_name="__main__", alter_sys=True)
