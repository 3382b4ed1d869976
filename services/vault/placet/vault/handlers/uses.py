"""What Enrol and Match have in common: who may, once, and only after the ledger said yes.

Owns: the order permit -> request known? -> checks without a secret -> `use` entry -> secret -> answer and `outcome`.
Never: touches a secret itself. Repeated requests: a finished one gets its answer again, judged by the permit as of when
it was begun; an unfinished one goes on, while its permit lasts, with the same ledger entry. After a destruction the
answer is forgotten, and the repeated request is told TEMPLATE_DESTROYED. Design: vault.md section 3.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from placet.evidence.terms import Micros
from placet.kit.errors import PlacetError
from placet.vault import crypto, policy
from placet.vault.errors import UseDenied, VaultSealed
from placet.vault.handlers.keys import request_key
from placet.vault.handlers.ledger import append_use
from placet.vault.model import (
    Answer,
    AttemptLimit,
    DestroyReason,
    Operation,
    Permit,
    Receipt,
    Result,
    Use,
    UseCommand,
    UseVerdict,
)
from placet.vault.ports import Ports

T = TypeVar("T")
_ABANDONED: set[asyncio.Task[Any]] = set()

Check = Callable[[Use], Awaitable[None]]
Work = Callable[[Use, UseVerdict], Awaitable[Answer]]


async def run_use(
    cmd: UseCommand,
    operation: Operation,
    *,
    check: Check,
    work: Work,
    limit: AttemptLimit | None,
    ports: Ports,
    now: Micros,
) -> tuple[Use, Answer, Receipt]:
    """Do `work` once for this request, after the ledger allowed it; return use, answer and the ledger's receipt.

    `check` may refuse before anything is stored or appended. Raises what permit, policy, store and ledger raise, and
    the error that the work ended with.
    """
    use = await _asked(cmd, operation, ports, now)
    if use.answer is None:
        await check(use)
        asked, use = use, await ports.store.begin_use(use, limit)
        policy.require_same(asked, use)
    _raise_failure(use, use.answer)
    verdict = await _append(use, cmd, ports, now)
    answer = use.answer if use.answer is not None else await work(use, verdict)
    _raise_failure(use, answer)
    return use, answer, verdict.receipt


async def _asked(cmd: UseCommand, operation: Operation, ports: Ports, now: Micros) -> Use:
    """Return the use as it is known, or as it would begin. Raises PermitInvalid, IdempotencyConflict, VaultSealed."""
    if ports.root.sealed:
        raise VaultSealed
    known = await ports.store.find_use(cmd.controller, cmd.id)
    judged_at = known.begun_at if known is not None and known.answer is not None else now
    permit = await ports.permits.verify(
        cmd.permit, controller=cmd.controller, certificate=cmd.certificate, now=judged_at, deadline=cmd.deadline
    )
    policy.require_operation(permit, operation)
    asked = await _digested(cmd, operation, permit, ports, now)
    if known is None:
        return asked
    policy.require_same(asked, known)
    return known


async def _digested(cmd: UseCommand, operation: Operation, permit: Permit, ports: Ports, now: Micros) -> Use:
    async with request_key(cmd.controller, ports) as key:
        digest = crypto.request_digest(
            key,
            operation=operation.value,
            request_id=str(cmd.id),
            event=permit.event,
            permit_id=permit.id,
            template=cmd.template,
        )
    return Use(
        controller=cmd.controller,
        id=cmd.id,
        operation=operation,
        digest=digest,
        basis=permit.basis,
        event=permit.event,
        begun_at=now,
    )


async def _append(use: Use, cmd: UseCommand, ports: Ports, now: Micros) -> UseVerdict:
    """Return the ledger's leave. Raises UseDenied; a denial that says the basis has stopped destroys what it holds."""
    verdict = await append_use(use, ledger=ports.ledger, seen=cmd.seen, deadline=cmd.deadline)
    if verdict.allowed:
        return verdict
    await ports.store.drop_use(use)
    if not policy.ENDED_REASONS.isdisjoint(verdict.reasons):
        reason = DestroyReason.BASIS_ENDED.value
        await ports.store.destroy(use.controller, [use.basis], reason=reason, final=True, at=now)
    raise UseDenied(verdict.reasons, verdict.receipt.index)


async def finished(use: Use, verdict: UseVerdict, error: PlacetError, ports: Ports) -> Answer:
    """Keep that an allowed use failed, with the outcome `error`."""
    answer = Answer(result=Result.ERROR, error=error.reason)
    return await ports.store.finish_use(use, answer, verdict.receipt.index)


async def to_the_end(call: Coroutine[Any, Any, T]) -> T:
    """Run a use case to its end although its caller hangs up: an allowed use must not stay without its outcome."""
    task = asyncio.create_task(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        _ABANDONED.add(task)
        task.add_done_callback(_forget)
        raise


def _forget(task: asyncio.Task[Any]) -> None:
    _ABANDONED.discard(task)
    if not task.cancelled():
        task.exception()  # nobody is left to be told


def _raise_failure(use: Use, answer: Answer | None) -> None:
    if answer is not None and answer.error is not None:
        raise policy.failure(answer.error, use.basis)
