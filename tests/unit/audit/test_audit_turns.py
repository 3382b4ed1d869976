"""Requests to witnesses are spaced, for all logs together."""

import asyncio

from placet.audit.witness_http import Turns


async def test_so_many_a_second_go_through_in_order() -> None:
    turns, clock = Turns(100), asyncio.get_running_loop().time
    began, done = clock(), []

    async def go(number: int) -> None:
        await turns.wait()
        done.append((number, clock() - began))

    await asyncio.gather(*(go(number) for number in range(12)))
    assert [number for number, _ in done] == list(range(12))
    assert all(at >= number * 0.01 - 0.001 for number, at in done)


async def test_who_comes_alone_does_not_wait() -> None:
    turns = Turns(1)
    async with asyncio.timeout(0.5):
        await turns.wait()
