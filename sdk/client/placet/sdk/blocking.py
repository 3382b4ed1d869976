"""How the blocking clients run the asynchronous ones: on one private event loop thread, shared by all of a process.

Owns that thread and the three adapters: a coroutine method, one that yields, one that is a context manager. Signatures
and docstrings are the asynchronous method's own. Runs on uvloop when that is installed.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from functools import wraps
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class LoopThread:
    """An event loop on a daemon thread."""

    _lock: ClassVar[threading.Lock] = threading.Lock()
    _shared: ClassVar["LoopThread | None"] = None

    def __init__(self) -> None:
        self._loop = _new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="placet-sdk", daemon=True)
        self._thread.start()

    @classmethod
    def shared(cls) -> "LoopThread":
        """Return this process's thread; after a fork the child gets its own."""
        with cls._lock:
            if cls._shared is None or not cls._shared.alive:
                cls._shared = cls()
            return cls._shared

    @property
    def alive(self) -> bool:
        """Whether the thread runs; it does not in a forked child."""
        return self._thread.is_alive()

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Return the coroutine's result; an interrupt of the caller cancels it."""
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("a blocking client was called from its own event loop; use AsyncClient there")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


def method(name: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]) -> Callable[Concatenate[Any, P], R]:
    """Return the blocking form of a coroutine method."""

    @wraps(name)
    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._thread.run(name(self._client, *args, **kwargs))  # type: ignore[no-any-return]

    return call


def iterator(name: Callable[Concatenate[Any, P], AsyncIterator[R]]) -> Callable[Concatenate[Any, P], Iterator[R]]:
    """Return the blocking form of a method that yields."""

    @wraps(name)
    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        found = name(self._client, *args, **kwargs)
        try:
            while True:
                try:
                    yield self._thread.run(_next(found))
                except StopAsyncIteration:
                    return
        finally:
            self._thread.run(_close(found))

    return call


def context(
    name: Callable[Concatenate[Any, P], AbstractAsyncContextManager[R]],
) -> Callable[Concatenate[Any, P], AbstractContextManager[R]]:
    """Return the blocking form of a method that is used with `with`."""

    @wraps(name)
    @contextmanager
    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        manager = name(self._client, *args, **kwargs)
        entered = self._thread.run(manager.__aenter__())
        try:
            yield entered
        except BaseException as error:
            if not self._thread.run(_leave(manager, error)):
                raise
        else:
            self._thread.run(_leave(manager, None))

    return call


async def _next(found: AsyncIterator[R]) -> R:
    return await anext(found)


async def _close(found: Any) -> None:
    await found.aclose()


async def _leave(manager: AbstractAsyncContextManager[Any], error: BaseException | None) -> bool | None:
    return await manager.__aexit__(type(error) if error else None, error, error.__traceback__ if error else None)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
