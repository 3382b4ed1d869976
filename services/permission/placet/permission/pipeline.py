"""Several requests of one stream at work at once, answers in the order of the requests.

Owns: the bound on how many, and the end: the first error ends the stream, and what is still at work is cancelled (its
events may be in the log; the same ids find them). Never: reads ahead beyond the bound, so that a fast sender is slowed
down by the transport.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


async def pipelined(requests: AsyncIterator[Q], serve: Callable[[Q], Awaitable[A]], *, depth: int) -> AsyncIterator[A]:
    """Yield `serve(request)` for each request, in order, with at most `depth` at work at once.

    `serve` begins in the task that reads the stream, so it finds the context of its own message.
    """
    # Invariant: as many tasks at work as there are tokens taken; a token is given back when its answer was yielded.
    room = asyncio.Semaphore(depth)
    waiting: asyncio.Queue[asyncio.Future[A] | None] = asyncio.Queue()

    async def read() -> None:
        try:
            while True:
                await room.acquire()
                waiting.put_nowait(asyncio.ensure_future(serve(await anext(requests))))
        except StopAsyncIteration:
            waiting.put_nowait(None)
        except Exception as error:  # noqa: BLE001 - whatever ended the stream ends the answers, in its turn
            failed: asyncio.Future[A] = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            waiting.put_nowait(failed)

    reader = asyncio.create_task(read())
    try:
        while (work := await waiting.get()) is not None:
            yield await work
            room.release()
    finally:
        await _cancel(reader, waiting)


async def _cancel(reader: "asyncio.Task[None]", waiting: "asyncio.Queue[asyncio.Future[A] | None]") -> None:
    """End the reader first, so that nothing new begins, then what it began."""
    reader.cancel()
    with suppress(asyncio.CancelledError):
        await reader
    left = [work for work in (waiting.get_nowait() for _ in range(waiting.qsize())) if work is not None]
    for work in left:
        work.cancel()
    await asyncio.gather(*left, return_exceptions=True)
