"""Batches of one stream: in order, bounded, and the first error ends it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from placet.kit.errors import Unavailable
from placet.kit.grpc.caller import Caller, deadline, set_call, set_deadline
from placet.permission.pipeline import pipelined


async def numbers(count: int, read: list[int] | None = None) -> AsyncIterator[int]:
    for number in range(count):
        if read is not None:
            read.append(number)
        yield number


async def take(answers: AsyncIterator[int], into: list[int]) -> None:
    async for one in answers:
        into.append(one)  # noqa: PERF401 - what came before an error counts


async def test_answers_come_in_the_order_of_the_requests() -> None:
    async def serve(number: int) -> int:
        await asyncio.sleep(0.02 - number * 0.002)  # the later ones are done first
        return number

    assert [one async for one in pipelined(numbers(10), serve, depth=4)] == list(range(10))


async def test_no_more_than_the_depth_is_at_work_or_read_ahead() -> None:
    busy = most = 0
    read: list[int] = []

    async def serve(number: int) -> int:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.005)
        busy -= 1
        return number

    answers = pipelined(numbers(20, read), serve, depth=3)
    assert await anext(answers) == 0
    await asyncio.sleep(0.05)  # nobody takes the next answer
    assert len(read) <= 4
    assert [one async for one in answers] == list(range(1, 20))
    assert most == 3


async def test_the_first_error_ends_the_stream_after_the_answers_before_it() -> None:
    cancelled: list[int] = []

    async def serve(number: int) -> int:
        if number == 2:
            raise Unavailable("LEDGER_UNAVAILABLE", "gone")
        try:
            await asyncio.sleep(0.01 if number < 2 else 10)
        except asyncio.CancelledError:
            cancelled.append(number)
            raise
        return number

    got: list[int] = []
    with pytest.raises(Unavailable):
        await take(pipelined(numbers(10), serve, depth=4), got)
    assert got == [0, 1]
    assert cancelled == [3]
    assert len(asyncio.all_tasks()) == 1


async def test_an_error_of_the_sender_comes_after_what_it_sent() -> None:
    async def broken() -> AsyncIterator[int]:
        yield 1
        raise Unavailable("DEADLINE_PASSED", "gone")

    async def serve(number: int) -> int:
        await asyncio.sleep(0)
        return number

    got: list[int] = []
    with pytest.raises(Unavailable):
        await take(pipelined(broken(), serve, depth=4), got)
    assert got == [1]


async def test_leaving_early_cancels_what_is_at_work() -> None:
    ended = 0

    async def serve(number: int) -> int:
        nonlocal ended
        try:
            await asyncio.sleep(0 if number == 0 else 10)
        finally:
            ended += 1
        return number

    answers = pipelined(numbers(10), serve, depth=4)
    assert await anext(answers) == 0
    await asyncio.sleep(0)
    await answers.aclose()  # type: ignore[attr-defined]
    assert ended >= 1
    assert len(asyncio.all_tasks()) == 1


async def test_each_request_has_the_deadline_of_its_own_message() -> None:
    set_call(Caller(actor="a", controllers=frozenset(), roles=frozenset()), 1)

    async def messages() -> AsyncIterator[int]:
        for number in range(5):
            set_deadline(100 + number)
            yield number

    async def serve(number: int) -> tuple[int, int]:
        return number, deadline()

    assert [one async for one in pipelined(messages(), serve, depth=3)] == [(n, 100 + n) for n in range(5)]
